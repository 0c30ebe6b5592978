"""The median in a neighbourhood against NumPy's, and the mean of medians against what was smooth."""

from __future__ import annotations

import numpy as np
import pytest

from myot2.fit.smoothing import LEVELS, median_inside, smooth_inside


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


def plane(shape):
    """A field that varies as B1 does, by a tenth over twenty voxels."""
    z, y, x = np.indices(shape)
    return 0.7 + 0.005 * x + 0.002 * y + 0.01 * z


@pytest.mark.parametrize("shape", [(5, 30, 31), (3, 28, 29)])
def test_the_mean_of_medians_finds_a_smooth_field_among_noise_and_outliers(shape):
    rng = np.random.default_rng(0)
    values = plane(shape) + rng.normal(0, 0.04, shape)
    values[rng.random(shape) < 0.05] = 1.4
    inner = (slice(1, -1), slice(6, -6), slice(6, -6))
    error = (smooth_inside(values, (3, 7, 7)) - plane(shape))[inner]
    assert abs(error.mean()) < 0.004
    assert error.std() < 0.85 * (median_inside(values, (3, 7, 7)) - plane(shape))[inner].std()


@pytest.mark.parametrize("missing", [0.5, 0.97])
def test_the_mean_of_medians_knows_every_voxel_inside_and_no_other(missing):
    rng = np.random.default_rng(0)
    values = rng.uniform(0.7, 0.8, (4, 20, 22))
    outside = rng.random(values.shape) < missing
    values[outside] = np.nan
    smooth = smooth_inside(values, (3, 7, 7))
    np.testing.assert_array_equal(np.isnan(smooth), outside)
    assert np.nanmin(smooth) >= 0.7 and np.nanmax(smooth) <= 0.8


def test_a_neighbourhood_of_one_voxel_smooths_nothing():
    values = np.random.default_rng(0).uniform(0.4, 1.4, (3, 5, 7))
    np.testing.assert_allclose(smooth_inside(values, (1, 1, 1)), values, atol=0.51 / LEVELS)
