"""What may be taken over from the sidecar of an image that is given: an allow-list, as for DICOM headers.

An outside sidecar can hold a name under any key. Keys that are not known are left behind; text passes only where
`vocabulary` knows it; numbers must be numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from myot2.core.bids import seconds_of
from myot2.core.errors import MyoT2Error
from myot2.core.images import sidecar_path
from myot2.ingest.vocabulary import known_image_type, known_manufacturer, known_model, known_sequence

MAX_BYTES = 10_000_000
"""A sidecar larger than this is none."""

_MILLISECONDS = {"muscle-bids"}
"""Forms whose times are in ms; those of BIDS are in s."""

_LARGEST = {
    "RepetitionTime": 100.0,
    "FlipAngle": 360.0,
    "RefocusingFlipAngle": 360.0,
    "SliceThickness": 100.0,
    "MagneticFieldStrength": 30.0,
}

_BEYOND_ANY_FACT = 1e9
_MOST_SHOWN = 12

_WORDS = {
    "SequenceName": known_sequence,
    "Manufacturer": known_manufacturer,
    "ManufacturersModelName": known_model,
}


def read_given(image_path: Path, where: str) -> dict[str, Any]:
    """The sidecar of a given image as it is, for this module's other functions; empty where there is none.

    Raises
    ------
    MyoT2Error
        It is no JSON object.
    """
    path = sidecar_path(image_path)
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8")) if path.stat().st_size <= MAX_BYTES else None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise MyoT2Error(
            expected="a JSON object beside the image", found="something else", where=where, do="Restore the sidecar."
        )
    return content


def known_facts(given: Mapping[str, Any], form: str, where: str) -> dict[str, Any]:
    """The technical facts of a given sidecar that may pass, by BIDS keys in BIDS units; echo times are not among them.

    Raises
    ------
    MyoT2Error
        A number that is known by its key is none, or is out of range.
    """
    voxel = given.get("AcquisitionVoxelSize")
    stated = {
        "FlipAngle": given.get("RefocusingFlipAngle"),
        "SliceThickness": voxel[2] if isinstance(voxel, list) and len(voxel) == 3 else None,
        **{key: given[key] for key in _LARGEST if key in given},
    }
    facts: dict[str, Any] = {}
    for key, largest in _LARGEST.items():
        if stated.get(key) is not None:
            value = number(stated[key], key, where)
            in_ms = key == "RepetitionTime" and form in _MILLISECONDS
            facts[key] = seconds_of(value) if in_ms else value
            if not 0 < facts[key] <= largest:
                raise _no_number(key, where)
    if given.get("RefocusingFlipAngleAssumed") is True:
        facts["RefocusingFlipAngleAssumed"] = True
    tokens = given.get("ImageType")
    if isinstance(tokens, list):
        facts["ImageType"] = list(known_image_type(token for token in tokens if isinstance(token, str)))
    for key, known in _WORDS.items():
        if isinstance(given.get(key), str):
            facts[key] = known(given[key])
    return {key: value for key, value in facts.items() if value not in (None, [])}


def echo_times_of(given: Mapping[str, Any], form: str, where: str) -> list[float]:
    """The echo time or times (s) of a given sidecar.

    Raises
    ------
    MyoT2Error
        There is none, one is no number, or the unit is not that of the form.
    """
    stated = given.get("EchoTime")
    if stated is None:
        raise MyoT2Error(
            expected="EchoTime in the image's sidecar", found="none", where=where, do="Add it: it is never guessed."
        )
    values = [number(value, "EchoTime", where) for value in (stated if isinstance(stated, list) else [stated])]
    unit, times = ("ms", list(map(seconds_of, values))) if form in _MILLISECONDS else ("s", values)
    if not times or not all(0.0005 <= time < 1 for time in times):
        raise MyoT2Error(
            expected=f"echo times of 0.5 to 1000 ms, written in {unit} as {form} has it",
            found=", ".join(f"{value:g}" for value in values[:_MOST_SHOWN]) or "none",
            where=where,
            do="Correct the number or its unit in the sidecar, or set ingest.source to the form that it has.",
        )
    return times


def number(value: Any, key: str, where: str) -> float:
    """A finite number of a sidecar."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _BEYOND_ANY_FACT
    if not known:
        raise _no_number(key, where)
    return float(value)


def _no_number(key: str, where: str) -> MyoT2Error:
    return MyoT2Error(
        expected=f"a number in range for {key}", found="something else", where=where, do="Correct the image's sidecar."
    )
