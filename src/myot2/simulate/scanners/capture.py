"""Secondary captures: a map as a colour picture, as a workstation saves it. It keeps the map's place and words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from myot2.simulate.identity import Identity
from myot2.simulate.scanners.header import (
    Scanner,
    add_archive_text,
    add_echo,
    add_file_meta,
    add_geometry,
    add_instance,
    frame_of,
    series_header,
)
from myot2.simulate.series import Plane, Series, planes

_WARMEST_MS = 100


def objects(group: Sequence[Series], identity: Identity, key: str) -> list[Dataset]:
    """One RGB picture for each slice."""
    header = series_header(group[0], identity, key, group[0].number)
    header.SOPClassUID = SecondaryCaptureImageStorage
    header.ConversionType = "WSD"
    header.Manufacturer = "SIEMENS"
    header.ImageType = ["DERIVED", "SECONDARY", *group[0].image_type[2:]]
    header.SamplesPerPixel, header.PhotometricInterpretation, header.PlanarConfiguration = 3, "RGB", 0
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 8, 8, 7, 0
    add_archive_text(header, identity)
    return [_picture(header, plane, instance, key) for instance, plane in enumerate(planes(group), start=1)]


def _picture(header: Dataset, plane: Plane, instance: int, key: str) -> Dataset:
    frame = frame_of(header)
    add_instance(frame, key, plane.series.number, instance)
    add_echo(frame, plane)
    add_geometry(frame, plane)
    warmth = np.clip(plane.pixels / _WARMEST_MS, 0, 1)
    colours = np.stack([warmth, 1 - np.abs(2 * warmth - 1), 1 - warmth], axis=-1)
    frame.PixelData = (255 * colours).astype(np.uint8).tobytes()
    if len(frame.PixelData) % 2:
        frame.PixelData += b"\0"
    add_file_meta(frame)
    return frame


CAPTURE = Scanner(objects)
