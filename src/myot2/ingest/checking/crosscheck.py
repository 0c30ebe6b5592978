"""Every image that ingest wrote is read a second time, by dcm2niix, and both must agree in place and value.

Two readers that share no code do not make the same mistake. The NIfTI files themselves are compared, so that writing is
checked as well. docs/decisions/0005-which-reader-writes.md says why ours writes and dcm2niix checks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.core.images import affine_of, read_image, read_sidecar
from myot2.ingest.checking.secondreader import NotReadable, Reading, read_again
from myot2.ingest.choosing.selection import Selection
from myot2.ingest.reading.headers import Frame
from myot2.ingest.reading.volumes import real_world
from myot2.ingest.stacking.geometry import Grid, SliceStack
from myot2.ingest.stacking.series import Stack
from myot2.ingest.stacking.stations import Stations
from myot2.ingest.stage import Order

POSITION_TOLERANCE_MM = 1e-3
"""Largest distance between the places that both readers give a corner of the image."""
VALUE_TOLERANCE = 1e-6
"""Largest difference, as a part of the image's largest magnitude: the rounding to 32-bit floats (6e-8) of a value, its
slope and its unit. One step of 16-bit storage is 15 times larger."""
TIME_TOLERANCE_MS = 2e-3

DICTIONARY = {
    "image": {"Description": "file that ingest wrote"},
    "compared": {
        "Description": "whether dcm2niix gives the same series as images that can be held against ingest's",
        "Levels": {"yes": "compared, and the same", "no": "not compared, for the reason given"},
    },
    "reason": {"Description": "why the image was not compared"},
    "position_mm": {
        "Description": f"largest distance between the places of a corner; more than {POSITION_TOLERANCE_MM:g} mm stops",
        "Units": "mm",
    },
    "value": {"Description": "largest difference between the values of a voxel, in the unit of the image"},
    "relative": {
        "Description": f"the same as a part of the largest value of the image; more than {VALUE_TOLERANCE:g} stops"
    },
}
COLUMNS = tuple(DICTIONARY)

Conversion = Callable[[Frame, np.ndarray], np.ndarray]
"""From the displayed values of a plane, (stored x RS + RI), to those of the file that ingest wrote."""


@dataclass(frozen=True)
class Written:
    """An image that ingest wrote, the planes it was made of, and its echo time where it is one of several echoes."""

    path: Path
    slices: Grid
    echo_time: float | None
    convert: Conversion


@dataclass(frozen=True)
class _Part:
    """An image, or of stations side by side the part that one of them fills."""

    image: sitk.Image
    slices: SliceStack
    echo_time: float | None
    convert: Conversion


@dataclass(frozen=True)
class Difference:
    """The largest differences of two readings: of places (mm), of values, and of values relative to the largest."""

    position_mm: float
    value: float
    relative: float

    @property
    def small(self) -> bool:
        """Whether both readings are the same image."""
        return self.position_mm <= POSITION_TOLERANCE_MM and self.relative <= VALUE_TOLERANCE

    @classmethod
    def worst(cls, differences: Iterable[Difference]) -> Difference:
        """The largest of each kind."""
        return cls(*map(max, zip(*map(astuple, differences), strict=True)))


def cross_check(selection: Selection, order: Order) -> list[dict[str, Any]]:
    """Compare every image that was ordered and written with dcm2niix's reading of the same files.

    Returns
    -------
    list of dict
        One row per image with `COLUMNS`; `compared` is `no`, with the reason, where dcm2niix does not give the stack as
        images that can be held against these.

    Raises
    ------
    Stopped
        An image is a stop note.
    MyoT2Error
        Both read a stack, and differ.
    """
    return [row for stack, images in _written(selection, order) for row in compare(stack.name, images)]


def compare(name: str, written: Sequence[Written]) -> list[dict[str, Any]]:
    """Compare all images of one stack; `name` is the stack in messages. Returns and raises as `cross_check`."""
    by_image = [_parts(one) for one in written]
    try:
        by_station = [_differences(parts, name) for parts in zip(*by_image, strict=True)]
    except NotReadable as reason:
        rows = [(one.path.name, "no", str(reason), None, None, None) for one in written]
    else:
        worst = [Difference.worst(of_image) for of_image in zip(*by_station, strict=True)]
        rows = [(one.path.name, "yes", None, *astuple(found)) for one, found in zip(written, worst, strict=True)]
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def signal_of_displayed(frame: Frame, shown: np.ndarray) -> np.ndarray:
    """The MR signal of displayed values: DV / (RS x SS) where Philips' scale slope SS is given, else DV."""
    return shown if frame.scale_slope is None else shown / (frame.slope * frame.scale_slope)


