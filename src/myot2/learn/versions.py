"""The versions of a model: each a model folder of its own, and a ledger of how it came to be, or was refused.

    <folder>/ledger.jsonl, ledger.head   every event, each line bound to the one before
    <folder>/versions/1.1.0/             a model folder (`myot2.segment.model`) with version.json

Numbers are those of semantic versioning: the first one counts networks of another shape or other structures, which no
update fits; the second one counts weights. A number is never given twice. A version is never changed. Which one is
current is what the ledger's last event says.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myot2.core.errors import MyoT2Error
from myot2.core.files import sha256, temporary_beside, write_json
from myot2.learn.gate import Verdict
from myot2.learn.ledger import LEDGER, Record, append, exclusive, records_of
from myot2.segment.model import CHECKSUMS, CONFIGURATION, WEIGHTS, ModelConfiguration, save_model
from myot2.segment.weights import require_listed

if TYPE_CHECKING:
    import torch

    from myot2.core.config import Configuration

VERSION = "version.json"
FIRST = "1.0.0"
CURRENT = "current"
STARTED, ACCEPTED, ASIDE, REFUSED, ROLLED_BACK = "started", "accepted", "kept aside", "refused", "rolled back"
_NUMBER = re.compile(r"\d+\.\d+\.\d+")


@dataclass(frozen=True)
class Version:
    """One version of a model.

    Attributes
    ----------
    number : str
        Such as 1.1.0.
    folder : Path
        A model folder.
    weights_sha256 : str
    parent : str or None
        Number of the version that it was made from.
    """

    number: str
    folder: Path
    weights_sha256: str
    parent: str | None


@dataclass(frozen=True)
class Attempt:
    """An attempt at a new version; nothing in it names a person.

    Attributes
    ----------
    kind : str
        How weights were changed: `learned` at one site, or `federated`.
    key : str
        As `attempt_key` gives it.
    data : mapping
        `People`, `Slices`, and both per structure in `Structures`, a list of objects that name their `Structure`.
    recipe : mapping
        Every parameter and seed.
    verdict : Verdict
        Of the gate, with Dice per structure before and after.
    """

    kind: str
    key: str
    data: Mapping[str, Any]
    recipe: Mapping[str, Any]
    verdict: Verdict

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "Kind": self.kind,
            "Key": self.key,
            "Data": dict(self.data),
            "Recipe": dict(self.recipe),
            "Verdict": self.verdict.to_json(),
        }


def start(folder: str | Path, model: str | Path, *, when: str) -> Version:
    """Make a folder of versions whose first one is a copy of a model; where it has versions, give the current one.

    Parameters
    ----------
    folder : str or Path
        Of the versions.
    model : str or Path
        A model folder, such as the shipped one.
    when : str
        Time in UTC (ISO 8601), for the ledger.

    Raises
    ------
    MyoT2Error
        The model is damaged, or the ledger is not whole.
    """
    folder, model = Path(folder), Path(model)
    with exclusive(folder):
        if records_of(folder):
            return current(folder)
        for name in (CONFIGURATION, WEIGHTS):
            require_listed(model / name, folder=model)
        target = _place(folder, FIRST)
        writing = temporary_beside(target)
        shutil.rmtree(writing, ignore_errors=True)
        shutil.copytree(model, writing)
        content = {"Version": FIRST, "Parent": None, "WeightsSha256": sha256(model / WEIGHTS), "Kind": "given"}
        write_json(writing / VERSION, {**content, "Name": configuration_of(model).name})
        _settle(writing, target)
        append(folder, _event(STARTED, when, target, content))
        return version(folder, FIRST)


def add(
    folder: str | Path,
    attempt: Attempt,
    configuration: ModelConfiguration,
    weights: Mapping[str, torch.Tensor],
    *,
    parent: Version,
    when: str,
    elsewhere: str | None = None,
) -> Version:
    """Keep an accepted attempt as a new version, which becomes the current one.

    Parameters
    ----------
    folder : str or Path
    attempt : Attempt
        Whose verdict accepts it.
    configuration : ModelConfiguration
        Of the networks; its name is that of the model without a version.
    weights : mapping of str to torch.Tensor
        As models/model.safetensors holds them.
    parent : Version
        That the weights came from.
    when : str
        Time in UTC (ISO 8601).
    elsewhere : str, optional
        Where others made the weights: SHA-256 of those that they came from, in place of the parent's. What the gate
        refuses is then kept too, beside the current version, which stays.

    Raises
    ------
    MyoT2Error
        The gate refuses the attempt, the weights do not fit the configuration, or another version has become the
        current one meanwhile.
    """
    from myot2.segment.model import networks_of

    folder = Path(folder)
    if not (attempt.verdict.accepted or elsewhere):
        raise MyoT2Error(
            expected="an attempt that the gate accepts",
            found=" ".join(attempt.verdict.reasons),
            where=folder,
            do="Record it with refuse().",
        )
    with exclusive(folder):
        _require_current(folder, parent)
        number = _next(folder)
        target = _place(folder, number)
        writing = temporary_beside(target)
        shutil.rmtree(writing, ignore_errors=True)
        base = _base_name(configuration.name)
        save_model(writing, replace(configuration, name=f"{base} {number}"), networks_of(configuration, weights))
        for name in ("LICENSE", "NOTICE"):
            if (parent.folder / name).is_file():
                shutil.copyfile(parent.folder / name, writing / name)
        origin = elsewhere or parent.weights_sha256
        known = {one.weights_sha256: one.number for one in [*versions(folder), parent]}
        content = {"Version": number, "Parent": known.get(origin), "WeightsSha256": sha256(writing / WEIGHTS)}
        described = {"ParentWeightsSha256": origin, "Name": base, **attempt.to_json()}
        write_json(writing / VERSION, {**content, **described})
        _settle(writing, target)
        event = ACCEPTED if attempt.verdict.accepted else ASIDE
        append(folder, {**_event(event, when, target, content), **attempt.to_json()})
        return version(folder, number)


def refuse(folder: str | Path, attempt: Attempt, *, parent: Version, when: str) -> None:
    """Record an attempt that the gate refuses; the current version stays, and the weights are not kept."""
    folder = Path(folder)
    if attempt.verdict.accepted:
        raise ValueError("the gate accepts this attempt")
    with exclusive(folder):
        append(folder, {"Event": REFUSED, "When": when, "Parent": parent.number, **attempt.to_json()})


def roll_back(folder: str | Path, number: str, *, reason: str, when: str) -> Version:
    """Make an earlier version the current one again; later versions stay where they are.

    Raises
    ------
    MyoT2Error
        There is no such version, or no reason is given.
    """
    folder = Path(folder)
    if not reason.strip():
        raise MyoT2Error(expected="a reason for going back", found="none", where=folder, do="Say why, in a sentence.")
    with exclusive(folder):
        target = version(folder, number)
        append(
            folder,
            {
                "Event": ROLLED_BACK,
                "When": when,
                "Version": number,
                "From": current(folder).number,
                "WeightsSha256": target.weights_sha256,
                "Reason": reason.strip(),
            },
        )
    return target


def versions(folder: str | Path) -> list[Version]:
    """All versions, oldest first."""
    made = [record for record in records_of(Path(folder)) if record["Event"] in (STARTED, ACCEPTED, ASIDE)]
    return [
        Version(one["Version"], _place(Path(folder), one["Version"]), one["WeightsSha256"], one["Parent"])
        for one in made
    ]


def version(folder: str | Path, number: str) -> Version:
    """One version, its files checked against the ledger.

    Raises
    ------
    MyoT2Error
        There is none of this number, or its files were changed.
    """
    known = {one.number: one for one in versions(folder)}
    if number not in known:
        raise MyoT2Error(
            expected=f"a version of the model: {', '.join(known) or 'none is there'}",
            found=number,
            where=folder,
            do="Name one of these.",
        )
    found = known[number]
    record = next(one for one in records_of(Path(folder)) if one["Event"] != REFUSED and one["Version"] == number)
    for name, digest in record["Files"].items():
        require_listed(found.folder / name, digest)
    return found


def current(folder: str | Path) -> Version:
    """The version that counts: the one that was accepted last, or that one went back to since.

    Raises
    ------
    MyoT2Error
        There is none, or its files were changed.
    """
    decisive = [record for record in records_of(Path(folder)) if record["Event"] not in (ASIDE, REFUSED)]
    if not decisive:
        raise MyoT2Error(
            expected="a folder of versions of a model",
            found=f"no {LEDGER}",
            where=folder,
            do="Begin one with scripts/learn_from_corrections.py, or name another folder.",
        )
    return version(folder, decisive[-1]["Version"])


def tried(folder: str | Path, key: str) -> Record | None:
    """What became of an attempt that an equal one of now would repeat; None where it would be new.

    That is an attempt of equal data and recipe which made the current version, or began with it: equal arguments give
    equal weights and the same verdict.
    """
    equal = [one for one in records_of(Path(folder)) if one.get("Key") == key]
    now = current(folder).number if equal else None
    return next((one for one in reversed(equal) if now in (one["Parent"], one.get("Version"))), None)


def model_folder(model: str | Path, number: str | None) -> Path:
    """The model folder that a configuration means.

    Parameters
    ----------
    model : str or Path
        A model folder, or a folder of versions.
    number : str or None
        None for a model folder; of a folder of versions a number, or `CURRENT`.

    Raises
    ------
    MyoT2Error
        The one goes without a number and the other needs one, or there is no such version.
    """
    model = Path(model)
    if not (model / LEDGER).is_file():
        if number is not None:
            raise MyoT2Error(
                expected="a folder of versions of a model, for segment.version is given",
                found=f"no {LEDGER}",
                where=model,
                do="Name the folder of learn.models as segment.model, or leave out segment.version.",
            )
        return model
    if number is None:
        known = ", ".join(one.number for one in versions(model))
        raise MyoT2Error(
            expected=f"segment.version, one of {known} or {CURRENT}",
            found="null",
            where=model,
            do="Name the version, so that what is learned later does not change these results.",
        )
    return version(model, pinned_version(model, number)).folder


def pinned_version(model: str | Path, number: str | None) -> str | None:
    """The number that is meant: that of the current version where `CURRENT` is asked for; errors as of `current`."""
    return current(model).number if number == CURRENT else number


def with_pinned_version(settings: Configuration) -> Configuration:
    """The configuration of a run with the number of the version in place of `CURRENT`, so that all that is recorded
    of the run names it; errors as of `current`.
    """
    pinned = pinned_version(settings.segment.model, settings.segment.version)
    return settings.model_copy(update={"segment": settings.segment.model_copy(update={"version": pinned})})


def attempt_key(data: str, recipe: str) -> str:
    """What tells attempts that begin with the same version apart: SHA-256 of the digests of data and recipe."""
    return hashlib.sha256(f"{data} {recipe}".encode()).hexdigest()


def _event(event: str, when: str, target: Path, content: Mapping[str, Any]) -> Record:
    files = {name: sha256(target / name) for name in (CONFIGURATION, WEIGHTS, CHECKSUMS, VERSION)}
    return {"Event": event, "When": when, **content, "Files": files}


def _require_current(folder: Path, parent: Version) -> None:
    now = current(folder)
    if now != parent:
        raise MyoT2Error(
            expected=f"version {parent.number} as the current one, which the new weights came from",
            found=f"version {now.number}",
            where=folder,
            do="Somebody else has learned or gone back meanwhile: learn again.",
        )


def _next(folder: Path) -> str:
    """The next number: the second part counts."""
    major, minor = max(tuple(map(int, one.number.split(".")))[:2] for one in versions(folder))
    return f"{major}.{minor + 1}.0"


def _place(folder: Path, number: str) -> Path:
    if not _NUMBER.fullmatch(number):
        raise MyoT2Error(expected="a version such as 1.1.0", found=repr(number), where=folder, do="Correct it.")
    return folder / "versions" / number


def _settle(writing: Path, target: Path) -> None:
    """Rename what is whole; what lies there is the rest of an attempt that never came into the ledger."""
    shutil.rmtree(target, ignore_errors=True)
    writing.rename(target)


def made_of(made: Version) -> Mapping[str, Any]:
    """What a version was made of: `Attempt.data`; nothing for the first one."""
    return json.loads((made.folder / VERSION).read_text(encoding="utf-8")).get("Data", {})


def configuration_of(model: Path) -> ModelConfiguration:
    """What the networks of a model folder are."""
    return ModelConfiguration.from_json(json.loads((model / CONFIGURATION).read_text(encoding="utf-8")))


def _base_name(name: str) -> str:
    """The name without the version that `add` puts behind it."""
    base, _, last = name.rpartition(" ")
    return base if _NUMBER.fullmatch(last) else name
