"""The numbers and names by which other tools and people call a label of the table."""

from __future__ import annotations

import re

from myot2.core.labels import Label, LabelTable

OWN = "myot2"
"""The numbering of the label table itself; any other is one of its columns."""

NUMBERINGS = (OWN, "musclemap", "qmritools", "dafne")

_SIDES = {"left": "left", "l": "left", "right": "right", "r": "right"}
_NO_CODE = ("", "n/a")


def find_label(table: LabelTable, text: str, numbering: str = OWN) -> Label | None:
    """The label that a number or name means, None where there is none.

    Known are the number or short name in the column of the numbering, and under each numbering the full name with the
    side as first or last word (`vastus lateralis left`, `Left_Vastus-Lateralis`, `vastus_lateralis_l`), in any case.
    """
    text = text.strip()
    for label in table.labels:
        code = str(label.index) if numbering == OWN else getattr(label, numbering)
        if code not in _NO_CODE and text == code:
            return label
    words = re.split(r"[\s_\-.,()]+", text.lower().strip("() "))
    for place in (0, -1):
        side = _SIDES.get(words[place]) if len(words) > 1 else None
        rest = words[1:] if place == 0 else words[:-1]
        name = [*words, "none"] if side is None else [*rest, side]
        for label in table.labels:
            if name == [*label.name.lower().split(), label.side]:
                return label
    return None