def _written(selection: Selection, order: Order) -> list[tuple[Stack, list[Written]]]:
    """The images that were ordered, by the stack that they were made of."""
    taken = selection.taken
    images = [
        (taken[role], [Written(path, taken[role].slices, None, signal_of_displayed)])
        for role, path in order.dixon.items()
    ]
    if order.echoes:
        stack = taken["mese"]
        echoes = zip(order.echoes, stack.echoes, stack.echo_times, strict=True)
        images.append((stack, [Written(*echo, signal_of_displayed) for echo in echoes]))
    if order.t2_map:
        stack = taken["t2map"]
        images.append((stack, [Written(order.t2_map, stack.slices, None, _map_of_displayed(order.t2_map))]))
    return images


def _map_of_displayed(path: Path) -> Conversion:
    """How the T2 map in s comes from displayed values, by the factor that its sidecar states."""
    sidecar = read_sidecar(path)
    factor = sidecar["T2ScaleToMs"] / 1000.0
    mapped = sidecar["T2ScaleSource"] == "RealWorldValueMapping"
    return partial(_map_by_mapping if mapped else _map_by_factor, factor)


def _map_by_factor(factor: float, frame: Frame, shown: np.ndarray) -> np.ndarray:
    return shown * factor


def _map_by_mapping(factor: float, frame: Frame, shown: np.ndarray) -> np.ndarray:
    return real_world(frame, (shown - frame.intercept) / frame.slope) * factor


def _one_scaling(frames: Sequence[Frame]) -> bool:
    """Whether dcm2niix's precise form holds: where slopes differ within an image it leaves RS out of RS x SS."""
    return frames[0].scale_slope is not None and len({(f.slope, f.intercept, f.scale_slope) for f in frames}) == 1


def _parts(written: Written) -> list[_Part]:
    image = read_image(written.path)
    if not isinstance(written.slices, Stations):
        return [_Part(image, written.slices, written.echo_time, written.convert)]
    axis, size = written.slices.axis, written.slices.tiles[0].matrix[1 - written.slices.axis]
    return [
        _Part(_cut(image, axis, number * size, size), tile, written.echo_time, written.convert)
        for number, tile in enumerate(written.slices.tiles)
    ]


def _cut(image: sitk.Image, axis: int, start: int, size: int) -> sitk.Image:
    first, extent = [0, 0, 0], list(image.GetSize())
    first[axis], extent[axis] = start, min(size, extent[axis] - start)
    return sitk.RegionOfInterest(image, extent, first)


def _differences(parts: Sequence[_Part], name: str) -> list[Difference]:
    """How far the images of one stack, or of one of its stations, are from what dcm2niix reads."""
    precise = all(_one_scaling(part.slices.frames) and part.convert is signal_of_displayed for part in parts)
    files = dict.fromkeys(frame.file.path for part in parts for frame in part.slices.frames)
    readings = read_again(files, precise=precise)
    found = [_difference(part, _counterpart(part, readings, len(parts), name), precise, name) for part in parts]
    for part, difference in zip(parts, found, strict=True):
        if not difference.small:
            raise _disagreement(part, name, _in_words(difference))
    return found


def _counterpart(part: _Part, readings: list[Reading], images: int, name: str) -> Reading:
    """dcm2niix's image of an image of ours: the only one, or the one of its echo time."""
    found = [
        reading
        for reading in readings
        if part.echo_time is None
        or (reading.echo_time is not None and abs(reading.echo_time - part.echo_time) <= TIME_TOLERANCE_MS)
    ]
    if not found and len(readings) == images:
        raise _disagreement(part, name, "an echo time that dcm2niix does not find")
    if len(found) != 1:
        raise NotReadable(f"dcm2niix makes {len(readings)} images of what ingest makes {images} of")
    return found[0]


