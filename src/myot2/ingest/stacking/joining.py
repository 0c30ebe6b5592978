"""Series that are parts of one acquisition: echoes exported as a series each, and left and right side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from myot2.core.errors import MyoT2Error
from myot2.ingest.reading.headers import Frame
from myot2.ingest.stacking.geometry import is_orientation
from myot2.ingest.stacking.series import MIN_ECHOES, Stack, kind_of, split_stacks
from myot2.ingest.stacking.stations import beside, place_stations

_SAME_TURN = 0.01
_SAME_PLACE_MM = 0.021
"""Places are known to a hundredth (`Stack.slice_places`): two that are the same may be two roundings apart."""


def find_stacks(frames: Iterable[Frame]) -> list[Stack]:
    """The stacks of a folder, those of several series included, in the order of their series."""
    return join_stations(join_echoes(split_stacks(frames)))


def join_echoes(stacks: Sequence[Stack], *, any_sequence: bool = False) -> list[Stack]:
    """Join spin-echo stacks of one echo time each that differ in nothing else into stacks of several echoes.

    Scanners (Siemens: MFSPLIT) and archives export each echo as a series. Kind of image, sequence, pixel size and
    orientation must agree, and at least half of the slices; echo times must be distinct, so that an acquisition ends
    where a time comes again. What then still differs (a slice, TR, patient) is a fault that the stack names.

    Parameters
    ----------
    stacks : sequence of Stack
        In the order of their series.
    any_sequence : bool
        Join two or more whatever the headers say of the sequence: a person has said that they are echoes.
    """
    candidates = [stack for stack in stacks if _is_single_echo(stack) and (any_sequence or stack.first.spin_echo)]

    def run_of(groups: list[list[Stack]], stack: Stack) -> list[Stack] | None:
        """The last run at this place: an earlier one that lacks the echo was aborted, and is not to be filled up."""
        last = next((group for group in reversed(groups) if _same_place(group[0], stack)), None)
        return None if last is None or any(one.echo_times == stack.echo_times for one in last) else last

    groups = _grouped(candidates, run_of)
    trains = [group for group in groups if len(group) >= (2 if any_sequence else MIN_ECHOES)]
    return _with_joined(stacks, trains, stations=False)


def join_stations(stacks: Sequence[Stack]) -> list[Stack]:
    """Join stacks of one protocol that lie side by side, edge to edge on one lattice.

    Those that leave a gap, overlap or are off the lattice stay apart (see `stations_fault`); stations along the leg are
    no such neighbours.
    """

    def row_of(groups: list[list[Stack]], stack: Stack) -> list[Stack] | None:
        """The first row in which the place of the stack is free: of repeats the n-th right goes with the n-th left."""
        return next((group for group in groups if all(_beside(one, stack) for one in group)), None)

    groups = _grouped([stack for stack in stacks if not stack.first.colour], row_of)
    return _with_joined(stacks, [group for group in groups if len(group) > 1 and not stations_fault(group)], True)


def stations_fault(stacks: Sequence[Stack]) -> MyoT2Error | None:
    """Why stacks that lie side by side are no one image; None where they are, or do not lie side by side at all."""
    if not all(_beside(stacks[0], stack) for stack in stacks[1:]):
        return None
    try:
        place_stations([stack.grid for stack in stacks], _joint_name(stacks))
    except MyoT2Error as error:
        return error
    return None


def _grouped(
    stacks: Sequence[Stack], group_of: Callable[[list[list[Stack]], Stack], list[Stack] | None]
) -> list[list[Stack]]:
    """Stacks of one protocol in groups: each joins the group that is found for it among those so far, or begins one."""
    protocols: dict[tuple, list[list[Stack]]] = defaultdict(list)
    for stack in stacks:
        groups = protocols[_protocol(stack)]
        group = group_of(groups, stack)
        if group is None:
            groups.append([stack])
        else:
            group.append(stack)
    return [group for groups in protocols.values() for group in groups]


def _protocol(stack: Stack) -> tuple:
    first = stack.first
    spacing = first.pixel_spacing and tuple(round(size, 3) for size in first.pixel_spacing)
    matrix = first.rows, first.columns
    return first.study, kind_of(first), matrix, first.spin_echo, first.enhanced, first.sequence, spacing


def _is_single_echo(stack: Stack) -> bool:
    return len(stack.echo_times) == 1 and stack.first.component == "magnitude" and not stack.first.colour


def _same_place(first: Stack, second: Stack) -> bool:
    """Whether two stacks are turned alike and share at least half of their slices, both to within rounding."""
    turns = first.first.orientation, second.first.orientation
    if not all(map(is_orientation, turns)) or np.abs(np.subtract(*turns)).max() > _SAME_TURN:
        return False
    if None in first.slice_places | second.slice_places:
        return False
    places, others = (np.array(sorted(stack.slice_places)) for stack in (first, second))
    apart = np.abs(places[:, None] - others).max(axis=2).min(axis=1)
    return 2 * int((apart <= _SAME_PLACE_MM).sum()) >= max(first.slice_count, second.slice_count)


def _beside(first: Stack, second: Stack) -> bool:
    try:
        return first.echo_times == second.echo_times and beside(first.grid, second.grid)
    except MyoT2Error:
        return False


def _with_joined(stacks: Sequence[Stack], groups: Sequence[list[Stack]], stations: bool) -> list[Stack]:
    """The stacks, each group as one in the place of its first."""
    joined = {
        group[0]: Stack(
            tuple(frame for stack in group for frame in stack.frames),
            _joint_name(group),
            "\n".join(sorted(stack.identity for stack in group)),
            tuple(group) if stations else (),
        )
        for group in groups
    }
    absorbed = {stack for group in groups for stack in group[1:]}
    return [joined.get(stack, stack) for stack in stacks if stack not in absorbed]


def _joint_name(stacks: Sequence[Stack]) -> str:
    return "series " + "+".join(stack.name.removeprefix("series ") for stack in stacks)
