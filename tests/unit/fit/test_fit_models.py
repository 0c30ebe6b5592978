"""The models by name: which echoes each uses, what it asks of their times, and where it fits."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.fit.dixon_weight import DixonWeight
from myot2.fit.echoes import Echoes
from myot2.fit.epg_kernel import fit_free, fit_held
from myot2.fit.models import MODELS, echoes_used, fit_echoes
from myot2.fit.mono_kernel import least_squares
from myot2.fit.settings import Beside, FatSettings, Settings
from myot2.fit.status import Status

SHAPE = (2, 6, 7)
FAT = FatSettings(t2_ms=150.0)
BESIDE = Beside(fraction=np.full(SHAPE, 0.02, np.float32))
T2 = np.linspace(20, 90, 84).reshape(SHAPE)


def decay(times, offset=0.0) -> Echoes:
    times = np.asarray(times, float)
    signal = 300 * np.exp(-times[:, None, None, None] / T2) + offset
    return Echoes(signal, times, sitk.Image(7, 6, 2, sitk.sitkFloat32), "echoes.nii.gz")


@pytest.mark.parametrize(("model", "first"), [("mono", 30), ("mono-offset", 30), ("epg", 10)])
def test_only_the_phase_graph_uses_the_echoes_that_are_to_be_skipped(model, first):
    used = echoes_used(decay(np.arange(1, 9) * 10), Settings(model=model, skip_first_echoes=2))
    assert used.times_ms[0] == first


def test_header_times_that_are_rounded_count_as_evenly_spaced():
    """9.547 ms apart, as a header with one digit after the point says it: fitted as even, and with known noise."""
    exact = decay(np.arange(1, 11) * 9.547)
    rounded = Echoes(exact.signal, np.round(exact.times_ms, 2), exact.grid, exact.where)
    for sigma in (None, 0.1):
        np.testing.assert_allclose(fit_echoes(rounded, Settings(sigma=sigma)).t2_ms, T2, rtol=2e-3)


def test_uneven_times_are_fitted_by_mono_and_refused_where_they_cannot_be():
    uneven = decay([10, 20, 35, 60, 100])
    np.testing.assert_allclose(fit_echoes(uneven, Settings()).t2_ms, T2, rtol=1e-4)
    for settings in (Settings(sigma=2.0), Settings(model="epg")):
        with pytest.raises(MyoT2Error, match="evenly spaced") as error:
            fit_echoes(uneven, settings)
        assert error.value.found == "10, 20, 35, 60, 100 ms"


def test_the_phase_graph_refuses_a_train_whose_first_echo_is_missing():
    with pytest.raises(MyoT2Error, match="one spacing after the excitation"):
        fit_echoes(decay(np.arange(2, 11) * 10), Settings(model="epg"))


def test_a_known_fraction_above_the_limit_marks_what_was_ok_and_nothing_else():
    echoes = decay(np.arange(1, 11) * 10)
    echoes.signal[:, 0, 0, 0] = 0
    fraction = np.full(SHAPE, 0.1, np.float32)
    fraction[0], fraction[1, 0, 0] = 0.5, np.nan
    fit = fit_echoes(echoes, Settings(fat=FatSettings(limit=0.3)), beside=Beside(fraction=fraction))
    assert fit.status[0, 0, 0] == Status.NOT_FITTED
    assert np.all(fit.status[0].ravel()[1:] == Status.FAT_ABOVE_LIMIT)
    assert np.all(fit.status[1] == Status.OK)
    unlimited = fit_echoes(echoes, Settings(fat=FatSettings(limit=None)), beside=Beside(fraction=fraction))
    assert not np.any(unlimited.status == Status.FAT_ABOVE_LIMIT)


def test_the_fraction_is_that_of_the_protons_at_each_voxel_s_t2():
    weight = DixonWeight(51.0, 5330.0)
    fraction = weight.signal_fraction(0.1, T2).astype(np.float32)
    fit = fit_echoes(decay(np.arange(1, 11) * 10), Settings(), beside=Beside(fraction, weight))
    np.testing.assert_allclose(fit.fat_fraction, 0.1, rtol=1e-3)


def test_a_given_b1_is_the_b1_of_the_fit():
    b1 = np.full(SHAPE, 0.85, np.float32)
    b1[0, 0, 0] = np.nan
    settings = Settings(model="epg", b1="map")
    fit = fit_echoes(decay(np.arange(1, 11) * 10), settings, np.ones(SHAPE, bool), Beside(b1=b1))
    np.testing.assert_allclose(fit.b1.ravel()[1:], 0.85, atol=1e-3)
    assert fit.status[0, 0, 0] == Status.NOT_FITTED
    with pytest.raises(ValueError, match="B1 is to come from a map"):
        fit_echoes(decay(np.arange(1, 11) * 10), settings)


def test_water_and_fat_are_not_fitted_where_the_fraction_is_unknown():
    fraction = np.full(SHAPE, 0.02, np.float32)
    fraction[1] = np.nan
    settings = Settings(model="epg-water-fat", fat=FAT)
    fit = fit_echoes(decay(np.arange(1, 11) * 10), settings, np.ones(SHAPE, bool), Beside(fraction=fraction))
    assert np.all(fit.status[1] == Status.NOT_FITTED) and np.all(fit.status[0] == Status.OK)
    assert fit.facts == {"FatT2Ms": 150.0, "FatT1Ms": 365.0, "FatFractionSD": 0.04}


@pytest.mark.parametrize("model", ["mono-offset", "epg"])
def test_three_echoes_are_too_few_for_more_than_two_unknowns(model):
    with pytest.raises(MyoT2Error, match=f"at least 4 echoes for {model}"):
        fit_echoes(decay([10, 20, 30]), Settings(model=model))


def test_the_model_with_an_offset_finds_t2_above_a_floor():
    fit = fit_echoes(decay(np.arange(1, 31) * 10, offset=20.0), Settings(model="mono-offset"))
    np.testing.assert_allclose(fit.t2_ms, T2, rtol=1e-3)


@pytest.mark.parametrize("model", list(MODELS))
def test_outside_the_mask_nothing_is_fitted_and_inside_nothing_changes(model):
    echoes, mask = decay(np.arange(1, 11) * 10), T2 > 50
    settings = Settings(model=model, b1="free", sigma=1.0 if model == "epg-water-fat" else None, fat=FAT)
    fit = fit_echoes(echoes, settings, mask, BESIDE)
    everywhere = fit_echoes(echoes, settings, np.ones(SHAPE, bool), BESIDE)
    assert np.all(fit.status[~mask] == Status.NOT_FITTED)
    for values, whole in ((fit.t2_ms, everywhere.t2_ms), (fit.sd_ms, everywhere.sd_ms), (fit.rmse, everywhere.rmse)):
        assert np.isnan(values[~mask]).all()
        np.testing.assert_array_equal(values[mask], whole[mask])


def test_air_is_no_neighbourhood_for_b1():
    echoes = decay(np.arange(1, 11) * 10)
    echoes.signal[:, 0] *= 0.01
    fit = fit_echoes(echoes, Settings(model="epg"))
    assert np.all(fit.status[0] == Status.NOT_FITTED) and np.isnan(fit.b1[0]).all()
    assert np.isfinite(fit.b1[1]).all()


@pytest.mark.parametrize("model", list(MODELS))
def test_the_number_type_of_the_images_changes_nothing_and_compiles_nothing_anew(model):
    """Jobs that start together write one cache: they must compile the same, whatever their images are made of."""
    drawn = decay(np.arange(1, 11) * 10)
    fits, compiled = [], set()
    for kind in (np.uint16, np.int32, np.float32, np.float64):
        signal = np.rint(drawn.signal).astype(kind)
        echoes = Echoes(signal, drawn.times_ms, drawn.grid, drawn.where)
        fits.append(fit_echoes(echoes, Settings(model=model, fat=FAT), beside=BESIDE))
        compiled.add(tuple(len(kernel.signatures) for kernel in (least_squares, fit_free, fit_held)))
    assert len(compiled) == 1
    for fit in fits[1:]:
        np.testing.assert_array_equal(fit.t2_ms, fits[0].t2_ms)
        np.testing.assert_array_equal(fit.sd_ms, fits[0].sd_ms)


def test_water_and_fat_refuse_echoes_in_which_fat_was_suppressed():
    shape, times = (2, 20, 20), np.arange(1, 11) * 10.0
    fat = np.zeros(shape, bool)
    fat[:, :, :8] = True
    fraction = np.where(fat, 0.97, 0.05).astype(np.float32)
    course = np.exp(-times[:, None, None, None] / np.where(fat, 150.0, 35.0))
    settings = Settings(model="epg-water-fat", fat=FAT, b1="free")
    for left, refused in ((1.0, False), (0.05, True)):
        signal = 300 * course * np.where(fat, left, 1.0)
        echoes = Echoes(signal, times, sitk.Image(20, 20, 2, sitk.sitkFloat32), "echoes.nii.gz")
        if refused:
            with pytest.raises(MyoT2Error, match="echoes without fat suppression"):
                fit_echoes(echoes, settings, np.ones(shape, bool), Beside(fraction=fraction))
        else:
            assert np.all(
                fit_echoes(echoes, settings, np.ones(shape, bool), Beside(fraction=fraction)).status[~fat] == 1
            )


def test_where_nothing_is_to_be_fitted_the_reason_is_told():
    echoes, nowhere = decay(np.arange(1, 11) * 10), np.zeros(SHAPE, bool)
    for model in ("epg", "epg-water-fat"):
        with pytest.raises(MyoT2Error, match="to fit; found none"):
            fit_echoes(echoes, Settings(model=model, fat=FAT), nowhere, BESIDE)
    echoes.signal[:, 0] = 0
    without_signal = np.arange(2)[:, None, None] * np.ones(SHAPE) == 0
    for model in ("epg", "epg-water-fat"):
        with pytest.raises(MyoT2Error, match="to fit; found none"):
            fit_echoes(echoes, Settings(model=model, fat=FAT), without_signal, BESIDE)


def test_a_given_b1_beyond_the_table_is_none():
    b1 = np.full(SHAPE, 0.9, np.float32)
    b1[0, 0, :2] = 0.3, 1.6
    settings = Settings(model="epg", b1="map")
    fit = fit_echoes(decay(np.arange(1, 11) * 10), settings, np.ones(SHAPE, bool), Beside(b1=b1))
    assert np.all(fit.status[0, 0, :2] == Status.NOT_FITTED) and np.all(fit.status[1] == Status.OK)


@pytest.mark.parametrize("model", ["mono", "epg", "epg-water-fat"])
def test_known_noise_takes_the_floor_away_in_every_model_that_can_use_it(model):
    rng, shape, sigma = np.random.default_rng(0), (10, 3, 30, 30), 15.0
    clean = 300 * np.exp(-np.arange(1, 11) * 10 / 25.0)[:, None, None, None] * np.ones(shape)
    signal = np.hypot(clean + rng.normal(0, sigma, shape), rng.normal(0, sigma, shape))
    echoes = Echoes(signal, np.arange(1, 11) * 10.0, sitk.Image(30, 30, 3, sitk.sitkFloat32), "echoes.nii.gz")
    everywhere = np.ones(shape[1:], bool)
    beside = Beside(np.zeros(shape[1:], np.float32), b1=np.ones(shape[1:], np.float32))
    found = {}
    for noise in (None, sigma):
        settings = Settings(model=model, sigma=noise, b1="map", fat=FAT)
        if model == "epg-water-fat" and noise is None:
            continue  # without a noise level it takes one from its residuals, and leaves the floor
        found[noise] = float(np.nanmean(fit_echoes(echoes, settings, everywhere, beside).t2_ms))
    assert found[sigma] == pytest.approx(25, abs=0.5)
    assert found.get(None, 30) > 26