def _difference(part: _Part, reading: Reading, precise: bool, name: str) -> Difference:
    image, theirs = part.image, reading.image
    several = theirs.GetNumberOfPixels() / image.GetNumberOfPixels()
    if theirs.GetDimension() != 3 or (several > 1 and several == round(several)):
        raise NotReadable("dcm2niix puts several volumes into one image")
    axes = _axes(theirs, image)
    if axes is None:
        raise _disagreement(part, name, "another orientation")
    values, position = _on_our_axes(theirs, image, axes)
    mine = sitk.GetArrayViewFromImage(image)
    if values.shape != mine.shape:
        raise _disagreement(part, name, "another size")
    largest = float(np.abs(mine).max()) or 1.0
    worst = min(float(np.abs(candidate - mine).max()) for candidate in _in_our_unit(values, part, precise))
    return Difference(position, worst, worst / largest)


def _axes(theirs: sitk.Image, ours: sitk.Image) -> np.ndarray | None:
    """The signed permutation (3, 3) from their index axes to ours; None where there is none.

    By directions alone: how thick a lone slice is, each reader decides for itself.
    """
    turn = np.reshape(ours.GetDirection(), (3, 3)).T @ np.reshape(theirs.GetDirection(), (3, 3))
    axes = np.round(turn)
    permutes = (np.abs(axes).sum(axis=0) == 1).all() and (np.abs(axes).sum(axis=1) == 1).all()
    return axes if permutes and np.abs(turn - axes).max() < 0.1 else None


def _on_our_axes(theirs: sitk.Image, ours: sitk.Image, axes: np.ndarray) -> tuple[np.ndarray, float]:
    """Their voxels as (slice, row, column) of ours, and how far the places of a corner differ (mm).

    Axes are exchanged and turned round; nothing is resampled.
    """
    order = np.abs(axes).argmax(axis=1)
    turned = [axis for axis in range(3) if axes[axis, order[axis]] < 0]
    values = np.flip(sitk.GetArrayViewFromImage(theirs).transpose(2, 1, 0).transpose(order), turned)
    start = np.zeros(3)
    start[order[turned]] = np.array(theirs.GetSize())[order[turned]] - 1
    affine, placed = affine_of(theirs), np.eye(4)
    placed[:3, :3] = affine[:3, :3] @ axes.T
    placed[:3, 3] = affine[:3, :3] @ start + affine[:3, 3]
    far = np.array(values.shape) - 1
    corners = np.array([[*(far * pick), 1] for pick in np.ndindex(2, 2, 2)]).T
    apart = np.linalg.norm(((placed - affine_of(ours)) @ corners)[:3], axis=0)
    return values.transpose(2, 1, 0), float(apart.max())


def _in_our_unit(values: np.ndarray, part: _Part, precise: bool) -> list[np.ndarray]:
    """dcm2niix's values in the unit of the file, one array (slice, row, column) per rule that it may have followed.

    It gives what it is asked for, except that it follows a real-world mapping by itself in Philips images and in some
    others; nothing that it writes tells when.
    """
    frames = part.slices.frames
    conversions = [_same if precise else part.convert]
    if all(frame.real_world and frame.real_world.slope for frame in frames):
        conversions.append(lambda frame, plane: part.convert(frame, _displayed_of_mapped(frame, plane)))
    return [
        np.stack([convert(frame, plane) for frame, plane in zip(frames, values, strict=True)])
        for convert in conversions
    ]


def _same(frame: Frame, plane: np.ndarray) -> np.ndarray:
    return plane


def _displayed_of_mapped(frame: Frame, plane: np.ndarray) -> np.ndarray:
    stored = (plane - frame.real_world.intercept) / frame.real_world.slope
    return stored * frame.slope + frame.intercept


def _in_words(difference: Difference) -> str:
    if difference.position_mm > POSITION_TOLERANCE_MM or not math.isfinite(difference.position_mm):
        return f"voxels {difference.position_mm:.3g} mm away from where dcm2niix places them"
    return f"values that differ by {difference.relative:.2g} of the largest from those of dcm2niix"


def _disagreement(part: _Part, name: str, found: str) -> MyoT2Error:
    echo = "" if part.echo_time is None else f", echo of {part.echo_time:g} ms"
    return MyoT2Error(
        expected="the image that dcm2niix reads from the same files",
        found=found,
        where=f"{name}{echo}",
        do="One of two readers is wrong: look at both images, report it with the scanner's software version, and set "
        "ingest.cross_check to false only once it is understood.",
    )
