"""What the numbers of label maps and status maps mean, as the lookup tables (dseg.tsv) of a BIDS dataset."""

from __future__ import annotations

import pandas as pd

from myot2.core.labels import LabelTable
from myot2.core.voxel_status import Status


def label_lookup(table: LabelTable) -> pd.DataFrame:
    """The content of dseg.tsv: what each number of a label map means."""
    rows = [
        {
            "index": label.index,
            "name": label.name if label.side == "none" else f"{label.side} {label.name}",
            "abbreviation": label.dafne or None,
            "color": label.colour,
        }
        for label in table.labels
    ]
    return pd.DataFrame(rows, columns=["index", "name", "abbreviation", "color"])


def status_lookup() -> pd.DataFrame:
    """The content of dseg.tsv of fit: what each code of a status map means."""
    return pd.DataFrame([{"index": int(status), "name": status.words} for status in Status])
