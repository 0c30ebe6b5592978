"""Which stack is taken for what, and why a rival was not.

Rules, in this order: strong evidence before weak; axial before other orientations; every asked-for part present; a
T2-weighted Dixon before others; of the repeats of one protocol the last that is complete. A fault that no repeat makes
good, and what remains equal, is refused with the list to choose from: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from myot2.core.errors import MyoT2Error
from myot2.ingest.geometry import same_slices
from myot2.ingest.hints import DIXON_ROLES
from myot2.ingest.roles import Role, role_of
from myot2.ingest.series import Stack
from myot2.ingest.volumes import require_readable

T2_WEIGHTED_TE_MS = 30.0
"""A spin-echo Dixon with at least this echo time is T2-weighted, as the study's (TE 51 ms)."""

Acquisition = dict[str, Stack]
"""Stacks that one run of a protocol made, by role: the Dixon images together, else one stack."""


@dataclass(frozen=True)
class Wanted:
    """What a participant's folder must hold: Dixon roles, the number of echoes (0: none), and whether a T2 map."""

    dixon: tuple[str, ...] = ()
    echoes: int = 0
    t2_map: bool = False


@dataclass
class Selection:
    """Every stack with its role and the reason of its fate, and the stacks taken, by role."""

    stacks: list[Stack]
    roles: dict[Stack, Role]
    taken: Acquisition = field(default_factory=dict)
    reasons: dict[Stack, str] = field(default_factory=dict)

    def reason(self, stack: Stack) -> str:
        """The evidence for the role, and why the stack was taken or not."""
        fate = self.reasons.get(stack)
        return f"{self.roles[stack].evidence}; {fate}" if fate else self.roles[stack].evidence

    def of_role(self, name: str) -> list[Stack]:
        """All stacks of a role."""
        return [stack for stack in self.stacks if self.roles[stack].name == name]


def select(stacks: Sequence[Stack], wanted: Wanted) -> Selection:
    """Choose the stacks that are wanted.

    Raises
    ------
    MyoT2Error
        A wanted role is missing, faulty (the message of the last candidate's fault), or claimed by several stacks that
        the rules cannot tell apart; or the stacks belong to different patients.
    """
    selection = Selection(list(stacks), {stack: role_of(stack) for stack in stacks})
    for stack in stacks:
        if selection.roles[stack].name != "other":
            selection.reasons[stack] = "not asked for"
    if wanted.dixon:
        _choose(selection, _dixon_acquisitions(selection), wanted.dixon)
    if wanted.echoes:
        _choose(selection, _echo_trains(selection, wanted.echoes), ("mese",))
    if wanted.t2_map:
        _choose(selection, [{"t2map": stack} for stack in _strongest(selection, "t2map")], ("t2map",))
    _require_one_patient(selection)
    return selection


def describe(stack: Stack, role: Role) -> str:
    """A stack in one line, for messages."""
    echoes = len(stack.echo_times)
    return (
        f"{stack.name}: {role.name} ({stack.orientation}, {stack.slice_count} slice{'s' * (stack.slice_count != 1)}, "
        f"{echoes} echo time{'s' * (echoes != 1)}; {role.evidence})"
    )


def _strongest(selection: Selection, role: str) -> list[Stack]:
    """The stacks of a role; those known by description only give way to those known by header."""
    stacks = selection.of_role(role)
    strong = [stack for stack in stacks if selection.roles[stack].strong]
    for stack in stacks:
        if strong and stack not in strong:
            selection.reasons[stack] = f"{strong[0].name} has the role by its image type"
    return strong or stacks


def _dixon_acquisitions(selection: Selection) -> list[Acquisition]:
    """Dixon stacks in the order of their series, a new acquisition wherever a role comes again."""
    stacks = [(role, stack) for role in DIXON_ROLES for stack in _strongest(selection, role)]
    stacks.sort(key=lambda item: (item[1].first.series_number or 0, selection.stacks.index(item[1])))
    acquisitions: list[Acquisition] = []
    for role, stack in stacks:
        if not acquisitions or role in acquisitions[-1] or not _one_grid_family(acquisitions[-1], stack):
            acquisitions.append({})
        acquisitions[-1][role] = stack
    return acquisitions


