"""All slices of a scan, side by side on several cores; the result does not depend on how many."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np

from myot2.core.jobs import THREAD_LIMITS
from myot2.reconstruct.espirit import coil_maps
from myot2.reconstruct.gauss_newton import Progress
from myot2.reconstruct.inversion import Settings, invert
from myot2.reconstruct.raw import RawScan, RawSlice
from myot2.reconstruct.signal_models import SignalModel


@dataclass(frozen=True)
class SliceResult:
    """What the inversion of one slice gave; maps of shape (rows, columns), 32-bit floats.

    Attributes
    ----------
    t2_ms, sd_t2_ms, m0, b1, phase : np.ndarray
        As in `myot2.reconstruct.inversion.Inversion`, M0 as magnitude.
    b1_source : str
    phase_terms_deg : np.ndarray
    misfit : float
        Reduced chi-square.
    convergence : tuple of Progress
    warnings : tuple of str
    """

    t2_ms: np.ndarray
    sd_t2_ms: np.ndarray
    m0: np.ndarray
    b1: np.ndarray
    phase: np.ndarray
    b1_source: str
    phase_terms_deg: np.ndarray
    misfit: float
    convergence: tuple[Progress, ...]
    warnings: tuple[str, ...]


def reconstruct(
    scan: RawScan, models: Sequence[SignalModel], settings: Settings, b1: np.ndarray | None, cores: int
) -> list[SliceResult]:
    """Reconstruct every slice.

    Parameters
    ----------
    scan : RawScan
    models : sequence of SignalModel
        One for each slice.
    b1 : np.ndarray, optional
        Relative B1, shape (slices, rows, columns), NaN where unknown.
    cores : int
        How many slices at a time. Each has a process of its own with one thread for linear algebra, also where there is
        one core: sums of several threads would round in another order.

    Raises
    ------
    MyoT2Error
        A slice cannot be reconstructed; of the first one that cannot.
    """
    shape = (scan.rows, scan.columns)
    fields = [None] * len(scan.slices) if b1 is None else list(b1)
    parts = zip(scan.slices, models, fields, strict=True)
    jobs = [(part, shape, model, settings, field) for part, model, field in parts]
    with (
        _one_thread_each(),
        ProcessPoolExecutor(min(cores, len(jobs)), mp_context=get_context("spawn")) as pool,
    ):
        return list(pool.map(_one_slice, jobs))


def _one_slice(job: tuple[RawSlice, tuple[int, int], SignalModel, Settings, np.ndarray | None]) -> SliceResult:
    part, shape, model, settings, b1 = job
    found = invert(part, coil_maps(part.calibration, shape).maps, model, settings, b1)
    return SliceResult(
        t2_ms=found.t2_ms,
        sd_t2_ms=found.sd_t2_ms,
        m0=np.abs(found.m0),
        b1=found.b1,
        phase=found.phase,
        b1_source=found.b1_source,
        phase_terms_deg=found.phase_terms_deg,
        misfit=found.misfit,
        convergence=found.convergence,
        warnings=found.warnings,
    )


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes that start meanwhile find the limits in their environment, before numpy reads them."""
    before = {name: os.environ.get(name) for name in THREAD_LIMITS}
    os.environ.update(dict.fromkeys(THREAD_LIMITS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
