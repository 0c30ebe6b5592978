"""Philips: one classic object per image, stored values scaled for display, all Dixon parts in one series.

Source of the conventions: the headers of ../shared/data/nist-phantom/philips-ingenia-1.5T (release 5.3.1), and for the
image types of maps and of Dixon images the tables of muscle-bids and of others who read them.
"""

from __future__ import annotations

from collections.abc import Sequence

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

IMAGE_TYPES = {
    "M": ("ORIGINAL", "PRIMARY", "M_SE", "M", "SE"),
    "P": ("ORIGINAL", "PRIMARY", "PHASE MAP", "P", "SE"),
    "OTHER": ("DERIVED", "PRIMARY", "M_SE", "M", "DERIVED"),
    "T2 MAP": ("ORIGINAL", "PRIMARY", "T2 MAP", "T2", "UNSPECIFIED"),
    "IN_PHASE": ("DERIVED", "PRIMARY", "IP", "IP", "DERIVED"),
    "OPP_PHASE": ("DERIVED", "PRIMARY", "OP", "OP", "DERIVED"),
    "FAT": ("DERIVED", "PRIMARY", "F", "F", "DERIVED"),
    "WATER": ("DERIVED", "PRIMARY", "W", "W", "DERIVED"),
}
DIXON_PARTS = ("IN_PHASE", "OPP_PHASE", "FAT", "WATER")
MR_CREATOR = "Philips MR Imaging DD 001"

RESCALE_SLOPE = 1.65128205128205
SCALE_SLOPE = 0.0078125
"""Displayed = 1.65 x stored; signal = displayed / (1.65 x 0.0078) (Chenevert et al., Transl Oncol 2014;7:65)."""


def stored_number(series: Series) -> int:
    """The parts of a Dixon acquisition, numbered one after the other, share the number of the first.

    A number is that of the acquisition times one hundred and one, as `301`.
    """
    part = DIXON_PARTS.index(series.content) if series.content in DIXON_PARTS else 0
    return 100 * (series.number - part) + 1


def objects(group: Sequence[Series], identity: Identity, key: str) -> list[Dataset]:
    """The classic objects of one DICOM series."""
    number = stored_number(group[0])
    headers = {id(series): _header(series, identity, key, number) for series in group}
    return [
        _image(headers[id(plane.series)], plane, number, instance, key)
        for instance, plane in enumerate(planes(group), start=1)
    ]


def _header(series: Series, identity: Identity, key: str, number: int) -> Dataset:
    header = series_header(series, identity, key, number)
    header.SOPClassUID = MRImageStorage
    header.Manufacturer = "Philips Medical Systems"
    header.ManufacturerModelName = "Ingenia"
    header.SoftwareVersions = ["5.3.1", "5.3.1.1"]
    header.ImageType = list(IMAGE_TYPES[series.content])
    if series.content == "T2 MAP":
        header.ScanningSequence = "RM"
    header.AcquisitionNumber = number // 100
    header.TemporalPositionIdentifier = header.NumberOfTemporalPositions = 1
    header.RescaleType = "normalized"
    add_pixel_format(header, bits=12)
    is_map = series.content == "T2 MAP"
    header.RescaleSlope, header.RescaleIntercept = ("0.5", "-20") if is_map else (f"{RESCALE_SLOPE:.15g}", "0")
    add_private(header, 0x2001, "Philips Imaging DD 001", [(0x1A, "FL", [0.0, 0.0, 0.0]), (0x1D, "IS", "1")])
    scale = [(0x0D, "FL", 0.0), (0x0E, "FL", SCALE_SLOPE), (0x11, "CS", IMAGE_TYPES[series.content][3])]
    add_private(header, 0x2005, MR_CREATOR, scale)
    add_archive_text(header, identity)
    return header


def _image(header: Dataset, plane: Plane, number: int, instance: int, key: str) -> Dataset:
    frame = frame_of(header)
    add_instance(frame, key, number, instance)
    add_echo(frame, plane)
    add_geometry(frame, plane)
    held = plane.pixels if plane.series.content != "T2 MAP" else 2 * plane.pixels + 40
    frame.PixelData = words(held)
    add_file_meta(frame)
    return frame


PHILIPS = Scanner(objects, stored_number)
