"""Stratified bootstrap samples as counts: how often each person of a group was drawn."""

from __future__ import annotations

import numpy as np

from myot2.analyse.sample import CONFIDENCE


def draw_counts(size: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """How often each of `size` people was drawn in each bootstrap sample of `size`; shape (resamples, size)."""
    return count_draws(rng.integers(0, size, (resamples, size)), size)


def count_draws(draws: np.ndarray, size: int) -> np.ndarray:
    """Turn drawn positions (0 to size - 1) of shape (samples, drawn) into counts of shape (samples, size)."""
    samples = len(draws)
    flat = draws + size * np.arange(samples)[:, None]
    return np.bincount(flat.ravel(), minlength=samples * size).reshape(samples, size)


def percentile_interval(values: np.ndarray) -> tuple[float, float]:
    """The 95 % percentile interval of bootstrap values of shape (resamples,)."""
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
