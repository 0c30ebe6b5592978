"""What a page is told of the cases and labels: no name and no group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from myot2.core.files import sha256
from myot2.core.labels import LabelTable
from myot2.review.cases import Case


def listing(cases: Sequence[Case], table: LabelTable, done: Callable[[Case], bool]) -> dict[str, Any]:
    """All cases in order, by number: risk, flags and whether they are done; and all labels."""
    return {
        "cases": [
            {"number": number, "risk": case.risk, "flags": list(case.flags), "done": done(case)}
            for number, case in enumerate(cases, start=1)
        ],
        "labels": [
            {
                "index": label.index,
                "name": f"{label.side} {label.name}",
                "colour": label.colour,
                "muscle": label.is_muscle,
            }
            for label in table.labels
        ],
    }


def facts(case: Case) -> dict[str, Any]:
    """What is shown beside the images, and the digests of what is seen."""
    return {
        "risk": case.risk,
        "flags": list(case.flags),
        "image_sha256": sha256(case.image),
        "mask_sha256": sha256(case.own_labels),
    }
