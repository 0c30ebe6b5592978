"""One round of a federation, as functions over the coordinator's folder: whatever was done is done, and goes on.

A step is first made whole on disk and then entered into the ledger. A coordinator that was killed calls the same
functions again: what the ledger has is not done twice, what it lacks is done anew and comes out the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from myot2.core.errors import MyoT2Error
from myot2.core.files import write_bytes, write_json
from myot2.learn import messages
from myot2.learn.aggregate import Contribution, HeadAxes, aggregate
from myot2.learn.gate import Scores, Verdict, judge_generality
from myot2.learn.ledger import Record, append, exclusive
from myot2.learn.round import CLOSED, KEPT, MODELS, NO_ANSWER, NO_UPDATE, PROPOSED, REPORT, UPDATE, Round
from myot2.learn.signing import opened
from myot2.learn.updates import (
    Tensors,
    added,
    digest,
    read_update,
    require_same,
    require_structures,
    tensors_of,
    to_bytes,
    weights_of,
)
from myot2.learn.versions import Attempt, Version, add, refuse, tried, version
from myot2.segment.model import ModelConfiguration

Examine = Callable[[Tensors], Scores]
"""Dice of weights on the coordinator's synthetic people."""


@dataclass(frozen=True)
class Outcome:
    """What became of what a site sent."""

    accepted: bool
    reason: str


def take_update(
    this: Round,
    site: str,
    message: bytes,
    content: bytes,
    *,
    structures: tuple[str, ...],
    examine: Examine,
    when: str,
) -> Outcome:
    """Check an update in every way, try it, and keep it or record why it was refused.

    Parameters
    ----------
    this : Round
    site : str
        From whom it came, as the transport says.
    message, content : bytes
        Signed manifest and tensors.
    structures : tuple of str
        Of the model.
    examine : callable
    when : str
        Time in UTC (ISO 8601), for the ledger.

    Returns
    -------
    Outcome
        Once a site's update was accepted, any other of the same round is refused; the same one again is what it was.
    """
    known = this.events(UPDATE).get(site)
    if known and known["Accepted"]:
        same = known["UpdateSha256"] == digest(content)
        return Outcome(
            same, "" if same else "This site's update of the round was accepted before; there is one a round."
        )
    verdict: Verdict | None = None
    try:
        order = this.order_content(site, messages.LEARN, this.parent.weights_sha256)
        parent = weights_of(this.parent_weights())
        public = _member(this, site)
        update = read_update(message, content, order, parent=parent, structures=structures, public=public)
        verdict = _try(this, added(parent, update.difference), parent, examine)
        reason = " ".join(verdict.reasons)
    except MyoT2Error as error:
        reason = _words(error)
    record: Record = {"Event": UPDATE, "When": when, "Round": this.number, "Site": site, "Accepted": not reason}
    record |= {"UpdateSha256": digest(content), "Bytes": len(message) + len(content), "Reason": reason}
    if verdict:
        record |= {"Manifest": update.manifest.model_dump(mode="json"), "Verdict": verdict.to_json()}
    if not reason:
        write_bytes(this.place / "updates" / f"{site}.safetensors", content)
        write_bytes(this.place / "updates" / f"{site}.json", message)
    with exclusive(this.folder):
        append(this.folder, record)
    return Outcome(not reason, reason)


def take_nothing(this: Round, site: str, reason: str, *, when: str) -> None:
    """Record that a site sends no update in this round; once."""
    if site in this.events(NO_UPDATE) or site in this.events(UPDATE):
        return
    with exclusive(this.folder):
        append(this.folder, {"Event": NO_UPDATE, "When": when, "Round": this.number, "Site": site, "Reason": reason})


def no_answer(this: Round, site: str, kind: str, reason: str, *, when: str) -> Outcome:
    """Record that an order was answered with nothing, or with nothing that is valid."""
    record: Record = {"Event": NO_ANSWER, "When": when, "Round": this.number, "Site": site}
    with exclusive(this.folder):
        append(this.folder, {**record, "Order": kind, "Reason": reason})
    return Outcome(False, reason)


