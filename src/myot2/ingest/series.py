"""From image planes to stacks: planes of one series with one image type, one matrix and one orientation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from myot2.core.errors import MyoT2Error
from myot2.ingest.geometry import (
    SPACING_TOLERANCE,
    SliceStack,
    is_orientation,
    normal_of,
    order_slices,
    orientation_name,
    same_slices,
)
from myot2.ingest.headers import Frame

SAME_STACK_COSINE = np.cos(np.radians(20.0))
"""Planes tilted less than this belong to one stack (and are then refused); more, and they are views of a localiser."""


@dataclass(frozen=True, eq=False)
class Stack:
    """Planes that belong together: all slices, and all echoes where there are several.

    `name` is how messages and the series table call it: `series 5`, or `series 5 (stack 2)`.
    """

    frames: tuple[Frame, ...]
    name: str

    @property
    def first(self) -> Frame:
        """The plane that stands for facts that all share."""
        return self.frames[0]

    @cached_property
    def echo_times(self) -> tuple[float, ...]:
        """The distinct echo times, ascending (ms); empty where the headers have none."""
        return tuple(sorted({round(f.echo_time, 3) for f in self.frames if f.echo_time is not None}))

    @cached_property
    def orientation(self) -> str:
        """`axial`, `coronal`, `sagittal`, `oblique`, or `n/a` where the header has none."""
        usable = is_orientation(self.first.orientation)
        return orientation_name(normal_of(self.first.orientation)) if usable else "n/a"

    @cached_property
    def slice_count(self) -> int:
        """Number of different slice positions."""
        return len({_place(frame) for frame in self.frames})

    @property
    def when(self) -> tuple[str, int, tuple[int, int]]:
        """Sorts acquisitions in time: the earliest acquisition time, the series number, the repetition."""
        return min(frame.acquired for frame in self.frames), self.first.series_number or 0, self.first.repetition

    def echo(self, echo_time: float) -> SliceStack:
        """The ordered slices of one echo (raises `MyoT2Error` as `order_slices` does)."""
        frames = [f for f in self.frames if f.echo_time is not None and round(f.echo_time, 3) == echo_time]
        return order_slices(frames, f"{self.name}, echo of {echo_time:g} ms")

    @cached_property
    def slices(self) -> SliceStack:
        """The ordered slices of a stack of one echo (raises `MyoT2Error` as `order_slices` does)."""
        if len(self.echo_times) > 1:
            raise MyoT2Error(
                expected="one image per slice",
                found=f"{len(self.echo_times)} echo times",
                where=self.name,
                do="Export only the series that is meant.",
            )
        return order_slices(self.frames, self.name)

    @cached_property
    def echoes(self) -> tuple[SliceStack, ...]:
        """The ordered slices of every echo, ascending in echo time.

        Raises
        ------
        MyoT2Error
            As `order_slices`; an image has no echo time; echoes differ in slices; echo times are not evenly spaced.
        """
        if any(frame.echo_time is None for frame in self.frames):
            raise _echo_error(self, "an echo time in every image", "images without one")
        echoes = tuple(self.echo(echo_time) for echo_time in self.echo_times)
        for echo_time, echo in zip(self.echo_times, echoes, strict=True):
            if not same_slices(echoes[0], echo):
                found = f"{len(echo.frames)} slices at {echo_time:g} ms, {len(echoes[0].frames)} in the first echo"
                raise _echo_error(self, "the same slices in every echo", f"{found}, or other places")
        steps = np.diff(self.echo_times)
        rule = float(np.median(steps)) if len(steps) else 0.0
        for echo_time, step in zip(self.echo_times, steps, strict=False):
            if abs(step - rule) > SPACING_TOLERANCE * rule:
                found = f"{step:g} ms after the echo of {echo_time:g} ms, {rule:g} ms elsewhere"
                raise _echo_error(self, "evenly spaced echo times", found)
        return echoes


def split_stacks(frames: Iterable[Frame]) -> list[Stack]:
    """Sort planes into stacks, by series, image type, component, matrix and orientation; never by file or echo number.

    Repeated volumes within one series (a time series) become stacks of their own where the temporal position or the
    acquisition number tells them apart completely.
    """
    series: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        series[frame.series].append(frame)
    groups = sorted(series.values(), key=lambda group: (group[0].series_number or 0, group[0].series))
    numbers = [group[0].series_number for group in groups]
    stacks: list[Stack] = []
    for position, (number, group) in enumerate(zip(numbers, groups, strict=True)):
        name = "series without number" if number is None else f"series {number}"
        if numbers.count(number) > 1:
            name += f", copy {numbers[: position + 1].count(number)}"
        parts = [part for kind in _by_kind(group) for tilt in _by_orientation(kind) for part in _by_repetition(tilt)]
        stacks += [
            Stack(tuple(part), name if len(parts) == 1 else f"{name} (stack {place})")
            for place, part in enumerate(parts, start=1)
        ]
    return stacks


def _by_kind(frames: Sequence[Frame]) -> list[list[Frame]]:
    kinds: dict[tuple, list[Frame]] = defaultdict(list)
    for frame in frames:
        kinds[frame.image_type, frame.component, frame.rows, frame.columns, frame.colour].append(frame)
    return [sorted(kinds[kind], key=_acquisition_order) for kind in sorted(kinds)]


def _by_orientation(frames: Sequence[Frame]) -> list[list[Frame]]:
    clusters: list[tuple[np.ndarray | None, list[Frame]]] = []
    for frame in frames:
        normal = normal_of(frame.orientation) if is_orientation(frame.orientation) else None
        for other, members in clusters:
            alike = normal is other if normal is None or other is None else abs(normal @ other) > SAME_STACK_COSINE
            if alike:
                members.append(frame)
                break
        else:
            clusters.append((normal, [frame]))
    return [members for _, members in clusters]


def _by_repetition(frames: Sequence[Frame]) -> list[list[Frame]]:
    repeats: dict[tuple[int, int], list[Frame]] = defaultdict(list)
    for frame in frames:
        repeats[frame.repetition].append(frame)
    volumes = [repeats[repetition] for repetition in sorted(repeats)]
    whole = all(_unique(volume) and len(volume) == len(volumes[0]) for volume in volumes)
    return volumes if len(volumes) > 1 and whole and not _unique(frames) else [list(frames)]


def _unique(frames: Sequence[Frame]) -> bool:
    return len({(frame.echo_time, _place(frame)) for frame in frames}) == len(frames)


def _place(frame: Frame) -> tuple[float, ...] | None:
    return frame.position and tuple(round(coordinate, 2) for coordinate in frame.position)


def _acquisition_order(frame: Frame) -> tuple:
    return frame.instance_number or 0, frame.index, frame.instance


def _echo_error(stack: Stack, expected: str, found: str) -> MyoT2Error:
    return MyoT2Error(
        expected=expected,
        found=found,
        where=stack.name,
        do="Export the multi-echo series again, complete; echoes are never guessed or reordered.",
    )