def _one_grid_family(acquisition: Acquisition, stack: Stack) -> bool:
    other = next(iter(acquisition.values()))
    return stack.orientation == other.orientation and _matrix(stack) == _matrix(other)


def _echo_trains(selection: Selection, count: int) -> list[Acquisition]:
    trains = _strongest(selection, "mese")
    fitting = [stack for stack in trains if len(stack.echo_times) == count]
    for stack in trains:
        if stack not in fitting:
            selection.reasons[stack] = f"{len(stack.echo_times)} echo times, {count} asked for"
    if trains and not fitting:
        raise MyoT2Error(
            expected=f"a multi-echo spin echo with {count} echo times",
            found="; ".join(f"{len(stack.echo_times)} in {stack.name}" for stack in trains),
            where="the DICOM folder",
            do="Export the series again if echoes are missing, or set ingest.echoes to the protocol's number.",
        )
    return [{"mese": stack} for stack in fitting]


def _choose(selection: Selection, acquisitions: list[Acquisition], wanted: Sequence[str]) -> None:
    remaining = _prefer(selection, acquisitions, lambda one: next(iter(one.values())).orientation == "axial", "axial")
    whole = [acquisition for acquisition in remaining if all(role in acquisition for role in wanted)]
    if not whole:
        raise _missing(selection, wanted)
    _set_aside(selection, remaining, whole, lambda lost: f"its acquisition lacks {_lacking(lost, wanted)}")
    if wanted[0] in DIXON_ROLES:
        whole = _prefer(selection, whole, lambda one: _t2_weighted(one[wanted[0]]), "T2-weighted")
    complete = _complete(selection, whole, wanted)
    complete.sort(key=lambda acquisition: _when(acquisition, wanted))
    last = complete[-1]
    repeated = all(_repeats(acquisition, last, wanted) for acquisition in complete)
    if not repeated or [_when(acquisition, wanted) for acquisition in complete].count(_when(last, wanted)) > 1:
        raise _ambiguous(selection, complete, wanted)
    _set_aside(selection, complete, [last], lambda _: f"repeated later as {last[wanted[0]].name}")
    for role in wanted:
        selection.taken[role] = last[role]
        fate = "taken" if len(complete) == 1 else f"taken, the last of {len(complete)} complete acquisitions"
        selection.reasons[last[role]] = fate


def _prefer(
    selection: Selection, acquisitions: list[Acquisition], preferred: Callable[[Acquisition], bool], word: str
) -> list[Acquisition]:
    """The preferred acquisitions, or all where none is."""
    better = [acquisition for acquisition in acquisitions if preferred(acquisition)]
    if not better:
        return acquisitions
    _set_aside(selection, acquisitions, better, lambda _: f"there is another that is {word}")
    return better


def _complete(selection: Selection, whole: list[Acquisition], wanted: Sequence[str]) -> list[Acquisition]:
    """The acquisitions without fault; a faulty one is passed over only where a sound one repeats its protocol."""
    faults = [(acquisition, _fault(acquisition, wanted, whole)) for acquisition in whole]
    complete = [acquisition for acquisition, fault in faults if fault is None]
    for acquisition, fault in reversed(faults):
        if fault and not any(_same_protocol(acquisition[wanted[0]], one[wanted[0]]) for one in complete):
            raise fault
        if fault:
            _set_aside(selection, [acquisition], [], lambda _, fault=fault: f"faulty ({fault.where}: {fault.found})")
    return complete


def _set_aside(
    selection: Selection, before: list[Acquisition], after: list[Acquisition], why: Callable[[Acquisition], str]
) -> None:
    for acquisition in before:
        if not any(acquisition is kept for kept in after):
            selection.reasons.update((stack, why(acquisition)) for stack in acquisition.values())


def _fault(acquisition: Acquisition, wanted: Sequence[str], rivals: list[Acquisition]) -> MyoT2Error | None:
    """Why an acquisition cannot be used, or None."""
    try:
        parts = [acquisition[role].echoes if role == "mese" else (acquisition[role].slices,) for role in wanted]
        for role, slices in zip(wanted, parts, strict=True):
            for one in slices:
                require_readable(one.frames, acquisition[role].name)
            if not same_slices(parts[0][0], slices[0]):
                raise _incomplete(acquisition[role], f"other slices than in {acquisition[wanted[0]].name}")
        for rival in rivals:
            first, other = acquisition[wanted[0]], rival[wanted[0]]
            if other.slice_count > first.slice_count and _same_protocol(first, other):
                raise _incomplete(first, f"{first.slice_count} slices, {other.slice_count} in {other.name}")
    except MyoT2Error as error:
        return error
    return None


