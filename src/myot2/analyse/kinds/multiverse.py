"""How the results depend on choices that have equals."""

from __future__ import annotations

from myot2.analyse.material import Material
from myot2.analyse.multiverse import describe_multiverse
from myot2.analyse.outcome import Outcome
from myot2.analyse.plan_kinds import Multiverse

ENDS = tuple(f"{name}.{end}" for name in ("auc", "cutoff") for end in ("min", "max"))


def run(key: str, analysis: Multiverse, material: Material) -> Outcome:
    """`<key>.variants`, and the ends between which area and cutoff lie."""
    if material.multiverse is None:
        raise ValueError("no table of variants was given (scripts/compare_variants.py makes it)")
    found = describe_multiverse(material.multiverse)
    return Outcome({f"{key}.{name.removeprefix('multiverse.')}": statistic for name, statistic in found.items()})


def main_keys(key: str, analysis: Multiverse, material: Material) -> tuple[str, ...]:
    """The number of variants, and all ends."""
    return (f"{key}.variants", *(f"{key}.{end}" for end in ENDS))
