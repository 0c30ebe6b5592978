"""UIH and Canon: one classic object per image, in the words of the standard.

Both write clean classic headers. The image types are the defined terms of PS3.3 C.8.3.1.1.1 (OTHER, T2 MAP, PHASE
MAP), which has none for Dixon images: their series descriptions tell them apart. Private elements of UIH: dcm2niix,
UIH/README.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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

_IMAGE_TYPES = {"T2 MAP": ("DERIVED", "PRIMARY", "T2 MAP"), "P": ("ORIGINAL", "PRIMARY", "PHASE MAP")}
_DIXON_WORDS = {"IN_PHASE": "in", "OPP_PHASE": "opp", "FAT": "fat", "WATER": "water"}


@dataclass(frozen=True)
class StandardWriter:
    """A maker who keeps to the standard's words: its name, a model, its software, and private elements of a group."""

    manufacturer: str
    model: str
    software: str
    private: tuple[int, str, tuple[tuple[int, str, object], ...]] | None = None

    def objects(self, group: Sequence[Series], identity: Identity, key: str) -> list[Dataset]:
        """The classic objects of one DICOM series."""
        headers = {id(series): self._header(series, identity, key) for series in group}
        return [
            _image(headers[id(plane.series)], plane, instance, key)
            for instance, plane in enumerate(planes(group), start=1)
        ]

    def _header(self, series: Series, identity: Identity, key: str) -> Dataset:
        word = _DIXON_WORDS.get(series.content)
        described = replace(series, description=f"t2_fse_dixon_tra_{word}") if word else series
        header = series_header(described, identity, key, series.number)
        header.SOPClassUID = MRImageStorage
        header.Manufacturer, header.ManufacturerModelName = self.manufacturer, self.model
        header.SoftwareVersions = self.software
        derived = series.image_type[0]
        header.ImageType = list(_IMAGE_TYPES.get(series.content, (derived, "PRIMARY", "OTHER")))
        add_pixel_format(header, bits=16)
        if self.private:
            add_private(header, *self.private)
        add_archive_text(header, identity)
        return header


def _image(header: Dataset, plane: Plane, instance: int, key: str) -> Dataset:
    frame = frame_of(header)
    add_instance(frame, key, plane.series.number, instance)
    add_echo(frame, plane)
    add_geometry(frame, plane)
    frame.PixelData = words(plane.pixels)
    add_file_meta(frame)
    return frame


UIH = Scanner(
    StandardWriter(
        "UIH",
        "uMR 790",
        "uMR Software V10",
        (0x0065, "Image Private Header", ((0x03, "LO", "SP 32"), (0x05, "SH", "A->P"), (0x2D, "ST", "fse_mx"))),
    ).objects
)
CANON = Scanner(StandardWriter("CANON_MEC", "Vantage Galan 3T", "V6.0SP2008").objects)
