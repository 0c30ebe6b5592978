"""The choices that an analysis could have made otherwise: which voxels, which T2, and how they become one number.

The names of the choices are here for all stages: measure makes the numbers, analyse compares them, report draws them.
"""

from __future__ import annotations

from typing import Literal, get_args

OtherMask = Literal["eroded", "corrected"]
OtherT2 = Literal["vendor-map", "mono", "mono-offset", "epg", "epg-water-fat"]
OtherStatistic = Literal["median", "p90"]
OtherAggregation = Literal["muscle", "slice"]

OWN_STATISTIC, OWN_AGGREGATION = "mean", "voxel"
"""The main path's: the mean over all voxels of both thighs. Its mask and its T2 are the run's own."""

OTHER_MASKS: tuple[str, ...] = get_args(OtherMask)
ALL_T2: tuple[str, ...] = (*get_args(OtherT2), "kspace")
"""What a T2 map of the variants may be called; the map from k-space is always the run's own."""

STATISTICS = (OWN_STATISTIC, *get_args(OtherStatistic))
AGGREGATIONS = (OWN_AGGREGATION, *get_args(OtherAggregation))
CHOICES = ("mask", "t2", "statistic", "aggregation")
"""The four choices, as columns of every table of variants."""


def description_of(t2: str) -> str:
    """The value of the BIDS entity desc of a T2 map that is not the run's own, which allows letters and digits only."""
    return t2.replace("-", "")
