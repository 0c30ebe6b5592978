"""Names and colours of labels for viewers, in the numbers of the label table or of another tool.

ITK-SNAP: label descriptions (index, red, green, blue, opacity, visible, mesh, "name"). 3D Slicer: colour tables (index,
name, red, green, blue, opacity), names without spaces; its documentation warns of large numbers, for the table reaches
up to the largest.
"""

from __future__ import annotations

import numpy as np

from myot2.core.errors import MyoT2Error
from myot2.core.label_names import OWN
from myot2.core.labels import Label, LabelTable

NUMBERINGS = (OWN, "musclemap", "qmritools")
SLICER_LARGEST = 15_000
"""The number beyond which 3D Slicer's documentation advises against a colour table."""

_NONE = ("", "n/a")


def number_in(label: Label, numbering: str) -> int | None:
    """The number of a label in a numbering; None where it has none there.

    Raises
    ------
    MyoT2Error
        The label table holds something else than a number.
    """
    text = str(label.index) if numbering == OWN else getattr(label, numbering)
    if text in _NONE:
        return None
    if not text.isdecimal() or int(text) == 0:
        raise MyoT2Error(
            expected=f"numbers in the column {numbering}",
            found=repr(text),
            where="the label table",
            do="Correct the row, or write n/a where the other tool has no such label.",
        )
    return int(text)


def itksnap(table: LabelTable, numbering: str = OWN) -> str:
    """ITK-SNAP's label descriptions."""
    lines = ["# ITK-SNAP Label Description File", "# IDX R G B A VIS MSH LABEL", '    0 0 0 0 0 0 0 "Clear Label"']
    for number, label in _numbered(table, numbering):
        red, green, blue = _rgb(label)
        lines.append(f'{number:5d} {red} {green} {blue} 1 1 1 "{_name(label)}"')
    return "\n".join(lines) + "\n"


def slicer(table: LabelTable, numbering: str = OWN) -> str | None:
    """3D Slicer's colour table; None where the numbers are too large for one."""
    numbered = _numbered(table, numbering)
    if numbered[-1][0] > SLICER_LARGEST:
        return None
    lines = ["# Color table: index name red green blue opacity", "0 background 0 0 0 0"]
    for number, label in numbered:
        lines.append(" ".join([str(number), _name(label).replace(" ", "_"), *map(str, _rgb(label)), "255"]))
    return "\n".join(lines) + "\n"


def renumbered(labels: np.ndarray, table: LabelTable, numbering: str) -> tuple[np.ndarray, tuple[Label, ...]]:
    """A label map in another tool's numbers.

    Parameters
    ----------
    labels : ndarray of integer, any shape
        Numbers of the label table, and 0.
    table : LabelTable
    numbering : str
        One of `NUMBERINGS`.

    Returns
    -------
    ndarray of uint16, or uint32 where a number needs it; same shape
    tuple of Label
        The labels that are there and have no number in it, and became 0.
    """
    numbers = {label.index: number_in(label, numbering) for label in table.labels}
    largest = max(filter(None, numbers.values()))
    theirs = np.zeros(max(numbers) + 1, np.uint16 if largest < 2**16 else np.uint32)
    for index, number in numbers.items():
        theirs[index] = number or 0
    present = set(np.unique(labels).tolist())
    lost = tuple(label for label in table.labels if label.index in present and numbers[label.index] is None)
    return theirs[labels], lost


def _numbered(table: LabelTable, numbering: str) -> list[tuple[int, Label]]:
    numbered = [(number, label) for label in table.labels if (number := number_in(label, numbering)) is not None]
    return sorted(numbered, key=lambda pair: pair[0])


def _name(label: Label) -> str:
    name = label.name if label.side == "none" else f"{label.name} {label.side}"
    return name.replace('"', "'")


def _rgb(label: Label) -> tuple[int, int, int]:
    try:
        red, green, blue = bytes.fromhex(label.colour.removeprefix("#"))
    except ValueError:
        return 200, 200, 200
    return red, green, blue
