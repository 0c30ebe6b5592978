"""The median in a neighbourhood against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from myot2.fit.smoothing import LEVELS, median_inside


def plain(values, size):
    """Window by window, the lower middle value of an even number."""
    result = np.full(values.shape, np.nan)
    for at in np.argwhere(np.isfinite(values)):
        window = tuple(slice(max(x - s // 2, 0), x + s // 2 + 1) for x, s in zip(at, size, strict=True))
        inside = np.sort(values[window][np.isfinite(values[window])])
        result[tuple(at)] = inside[(len(inside) - 1) // 2]
    return result


@pytest.mark.parametrize("size", [(1, 1, 1), (3, 7, 7), (1, 5, 3), (5, 3, 15)])
@pytest.mark.parametrize("missing", [0.0, 0.3, 0.9])
def test_the_median_of_the_known_neighbours_is_found(size, missing):
    rng = np.random.default_rng(0)
    values = rng.uniform(0.4, 1.4, (4, 9, 11))
    values[rng.random(values.shape) < missing] = np.nan
    np.testing.assert_allclose(median_inside(values, size), plain(values, size), atol=0.51 / LEVELS)


@pytest.mark.parametrize("values", [np.full((2, 3, 4), np.nan), np.full((2, 3, 4), 0.8)])
def test_nothing_stays_nothing_and_a_constant_stays_itself(values):
    np.testing.assert_allclose(median_inside(values, (3, 3, 3)), values, rtol=1e-6)


def test_an_even_neighbourhood_is_refused():
    with pytest.raises(ValueError, match="odd"):
        median_inside(np.ones((2, 2, 2)), (1, 2, 1))
