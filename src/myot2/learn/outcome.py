"""What an attempt did, as a table: a row per structure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

COLUMNS = {
    "structure": "Muscle or bone, without side; the first row is the mean of all that a person has.",
    "learned_people": "People whose masks with this structure were learned from.",
    "learned_slices": "Slices of limbs with voxels of it that were learned from.",
    "local_people": "Held-out people of the site in whom somebody drew it; n/a in the columns after it where there are "
    "none.",
    "local_before": "Mean Dice (0-1) of these people before.",
    "local_after": "The same after.",
    "local_change": "Mean of the people's differences.",
    "local_lowest": "The most unfavourable difference of one person.",
    "kept_people": "Held-out people of the site in whom readers left it as a version of the model had drawn it.",
    "kept_before": "Mean Dice (0-1) with these outlines before, which are no truth.",
    "kept_after": "The same after.",
    "kept_change": "Mean of these people's differences: how far the new version departs.",
    "kept_lowest": "The greatest departure of one person.",
    "generality_people": "Synthetic people, whom no training knows, who have it.",
    "generality_before": "Mean Dice (0-1) of these before.",
    "generality_after": "The same after.",
    "generality_change": "Mean of their differences.",
    "generality_lowest": "The most unfavourable difference of one of them.",
}


def outcome_table(record: Mapping[str, Any]) -> pd.DataFrame:
    """The changes of each structure.

    Parameters
    ----------
    record : mapping
        Of an attempt, as the ledger has it.

    Returns
    -------
    pd.DataFrame
        `COLUMNS`; structures in the order of the network's channels.
    """
    data = record["Data"]
    sides = {
        "local": {one["structure"]: one for one in record["Verdict"]["Local"]},
        "kept": {one["structure"]: one for one in record["Verdict"]["Kept"]},
        "generality": {one["structure"]: one for one in record["Verdict"]["Generality"]},
    }
    mean = record["Verdict"]["Generality"][0]["structure"]
    rows = []
    for own in ({**data, "Structure": mean}, *data["Structures"]):
        name = own["Structure"]
        row: dict[str, Any] = {"structure": name, "learned_people": own["People"], "learned_slices": own["Slices"]}
        for side, found in sides.items():
            change = found.get(name, {})
            row[f"{side}_people"] = change.get("people", 0)
            row |= {f"{side}_{key}": change.get(key) for key in ("before", "after", "change", "lowest")}
        rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))
