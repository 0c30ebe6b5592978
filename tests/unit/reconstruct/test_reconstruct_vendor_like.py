"""GRAPPA and the vendor-like way."""

from __future__ import annotations

import numpy as np
import pytest
from reconstruct_truth_disc import make_disc, slice_of
from reconstruct_truth_thighs import block_lines, centred_fft, noise

from myot2.fit.epg import Train
from myot2.reconstruct.grappa import calibrate, fill
from myot2.reconstruct.inversion import invert
from myot2.reconstruct.signal_models import epg_model
from myot2.reconstruct.vendor_like import fill_blocks, invert_vendor_like

TIMES_MS = 10.0 * np.arange(1, 11)


@pytest.fixture(scope="module")
def disc():
    return make_disc((80, 48))


@pytest.fixture(scope="module")
def calibration(disc):
    return centred_fft(disc.kspace[0], 2)[:, 28:52, 8:40]


@pytest.mark.parametrize("acceleration", [2, 3])
def test_filled_lines_are_those_left_out(disc, calibration, acceleration):
    whole = centred_fft(disc.kspace[1], 2).transpose(1, 0, 2)
    lines = np.arange(2, 78, acceleration)
    filled, samples = fill(calibrate(calibration, acceleration), lines, whole[lines], 80)
    assert set(np.arange(2, lines[-1])) <= set(filled)
    middle = (filled > 20) & (filled < 60) & ~np.isin(filled, lines)
    error = np.linalg.norm(samples[middle] - whole[filled[middle]]) / np.linalg.norm(whole[filled[middle]])
    assert error < 0.05
    np.testing.assert_array_equal(samples[np.isin(filled, lines)], whole[lines])


def test_the_kernel_is_the_ridge_regression_of_numpy():
    rng = np.random.default_rng(0)
    region = noise((2, 16, 20), rng)
    kernel = calibrate(region, 2, sources=2, columns=3)
    known, target = [], []
    for row in range(0, 14):
        for column in range(1, 19):
            known.append(region[:, [row, row + 2], column - 1 : column + 2].ravel())
            target.append(region[:, row + 1, column])
    known, target = np.array(known, complex), np.array(target, complex)
    normal = known.conj().T @ known
    normal += 1e-3 * np.trace(normal).real / len(normal) * np.eye(len(normal))
    np.testing.assert_allclose(kernel.weights[0], np.linalg.solve(normal, known.conj().T @ target), atol=1e-5)


def test_too_few_calibration_lines_are_refused():
    with pytest.raises(ValueError, match="calibration lines"):
        calibrate(np.ones((2, 5, 30), complex), 2)


def test_blocks_become_whole_and_a_pattern_without_gaps_stays_as_it_is(disc):
    raw = slice_of(disc, block_lines(80, (0, 1, 2, 3, 4)), seed=0)
    filled = fill_blocks(raw, 80)
    assert [len(lines) for lines in filled.lines] == [16] * 10
    whole = slice_of(disc, [np.arange(80)] * 10, seed=0)
    assert fill_blocks(whole, 80) is whole


def test_the_phase_graph_from_all_data_at_once_is_better_than_the_vendor_like_way(disc):
    raw = slice_of(disc, block_lines(80, (2, 3, 4, 0, 1)), seed=0)
    own = invert(raw, disc.maps, epg_model(Train(10, 10.0)), b1=disc.b1)
    like = invert_vendor_like(raw, disc.maps, TIMES_MS)
    rms = [np.sqrt(np.mean((each.t2_ms / disc.t2_ms - 1)[disc.inside] ** 2)) for each in (own, like)]
    assert rms[0] < 0.5 * rms[1]
    assert like.model.name == "mono"