def take_declined(this: Round, site: str, message: bytes, *, when: str) -> Outcome:
    """Record a site's signed word that it has nothing to send."""
    try:
        declined = opened(message, messages.Declined, _member(this, site), where=f"site {site}")
        order = this.order_content(site, messages.LEARN, this.parent.weights_sha256)
        require_same(declined, order, ("Federation", "Site", "Round", "Nonce", "ParentSha256"), f"site {site}")
    except MyoT2Error as error:
        return no_answer(this, site, messages.LEARN, _words(error), when=when)
    take_nothing(this, site, declined.Reason, when=when)
    return Outcome(True, "")


def propose(this: Round, *, structures: tuple[str, ...], head: HeadAxes, examine: Examine, when: str) -> bytes | None:
    """Make the candidate of the accepted updates; None where there is none to be made, and the ledger says why.

    Returns
    -------
    bytes or None
        Weights as safetensors. The same updates give the same bytes.
    """
    path = this.place / "candidate.safetensors"
    known = this.events(PROPOSED).get("")
    if known:
        return path.read_bytes() if known["Accepted"] else None
    contributions = _contributions(this)
    rules, record = this.settings.rules, {"Event": PROPOSED, "When": when, "Round": this.number}
    needed = max(rules.minimum_sites, 2 * rules.trim + 1)
    content, reasons, verdict = None, [], None
    if len(contributions) < needed:
        reasons = [f"There are {len(contributions)} accepted updates; the rules want {needed}."]
    else:
        parent = weights_of(this.parent_weights())
        change = aggregate(contributions, structures=structures, head=head, trim=rules.trim)
        candidate = added(parent, change)
        verdict = judge_generality(_scores_of_parent(this, parent, examine), examine(candidate), rules.limits)
        content, reasons = to_bytes(candidate), list(verdict.reasons)
    accepted = not reasons
    if accepted and content:
        write_bytes(path, content)
    record |= {"Accepted": accepted, "Sites": sorted(contributions), "Reasons": reasons}
    if content and verdict:
        record |= {"CandidateSha256": digest(content), "Verdict": verdict.to_json()}
    with exclusive(this.folder):
        append(this.folder, record)
    return content if accepted else None


def take_report(this: Round, site: str, message: bytes, *, structures: tuple[str, ...], when: str) -> Outcome:
    """Record a site's verdict on the candidate; a second one of the same round is passed over."""
    if site in this.events(REPORT):
        return Outcome(True, "")
    where = f"the report of site {site}"
    try:
        report = opened(message, messages.Report, _member(this, site), where=where)
        order = this.order_content(site, messages.JUDGE, this.events(PROPOSED)[""]["CandidateSha256"])
        require_same(report, order, ("Federation", "Site", "Round", "Nonce", "ParentSha256"), where)
        require_structures({**report.Measured, **dict.fromkeys(report.Lost)}, structures, where)
        if report.CandidateSha256 != order.WeightsSha256:
            raise MyoT2Error(
                expected="a report on this candidate", found="one on another", where=where, do="Ask the site."
            )
    except MyoT2Error as error:
        return no_answer(this, site, messages.JUDGE, _words(error), when=when)
    write_bytes(this.place / "reports" / f"{site}.json", message)
    with exclusive(this.folder):
        record = {"Event": REPORT, "When": when, "Round": this.number, "Site": site}
        append(this.folder, {**record, "Report": report.model_dump(mode="json")})
    return Outcome(True, "")


def close(this: Round, configuration: ModelConfiguration, *, when: str) -> Version | None:
    """End the round: a new version of the common model where all rules hold, else a record of why not.

    Returns
    -------
    Version or None
        None where the model stays as it was.
    """
    known = this.events(CLOSED).get("")
    if known:
        return version(this.folder / MODELS, known["Version"]) if known["Accepted"] else None
    attempt = _attempt(this)
    made: Version | None = None
    models = this.folder / MODELS
    if before := tried(models, attempt.key):  # recorded, then killed
        made = version(models, before["Version"]) if before["Event"] == "accepted" else None
    elif attempt.verdict.accepted:
        made = add(models, attempt, configuration, _as_torch(this), parent=this.parent, when=when)
    else:
        refuse(models, attempt, parent=this.parent, when=when)
    record: Record = {"Event": CLOSED, "When": when, "Round": this.number, "Accepted": made is not None}
    record |= {"Version": made.number if made else None, "Reasons": list(attempt.verdict.reasons)}
    with exclusive(this.folder):
        append(this.folder, record)
    return made


