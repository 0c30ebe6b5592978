"""The inversion of undersampled k-space: what it returns of data whose truth is known."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from reconstruct_truth_disc import all_lines, make_disc, slice_of
from reconstruct_truth_thighs import block_lines

from myot2.core.errors import MyoT2Error
from myot2.fit.epg import Train
from myot2.reconstruct.gauss_newton import Stop
from myot2.reconstruct.inversion import Settings, invert
from myot2.reconstruct.signal_models import MonoModel, epg_model

ORDER = (2, 3, 4, 0, 1)
TO_THE_END = Stop(steps=30, change=1e-5, iterations=30, residual=1e-3)


@pytest.fixture(scope="module")
def model():
    return epg_model(Train(10, 10.0))


@pytest.fixture(scope="module")
def disc():
    return make_disc()


def undersampled(disc, seed=0, **of_disc):
    return slice_of(disc, block_lines(40, ORDER), seed=seed, **of_disc)


def relative_error(result, disc):
    return np.abs(result.t2_ms / disc.t2_ms - 1)[disc.inside]


def test_noiseless_fully_sampled_data_return_the_truth(model, disc):
    settings = Settings(strength=1e-4, stop=TO_THE_END)
    result = invert(slice_of(disc, all_lines()), disc.maps, model, settings, b1=disc.b1)
    assert relative_error(result, disc).max() < 1e-3
    assert np.abs(result.phase_terms_deg).max() < 0.02


def test_noiseless_undersampled_data_return_the_truth_where_the_pattern_determines_it(model, disc):
    settings = Settings(strength=1e-4, stop=replace(TO_THE_END, iterations=100))
    result = invert(slice_of(disc, block_lines(40, ORDER)), disc.maps, model, settings, b1=disc.b1)
    assert np.median(relative_error(result, disc)) < 2e-3


def test_the_scale_and_the_phase_of_coil_maps_do_not_matter(model, disc):
    raw = undersampled(disc)
    one = invert(raw, disc.maps, model, b1=disc.b1)
    other = invert(raw, 3 * disc.maps, model, b1=disc.b1)
    np.testing.assert_allclose(other.t2_ms, one.t2_ms, rtol=1e-3)


@pytest.mark.parametrize("planted", [(10.0, 0.0, 0.0), (15.0, 8.0, -12.0)])
def test_a_phase_of_the_even_echoes_is_found_and_costs_nothing(model, planted):
    y, x = (2 * (np.arange(count) - count // 2) / count for count in (40, 30))
    phase = np.deg2rad(planted[0] + planted[1] * y[:, None] + planted[2] * x)
    without, with_phase = make_disc(), make_disc(even_phase=phase)
    result = invert(undersampled(with_phase), with_phase.maps, model, b1=without.b1)
    np.testing.assert_allclose(result.phase_terms_deg, planted, atol=1)
    plain = invert(undersampled(without), without.maps, model, b1=without.b1)
    rms = [np.sqrt((relative_error(each, without) ** 2).mean()) for each in (result, plain)]
    assert rms[0] < rms[1] + 0.003
    blind = invert(undersampled(with_phase), with_phase.maps, model, Settings(phase="none"), b1=without.b1)
    assert np.sqrt((relative_error(blind, without) ** 2).mean()) > 1.3 * rms[0]
    assert blind.misfit > result.misfit


def test_noise_as_assumed_gives_a_chi_square_inside_the_range_and_more_noise_a_warning(model, disc):
    quiet = invert(undersampled(disc), disc.maps, model, b1=disc.b1)
    assert 0.8 < quiet.misfit < 1 and not quiet.warnings
    loud = invert(undersampled(disc, sd=1.3), disc.maps, model, b1=disc.b1)
    assert any("chi-square" in warning for warning in loud.warnings)


def test_without_a_map_b1_is_estimated_and_flagged_and_better_than_ignored(model, disc):
    raw = undersampled(disc)
    estimated = invert(raw, disc.maps, model)
    assert estimated.b1_source == "estimated" and any("B1 was estimated" in warning for warning in estimated.warnings)
    ignored = invert(raw, disc.maps, model, b1=np.ones_like(disc.b1))
    assert ignored.b1_source == "given"
    assert relative_error(estimated, disc).mean() < relative_error(ignored, disc).mean()


def test_b1_without_a_value_is_taken_from_the_nearest_voxel(model, disc):
    holed = disc.b1.copy()
    holed[:2], holed[20, 15] = np.nan, np.nan
    result = invert(undersampled(disc), disc.maps, model, b1=holed)
    assert np.isfinite(result.b1).all()
    assert result.b1[20, 15] in disc.b1[19:22, 14:17].astype(np.float32)


def test_the_mono_exponential_model_needs_no_b1(disc):
    result = invert(undersampled(disc), disc.maps, MonoModel(10.0 * np.arange(1, 11)))
    assert result.b1_source == "unused" and not any("B1" in warning for warning in result.warnings)


def test_synthetic_images_decay_by_t2_from_m0_and_echoes_are_those_measured(model, disc):
    result = invert(slice_of(disc, all_lines()), disc.maps, model, Settings(strength=1e-4, stop=TO_THE_END), b1=disc.b1)
    expected = np.abs(disc.m0) * np.exp(-37.0 / disc.t2_ms)
    # a train without slice under B1 excites less than all of M0, which the model's M0 leaves to B1
    np.testing.assert_allclose(result.synthetic(37.0)[disc.inside], expected[disc.inside], rtol=3e-3)
    measured = np.abs(
        (
            np.conj(disc.maps)
            * np.fft.fftshift(np.fft.ifft(np.fft.ifftshift(disc.kspace, axes=2), axis=2, norm="ortho"), axes=2)
        ).sum(axis=1)
    )
    np.testing.assert_allclose(result.echoes()[:, disc.inside], measured[:, disc.inside], rtol=5e-3, atol=0.05)


def test_the_standard_deviation_of_t2_is_that_of_repeated_noise(model, disc):
    results = [invert(undersampled(disc, seed), disc.maps, model, b1=disc.b1) for seed in range(40)]
    inner = disc.inside & (np.hypot(*np.ogrid[-1:1:40j, -1:1:30j]) < 0.7)
    observed = np.std([result.t2_ms for result in results], axis=0)[inner]
    predicted = np.mean([result.sd_t2_ms for result in results], axis=0)[inner]
    assert np.sqrt(np.mean(predicted**2) / np.mean(observed**2)) == pytest.approx(1, abs=0.15)
    assert np.median(predicted / observed) == pytest.approx(1, abs=0.2)


def test_the_objective_never_rises_and_the_course_says_when_it_settled(model, disc):
    course = invert(undersampled(disc), disc.maps, model, b1=disc.b1).convergence
    totals = [step.total for step in course]
    assert all(later < earlier for earlier, later in zip(totals, totals[1:], strict=False))
    assert course[-1].change < Settings().stop.change


def test_averaged_lines_weigh_by_their_repeats(model, disc):
    lines = block_lines(40, ORDER)
    once = slice_of(disc, lines, seed=3, sd=1.0)
    # four readouts averaged: half the noise
    often = replace(slice_of(disc, lines, seed=3, sd=0.5), repeats=tuple(np.full(len(rows), 4) for rows in lines))
    results = [invert(raw, disc.maps, model, b1=disc.b1) for raw in (once, often)]
    assert results[1].misfit == pytest.approx(results[0].misfit, abs=0.03)
    assert relative_error(results[1], disc).mean() < 0.8 * relative_error(results[0], disc).mean()


@pytest.mark.parametrize("b1_given", [True, False])
def test_results_are_the_same_bit_by_bit_beside_other_inversions(model, disc, b1_given):
    raw, b1 = undersampled(disc), disc.b1 if b1_given else None
    alone = invert(raw, disc.maps, model, b1=b1)
    with ThreadPoolExecutor(4) as pool:
        beside = list(pool.map(lambda _: invert(raw, disc.maps, model, b1=b1), range(4)))
    for result in beside:
        assert result.t2_ms.tobytes() == alone.t2_ms.tobytes() and result.m0.tobytes() == alone.m0.tobytes()
        assert result.b1.tobytes() == alone.b1.tobytes()


def test_results_are_the_same_bit_by_bit_for_any_number_of_library_threads():
    program = (
        "import hashlib, numpy as np; from reconstruct_truth_disc import *;"
        "from reconstruct_truth_thighs import block_lines;"
        "from myot2.fit.epg import Train; from myot2.reconstruct.inversion import invert;"
        "from myot2.reconstruct.signal_models import epg_model;"
        "from myot2.reconstruct.vendor_like import invert_vendor_like;"
        "disc = make_disc((80, 48)); raw = slice_of(disc, block_lines(80, (0, 1, 2, 3, 4)), seed=0);"
        "model = epg_model(Train(10, 10.0)); own = invert(raw, disc.maps, model, b1=disc.b1);"
        "of_b1 = invert(raw, disc.maps, model);"
        "like = invert_vendor_like(raw, disc.maps, 10.0 * np.arange(1, 11));"
        "maps = own.t2_ms, own.m0, own.sd_t2_ms, of_b1.t2_ms, of_b1.m0, of_b1.b1, of_b1.sd_t2_ms, like.t2_ms;"
        "print([hashlib.sha256(m.tobytes()).hexdigest() for m in maps])"
    )
    printed = []
    for count in ("1", "4"):
        environment = os.environ | dict.fromkeys(
            ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), count
        )
        environment["PYTHONPATH"] = os.pathsep.join([*sys.path, str(Path(__file__).parent)])
        printed.append(
            subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
        )
    assert printed[0].stdout == printed[1].stdout and printed[0].stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda raw: replace(
                raw,
                lines=(np.zeros(0, int), *raw.lines[1:]),
                samples=(raw.samples[0][:0], *raw.samples[1:]),
                repeats=(raw.repeats[0][:0], *raw.repeats[1:]),
            ),
            "an echo without any",
        ),
        (lambda raw: replace(raw, samples=raw.samples[:9], lines=raw.lines[:9], repeats=raw.repeats[:9]), "9 echoes"),
        (lambda raw: replace(raw, lines=(raw.lines[0] + 40, *raw.lines[1:])), "lines of 0 to 39"),
        (lambda raw: replace(raw, samples=(raw.samples[0] * np.nan, *raw.samples[1:])), "NaN"),
        (lambda raw: replace(raw, samples=tuple(echo[:, :3] for echo in raw.samples)), "12 coils"),
        (lambda raw: replace(raw, repeats=(raw.repeats[0][:1], *raw.repeats[1:])), "number of repeats"),
    ],
)
def test_data_that_do_not_go_together_are_refused(model, disc, change, message):
    with pytest.raises(MyoT2Error, match=message):
        invert(change(undersampled(disc)), disc.maps, model, b1=disc.b1)


def test_b1_of_another_shape_and_an_unknown_phase_are_refused(model, disc):
    with pytest.raises(MyoT2Error, match="B1 of shape"):
        invert(undersampled(disc), disc.maps, model, b1=disc.b1[:-1])
    with pytest.raises(MyoT2Error, match="quadratic"):
        invert(undersampled(disc), disc.maps, model, Settings(phase="cubic"), b1=disc.b1)
