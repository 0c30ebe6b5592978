"""The label table: the only place that knows which number means which muscle, or bone."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from myot2.core.errors import MyoT2Error

SIDES = ("left", "right", "none")
BONE = "bone"
"""The group of what is labelled and no muscle: aligned, drawn and listed like any label, measured by nothing."""

COLUMNS = ("index", "name", "side", "group", "musclemap", "qmritools", "dafne", "colour")
CODES = ("snomed", "fma")
"""Columns that a table may leave out: the concept in SNOMED CT and in the Foundational Model of Anatomy. A code that
nobody has held against the terminology itself or a published listing ends in a question mark."""


@dataclass(frozen=True)
class Label:
    """One row of config/labels.tsv. `side` is the subject's own left or right, or none (a phantom's spheres)."""

    index: int
    name: str
    side: str
    group: str
    musclemap: str
    qmritools: str
    dafne: str
    colour: str
    snomed: str = "n/a"
    fma: str = "n/a"

    @property
    def is_muscle(self) -> bool:
        """Whether it takes part in what is said of muscle; a phantom's spheres do."""
        return self.group != BONE


@dataclass(frozen=True)
class LabelTable:
    """All labels, in the order of the table."""

    labels: tuple[Label, ...]

    @property
    def structures(self) -> tuple[str, ...]:
        """All names without side, muscle or bone, in table order, each once."""
        return tuple(dict.fromkeys(label.name for label in self.labels))

    @property
    def muscle_labels(self) -> tuple[Label, ...]:
        """The labels that are muscle, in table order."""
        return tuple(label for label in self.labels if label.is_muscle)

    @property
    def muscles(self) -> tuple[str, ...]:
        """Muscle names without side, in table order, each once."""
        return tuple(dict.fromkeys(label.name for label in self.muscle_labels))

    @property
    def groups(self) -> tuple[str, ...]:
        """Muscle groups in table order, each once."""
        return tuple(dict.fromkeys(label.group for label in self.muscle_labels))

    def index(self, name: str, side: str) -> int:
        """The number of a muscle or bone on one side ('left' or 'right')."""
        for label in self.labels:
            if (label.name, label.side) == (name, side):
                return label.index
        raise KeyError(f"no label {name!r} on side {side!r}")

    def indices(self, *, name: str | None = None, group: str | None = None, side: str | None = None) -> list[int]:
        """Numbers of all labels, muscle or bone, with the given name, group and side; None means any."""
        return [
            label.index
            for label in self.labels
            if name in (None, label.name) and group in (None, label.group) and side in (None, label.side)
        ]

    def muscle_indices(
        self, *, name: str | None = None, group: str | None = None, side: str | None = None
    ) -> list[int]:
        """Numbers of the muscles with the given name, group and side; None means any."""
        return LabelTable(self.muscle_labels).indices(name=name, group=group, side=side)

    def bone_indices(self) -> list[int]:
        """Numbers of the labels that are no muscle."""
        return self.indices(group=BONE)


def read_labels(path: str | Path) -> LabelTable:
    """Read a label table.

    Raises
    ------
    MyoT2Error
        A column is missing, an index is no positive whole number or occurs twice, or a side is not left or right.
    """
    with open(path, encoding="utf-8", newline="") as handle:
        reader = csv.DictReader(handle, delimiter="\t")
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or [])]
        if missing:
            raise MyoT2Error(
                expected=f"columns {', '.join(COLUMNS)}",
                found=f"no column {', '.join(missing)}",
                where=path,
                do="Restore the column; config/labels.tsv of the project shows all of them.",
            )
        labels: list[Label] = []
        for number, row in enumerate(reader, start=2):
            labels.append(_label(row, f"{path}, line {number}", {label.index for label in labels}))
    return LabelTable(tuple(labels))


def muscle_only(labels: np.ndarray, table: LabelTable) -> np.ndarray:
    """A label map in which only muscle is labelled: bone and numbers that the table does not know become 0.

    Parameters
    ----------
    labels : np.ndarray
        Any shape and number type; 0 is no label.
    table : LabelTable

    Returns
    -------
    np.ndarray
        Of the same shape and type.
    """
    return np.where(np.isin(labels, table.muscle_indices()), labels, labels.dtype.type(0))


def require_known(labels: np.ndarray, names: LabelTable, where: str | Path) -> None:
    """Refuse a label map with a number that is no label.

    Parameters
    ----------
    labels : np.ndarray
        Any shape and number type; 0 is no label.
    names : LabelTable
    where : str or Path
        The label map, to be named in the error.

    Raises
    ------
    MyoT2Error
        A number is not in the table, or is no whole number.
    """
    foreign = sorted(set(np.unique(labels).tolist()) - {0, *names.indices()})
    if foreign:
        raise MyoT2Error(
            expected="whole numbers that the label table knows",
            found=f"value(s) {', '.join(f'{number:.9g}' for number in foreign[:10])}",
            where=where,
            do="Convert the numbers to those of the label table.",
        )


def _label(row: dict[str, str], where: str, taken: set[int]) -> Label:
    index = row["index"]
    if not index.isdecimal() or int(index) < 1 or int(index) in taken:
        raise MyoT2Error(
            expected="a positive whole number that no other row has as index",
            found=repr(index),
            where=where,
            do="Give each label its own number; 0 is the background.",
        )
    if row["side"] not in SIDES:
        raise MyoT2Error(
            expected="side left or right (the subject's own), or none",
            found=repr(row["side"]),
            where=where,
            do="A muscle has one row per side; none is for what has no side.",
        )
    return Label(int(index), *(row[column] for column in COLUMNS[1:]), *(row.get(code) or "n/a" for code in CODES))
