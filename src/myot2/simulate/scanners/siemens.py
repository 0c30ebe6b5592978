"""Siemens, software VB to VE: one classic object per image.

Source of the conventions: the headers of ../shared/data/nist-phantom/siemens-aera-1.5T (syngo MR D13).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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
from myot2.simulate.series import LARGEST_PIXEL, Plane, Series, planes


def objects(group: Sequence[Series], identity: Identity, key: str) -> list[Dataset]:
    """The classic objects of one DICOM series."""
    headers = {id(series): _header(series, identity, key) for series in group}
    return [
        _image(headers[id(plane.series)], plane, instance, key) for instance, plane in enumerate(planes(group), start=1)
    ]


def split_echoes(group: Sequence[Series], identity: Identity, key: str) -> list[Dataset]:
    """As `objects`, with each echo in a series of its own, as a multi-frame object that was split for the archive.

    The image type then holds MFSPLIT, and each series begins to count its images and its echoes anew.
    """
    if all(len(series.echo_times_ms) == 1 for series in group):
        return objects(group, identity, key)
    return [image for series in group for one in _one_by_echo(series) for image in objects([one], identity, key)]


def _one_by_echo(series: Series) -> list[Series]:
    return [
        replace(
            series,
            number=100 * series.number + echo + 1,
            image_type=(*series.image_type, "MFSPLIT"),
            echo_times_ms=(echo_time,),
            stacks=tuple((grid, pixels[echo : echo + 1]) for grid, pixels in series.stacks),
        )
        for echo, echo_time in enumerate(series.echo_times_ms)
    ]


def _header(series: Series, identity: Identity, key: str) -> Dataset:
    header = series_header(series, identity, key, series.number)
    header.SOPClassUID = MRImageStorage
    header.Manufacturer = "SIEMENS"
    header.ManufacturerModelName = "Skyra"
    header.SoftwareVersions = "syngo MR E11"
    header.ImageType = list(series.image_type)
    header.SequenceName = series.sequence.sequence_name
    add_pixel_format(header, bits=12)
    coil = (0x0F, "LO", "BO1-3;SP2-5")
    texts = (0x0A, "LO", series.sequence.duration), coil, (0x16, "LO", "/".join(series.image_type[2:]))
    add_private(header, 0x0051, "SIEMENS MR HEADER", texts)
    add_archive_text(header, identity)
    return header


def _image(header: Dataset, plane: Plane, instance: int, key: str) -> Dataset:
    frame = frame_of(header)
    add_instance(frame, key, plane.series.number, instance)
    add_echo(frame, plane)
    add_geometry(frame, plane)
    frame.AcquisitionMatrix = [0, plane.pixels.shape[1], plane.pixels.shape[0], 0]
    held = np.minimum(plane.pixels, LARGEST_PIXEL)
    frame.SmallestImagePixelValue, frame.LargestImagePixelValue = int(held.min()), int(held.max())
    frame.WindowCenter, frame.WindowWidth = str(int(held.max()) // 3), str(max(int(held.max()) * 2 // 3, 1))
    frame.PixelData = words(held)
    add_file_meta(frame)
    return frame


SIEMENS = Scanner(objects)
SIEMENS_SPLIT = Scanner(split_echoes)
