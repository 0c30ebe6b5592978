"""The state of a federation's round: what the coordinator's folder says of it.

<folder>/ledger.jsonl, ledger.head          every event of every round, each line bound to the one before
<folder>/models/                            versions of the common model (`myot2.learn.versions`)
<folder>/rounds/0001/round.json             the round's number, chance, parent and rules
<folder>/rounds/0001/updates/<site>.json, .safetensors
<folder>/rounds/0001/candidate.safetensors  what the updates make together
<folder>/rounds/0001/reports/<site>.json    what each site says of it
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myot2.core.files import write_json
from myot2.learn import messages
from myot2.learn.federation import Rules, Settings
from myot2.learn.ledger import Record, append, exclusive, records_of
from myot2.learn.signing import signed
from myot2.learn.updates import digest, model_digest
from myot2.learn.versions import Version, configuration_of, current, made_of, version
from myot2.segment.model import WEIGHTS

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

MODELS, ROUNDS = "models", "rounds"
OPENED, CLOSED, KEPT = "round opened", "round closed", "kept"
UPDATE, NO_UPDATE, PROPOSED, REPORT = "update", "no update", "candidate", "report"
NO_ANSWER = "no answer"
"""A site was asked and what came, if anything, was not valid; the record says to which order, and why."""


@dataclass(frozen=True)
class Round:
    """A round that is open, or was.

    Attributes
    ----------
    folder : Path
        Of the coordinator.
    settings : Settings
        With the rules that the round was opened with, whatever federation.yaml says since.
    number : int
        From 1.
    nonce : str
    parent : Version
        The common model that the round begins with.
    """

    folder: Path
    settings: Settings
    number: int
    nonce: str
    parent: Version

    @property
    def place(self) -> Path:
        """The round's own folder."""
        return _place(self.folder, self.number)

    def parent_weights(self) -> bytes:
        """The weights of the beginning as they lie on disk."""
        return (self.parent.folder / WEIGHTS).read_bytes()

    def order(self, site: str, kind: str, weights: bytes, key: Ed25519PrivateKey) -> bytes:
        """A signed order to a site; the same arguments give the same bytes."""
        return signed(self.order_content(site, kind, digest(weights)), key)

    def events(self, event: str) -> dict[str, Record]:
        """The ledger's records of this round and kind by site; the last one where there are several."""
        own = [one for one in records_of(self.folder) if one.get("Round") == self.number and one["Event"] == event]
        return {one.get("Site", ""): one for one in own}

    def order_content(self, site: str, kind: str, weights_sha256: str) -> messages.Order:
        return messages.Order(
            Kind=kind,
            Federation=self.settings.name,
            Site=site,
            Round=self.number,
            Nonce=self.nonce,
            ParentSha256=self.parent.weights_sha256,
            WeightsSha256=weights_sha256,
            ModelSha256=model_digest(configuration_of(self.parent.folder)),
            ClipNorm=self.settings.rules.clip_norm,
        )


def open_round(folder: str | Path, settings: Settings, *, when: str) -> Round:
    """The round that is open; a new one, begun with the current model, where none is.

    A round whose parent is no longer the current model, for somebody went back meanwhile, is closed without a result.

    Raises
    ------
    MyoT2Error
        The ledger is not whole, or a version was changed.
    """
    folder = Path(folder)
    with exclusive(folder):
        records = [one for one in records_of(folder) if one["Event"] in (OPENED, CLOSED)]
        parent = current(folder / MODELS)
        if records and records[-1]["Event"] == OPENED:
            this = _round(folder, settings, records[-1])
            if parent == this.parent or made_of(parent).get("Nonce") == this.nonce:  # made, then killed: close goes on
                return this
            reason = f"Version {parent.number} has become the current one while this round was open."
            record = {"Event": CLOSED, "When": when, "Round": this.number, "Accepted": False, "Version": None}
            append(folder, {**record, "Reasons": [reason]})
        number = 1 + max((one["Round"] for one in records), default=0)
        record = {
            "Event": OPENED,
            "When": when,
            "Round": number,
            "Nonce": secrets.token_hex(32),
            "Parent": parent.number,
            "ParentSha256": parent.weights_sha256,
            "Sites": sorted(settings.sites),
            "Rules": settings.rules.model_dump(mode="json"),
        }
        write_json(_place(folder, number) / "round.json", record)
        append(folder, record)
        return _round(folder, settings, record)


def played(folder: str | Path) -> int:
    """How many rounds are closed."""
    return sum(one["Event"] == CLOSED for one in records_of(Path(folder)))


def last_accepted(folder: str | Path, settings: Settings) -> tuple[Round | None, Version | None]:
    """The last round that made a version, and the version, where it is still the current one; else None."""
    folder = Path(folder)
    records = records_of(folder)
    closed = [one for one in records if one["Event"] == CLOSED and one["Accepted"]]
    if not closed or current(folder / MODELS).number != closed[-1]["Version"]:
        return None, None
    begun = [one for one in records if one["Event"] == OPENED and one["Round"] == closed[-1]["Round"]][-1]
    return _round(folder, settings, begun), version(folder / MODELS, closed[-1]["Version"])


def _round(folder: Path, settings: Settings, record: Mapping[str, Any]) -> Round:
    parent = version(folder / MODELS, record["Parent"])
    settings = settings.model_copy(update={"rules": Rules.model_validate(record["Rules"])})
    return Round(folder, settings, record["Round"], record["Nonce"], parent)


def _place(folder: Path, number: int) -> Path:
    return folder / ROUNDS / f"{number:04d}"
