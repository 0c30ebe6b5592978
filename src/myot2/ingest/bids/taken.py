"""Images of a BIDS or Muscle-BIDS dataset, checked as strictly as those of a scanner, and taken over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import SimpleITK as sitk

from myot2.core.bids import map_in_seconds, ms_of
from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of, require_same_grid, write_image, write_sidecar
from myot2.core.scans import Scan
from myot2.ingest.bids.nifti import read_checked
from myot2.ingest.bids.sidecars import echo_times_of, known_facts, read_given
from myot2.ingest.records import SERIES_COLUMNS

EVEN = 0.01
"""Echo spacings may differ by this part of their median, as those of DICOM series may."""

PLAUSIBLE_MEDIAN_MS = (5.0, 500.0)
"""Where the median of a T2 map of tissue or of a phantom lies when its unit is the right one."""


@dataclass(frozen=True)
class Given:
    """What to take, and where to write it.

    `form` is `bids` or `muscle-bids`. `dixon` maps roles (`dixon-in`, ...) to image and output; `echoes` are one image
    per echo or a single one of four dimensions, `echoes_out` one output per echo; `t2_map` is image and output.
    """

    form: str
    dixon: Mapping[str, tuple[Path, Path]] = field(default_factory=dict)
    echoes: Sequence[Path] = ()
    echoes_out: Sequence[Path] = ()
    t2_map: tuple[Path, Path] | None = None

    @property
    def outputs(self) -> list[Path]:
        """The images that are written."""
        return [*(out for _, out in self.dixon.values()), *self.echoes_out, *([self.t2_map[1]] if self.t2_map else [])]


@dataclass(frozen=True)
class Taken:
    """One image that was taken: its role, where it goes, its voxels and its sidecar."""

    role: str
    path: Path
    image: sitk.Image
    sidecar: dict[str, Any]


def take(given: Given) -> list[Taken]:
    """Check and write what is given; return it. Either everything is written, or nothing.

    Raises
    ------
    MyoT2Error
        A file is missing, damaged or contradicts itself; the echoes are not as many as asked for, lie on different
        grids, or their times are unknown, not ascending or not evenly spaced; the unit of the T2 map is unknown.
    """
    taken = [
        *(_image(role, *paths, given.form) for role, paths in given.dixon.items()),
        *_echoes(given),
        *_t2_map(given),
    ]
    for one in taken:
        write_image(one.image, one.path)
        write_sidecar(one.path, one.sidecar)
    return taken


def series_of(taken: Sequence[Taken], scan: Scan) -> pd.DataFrame:
    """The series table of what was taken; where a dataset is given there is nothing to choose from."""
    roles = dict.fromkeys(one.role for one in taken)
    rows = [_row(role, [one for one in taken if one.role == role], scan) for role in roles]
    return pd.DataFrame(rows, columns=list(SERIES_COLUMNS))


def _row(role: str, images: Sequence[Taken], scan: Scan) -> dict[str, Any]:
    first = images[0]
    columns, rows, slices = first.image.GetSize()
    across, down, between = first.image.GetSpacing()
    times = [f"{ms_of(one.sidecar['EchoTime']):g}" for one in images if "EchoTime" in one.sidecar]
    repetition = first.sidecar.get("RepetitionTime")
    return {
        "participant_id": scan.participant_id,
        "session": scan.session,
        "role": role,
        "taken": "yes",
        "reason": "given in the dataset",
        "images": len(images) * slices,
        "slices": slices,
        "echoes": len(times),
        "matrix": f"{columns}x{rows}",
        "pixel_spacing_mm": f"{across:.4g}x{down:.4g}",
        "slice_distance_mm": f"{between:g}",
        "tr_ms": None if repetition is None else ms_of(repetition),
        "te_ms": "-".join(dict.fromkeys([times[0], times[-1]])) if times else None,
        "image_type": "/".join(first.sidecar.get("ImageType", [])) or None,
        "sequence": first.sidecar.get("SequenceName"),
    }


def _image(role: str, source: Path, out: Path, form: str) -> Taken:
    image = read_checked(source, role, dimensions=(3,))
    stated = read_given(source, role)
    return Taken(role, out, image, _sidecar(role, "arbitrary", image, _facts(stated, form, role)))


def _echoes(given: Given) -> list[Taken]:
    if not given.echoes_out:
        return []
    images, times, facts = [], [], []
    for number, path in enumerate(given.echoes, start=1):
        where = f"echo {number}" if len(given.echoes) > 1 else "the echoes"
        image = read_checked(path, where, dimensions=(3,) if len(given.echoes) > 1 else (3, 4))
        stated = read_given(path, where)
        volumes = (
            [image[:, :, :, index] for index in range(image.GetSize()[3])] if image.GetDimension() == 4 else [image]
        )
        images += volumes
        times += echo_times_of(stated, given.form, where)
        facts += [known_facts(stated, given.form, where)] * len(volumes)
    _check_echoes(images, times, len(given.echoes_out))
    return [
        Taken("mese", out, image, _sidecar("mese", "arbitrary", image, {"EchoTime": time, **fact}))
        for out, image, time, fact in zip(given.echoes_out, images, times, facts, strict=True)
    ]


def _check_echoes(images: Sequence[sitk.Image], times: Sequence[float], wanted: int) -> None:
    if not len(images) == len(times) == wanted:
        raise MyoT2Error(
            expected=f"{wanted} echoes with a time each (ingest.echoes)",
            found=f"{len(images)} images and {len(times)} echo times",
            where="the echoes",
            do="Give all echoes of the series, or set ingest.echoes to their number.",
        )
    for number, image in enumerate(images[1:], start=2):
        require_same_grid(images[0], image, where=f"echo {number}", what="all echoes")
    steps = np.diff(times)
    if len(steps) and (steps.min() <= 0 or np.abs(steps - np.median(steps)).max() > EVEN * np.median(steps)):
        raise MyoT2Error(
            expected="echo times that ascend in even steps",
            found=", ".join(f"{1000 * time:g}" for time in times[:12]) + " ms",
            where="the echoes",
            do="Give the echoes in the order of echo time; they are never reordered or guessed.",
        )


def _t2_map(given: Given) -> list[Taken]:
    if given.t2_map is None:
        return []
    source, out = given.t2_map
    image = read_checked(source, "the T2 map", dimensions=(3,), nan_is_empty=True)
    stated = read_given(source, "the T2 map")
    unit = stated.get("Units", {"bids": "s", "muscle-bids": "ms"}[given.form])
    if unit not in ("s", "ms"):
        raise MyoT2Error(
            expected="a T2 map in s or ms", found="another unit", where="the T2 map", do="Correct Units in its sidecar."
        )
    image = sitk.Cast(image, sitk.sitkFloat64) if unit == "s" else map_in_seconds(image)
    _check_unit(image, unit)
    facts = _facts(stated, given.form, "the T2 map")
    scale = {"T2ScaleToMs": 1000.0 if unit == "s" else 1.0, "T2ScaleSource": "Units" if "Units" in stated else "form"}
    return [Taken("t2map", out, image, _sidecar("t2map", "s", image, {**facts, **scale}))]


def _check_unit(image_s: sitk.Image, unit: str) -> None:
    values = array_of(image_s)
    positive = values[values > 0]
    median = 1000 * float(np.median(positive)) if positive.size else 0.0
    low, high = PLAUSIBLE_MEDIAN_MS
    if not low <= median <= high:
        raise MyoT2Error(
            expected=f"a T2 map whose positive values have a median of {low:g} to {high:g} ms",
            found=f"{median:.4g} ms, its values being taken for {unit}" if positive.size else "no positive value",
            where="the T2 map",
            do="Say the right unit as Units in its sidecar (s or ms).",
        )


def _facts(stated: Mapping[str, Any], form: str, where: str) -> dict[str, Any]:
    """What is known of an image that need not have an echo time; derived images say 0 where they have none."""
    time = {"EchoTime": echo_times_of(stated, form, where)[0]} if stated.get("EchoTime") else {}
    return {**time, **known_facts(stated, form, where)}


def _sidecar(role: str, units: str, image: sitk.Image, facts: Mapping[str, Any]) -> dict[str, Any]:
    spacing = round(float(image.GetSpacing()[2]), 6)
    return {"Role": role, "Units": units, **facts, "SpacingBetweenSlices": spacing}
