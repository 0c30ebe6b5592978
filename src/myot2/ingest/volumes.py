"""From ordered slices to images: pixels read, scaled slice by slice, and placed in space."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np
import SimpleITK as sitk
from pydicom.pixels import pixel_array

from myot2.core.errors import MyoT2Error
from myot2.ingest.files import DicomFile
from myot2.ingest.geometry import SliceStack
from myot2.ingest.headers import Frame, open_dataset, quiet_pydicom

MAX_VOXELS = 2**27
"""Half a gigabyte as 32-bit floats: far above any clinical volume of muscle."""

LOSSLESS = {
    "1.2.840.10008.1.2": "implicit little endian",
    "1.2.840.10008.1.2.1": "explicit little endian",
    "1.2.840.10008.1.2.2": "explicit big endian",
    "1.2.840.10008.1.2.5": "RLE",
    "1.2.840.10008.1.2.4.57": "JPEG lossless",
    "1.2.840.10008.1.2.4.70": "JPEG lossless",
    "1.2.840.10008.1.2.4.80": "JPEG-LS lossless",
    "1.2.840.10008.1.2.4.90": "JPEG 2000 lossless",
}
"""The transfer syntaxes that keep every value; images in any other are refused."""

Scaling = Callable[[Frame, np.ndarray], np.ndarray]
"""From the stored values of a plane (rows, columns) to physical ones."""


def require_readable(frames: tuple[Frame, ...], where: str) -> None:
    """Raise `MyoT2Error` where a plane is cut short, lossy, a colour picture, or the volume is beyond reason."""
    first = frames[0]
    if len(frames) * first.rows * first.columns > MAX_VOXELS:
        raise _unreadable(where, f"{len(frames)} images of {first.columns} x {first.rows}: too large for one volume")
    for number, frame in enumerate(frames, start=1):
        place = f"{where}, slice {number}"
        if frame.truncated:
            raise _unreadable(place, "a file that ends before its pixels do")
        if frame.lossy or frame.transfer_syntax not in LOSSLESS:
            raise _unreadable(place, "a lossy or unknown compression, which changes values")
        if frame.colour:
            raise _unreadable(place, "a colour picture")


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
    if len({frame.scale_slope is None for frame in slices.frames}) > 1 or any(f.slope == 0 for f in slices.frames):
        raise _unreadable(where, "a scaling of values that some images have and others have not, or that is zero")
    by_file: dict[DicomFile, list[int]] = defaultdict(list)
    for number, frame in enumerate(slices.frames):
        by_file[frame.file].append(number)
    first = slices.frames[0]
    volume = np.empty((len(slices.frames), first.rows, first.columns), dtype=np.float32)
    with quiet_pydicom():
        for file, numbers in by_file.items():
            planes = _read_planes(file, [(number, slices.frames[number]) for number in numbers], where)
            for number, stored in zip(numbers, planes, strict=True):
                volume[number] = scaling(slices.frames[number], stored)
    if not np.isfinite(volume).all():
        raise _unreadable(where, "values beyond the range of 32-bit numbers, by the scaling in the header")
    image = sitk.GetImageFromArray(volume)
    image.SetOrigin(slices.origin.tolist())
    image.SetSpacing(slices.spacing.tolist())
    image.SetDirection(slices.direction.ravel().tolist())
    return image


def _read_planes(file: DicomFile, frames: list[tuple[int, Frame]], where: str) -> list[np.ndarray]:
    """The stored values of planes of one file, as 64-bit floats so that scaling loses nothing."""
    planes = []
    try:
        dataset = open_dataset(file)
        for _, frame in frames:
            stored = pixel_array(dataset, index=frame.index)
            if stored.shape != (frame.rows, frame.columns):
                raise ValueError("shape")
            planes.append(stored.astype(np.float64))
    except Exception as error:  # decoders raise anything on damaged data; their words may quote the header
        number, frame = frames[len(planes)]
        kind = LOSSLESS[frame.transfer_syntax]
        raise _unreadable(
            f"{where}, slice {number + 1}", f"{kind} pixels that no installed decoder reads, or damaged ones"
        ) from error
    return planes


def _unreadable(where: str, found: str) -> MyoT2Error:
    return MyoT2Error(
        expected="readable, losslessly stored pixels",
        found=found,
        where=where,
        do="Export the series again, uncompressed (explicit little endian) and without conversion.",
    )