def _t2_weighted(stack: Stack) -> bool:
    return stack.first.spin_echo and bool(stack.echo_times) and stack.echo_times[0] >= T2_WEIGHTED_TE_MS


def _same_protocol(first: Stack, second: Stack) -> bool:
    times = (first.first.repetition_time or 0.0, second.first.repetition_time or 0.0)
    return (
        first.echo_times == second.echo_times
        and bool(np.isclose(*times, rtol=0.05))
        and _matrix(first) == _matrix(second)
        and bool(np.allclose(first.first.pixel_spacing or 0, second.first.pixel_spacing or 0, rtol=1e-3))
        and (first.first.sequence, first.orientation) == (second.first.sequence, second.orientation)
    )


def _repeats(first: Acquisition, second: Acquisition, wanted: Sequence[str]) -> bool:
    """Whether both are the same protocol over the same part of the body (at least half of the stack in common)."""
    if first is second:
        return True
    ranges = []
    for acquisition in (first, second):
        stack = acquisition[wanted[0]]
        slices = stack.echoes[0] if wanted[0] == "mese" else stack.slices
        places, distance = slices.places, slices.spacing[2]
        ranges.append((places[0] - distance / 2, places[-1] + distance / 2))
    common = min(ranges[0][1], ranges[1][1]) - max(ranges[0][0], ranges[1][0])
    shorter = min(high - low for low, high in ranges)
    return common >= 0.5 * shorter and all(_same_protocol(first[role], second[role]) for role in wanted)


def _matrix(stack: Stack) -> tuple[int, int]:
    return stack.first.rows, stack.first.columns


def _lacking(acquisition: Acquisition, wanted: Sequence[str]) -> str:
    return ", ".join(role for role in wanted if role not in acquisition)


def _when(acquisition: Acquisition, wanted: Sequence[str]) -> tuple:
    return max(acquisition[role].when for role in wanted)


def _incomplete(stack: Stack, found: str) -> MyoT2Error:
    return MyoT2Error(
        expected="a complete acquisition: the same slices in all its images",
        found=found,
        where=stack.name,
        do="Export the acquisition again, complete.",
    )


def _list(selection: Selection, stacks: Sequence[Stack]) -> str:
    lines = [describe(stack, selection.roles[stack]) for stack in stacks[:40]]
    more = [f"and {len(stacks) - 40} more"] if len(stacks) > 40 else []
    return "; ".join(lines + more) or "no image at all"


def _missing(selection: Selection, wanted: Sequence[str]) -> MyoT2Error:
    absent = [role for role in wanted if not selection.of_role(role)]
    expected = f"a series for {', '.join(absent)}" if absent else f"one acquisition with {', '.join(wanted)}"
    return MyoT2Error(
        expected=expected,
        found=_list(selection, selection.stacks),
        where="the DICOM folder",
        do="Export what is missing, or change the section ingest of the configuration to what the protocol has.",
    )


def _ambiguous(selection: Selection, remaining: list[Acquisition], wanted: Sequence[str]) -> MyoT2Error:
    return MyoT2Error(
        expected=f"one series for {', '.join(wanted)}",
        found="several that are equally good: "
        + _list(selection, [acquisition[role] for acquisition in remaining for role in wanted]),
        where="the DICOM folder",
        do="Leave only the series that is meant in the participant's folder.",
    )


def _require_one_patient(selection: Selection) -> None:
    owners: dict[str, str] = {}
    for stack in selection.taken.values():
        for frame in stack.frames:
            owners.setdefault(frame.patient, stack.name)
    if len(owners) > 1:
        raise MyoT2Error(
            expected="one patient",
            found=f"another patient identifier in {' than in '.join(reversed(list(owners.values())[:2]))}",
            where="the DICOM folder",
            do="Give each participant a folder that holds that participant's examination only.",
        )