def take_receipt(this: Round, site: str, message: bytes, made: Version, *, when: str) -> Outcome:
    """Record that a site has kept the round's new version."""
    if site in kept_by(this):
        return Outcome(True, "")
    where = f"the receipt of site {site}"
    try:
        receipt = opened(message, messages.Receipt, _member(this, site), where=where)
        order = this.order_content(site, messages.KEEP, made.weights_sha256)
        require_same(receipt, order, ("Federation", "Site", "Round", "Nonce", "WeightsSha256"), where)
    except MyoT2Error as error:
        return no_answer(this, site, messages.KEEP, _words(error), when=when)
    with exclusive(this.folder):
        append(this.folder, {"Event": KEPT, "When": when, "Round": this.number, "Site": site})
    return Outcome(True, "")


def kept_by(this: Round) -> set[str]:
    """Sites that have the round's new version."""
    return set(this.events(KEPT))


def _attempt(this: Round) -> Attempt:
    """What the versions keep of the round; it names sites and counts, and nobody."""
    proposed = this.events(PROPOSED)[""]
    updates = {site: one for site, one in this.events(UPDATE).items() if one["Accepted"]}
    reports = {site: one["Report"] for site, one in this.events(REPORT).items()}
    reasons = list(proposed["Reasons"])
    refusing = [site for site, report in sorted(reports.items()) if not report["Accepted"]]
    if proposed["Accepted"] and len(refusing) > this.settings.rules.refusing_sites:
        for site in refusing:
            lost = ", ".join(reports[site]["Lost"]) or "its gate as a whole"
            reasons.append(f"Site {site} refuses the candidate: {lost}.")
    if proposed["Accepted"] and len(reports) < this.settings.rules.minimum_sites:
        reasons.append(
            f"{len(reports)} sites have judged the candidate; the rules want {this.settings.rules.minimum_sites}."
        )
    people = {site: one["Manifest"]["People"] for site, one in sorted(updates.items())}
    per_site = {site: one["Manifest"]["PeopleOf"] for site, one in sorted(updates.items())}
    data = {
        "Round": this.number,
        "Nonce": this.nonce,
        "People": people,
        "PeopleOf": per_site,
        "Reports": dict(sorted(reports.items())),
    }
    inputs = "".join(f"{site} {one['UpdateSha256']}\n" for site, one in sorted(updates.items()))
    key = digest(f"{this.parent.weights_sha256} {this.nonce}\n{inputs}".encode())
    recipe = this.settings.rules.model_dump(mode="json")
    return Attempt("federated", key, data, recipe, Verdict(not reasons, tuple(reasons), (), (), ()))


def _contributions(this: Round) -> dict[str, Contribution]:
    """The accepted updates, read back and held against the ledger."""
    found = {}
    for site, record in sorted(this.events(UPDATE).items()):
        if not record["Accepted"]:
            continue
        path = this.place / "updates" / f"{site}.safetensors"
        content = path.read_bytes()
        if digest(content) != record["UpdateSha256"]:
            raise MyoT2Error(
                expected=f"the update with SHA-256 {record['UpdateSha256']}",
                found=digest(content),
                where=path,
                do="Restore the folder from a copy.",
            )
        manifest, most = record["Manifest"], this.settings.rules.most_people
        people_of = {name: min(count, most) for name, count in manifest["PeopleOf"].items()}
        found[site] = Contribution(tensors_of(content, where=path), min(manifest["People"], most), people_of)
    return found


def _try(this: Round, weights: Tensors, parent: Tensors, examine: Examine) -> Verdict:
    before = _scores_of_parent(this, parent, examine)
    return judge_generality(before, examine(weights), this.settings.rules.update_loss)


def _scores_of_parent(this: Round, parent: Tensors, examine: Examine) -> Scores:
    """Measured once a round and kept."""
    path = this.place / "parent.json"
    if not path.is_file():
        write_json(path, examine(parent))
    return json.loads(path.read_text(encoding="utf-8"))


def _words(error: MyoT2Error) -> str:
    return f"Expected {error.expected}; found {error.found}."


def _member(this: Round, site: str) -> str:
    if site not in this.settings.sites:
        raise MyoT2Error(
            expected="a site of the federation", found=site, where="the round's updates", do="Register it first."
        )
    return this.settings.sites[site].key


def _as_torch(this: Round) -> dict[str, Any]:
    from safetensors.torch import load

    return load((this.place / "candidate.safetensors").read_bytes())
