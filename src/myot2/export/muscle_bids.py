"""Images in the Muscle-BIDS form, version 0.1 (https://muscle-bids.github.io/specs).

It differs from BIDS in three ways that matter here: all echoes stand in one file of four dimensions, times are in ms,
and maps lie in a folder `quant`. Keys and suffixes are those of the specification and of its converters
(github.com/muscle-bids/muscle-bids); Dixon images, of which the specification says nothing, keep names of our own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from myot2.core.bids import ms_of
from myot2.core.errors import MyoT2Error
from myot2.core.files import write_json
from myot2.core.images import read_image, read_sidecar, require_same_grid, sidecar_path, write_image, write_sidecar

_KEPT = ("ImageType", "SequenceName", "Manufacturer", "ManufacturersModelName", "MagneticFieldStrength")


def header_of(sidecar: Mapping[str, Any], image: sitk.Image, sequence: str, **more: Any) -> dict[str, Any]:
    """The Muscle-BIDS header of an image from its BIDS sidecar.

    `sequence` is the PulseSequenceType. The flip angle in a header is that of refocusing on Siemens scanners, as the
    specification's own converter has it; elsewhere it keeps its name. The thickness of the slices without the gap is
    the third number of `AcquisitionVoxelSize` (mm).
    """
    angle = "RefocusingFlipAngle" if sidecar.get("Manufacturer") == "Siemens" else "FlipAngle"
    spacing = image.GetSpacing()
    header = {
        "PulseSequenceType": sequence,
        "RepetitionTime": ms_of(sidecar["RepetitionTime"]) if "RepetitionTime" in sidecar else None,
        angle: sidecar.get("FlipAngle"),
        "AcquisitionVoxelSize": [*spacing[:2], sidecar["SliceThickness"]] if "SliceThickness" in sidecar else None,
        **{key: sidecar.get(key) for key in _KEPT},
        **more,
    }
    return {key: value for key, value in header.items() if value is not None}


def export_echoes(echoes: Sequence[Path], out: Path) -> None:
    """Write the echoes, one file each in the order of echo time, as one image of four dimensions.

    Raises
    ------
    Stopped
        An image holds a stop note.
    MyoT2Error
        The echoes lie on different grids, or a sidecar has no echo time.
    """
    images = [read_image(path) for path in echoes]
    for path, image in zip(echoes[1:], images[1:], strict=True):
        require_same_grid(images[0], image, where=path, what="all echoes")
    sidecars = [read_sidecar(path) for path in echoes]
    for path, sidecar in zip(echoes, sidecars, strict=True):
        if "EchoTime" not in sidecar:
            raise MyoT2Error(
                expected="EchoTime in the sidecar of each echo", found="none", where=path, do="Ingest the scan again."
            )
    times = [ms_of(sidecar["EchoTime"]) for sidecar in sidecars]
    fourth = {"FourthDimension": "EchoTime", "EchoTime": times}
    _write(sitk.JoinSeries(images), header_of(sidecars[0], images[0], "Multi-echo Spin Echo", **fourth), out)


def export_dixon(path: Path, out: Path) -> None:
    """Write one Dixon image."""
    image, sidecar = read_image(path), read_sidecar(path)
    time = {"EchoTime": ms_of(sidecar["EchoTime"])} if "EchoTime" in sidecar else {}
    _write(image, header_of(sidecar, image, "Dixon", **time), out)


def export_t2(path: Path, out: Path) -> None:
    """Write a T2 map in ms; a voxel without a value is 0."""
    image, sidecar = read_image(path), read_sidecar(path)
    _write(image, header_of(sidecar, image, "T2 Map", Units="ms"), out)


def headers_beside(image: Path) -> list[Path]:
    """The JSON files beside an exported image: its header, and `_extra`, from which DICOM could be made again."""
    header = sidecar_path(image)
    return [header, header.with_name(f"{header.stem}_extra.json")]


def _write(image: sitk.Image, header: Mapping[str, Any], out: Path) -> None:
    """`_patient.json` is left out, as the specification allows, and `_extra.json` is empty: nothing of the DICOM
    headers leaves ingest."""
    write_image(image, out)
    write_sidecar(out, header)
    write_json(headers_beside(out)[1], {"meta": {}, "extra": {}})
