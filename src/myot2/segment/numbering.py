"""Other tools' numbers and names of muscles, translated to those of the label table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from myot2.core.errors import MyoT2Error
from myot2.core.label_names import find_label
from myot2.core.labels import Label, LabelTable


@dataclass(frozen=True)
class Translation:
    """From the numbers of a model or a label map to those of the label table.

    Attributes
    ----------
    numbers : dict of int to int
        Theirs to ours.
    ignored : dict of int to str
        Numbers and names of structures that become background.
    absent : tuple of Label
        Labels of the table that have no number of theirs.
    """

    numbers: dict[int, int]
    ignored: dict[int, str]
    absent: tuple[Label, ...]

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Ours in place of theirs; 0 and what is ignored become 0.

        Parameters
        ----------
        values : ndarray of integer, any shape
            No number but 0 and those of `numbers` and `ignored`.

        Returns
        -------
        ndarray of unsigned integer of 8 bits, or 16 where a number of ours needs them; same shape
        """
        ours = np.zeros(1 + max([*self.numbers, *self.ignored]), np.uint8 if self._fits_8_bits else np.uint16)
        ours[[*self.numbers]] = [*self.numbers.values()]
        return ours[values]

    def left_out(self, values: np.ndarray) -> dict[str, int]:
        """How many voxels each ignored structure has, by name; those without a voxel are left out."""
        voxels = np.bincount(values.ravel(), minlength=1 + max(self.ignored, default=0))
        return {name: int(voxels[number]) for number, name in self.ignored.items() if voxels[number]}

    @property
    def _fits_8_bits(self) -> bool:
        return max(self.numbers.values()) < 256


def translation(
    table: LabelTable,
    structures: Mapping[int, Iterable[str]],
    numbering: str,
    *,
    ignore: Collection[str],
    where: str | Path,
    advice: str = "Add them to the label table",
) -> Translation:
    """Match the structures of a model or a label map with the label table.

    Parameters
    ----------
    table : LabelTable
    structures : mapping
        Their number (not 0) and all that they are called; the first is used in messages.
    numbering : str
        `myot2.core.label_names.OWN`, or the column of the label table in which their numbers or short names stand.
    ignore : collection of str
        Patterns (as of file names) of the names that become background where the table does not know them.
    where : str or Path
        The file that names the structures.
    advice : str
        What can be done about unknown structures, besides ignoring them.

    Raises
    ------
    MyoT2Error
        A structure is neither known nor ignored, one is known by two labels or two by one, or none is known.
    """
    numbers: dict[int, int] = {}
    ignored: dict[int, str] = {}
    unknown: list[str] = []
    for number, names in structures.items():
        first, *others = names
        found = {label.index for name in (first, *others) if (label := find_label(table, name, numbering))}
        if len(found) > 1:
            raise _clash(f"{first!r} as labels {sorted(found)}", where)
        if found:
            numbers[number] = found.pop()
        elif any(fnmatchcase(name, pattern) for name in (first, *others) for pattern in ignore):
            ignored[number] = first
        else:
            unknown.append(first)
    if unknown or not numbers:
        raise _unknown(unknown, where, advice)
    twice = sorted({ours for ours in numbers.values() if list(numbers.values()).count(ours) > 1})
    if twice:
        raise _clash(f"more than one for label {twice[0]}", where)
    absent = tuple(label for label in table.labels if label.index not in numbers.values())
    return Translation(numbers, ignored, absent)


def _unknown(names: list[str], where: str | Path, advice: str) -> MyoT2Error:
    shown = ", ".join(map(repr, names[:6])) + (", ..." if len(names) > 6 else "")
    return MyoT2Error(
        expected="structures that the label table knows",
        found=f"{len(names)} others: {shown}" if names else "none that is not ignored",
        where=where,
        do=f"{advice}, or name them in segment.ignore, where patterns such as 'gluteus*' are allowed; see "
        "segment.numbering too.",
    )


def _clash(found: str, where: str | Path) -> MyoT2Error:
    return MyoT2Error(
        expected="one structure for each label", found=found, where=where, do="Rename one of them, or ignore it."
    )
