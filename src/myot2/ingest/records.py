"""What ingest writes about images: sidecars and the series table. Numbers and known words only; see `vocabulary`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from myot2.ingest.geometry import SliceStack
from myot2.ingest.headers import Frame
from myot2.ingest.selection import Selection
from myot2.ingest.series import Stack
from myot2.ingest.vocabulary import known_image_type

_COLUMNS = """
    series role taken reason images slices echoes orientation matrix pixel_spacing_mm slice_distance_mm tr_ms te_ms
    image_type sequence
"""


def sidecar_of(slices: SliceStack, role: str, units: str) -> dict[str, Any]:
    """The technical facts that stand beside an image; None where the header does not say."""
    first = slices.frames[0]
    return {
        "role": role,
        "units": units,
        "echo_time_ms": first.echo_time,
        "repetition_time_ms": first.repetition_time,
        "flip_angle_deg": first.flip_angle,
        "slice_thickness_mm": first.slice_thickness,
        "spacing_between_slices_mm": round(float(slices.spacing[2]), 6),
        "image_type": list(known_image_type(first.image_type)),
        "sequence_name": first.sequence,
        "manufacturer": first.manufacturer,
        "model": first.model,
        "magnetic_field_strength_t": first.field_strength,
    }


def series_table(selection: Selection) -> pd.DataFrame:
    """One row per stack: what it is, whether it was taken, and why."""
    rows = [_row(selection, stack) for stack in selection.stacks]
    return pd.DataFrame(rows, columns=_COLUMNS.split())


def _row(selection: Selection, stack: Stack) -> dict[str, Any]:
    first = stack.first
    return {
        "series": stack.name.removeprefix("series "),
        "role": selection.roles[stack].name,
        "taken": "yes" if stack in selection.taken.values() else "no",
        "reason": selection.reason(stack),
        "images": len(stack.frames),
        "slices": stack.slice_count,
        "echoes": len(stack.echo_times),
        "orientation": stack.orientation,
        "matrix": f"{first.columns}x{first.rows}",
        "pixel_spacing_mm": _by(first.pixel_spacing),
        "slice_distance_mm": _slice_distance(stack),
        "tr_ms": first.repetition_time,
        "te_ms": _range(stack.echo_times),
        "image_type": "/".join(known_image_type(first.image_type)) or None,
        "sequence": first.sequence,
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
