"""From ordered slices to images: pixels read, scaled slice by slice, and placed in space."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np
import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.ingest.reading.codecs import Undecodable
from myot2.ingest.reading.elements import quiet_pydicom
from myot2.ingest.reading.headers import Frame
from myot2.ingest.reading.pixels import StoredPixels, read_planes
from myot2.ingest.stacking.geometry import SliceStack

MAX_VOXELS = 2**27
"""Half a gigabyte as 32-bit floats: far above any clinical volume of muscle."""

Scaling = Callable[[Frame, np.ndarray], np.ndarray]
"""From the stored values of a plane (rows, columns) to physical ones."""


def require_readable(frames: tuple[Frame, ...], where: str) -> None:
    """Raise `MyoT2Error` where a plane has a fault (see `Frame`), or the volume is beyond reason."""
    first = frames[0]
    if len(frames) * first.rows * first.columns > MAX_VOXELS:
        raise _unreadable(where, f"{len(frames)} images of {first.columns} x {first.rows}: too large for one volume")
    for number, frame in enumerate(frames, start=1):
        if frame.fault:
            raise _unreadable(f"{where}, slice {number}", frame.fault)


def signal(frame: Frame, stored: np.ndarray) -> np.ndarray:
    """The MR signal of a plane, comparable between the images of a series.

    Rescale slope RS and intercept RI per frame; where Philips' scale slope SS is given, (RS x stored + RI) / (RS x SS).
    Source: Chenevert et al., Transl Oncol 2014;7:65-71 (display values DV differ in scale between series).
    """
    values = stored * frame.slope + frame.intercept
    return values if frame.scale_slope is None else values / (frame.slope * frame.scale_slope)


def displayed(frame: Frame, stored: np.ndarray) -> np.ndarray:
    """The value that the scanner shows: stored x RS + RI, per frame. Of a quantitative map, up to its unit."""
    return stored * frame.slope + frame.intercept


def real_world(frame: Frame, stored: np.ndarray) -> np.ndarray:
    """The physical value by the frame's real-world mapping, which holds for stored values (PS3.3 C.7.6.16.2.11)."""
    return stored * frame.real_world.slope + frame.real_world.intercept


def read_volume(slices: SliceStack, scaling: Scaling, where: str) -> sitk.Image:
    """Read a stack as a 32-bit float image in LPS space.

    Raises
    ------
    MyoT2Error
        A plane cannot be decoded, is not of the size that its header says, or mixes kinds of scaling.
    """
    require_readable(slices.frames, where)
    for number, frame in enumerate(slices.frames, start=1):
        if frame.slope == 0:
            raise _unreadable(f"{where}, slice {number}", "a scaling of values that is zero")
        if (frame.scale_slope is None) != (slices.frames[0].scale_slope is None):
            raise _unreadable(f"{where}, slice {number}", "a scaling of values that not all images have")
    by_file: dict[StoredPixels, list[int]] = defaultdict(list)
    for number, frame in enumerate(slices.frames):
        by_file[frame.pixels].append(number)
    first = slices.frames[0]
    volume = np.empty((len(slices.frames), first.rows, first.columns), dtype=np.float32)
    with quiet_pydicom():
        for pixels, numbers in by_file.items():
            _fill(volume, slices.frames, pixels, numbers, scaling, where)
    if not np.isfinite(volume).all():
        raise _unreadable(where, "values beyond the range of 32-bit numbers, by the scaling in the header")
    image = sitk.GetImageFromArray(volume)
    image.SetOrigin(slices.origin.tolist())
    image.SetSpacing(slices.spacing.tolist())
    image.SetDirection(slices.direction.ravel().tolist())
    return image


def _fill(
    volume: np.ndarray,
    frames: tuple[Frame, ...],
    pixels: StoredPixels,
    numbers: list[int],
    scaling: Scaling,
    where: str,
) -> None:
    """Read the planes of one file into their slices. Whole numbers times a slope are 64-bit floats: nothing is lost."""
    planes = read_planes(pixels, [frames[number].index for number in numbers])
    for number in numbers:
        try:
            stored = next(planes)
        except Undecodable as fault:
            raise _unreadable(f"{where}, slice {number + 1}", str(fault)) from fault
        except Exception as error:  # decoders raise anything on damaged data
            raise _unreadable(f"{where}, slice {number + 1}", "damaged compressed pixels") from error
        with np.errstate(over="ignore", invalid="ignore"):
            volume[number] = scaling(frames[number], stored)


def _unreadable(where: str, found: str) -> MyoT2Error:
    return MyoT2Error(
        expected="readable, losslessly stored pixels",
        found=found,
        where=where,
        do="Export the series again, uncompressed (explicit little endian) and without conversion.",
    )
