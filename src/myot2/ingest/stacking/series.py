"""From image planes to stacks: planes of one series with one image type, one component and one orientation."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from myot2.core.errors import MyoT2Error
from myot2.ingest.reading.headers import Frame
from myot2.ingest.stacking.geometry import (
    SPACING_TOLERANCE,
    Grid,
    image_name,
    is_orientation,
    normal_of,
    order_slices,
    orientation_name,
    require_one_scan,
    same_slices,
)
from myot2.ingest.stacking.stations import place_stations

SAME_STACK_COSINE = np.cos(np.radians(20.0))
"""Planes tilted less than this belong to one stack (and are then refused); more, and they are views of a localiser."""

MIN_ECHOES = 4
"""Fewer echo times than this are a dual-echo contrast, not a T2 measurement."""

ROUNDED_STEP_MS = 0.101
"""How much echo times that are rounded to a tenth of a millisecond may differ in their distances."""

_ECHO_TOKEN = re.compile(r"_?(TE|ECHO)_?[0-9]{1,3}")
"""An image type value that numbers the echo: planes that differ in nothing else belong together."""


@dataclass(frozen=True, eq=False)
class Stack:
    """Planes that belong together: all slices, and all echoes where there are several.

    `name` is how messages and the series table call it: `series 5`, or `series 5 (stack 2)`. `identity` is a text that
    tells it from every other stack and does not change with the folder that it is found in; it holds identifiers, so
    that only a pseudonym of it may leave. `stations` are the stacks of which it consists where several that lie side by
    side were joined; empty elsewhere.
    """

    frames: tuple[Frame, ...]
    name: str
    identity: str
    stations: tuple[Stack, ...] = ()

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
        """Number of different slice positions: of one echo, for positions may differ by rounding between echoes."""
        if self.stations:
            return self.stations[0].slice_count
        places: dict[float | None, set] = defaultdict(set)
        for frame in self.frames:
            places[frame.echo_time].add(_place(frame))
        return max(map(len, places.values()))

    @cached_property
    def slice_places(self) -> frozenset[tuple[float, ...] | None]:
        """The different places of the planes (LPS, mm, to a hundredth)."""
        return frozenset(_place(frame) for frame in self.frames)

    @property
    def matrix(self) -> tuple[int, int]:
        """Rows and columns of each slice, stations together."""
        return self.grid.matrix if self.stations else (self.first.rows, self.first.columns)

    @property
    def when(self) -> tuple[str, int, tuple[int, int]]:
        """Sorts acquisitions in time: the earliest acquisition time, the series number, the repetition."""
        return min(frame.acquired for frame in self.frames), self.first.series_number or 0, self.first.repetition

    @cached_property
    def grid(self) -> Grid:
        """The ordered slices of the first echo, or of the stack where it has none (raises as `order_slices` does)."""
        return self.echo(self.echo_times[0]) if self.echo_times else self.slices

    def echo(self, echo_time: float) -> Grid:
        """The ordered slices of one echo (raises `MyoT2Error` as `order_slices` and `place_stations` do)."""
        if self.stations:
            return place_stations([station.echo(echo_time) for station in self.stations], self.name)
        frames = [f for f in self.frames if f.echo_time is not None and round(f.echo_time, 3) == echo_time]
        return order_slices(frames, f"{self.name}, echo of {echo_time:g} ms")

    @cached_property
    def slices(self) -> Grid:
        """The ordered slices of a stack of one echo (raises `MyoT2Error` as `order_slices` and `place_stations` do)."""
        if len(self.echo_times) > 1:
            raise MyoT2Error(
                expected="one image per slice",
                found=f"{len(self.echo_times)} echo times",
                where=self.name,
                do="Export only the series that is meant.",
            )
        if self.stations:
            return place_stations([station.slices for station in self.stations], self.name)
        return order_slices(self.frames, self.name)

    @cached_property
    def echoes(self) -> tuple[Grid, ...]:
        """The ordered slices of every echo, ascending in echo time.

        Raises
        ------
        MyoT2Error
            As `order_slices`; an image has no echo time; echoes differ in slices, patient, frame of reference, TR or
            flip angle; echo times are not evenly spaced.
        """
        without = next((frame for frame in self.frames if frame.echo_time is None), None)
        if without:
            raise _echo_error(image_name(without, self.name), "an echo time in every image", "an image without one")
        echoes = tuple(self.echo(echo_time) for echo_time in self.echo_times)
        for echo_time, echo in zip(self.echo_times, echoes, strict=True):
            require_one_scan([echoes[0].frames[0], *echo.frames], f"{self.name}, echo of {echo_time:g} ms")
            if not same_slices(echoes[0], echo):
                found = f"{echo.count} slices at {echo_time:g} ms, {echoes[0].count} in the first echo"
                raise _echo_error(self.name, "the same slices in every echo", f"{found}, or other places")
        steps = np.diff(self.echo_times)
        rule = float(np.median(steps)) if len(steps) else 0.0
        for echo_time, step in zip(self.echo_times, steps, strict=False):
            if abs(step - rule) > max(SPACING_TOLERANCE * rule, ROUNDED_STEP_MS):
                found = f"{step:g} ms after the echo of {echo_time:g} ms, {rule:g} ms elsewhere"
                raise _echo_error(self.name, "evenly spaced echo times", found)
        return echoes


def split_stacks(frames: Iterable[Frame]) -> list[Stack]:
    """Sort planes into stacks, by series, image type, component and orientation; never by file or echo number.

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
            Stack(tuple(part), name if len(parts) == 1 else f"{name} (stack {place})", _identity(part))
            for place, part in enumerate(parts, start=1)
        ]
    return stacks


def kind_of(frame: Frame) -> tuple:
    """What planes of one stack have in common beside their series: image type, component, colour.

    The matrix is none of it: a plane of another size would otherwise be missing without a word.
    """
    image_type = tuple(token for token in frame.image_type if not _ECHO_TOKEN.fullmatch(token))
    return image_type, frame.component, frame.colour


def _identity(frames: Sequence[Frame]) -> str:
    first = frames[0]
    normal = np.round(normal_of(first.orientation), 1) + 0.0 if is_orientation(first.orientation) else None
    repetitions = sorted({frame.repetition for frame in frames})
    return repr((first.series, kind_of(first), None if normal is None else normal.tolist(), repetitions))


def _by_kind(frames: Sequence[Frame]) -> list[list[Frame]]:
    kinds: dict[tuple, list[Frame]] = defaultdict(list)
    for frame in frames:
        kinds[kind_of(frame)].append(frame)
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


def _echo_error(where: str, expected: str, found: str) -> MyoT2Error:
    return MyoT2Error(
        expected=expected,
        found=found,
        where=where,
        do="Export the multi-echo series again, complete; echoes are never guessed or reordered.",
    )
