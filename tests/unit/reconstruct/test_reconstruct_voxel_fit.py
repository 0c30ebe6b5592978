"""The fit of fully sampled images, and what the standard deviation knows of the pattern."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from reconstruct_truth_disc import make_disc, slice_of
from reconstruct_truth_thighs import block_lines, centred_fft, noise

from myot2.fit.epg import Train
from myot2.reconstruct.inversion import invert
from myot2.reconstruct.signal_models import FatModel, MonoModel, epg_model
from myot2.reconstruct.uncertainty import folding
from myot2.reconstruct.voxel_fit import fit_images

TIMES_MS = 10.0 * np.arange(1, 11)


def test_noiseless_images_return_t2_and_m0_under_the_phase_graph():
    disc = make_disc()
    images = (np.conj(disc.maps) * centred_fft(disc.kspace, 2, inverse=True)).sum(axis=1)
    t2, m0 = fit_images(images, epg_model(Train(10, 10.0)), disc.b1)
    np.testing.assert_allclose(t2[disc.inside], disc.t2_ms[disc.inside], rtol=1e-3)
    np.testing.assert_allclose(m0[disc.inside], disc.m0[disc.inside], rtol=3e-3)


def test_noise_scatters_t2_as_the_cramer_rao_bound_says():
    t2, m0 = 40.0, 60.0
    decay = np.exp(-TIMES_MS / t2)
    images = m0 * decay[:, None, None] + noise((10, 60, 60), np.random.default_rng(0))
    found, _ = fit_images(images.astype(np.complex64), MonoModel(TIMES_MS), np.ones((60, 60)))
    jacobian = np.stack([decay, m0 * decay * TIMES_MS / t2**2], axis=1)
    bound = np.sqrt(np.linalg.inv(jacobian.T @ jacobian)[1, 1])
    assert np.std(found) == pytest.approx(bound, rel=0.05)


@pytest.mark.parametrize("acceleration", [1, 2, 3])
def test_folding_is_the_spacing_of_the_lines_in_a_block(acceleration):
    assert folding(tuple(block_lines(120, (0, 1, 2, 3, 4), acceleration=acceleration))) == acceleration


def test_more_lines_and_less_undersampling_have_a_smaller_standard_deviation():
    disc, model = make_disc(), epg_model(Train(10, 10.0))
    patterns = ([np.arange(40)] * 10, *(block_lines(40, (2, 3, 4, 0, 1), acceleration=by) for by in (1, 2)))
    sds = [
        np.median(invert(slice_of(disc, lines, seed=0), disc.maps, model, b1=disc.b1).sd_t2_ms[disc.inside])
        for lines in patterns
    ]
    assert sds[0] < sds[1] < sds[2]


def test_a_known_share_of_fat_gives_the_t2_of_water():
    disc, fat = make_disc(), 0.15
    water = epg_model(Train(10, 10.0))
    of_fat = epg_model(Train(10, 10.0, t1_ms=1400.0))
    # fat of a long T2 mixed in, as a second disc of the same tissue but for T2
    mixed = replace(disc, kspace=(1 - fat) * disc.kspace + fat * make_fat(disc, water))
    raw = slice_of(mixed, block_lines(40, (2, 3, 4, 0, 1)), seed=0)
    with_share = invert(raw, disc.maps, FatModel(water, of_fat, np.full((40, 30), fat), 110.0), b1=disc.b1)
    without = invert(raw, disc.maps, water, b1=disc.b1)
    bias = [np.mean((each.t2_ms / disc.t2_ms - 1)[disc.inside]) for each in (with_share, without)]
    assert abs(bias[0]) < 0.03 and bias[1] > 0.1


def make_fat(disc, model):
    """K-space of the disc's M0 with a T2 of 110 ms everywhere."""
    echoes = model.at(np.full(disc.m0.shape, -np.log(110.0)), disc.b1).value * disc.m0
    return centred_fft(echoes[:, None] * disc.maps, 2).astype(np.complex64)
