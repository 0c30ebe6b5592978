"""Siemens, software XA: enhanced objects without echo numbers and with the old words in private groups.

Source of the conventions: the headers of ../shared/data/dicom-edge-cases/siemens-xa10-enhanced, where each volume of a
series is an object of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np
from pydicom.dataset import Dataset

from myot2.simulate.identity import Identity
from myot2.simulate.scanners.enhanced import Scaling, frame_groups, object_header
from myot2.simulate.scanners.header import Scanner, add_archive_text, add_pixel_format, words
from myot2.simulate.series import LARGEST_PIXEL, Plane, Series, planes, same_matrix

_CREATOR = "SIEMENS MR SDI 02"


def objects(group: Sequence[Series], identity: Identity, key: str) -> list[Dataset]:
    """One enhanced object for each volume: each echo of each stack."""
    volumes = groupby(planes(group), lambda plane: (id(plane.series), plane.stack, plane.echo))
    return _numbered((list(volume) for _, volume in volumes), identity, key)


def whole_series(group: Sequence[Series], identity: Identity, key: str) -> list[Dataset]:
    """One enhanced object for all images of a series that are of one matrix size (a localiser may have several)."""
    return _numbered(same_matrix(planes(group)), identity, key)


def _numbered(parts: Iterable[list[Plane]], identity: Identity, key: str) -> list[Dataset]:
    return [_object(images, identity, key, instance) for instance, images in enumerate(parts, start=1)]


def _object(images: list[Plane], identity: Identity, key: str, instance: int) -> Dataset:
    first = images[0].series
    enhanced = object_header(first, identity, key, first.number, len(images), instance)
    enhanced.Manufacturer, enhanced.ManufacturerModelName = "Siemens Healthineers", "MAGNETOM Vida"
    enhanced.SoftwareVersions = "syngo MR XA30"
    enhanced.ImageType = list(_frame_type(first))
    enhanced.ComplexImageComponent = "MIXED" if len({one.series.content == "P" for one in images}) > 1 else "MAGNITUDE"
    enhanced.PulseSequenceName = first.sequence.sequence_name
    add_pixel_format(enhanced, bits=12)
    add_archive_text(enhanced, identity)
    enhanced.PerFrameFunctionalGroupsSequence = [_groups(plane) for plane in images]
    stored = np.stack([np.minimum(plane.pixels, LARGEST_PIXEL) for plane in images])
    enhanced.Rows, enhanced.Columns = stored.shape[1:]
    enhanced.PixelData = words(stored)
    return enhanced


def _groups(plane: Plane) -> Dataset:
    groups = frame_groups(plane, _frame_type(plane.series), Scaling(1, 0))
    private = Dataset()
    # The offsets are Siemens' own: 11FE holds what the image header of earlier software held, 75 its image type.
    for item in (groups, private):
        item.add_new((0x0021, 0x0011), "LO", _CREATOR)
    private.add_new((0x0021, 0x1106), "LO", f"X_{plane.echo + 1}_1_1_1_1_1_1_1_1_1_1_{plane.slice_index + 1}")
    private.add_new((0x0021, 0x1175), "CS", list(plane.series.image_type))
    groups.add_new((0x0021, 0x11FE), "SQ", [private])
    return groups


def _frame_type(series: Series) -> tuple[str, ...]:
    """Four values, as PS3.3 C.8.13.3.1 has it; the first three are those of earlier software."""
    kind = series.image_type
    return (*kind[:3], kind[3] if kind[2] == "DIXON" else "NONE")


SIEMENS_XA = Scanner(objects)
SIEMENS_XA_WHOLE = Scanner(whole_series)
