"""Stacks that one run of a protocol made, and what makes two runs comparable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

import numpy as np

from myot2.core.errors import MyoT2Error
from myot2.ingest.reading.headers import Frame
from myot2.ingest.reading.hints import ROLE_TOKENS
from myot2.ingest.reading.volumes import require_readable
from myot2.ingest.stacking.geometry import places_of, same_slices
from myot2.ingest.stacking.series import Stack

T2_WEIGHTED_TE_MS = 30.0
"""A spin-echo Dixon with at least this echo time is T2-weighted, as the study's (TE 51 ms)."""

_PLACED_BY = frozenset(["ND", "DIS2D", "DIS3D"])
"""Siemens' words for no correction of gradient distortion, one in the plane, and one in space: they differ in place."""

Acquisition = dict[str, Stack]
"""Stacks that one run of a protocol made, by role: the Dixon images together, else one stack."""


def group_acquisitions(stacks: Sequence[tuple[str, Stack]]) -> list[Acquisition]:
    """Stacks with their roles, in the order of their series, by acquisition.

    What one series holds once of each (Philips writes all Dixon images into one) is never parted. Then what was
    measured at one time and reconstructed in one way is put together, wherever its series stand: Siemens writes an
    image and its distortion-corrected twin in turn. What is left (computed images with a time of their own) follows the
    series before it. A role that comes again always begins a new acquisition.
    """
    runs = _merged(_parts(stacks), _run_of)
    return _merged(runs, lambda run: next(iter(run.values())).first.study)


def _merged(parts: Sequence[Acquisition], key: Callable[[Acquisition], object]) -> list[Acquisition]:
    """Parts of one key put together, each with the last such only: an earlier one is not to be filled up.

    A part whose key is None stays alone.
    """
    merged: list[Acquisition] = []
    last: dict[object, Acquisition] = {}
    for part in parts:
        run = None if key(part) is None else last.get(key(part))
        if run is None or part.keys() & run.keys() or not _one_grid_family(run, part):
            run = last[key(part)] = {}
            merged.append(run)
        run.update(part)
    return merged


def _run_of(part: Acquisition) -> tuple | None:
    """What tells the run that made a part: examination, time, repetition, reconstruction; None without a time."""
    stack = next(iter(part.values()))
    if not stack.when[0]:
        return None
    return stack.first.study, stack.when[0], stack.first.repetition, _reconstruction(stack)


def _reconstruction(stack: Stack) -> frozenset[str]:
    """The image type from its third value on, without what names the role."""
    return frozenset(stack.first.image_type[2:]) - ROLE_TOKENS


def _parts(stacks: Sequence[tuple[str, Stack]]) -> list[Acquisition]:
    """What each series holds, a new part wherever a role comes again or the grid changes within it."""
    parts: list[Acquisition] = []
    for _, series in groupby(stacks, key=lambda item: item[1].first.series):
        start = len(parts)
        for role, stack in sorted(series, key=lambda item: item[1].first.repetition):
            if len(parts) == start or role in parts[-1] or not _one_grid_family(parts[-1], {role: stack}):
                parts.append({})
            parts[-1][role] = stack
    return parts


def examination_of(frame: Frame) -> str:
    """What images of one visit share: the day of the examination, or the examination itself where no day is known."""
    return frame.study_date or frame.study


def fault_of(acquisition: Acquisition, wanted: Sequence[str], rivals: Sequence[Acquisition]) -> MyoT2Error | None:
    """Why an acquisition cannot be used, or None.

    Each of its stacks must be readable and in order, all must have the same slices, and no rival of the same protocol
    may have more of them (then this one was aborted).
    """
    try:
        parts = [acquisition[role].echoes if role == "mese" else (acquisition[role].slices,) for role in wanted]
        for role, slices in zip(wanted, parts, strict=True):
            for one in slices:
                require_readable(one.frames, acquisition[role].name)
            if not same_slices(parts[0][0], slices[0]):
                raise _incomplete(acquisition[role], f"other slices than in {acquisition[wanted[0]].name}")
        for rival in rivals:
            first, other = acquisition[wanted[0]], rival[wanted[0]]
            if other.slice_count > first.slice_count and same_protocol(first, other):
                raise _incomplete(first, f"{first.slice_count} slices, {other.slice_count} in {other.name}")
    except MyoT2Error as error:
        return error
    return None


