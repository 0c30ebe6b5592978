"""Regions of a label table: each muscle, each group and the whole thigh, by side and all sides together; and bones."""

from __future__ import annotations

from dataclasses import dataclass

from myot2.core.errors import MyoT2Error
from myot2.core.labels import SIDES, LabelTable

THIGH = "thigh"
"""The region of all muscles together; with side 'both' it is the study's value."""

BOTH = "both"


@dataclass(frozen=True)
class Region:
    """A set of labels of muscle with a name and a side: one of the label table, or both."""

    name: str
    side: str
    indices: tuple[int, ...]


def regions_of(table: LabelTable, where: str = "label table") -> list[Region]:
    """All regions of a label table: muscles, then groups, then the thigh; each on the table's sides, and both.

    Bone belongs to no region, so that no measure holds it.

    A group that holds one muscle of the same name is that muscle, and is listed once.

    Raises
    ------
    MyoT2Error
        Two different regions would carry one name.
    """
    chosen = [*({"name": name} for name in table.muscles), *({"group": group} for group in table.groups), {}]
    regions: dict[tuple[str, str], Region] = {}
    for choice in chosen:
        name = next(iter(choice.values()), THIGH)
        for side in (*SIDES, BOTH):
            indices = table.muscle_indices(**choice, side=None if side == BOTH else side)
            region = Region(name, side, tuple(indices))
            if region.indices and regions.setdefault((name, side), region) != region:
                raise MyoT2Error(
                    expected="one name for each muscle and group, other than 'thigh'",
                    found=f"{name!r} for two different regions",
                    where=where,
                    do="Rename the group or the muscle.",
                )
    return list(regions.values())


def other_regions_of(table: LabelTable) -> list[Region]:
    """What a label table has beside muscle, such as bone: each name on the table's sides, and both."""
    names = dict.fromkeys(label.name for label in table.labels if label.name not in table.muscles)
    regions = [
        Region(name, side, tuple(table.indices(name=name, side=None if side == BOTH else side)))
        for name in names
        for side in (*SIDES, BOTH)
    ]
    return [region for region in regions if region.indices]
