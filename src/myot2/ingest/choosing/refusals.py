"""The messages with which selection stops: each lists what a person can choose from, by number, never by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from myot2.core.errors import MyoT2Error
from myot2.ingest.choosing.acquisitions import Acquisition, examination_of
from myot2.ingest.choosing.roles import Role
from myot2.ingest.reading.headers import Frame
from myot2.ingest.stacking.joining import stations_fault
from myot2.ingest.stacking.series import Stack

MAX_LISTED = 40

HOW_TO_CHOOSE = (
    "Leave only the series that is meant in the participant's folder, or say in the table of `make index` (column "
    "taken: yes or no; configuration key ingest.series) which one it is."
)


class Ambiguity(MyoT2Error):
    """Several series that the rules cannot tell apart; `stacks` are those to choose from."""

    def __init__(self, stacks: Sequence[Stack], *, expected: str, found: str, where: str):
        super().__init__(expected=expected, found=found, where=where, do=HOW_TO_CHOOSE)
        self.stacks = tuple(stacks)


def describe(stack: Stack, role: Role) -> str:
    """A stack in one line."""
    echoes = len(stack.echo_times)
    return (
        f"{stack.name}: {role.name} ({stack.orientation}, {stack.slice_count} slice{'s' * (stack.slice_count != 1)}, "
        f"{echoes} echo time{'s' * (echoes != 1)}; {role.evidence})"
    )


def missing(stacks: Sequence[Stack], roles: Mapping[Stack, Role], wanted: Sequence[str]) -> MyoT2Error:
    """A wanted role that no series has, or no acquisition as a whole."""
    absent = [role for role in wanted if not any(one.name == role for one in roles.values())]
    pictures = [stack.name for stack in stacks if stack.first.colour]
    if absent == ["t2map"] and pictures:
        return MyoT2Error(
            expected="a T2 map whose pixels are numbers",
            found=f"none, only colour pictures, whose pixels are colours: {', '.join(pictures[:MAX_LISTED])}",
            where="the DICOM folder",
            do="Export the T2 map itself (grey values), not its colour rendering; or fit the echoes (fit.source).",
        )
    expected = f"a series for {', '.join(absent)}" if absent else f"one acquisition with {', '.join(wanted)}"
    return MyoT2Error(
        expected=expected,
        found=_list(stacks, roles),
        where="the DICOM folder",
        do="Export what is missing, or change the section ingest of the configuration to what the protocol has.",
    )


def ambiguous(remaining: Sequence[Acquisition], roles: Mapping[Stack, Role], wanted: Sequence[str]) -> Ambiguity:
    """Acquisitions that are equally good."""
    stacks = [acquisition[role] for acquisition in remaining for role in wanted]
    firsts = [acquisition[wanted[0]] for acquisition in remaining]
    fault = stations_fault(firsts)
    why = "several that are equally good: "
    if fault:
        why = f"series side by side that are no one image ({fault.expected}: {fault.found}): "
    elif len({examination_of(stack.first) for stack in firsts}) > 1:
        why = "several of different examinations: "
    expected, found = f"one series for {', '.join(wanted)}", why + _list(stacks, roles)
    return Ambiguity(stacks, expected=expected, found=found, where="the DICOM folder")


def wrong_echo_count(trains: Iterable[Stack], count: int) -> MyoT2Error:
    """Echo trains, none of which has the number of echoes that is asked for."""
    return MyoT2Error(
        expected=f"a multi-echo spin echo with {count} echo times",
        found="; ".join(f"{len(stack.echo_times)} in {stack.name}" for stack in trains),
        where="the DICOM folder",
        do="Export the series again if echoes are missing, or set ingest.echoes to the protocol's number.",
    )


def require_one_patient(taken: Iterable[Stack], stacks: Iterable[Stack]) -> None:
    """Raise `MyoT2Error` where taken series, or any series of their examinations, are of two patients."""
    taken = list(taken)
    _require_one(taken, lambda frame: frame.patient, "one patient", "another patient identifier", _OWN_FOLDER)
    studies = {frame.study for stack in taken for frame in stack.frames} - {""}
    _require_one(
        [*taken, *(stack for stack in stacks if stack.first.study in studies)],
        lambda frame: frame.patient,
        "one patient identifier in the whole examination",
        "another",
        "Ask the archive which one is right, and export the examination with it throughout.",
    )


def require_one_visit(taken: Iterable[Stack]) -> None:
    """Raise `MyoT2Error` where series of different days would be put together."""
    _require_one(taken, examination_of, "series of one examination", "another examination", _OWN_FOLDER)


def require_one_place(taken: Iterable[Stack]) -> None:
    """Raise `MyoT2Error` where the patient was placed anew between taken series.

    Positions in two frames of reference cannot be compared (PS3.3 C.7.4.1.1.1), and masks would lie elsewhere.
    """
    placed = [stack for stack in taken if stack.first.frame_of_reference]
    _require_one(
        placed,
        lambda frame: frame.frame_of_reference,
        "series of one frame of reference",
        "another (the patient was placed anew)",
        "Choose in the table of `make index` the series that were made without moving the patient in between.",
    )


_OWN_FOLDER = "Give each participant and session a folder of its own, or choose in the table of `make index`."


def _require_one(stacks: Iterable[Stack], of: Callable[[Frame], str], expected: str, found: str, do: str) -> None:
    owners: dict[str, str] = {}
    for stack in stacks:
        for frame in stack.frames:
            owners.setdefault(of(frame), stack.name)
    if len(owners) > 1:
        first, other = list(owners.values())[:2]
        found = f"{found} in {other} than in {first}"
        raise MyoT2Error(expected=expected, found=found, where="the DICOM folder", do=do)


def _list(stacks: Sequence[Stack], roles: Mapping[Stack, Role]) -> str:
    lines = [describe(stack, roles[stack]) for stack in stacks[:MAX_LISTED]]
    more = [f"and {len(stacks) - MAX_LISTED} more"] if len(stacks) > MAX_LISTED else []
    return "; ".join(lines + more) or "no image at all"
