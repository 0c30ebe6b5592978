"""The unit of a scanner's T2 map. Nothing in a classic MR header says it, so it is established or refused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.ingest.reading.volumes import displayed, real_world
from myot2.ingest.stacking.series import Stack
from myot2.ingest.stacking.stations import read_stack

PLAUSIBLE_MS = (20.0, 150.0)
"""Where the median T2 of a limb or a phantom must lie; muscle at 3 T is near 35 ms, fat and oedema above."""
FACTORS = (1.0, 0.1, 10.0, 1000.0)
"""Stored in ms, in tenths of a ms, in hundredths of a second, or in seconds."""

CLEARLY = 2.0
"""How many times more values the factor must make plausible than any other: noise beside the limb has long T2 times."""

_MS_PER_UNIT = {"ms": 1.0, "s": 1000.0, "us": 0.001}
_NO_TIMES = {"/s", "1/s", "s-1", "/ms", "Hz", "kHz", "%"}
"""Units of other quantities: of rates and fractions. Codes that mean no unit say nothing."""


@dataclass(frozen=True)
class T2Map:
    """A T2 map in ms, the factor that made it so, and where the factor comes from."""

    image: sitk.Image
    scale_to_ms: float
    source: str


def read_t2_map(stack: Stack, given_scale: float | None) -> T2Map:
    """Read a T2 map in ms.

    The unit comes from the map's real-world mapping; else from `given_scale` (ms per displayed value); else it is
    assumed (see `plausible_factor`).

    Raises
    ------
    MyoT2Error
        The map is unreadable or empty; its unit remains unknown or is none of time; its images name different ones.
    """
    units = {frame.real_world.unit if frame.real_world else None for frame in stack.frames}
    if len(units) > 1:
        raise MyoT2Error(
            expected="one unit in the whole T2 map",
            found="images whose real-world mappings name different units, or images without one among others",
            where=stack.name,
            do="Export the map again as the scanner made it.",
        )
    if (unit := units.pop()) in _MS_PER_UNIT:
        return _scaled(read_stack(stack.slices, real_world, stack.name), _MS_PER_UNIT[unit], "RealWorldValueMapping")
    if unit in _NO_TIMES:
        raise MyoT2Error(
            expected="a T2 map in a unit of time",
            found="a real-world mapping to rates or fractions",
            where=stack.name,
            do="Take another series for the T2 map; this one holds another quantity.",
        )
    shown = read_stack(stack.slices, displayed, stack.name)
    if given_scale is not None:
        return _scaled(shown, given_scale, "given")
    return _scaled(shown, plausible_factor(sitk.GetArrayViewFromImage(shown), stack.name), "assumed")


def plausible_factor(values: np.ndarray, where: str) -> float:
    """The one factor that makes the positive values T2 times in ms.

    Their median must lie within `PLAUSIBLE_MS`, and `CLEARLY` times as many of them as under any other factor.

    Raises
    ------
    MyoT2Error
        No factor or several do so.
    """
    positive = values[values > 0]
    median = float(np.median(positive)) if positive.size else 0.0
    shares = {factor: _plausible_share(positive * factor) for factor in FACTORS}
    fitting = [factor for factor in FACTORS if PLAUSIBLE_MS[0] <= median * factor <= PLAUSIBLE_MS[1]]
    if fitting:
        fitting = [factor for factor in FACTORS if CLEARLY * shares[factor] > shares[fitting[0]]]
    if len(fitting) != 1:
        low, high = PLAUSIBLE_MS
        raise MyoT2Error(
            expected=f"a T2 map with a median of {low:g} to {high:g} ms in one of the usual units",
            found=f"a median of {median:.4g} (unit unknown), which fits {len(fitting)} of them",
            where=where,
            do="Set ingest.t2_map_scale (option --t2-map-scale) to the milliseconds of one stored unit.",
        )
    return fitting[0]


def _plausible_share(times: np.ndarray) -> float:
    low, high = PLAUSIBLE_MS
    return float(np.mean((times >= low) & (times <= high))) if times.size else 0.0


def _scaled(image: sitk.Image, factor: float, source: str) -> T2Map:
    return T2Map(sitk.Cast(image * factor, sitk.sitkFloat32), factor, source)
