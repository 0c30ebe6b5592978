"""Many voxels of known truth against the sums and bounds of single ones, and against figures found elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from fit_truth_bloch import echo_signals, hard_train, sinc_train
from fit_truth_bounds import bounds, water_fat
from fit_truth_voxels import Table, fat_table, make_voxels


@pytest.fixture(scope="module")
def train():
    return hard_train()


@pytest.fixture(scope="module")
def tables(train):
    return Table(train), fat_table(train)


def random_truth(count, seed, fat=0.5):
    rng = np.random.default_rng(seed)
    return {
        "m0": np.full(count, 1000.0),
        "t2_ms": rng.uniform(20, 120, count),
        "b1": rng.uniform(0.67, 1.0, count),
        "fat_fraction": rng.uniform(0, fat, count),
    }


@pytest.mark.parametrize("make", [hard_train, lambda: sinc_train(positions=24)], ids=["hard", "sinc"])
def test_between_the_nodes_echoes_are_those_of_the_direct_sum(make):
    train = make()
    table, rng = Table(train), np.random.default_rng(0)
    t2, b1 = np.exp(rng.uniform(np.log(10), np.log(300), 40)), rng.uniform(0.5, 1.3, 40)
    direct = np.stack([echo_signals(train, *pair[:1], b1=pair[1]) for pair in zip(t2, b1, strict=True)], axis=1)
    np.testing.assert_allclose(table(t2, b1), direct, atol=2e-6)


def test_the_bound_of_every_voxel_is_that_of_the_voxel_alone(train, tables):
    voxels = make_voxels(*tables, **random_truth(8, 1))
    for how in (
        {"known": ()},
        {"known": ("b1",)},
        {"known": ("b1",), "prior_sd": {"fat_fraction": 0.03}},
        {"known": ("b1", "fat_fraction")},
    ):
        found = voxels.t2_bound(20.0, **how)
        for number, value in enumerate(found):
            truth = {name: values[number] for name, values in voxels.truth.items()}
            assert value == pytest.approx(bounds(water_fat(train), truth, sigma=20.0, **how)["t2_ms"], rel=2e-3)


def test_the_bounds_of_the_field_s_usual_case_are_those_that_a_phase_graph_gave(tables):
    """Root mean square over T2 20-120 ms, refocusing 120-180 degrees, ten echoes, mean first-echo SNR 50."""
    voxels = make_voxels(tables[0], **random_truth(30000, 2, fat=0.0))
    sigma = voxels.clean[0].mean() / 50
    short = voxels.truth["t2_ms"] < 60
    for known, everywhere, below_60 in ((("fat_fraction",), 2.81, 1.505), (("fat_fraction", "b1"), 2.43, None)):
        bound = voxels.t2_bound(sigma, known)
        assert np.sqrt(np.mean(bound**2)) == pytest.approx(everywhere, rel=0.01)
        if below_60:
            assert np.sqrt(np.mean(bound[short] ** 2)) == pytest.approx(below_60, rel=0.01)


def test_the_noise_is_rician(tables):
    voxels = make_voxels(tables[0], **random_truth(20000, 3, fat=0.0))
    noisy = voxels.noisy(50.0, seed=0)
    np.testing.assert_allclose((noisy**2 - voxels.clean**2).mean(axis=1), 2 * 50.0**2, rtol=0.1)
    np.testing.assert_array_equal(noisy, voxels.noisy(50.0, seed=0))
    assert np.any(noisy != voxels.noisy(50.0, seed=1))