def is_t2_weighted(stack: Stack) -> bool:
    """Whether a stack is a spin echo with an echo time that weights by T2."""
    return stack.first.spin_echo and bool(stack.echo_times) and stack.echo_times[0] >= T2_WEIGHTED_TE_MS


def same_protocol(first: Stack, second: Stack) -> bool:
    """Whether two stacks agree in echo times, TR (to 5 %), matrix, pixel size, sequence and orientation."""
    times = (first.first.repetition_time or 0.0, second.first.repetition_time or 0.0)
    return (
        first.echo_times == second.echo_times
        and bool(np.isclose(*times, rtol=0.05))
        and _matrix(first) == _matrix(second)
        and bool(np.allclose(first.first.pixel_spacing or 0, second.first.pixel_spacing or 0, rtol=1e-3))
        and (first.first.sequence, first.orientation) == (second.first.sequence, second.orientation)
    )


def repeats(first: Acquisition, second: Acquisition, wanted: Sequence[str]) -> bool:
    """Whether both are the same protocol over the same part of the same visit's body (at least half in common)."""
    if first is second:
        return True
    one, other = first[wanted[0]], second[wanted[0]]
    return (
        examination_of(one.first) == examination_of(other.first)
        and all(same_protocol(first[role], second[role]) for role in wanted)
        and one.matrix == other.matrix
        and _half_in_common(one, other)
    )


def reconstructed_alike(first: Acquisition, second: Acquisition, wanted: Sequence[str]) -> bool:
    """Whether the two are no reconstructions of one measurement (same time and protocol) that differ in image type."""
    one, other = first[wanted[0]], second[wanted[0]]
    measured_once = one.when[0] and one.when[0] == other.when[0] and one.first.repetition == other.first.repetition
    if not (measured_once and one.first.study == other.first.study and same_protocol(one, other)):
        return True
    return _reconstruction(one) == _reconstruction(other)


def correction(acquisition: Acquisition, wanted: Sequence[str]) -> tuple[bool, bool]:
    """Whether an image is corrected for gradient distortion, and for the sensitivity of the coils (Siemens' words)."""
    words = _reconstruction(acquisition[wanted[0]])
    return bool(words & {"DIS2D", "DIS3D"}), "NORM" in words


def when(acquisition: Acquisition, wanted: Sequence[str]) -> tuple:
    """Sorts acquisitions in time."""
    return max(acquisition[role].when for role in wanted)


def _half_in_common(first: Stack, second: Stack) -> bool:
    """Along the normal at least half of the shorter stack; in the plane less than half a field of view aside."""
    ranges = []
    for grid in (first.grid, second.grid):
        places, distance = places_of(grid), grid.spacing[2]
        ranges.append((places[0] - distance / 2, places[-1] + distance / 2))
    common = min(ranges[0][1], ranges[1][1]) - max(ranges[0][0], ranges[1][0])
    shorter = min(high - low for low, high in ranges)
    aside = np.abs((second.grid.origin - first.grid.origin) @ first.grid.direction / first.grid.spacing)[:2]
    rows, columns = first.matrix
    return bool(common >= 0.5 * shorter and aside[0] < columns / 2 and aside[1] < rows / 2)


def _one_grid_family(first: Acquisition, second: Acquisition) -> bool:
    stack, other = next(iter(first.values())), next(iter(second.values()))
    placed = [_reconstruction(one) & _PLACED_BY for one in (stack, other)]
    times = [one.first.repetition_time for one in (stack, other)]
    return (
        stack.orientation == other.orientation
        and _matrix(stack) == _matrix(other)
        and examination_of(stack.first) == examination_of(other.first)
        and (not all(placed) or placed[0] == placed[1])
        and (None in times or bool(np.isclose(*times, rtol=0.05)))
    )


def _matrix(stack: Stack) -> tuple[int, int]:
    """Of one station, so that an acquisition of one leg is known as the protocol that the joined legs have."""
    return stack.first.rows, stack.first.columns


def _incomplete(stack: Stack, found: str) -> MyoT2Error:
    return MyoT2Error(
        expected="a complete acquisition: the same slices in all its images",
        found=found,
        where=stack.name,
        do="Export the acquisition again, complete.",
    )
