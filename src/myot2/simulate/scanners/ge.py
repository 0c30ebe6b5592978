"""GE: one classic object per image, signed 16-bit pixels, and the kind of image in private elements.

Source of the conventions: ../shared/data/dicom-edge-cases/dicom2nifti/ge_anatomical_001_implicit, and dcm2niix (GE
documentation): image type OTHER for whatever was acquired, (0043,102F) for magnitude 0, phase 1, real 2, imaginary 3,
DERIVED\\SECONDARY\\PROCESSED for maps. Dixon images have either the image type DIXON (LAVA Flex, IDEAL of recent
software) or a prefix of the series description (older software).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage

from myot2.simulate.identity import Identity
from myot2.simulate.scanners.header import (
    Scanner,
    add_archive_text,
    add_echo,
    add_file_meta,
    add_geometry,
    add_instance,
    add_pixel_format,
    add_private,
    frame_of,
    series_header,
    words,
)
from myot2.simulate.series import Plane, Series, planes

_DIXON_WORDS = {"IN_PHASE": "IN_PHASE", "OPP_PHASE": "OUT_PHASE", "FAT": "FAT", "WATER": "WATER"}
_PREFIXES = {"IN_PHASE": "InPhase", "OPP_PHASE": "OutPhase", "FAT": "FAT", "WATER": "WATER"}
_MAGNITUDE, _PHASE = 0, 1


def objects(group: Sequence[Series], identity: Identity, key: str, *, named: bool = False) -> list[Dataset]:
    """The classic objects of one DICOM series; `named`: Dixon images are told apart by their description alone."""
    headers = {id(series): _header(series, identity, key, named) for series in group}
    return [
        _image(headers[id(plane.series)], plane, instance, key) for instance, plane in enumerate(planes(group), start=1)
    ]


def _header(series: Series, identity: Identity, key: str, named: bool) -> Dataset:
    header = series_header(_described(series), identity, key, series.number)
    header.SOPClassUID = MRImageStorage
    header.Manufacturer = "GE MEDICAL SYSTEMS"
    header.ManufacturerModelName = "DISCOVERY MR750"
    header.SoftwareVersions = ["27", "LX", "MR Software release:DV26.0_R03_1831.b"]
    header.ImageType = list(_image_type(series, named))
    header.ScanOptions = ["FAST_GEMS", "EDR_GEMS", *series.sequence.scan_options]
    add_pixel_format(header, bits=16, signed=True)
    add_private(header, 0x0019, "GEMS_ACQU_01", [(0x9C, "LO", "memp"), (0x9E, "LO", "MEMP")])
    add_private(header, 0x0043, "GEMS_PARM_01", [(0x2F, "SS", _PHASE if series.content == "P" else _MAGNITUDE)])
    add_archive_text(header, identity)
    return header


def _described(series: Series) -> Series:
    if series.content == "T2 MAP":
        return replace(series, description="T2 Map: Ax T2 MAP")
    if series.content in _PREFIXES:
        return replace(series, description=f"{_PREFIXES[series.content]}: Ax T2 FSE Flex")
    return replace(series, description="Ax T2 MAP") if len(series.echo_times_ms) > 1 else series


def _image_type(series: Series, named: bool) -> tuple[str, ...]:
    if series.content == "T2 MAP":
        return "DERIVED", "SECONDARY", "PROCESSED"
    if series.content in _DIXON_WORDS and not named:
        return "DERIVED", "PRIMARY", "DIXON", _DIXON_WORDS[series.content]
    return ("DERIVED" if series.content == "OTHER" else "ORIGINAL"), "PRIMARY", "OTHER"


def _image(header: Dataset, plane: Plane, instance: int, key: str) -> Dataset:
    frame = frame_of(header)
    add_instance(frame, key, plane.series.number, instance)
    add_echo(frame, plane)
    add_geometry(frame, plane)
    frame.SmallestImagePixelValue, frame.LargestImagePixelValue = int(plane.pixels.min()), int(plane.pixels.max())
    frame.PixelData = words(plane.pixels.astype(np.int16))
    add_file_meta(frame)
    return frame


GE = Scanner(objects)
GE_NAMED = Scanner(partial(objects, named=True))
