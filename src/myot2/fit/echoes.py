"""The echoes of a multi-echo series: read from files, checked, and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from myot2.core.bids import ms_of
from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of, read_image, read_sidecar, require_same_grid

LEAST_ECHOES = 3
"""Two unknowns and no residual left is no fit."""

_BRIGHT = 0.3
_MOST_RISE = 0.3
_FEWEST_IN_SLICE = 100


@dataclass(frozen=True)
class Echoes:
    """Magnitudes of a multi-echo series.

    Attributes
    ----------
    signal : np.ndarray
        Shape (echoes, slices, rows, columns), any scale.
    times_ms : np.ndarray
        Echo times in ms, increasing, shape (echoes,).
    grid : sitk.Image
        A three-dimensional image on the grid of each echo.
    where : str
        The file to name when something is wrong with the signal.
    """

    signal: np.ndarray
    times_ms: np.ndarray
    grid: sitk.Image
    where: str


def read_echoes(paths: Sequence[str | Path], times_ms: Sequence[float] | None = None) -> Echoes:
    """Read one file per echo, in the order of echo time, or one four-dimensional file with the echoes as last axis.

    Parameters
    ----------
    paths : sequence of path
        NIfTI files.
    times_ms : sequence of float, optional
        Echo times in ms; without them `EchoTime` (s) of the sidecars is used.

    Raises
    ------
    Stopped
        A file holds a stop note.
    MyoT2Error
        The files do not share a grid, or the echo times are unknown, not one per echo, not increasing or not in ms.
    """
    where = str(paths[0])
    images = [read_image(path) for path in paths]
    if len(images) == 1 and images[0].GetDimension() == 4:
        signal, grid = array_of(images[0]), images[0][:, :, :, 0]
    else:
        _require_volumes(images, paths)
        grid = images[0]
        for image, path in zip(images[1:], paths[1:], strict=True):
            require_same_grid(grid, image, where=path, what="all echoes")
        signal = np.stack([array_of(image) for image in images])
    times = _sidecar_times(paths) if times_ms is None else list(times_ms)
    return Echoes(signal, _checked_times(times, len(signal), where), grid, where)


def skip_first(echoes: Echoes, count: int) -> Echoes:
    """The series without its first `count` echoes.

    The first echo has no stimulated part while all later ones do, so it lies below the decay of the others and a
    mono-exponential fit is better without it (Milford et al. 2015, doi:10.1371/journal.pone.0145255).

    Raises
    ------
    MyoT2Error
        Fewer than `LEAST_ECHOES` echoes are left.
    """
    left = max(len(echoes.times_ms) - count, 0)
    if left < LEAST_ECHOES:
        raise MyoT2Error(
            expected=f"at least {LEAST_ECHOES} echoes to fit",
            found=f"{len(echoes.times_ms)}, of which the first {count} are skipped" if count else str(left),
            where=echoes.where,
            do="Give all echoes of the series, or skip fewer (--skip-first-echoes).",
        )
    return replace(echoes, signal=echoes.signal[count:], times_ms=echoes.times_ms[count:])


def require_decay(echoes: Echoes) -> None:
    """Refuse a series whose signal does not fall from echo to echo.

    Asked of the median over the bright voxels (maximum over the echoes above 0.3 of its 99th percentile), for the whole
    volume and for each slice with at least 100 of them: the last echo lies below the larger of the first two, and no
    echo rises above an earlier one by more than 0.3 of the first. Stimulated echoes lift the second echo by up to a
    quarter at a refocusing angle of 120 degrees (Hennig 1988), which passes, even in a liquid whose last echo lies
    above its first; images that a converter wrote in the wrong order do not.

    Raises
    ------
    MyoT2Error
        There is no signal, or it does not decay.
    """
    signal = np.nan_to_num(np.asarray(echoes.signal, dtype=np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    peak = signal.max(axis=0)
    if peak.max() <= 0:
        raise MyoT2Error(
            expected="echoes with signal", found="no voxel above zero", where=echoes.where, do="Check the conversion."
        )
    bright = peak > _BRIGHT * np.percentile(peak[peak > 0], 99)
    _require_falling(signal[:, bright], "the volume", echoes.where)
    for number in np.flatnonzero(bright.sum(axis=(1, 2)) >= _FEWEST_IN_SLICE):
        _require_falling(signal[:, number][:, bright[number]], f"slice {number + 1}", echoes.where)


def _require_falling(signal: np.ndarray, part: str, where: str) -> None:
    course = np.median(signal, axis=1)
    rise = (course - np.minimum.accumulate(course)).max()
    if course[-1] >= course[:2].max() or rise > _MOST_RISE * course[0]:
        raise MyoT2Error(
            expected="a signal that decays from echo to echo",
            found=f"medians over the bright voxels of {part}: {', '.join(f'{value:.4g}' for value in course)}",
            where=where,
            do="The images are not in the order of the echo times, or are no echoes: convert the series again.",
        )


def _require_volumes(images: list[sitk.Image], paths: Sequence[str | Path]) -> None:
    for image, path in zip(images, paths, strict=True):
        if image.GetDimension() != 3:
            raise MyoT2Error(
                expected="one three-dimensional file per echo, or a single four-dimensional one",
                found=f"{image.GetDimension()} dimensions in one of {len(paths)} file(s)",
                where=path,
                do="Give the echoes in one of these two forms.",
            )


def _sidecar_times(paths: Sequence[str | Path]) -> list[float]:
    times: list[float] = []
    for path in paths:
        value = read_sidecar(path).get("EchoTime")
        seconds = value if isinstance(value, list) else [value]
        if not all(isinstance(time, int | float) for time in seconds):
            raise MyoT2Error(
                expected="EchoTime, in seconds, in the JSON sidecar of each echo",
                found="no echo time" if value is None else "no number",
                where=path,
                do="Give the echo times with --echo-times-ms, or add them to the sidecar.",
            )
        times += map(ms_of, seconds)
    return times


def _checked_times(times: list[float], echoes: int, where: str) -> np.ndarray:
    values = np.asarray(times, dtype=float)
    if len(values) != echoes:
        problem = f"{len(values)} echo times for {echoes} echoes"
    elif not np.all(np.isfinite(values)) or values.min() <= 0 or np.any(np.diff(values) <= 0):
        problem = "echo times " + ", ".join(f"{value:g}" for value in values)
    elif values.max() < 1:
        problem = f"a longest echo time of {values.max():g}, which looks like seconds"
    else:
        return values
    raise MyoT2Error(
        expected="one echo time per echo, positive, increasing, in ms",
        found=problem,
        where=where,
        do="Give the echoes and --echo-times-ms in the order of echo time, in ms.",
    )
