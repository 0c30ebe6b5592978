"""What ingest writes about images: sidecars and the series table. Numbers and known words only; see `vocabulary`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from myot2.core.bids import seconds_of
from myot2.core.scans import Scan
from myot2.ingest.choosing.selection import Selection
from myot2.ingest.identity import Pseudonyms
from myot2.ingest.reading.headers import Frame
from myot2.ingest.stacking.geometry import Grid
from myot2.ingest.stacking.series import Stack
from myot2.ingest.vocabulary import known_image_type

_COLUMNS = """
    participant_id session series role confidence taken reason evidence images slices echoes orientation matrix
    pixel_spacing_mm slice_distance_mm tr_ms te_ms image_type sequence pseudonym
"""
SERIES_COLUMNS = tuple(_COLUMNS.split())
"""The columns of a series table, of one scan as of a whole tree."""

_POORER = "; exported by Siemens XA as classic objects, which leave facts out: enhanced ones are better"


def sidecar_of(slices: Grid, role: str, units: str, **more: Any) -> dict[str, Any]:
    """The technical facts that stand beside an image, by BIDS keys in BIDS units; what is unknown is left out.

    Times are in s, lengths in mm, angles in degrees, the field in T. `more` is written after them.
    """
    first = slices.frames[0]
    facts = {
        "Role": role,
        "Units": units,
        "EchoTime": _seconds(first.echo_time),
        "RepetitionTime": _seconds(first.repetition_time),
        "FlipAngle": first.flip_angle,
        "RefocusingFlipAngle": first.refocusing_flip_angle,
        "RefocusingFlipAngleAssumed": first.refocusing_assumed or None,
        "SliceThickness": first.slice_thickness,
        "SpacingBetweenSlices": round(float(slices.spacing[2]), 6),
        "ImageType": list(known_image_type(first.image_type)),
        "SequenceName": first.sequence,
        "Manufacturer": first.manufacturer,
        "ManufacturersModelName": first.model,
        "MagneticFieldStrength": first.field_strength,
        **more,
    }
    return {key: value for key, value in facts.items() if value not in (None, [])}


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else seconds_of(ms)


def series_rows(
    selection: Selection, scan: Scan | None = None, pseudonyms: Pseudonyms | None = None
) -> list[dict[str, Any]]:
    """`SERIES_COLUMNS` of each stack: what it is, whether taken, and why; without a scan or a key those are missing."""
    who = {"participant_id": scan.participant_id, "session": scan.session} if scan else {}
    return [{**who, **_row(selection, stack, pseudonyms)} for stack in selection.stacks]


def _row(selection: Selection, stack: Stack, pseudonyms: Pseudonyms | None) -> dict[str, Any]:
    first, role = stack.first, selection.roles[stack]
    rows, columns = stack.matrix
    return {
        "series": stack.name.removeprefix("series "),
        "role": role.name,
        "confidence": role.confidence,
        "taken": selection.fate(stack),
        "reason": selection.reason(stack) + (_POORER if first.xa_as_classic else ""),
        "evidence": role.evidence,
        "images": len(stack.frames),
        "slices": stack.slice_count,
        "echoes": len(stack.echo_times),
        "orientation": stack.orientation,
        "matrix": f"{columns}x{rows}",
        "pixel_spacing_mm": _by(first.pixel_spacing),
        "slice_distance_mm": _slice_distance(stack),
        "tr_ms": first.repetition_time,
        "te_ms": _range(stack.echo_times),
        "image_type": "/".join(known_image_type(first.image_type)) or None,
        "sequence": first.sequence,
        "pseudonym": pseudonyms.of(stack.identity) if pseudonyms else None,
    }


def _slice_distance(stack: Stack) -> str | None:
    """The distance that the header states; the positions are measured only of what is a candidate."""
    first: Frame = stack.first
    stated = first.slice_distance or first.slice_thickness
    return f"{stated:g}" if stated else None


def _by(values: Sequence[float] | None) -> str | None:
    return "x".join(f"{value:.4g}" for value in reversed(values)) if values else None


def _range(values: Sequence[float]) -> str | None:
    if not values:
        return None
    return f"{values[0]:g}" if len(values) == 1 else f"{values[0]:g}-{values[-1]:g}"
