"""Philips, enhanced: one object per series, each frame with scaling of its own.

Source of the conventions: the headers of ../shared/data/dicom-edge-cases/dicom2nifti/philips_enhanced_anatomical. What
makes these objects a trap is kept: slope and intercept differ from frame to frame, the private copy of a frame's header
holds a position half a voxel off, and it alone holds the words for maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from pydicom.dataset import Dataset

from myot2.simulate.identity import Identity
from myot2.simulate.scanners.enhanced import Scaling, frame_groups, object_header
from myot2.simulate.scanners.header import Scanner, add_archive_text, add_pixel_format, decimal, words
from myot2.simulate.scanners.philips import (
    DIXON_PARTS,
    IMAGE_TYPES,
    MR_CREATOR,
    RESCALE_SLOPE,
    SCALE_SLOPE,
    stored_number,
)
from myot2.simulate.series import LARGEST_PIXEL, Plane, Series, planes, same_matrix

_FRAME_TYPES = {
    "IN_PHASE": ("ORIGINAL", "PRIMARY", "DIXON", "IN_PHASE"),
    "OPP_PHASE": ("ORIGINAL", "PRIMARY", "DIXON", "OUT_PHASE"),
    "FAT": ("ORIGINAL", "PRIMARY", "DIXON", "FAT"),
    "WATER": ("ORIGINAL", "PRIMARY", "DIXON", "WATER"),
    "OTHER": ("DERIVED", "PRIMARY", "T2", "ADDITION"),
}
_PRIVATE_CREATOR = "Philips MR Imaging DD 005"
_PLAIN = ("ORIGINAL", "PRIMARY", "T2", "NONE")
"""The frame type of echoes, and of the map made of them: only the private copy of the header calls it a map."""


def objects(group: Sequence[Series], identity: Identity, key: str, *, alone: bool = False) -> list[Dataset]:
    """One enhanced object for each matrix size among the images of a series.

    `alone`: displayed values are made comparable within an echo only, so that the scale slope alone makes signals
    comparable, as it does between series (Chenevert et al., Transl Oncol 2014;7:65).
    """
    return [
        _object(images, identity, key, instance, alone)
        for instance, images in enumerate(same_matrix(planes(group)), start=1)
    ]


def _object(images: list[Plane], identity: Identity, key: str, instance: int, alone: bool) -> Dataset:
    first = images[0].series
    number = stored_number(first)
    enhanced = object_header(first, identity, key, number, len(images), instance)
    enhanced.Manufacturer, enhanced.ManufacturerModelName = "Philips Medical Systems", "Ingenia"
    enhanced.SoftwareVersions = ["5.7.1", "5.7.1.2"]
    enhanced.ImageType = ["ORIGINAL", "PRIMARY", "DIXON" if first.content in DIXON_PARTS else "T2", "MIXED"]
    enhanced.AcquisitionNumber = number // 100
    add_pixel_format(enhanced, bits=12)
    add_archive_text(enhanced, identity)
    scaled = [_scale(plane, alone) for plane in images]
    enhanced.PerFrameFunctionalGroupsSequence = [
        _groups(plane, scaling, scale_slope) for plane, (_, scaling, scale_slope) in zip(images, scaled, strict=True)
    ]
    stored = np.stack([values for values, _, _ in scaled])
    enhanced.Rows, enhanced.Columns = stored.shape[1:]
    enhanced.PixelData = words(stored)
    return enhanced


def _scale(plane: Plane, alone: bool) -> tuple[np.ndarray, Scaling, float]:
    """Stored values, the scaling to displayed ones, and the scale slope.

    The scanner fills its 12 bits anew in every frame. The gain is a whole number, so that nothing is lost: the pixels
    are (displayed) / (slope x scale slope), up to one factor for all frames. Of a map they are the displayed values.
    """
    largest = max(int(plane.pixels.max()), 1)
    gain = LARGEST_PIXEL // largest
    offset = min(1 + (plane.slice_index + plane.echo) % 7, LARGEST_PIXEL - gain * largest)
    stored = (plane.pixels.astype(int) * gain + offset).astype(np.uint16)
    shown = 1.0 if plane.series.content == "T2 MAP" else RESCALE_SLOPE * (1 + 0.37 * plane.echo * alone)
    slope = shown / gain
    # The header holds 16 characters: what is written there is what holds.
    slope = float(f"{slope:.10g}")
    return stored, Scaling(slope, -slope * offset), SCALE_SLOPE * gain


def _groups(plane: Plane, scaling: Scaling, scale_slope: float) -> Dataset:
    groups = frame_groups(plane, _FRAME_TYPES.get(plane.series.content, _PLAIN), scaling)
    groups.add_new((0x2005, 0x0014), "LO", _PRIVATE_CREATOR)
    groups.add_new((0x2005, 0x140F), "SQ", [_private_copy(plane, scaling, scale_slope)])
    return groups


def _private_copy(plane: Plane, scaling: Scaling, scale_slope: float) -> Dataset:
    """The frame's header as a classic object would have it."""
    column_mm, row_mm, _ = plane.grid.spacing_mm
    kind = IMAGE_TYPES[plane.series.content]
    copy = Dataset()
    copy.ImageType = list(kind)
    copy.ScanningSequence = "RM" if plane.series.content == "T2 MAP" else plane.series.sequence.scanning_sequence[0]
    copy.EchoTime, copy.EchoNumbers = f"{plane.echo_time_ms:g}", plane.echo + 1
    half_a_voxel = (plane.grid.column_step + plane.grid.row_step) / 2
    copy.ImagePositionPatient = [decimal(value) for value in plane.position - half_a_voxel]
    copy.PixelSpacing = [decimal(row_mm), decimal(column_mm)]
    copy.RescaleSlope, copy.RescaleIntercept = f"{scaling.slope:.14g}", f"{scaling.intercept:.14g}"
    copy.RescaleType = "normalized"
    copy.add_new((0x2005, 0x0010), "LO", MR_CREATOR)
    copy.add_new((0x2005, 0x100D), "FL", 0.0)
    copy.add_new((0x2005, 0x100E), "FL", scale_slope)
    copy.add_new((0x2005, 0x1011), "CS", kind[3])
    return copy


PHILIPS_ENHANCED = Scanner(objects, stored_number)
PHILIPS_ENHANCED_ALONE = Scanner(partial(objects, alone=True), stored_number)
