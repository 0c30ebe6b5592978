"""Fat fractions from magnitude images, and the check that water and fat were not exchanged."""

from __future__ import annotations

import numpy as np
import pytest

from myot2.core.fat_fraction import FatStatus, from_in_opposed, from_water_fat, tissue_of
from myot2.fit.dixon import fat_phasors
from myot2.fit.swaps import swapped_regions, with_swap_check

SPACING = (1.0, 1.0)


def limb(rim=0.9, inside=0.05, signal=200.0, skin_mm=1.0, spacing_mm=1.0):
    """Water and fat of one round limb of 30 mm radius, two slices: fat of 8 mm, its outer part skin."""
    y, x = np.mgrid[-40:40:spacing_mm, -40:40:spacing_mm]
    radius = np.hypot(x, y)
    fraction = np.select([radius < 22, radius < 30 - skin_mm, radius < 30], [inside, rim, 0.0], np.nan)
    fat = signal * np.nan_to_num(np.stack([fraction, fraction]))
    return signal * np.isfinite(np.stack([fraction, fraction])) - fat, fat


def rician(clean, sigma, seed):
    rng = np.random.default_rng(seed)
    return np.hypot(clean + rng.normal(0, sigma, clean.shape), rng.normal(0, sigma, clean.shape))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.8, 1.0])
def test_the_share_of_fat_is_that_of_the_signal(share):
    result = from_water_fat(np.full((2, 3), 100 * (1 - share)), np.full((2, 3), 100 * share))
    np.testing.assert_allclose(result.fraction, share, atol=1e-6)
    assert (result.status == FatStatus.OK).all()


@pytest.mark.parametrize("snr", [20, 50])
def test_magnitudes_overstate_the_fat_of_pure_water_by_what_the_module_says_and_the_in_phase_image_takes_it_away(snr):
    water, fat = (rician(np.full(40000, level), 100 / snr, seed) for seed, level in enumerate((100.0, 0.0)))
    whole = rician(np.full(40000, 100.0), 100 / snr, 7)
    assert np.mean(from_water_fat(water, fat).fraction) == pytest.approx(1.25 / snr, rel=0.1)
    assert np.mean(from_water_fat(water, fat, whole).fraction) == pytest.approx(0, abs=0.1 / snr)


def test_noise_may_carry_the_fraction_below_zero_which_is_kept():
    water, whole = rician(np.full(1000, 100.0), 5, 0), rician(np.full(1000, 100.0), 5, 1)
    assert from_water_fat(water, np.zeros(1000), whole).fraction.min() < -0.05


def test_air_and_samples_that_are_no_number_have_no_fraction():
    water, fat = np.array([100.0, 0.0, np.nan, 100.0, 1.0]), np.array([20.0, 0.0, 20.0, np.inf, 1.0])
    result = from_water_fat(water, fat)
    assert np.isfinite(result.fraction).tolist() == [True, False, False, False, False]
    assert result.status.tolist() == [FatStatus.OK] + 4 * [FatStatus.NOT_COMPUTED]


def test_an_image_without_signal_has_no_tissue():
    assert not tissue_of(np.zeros((3, 4))).any()
    assert not tissue_of(np.full(5, np.nan)).any()


def test_samples_that_are_no_number_are_no_tissue_and_do_not_set_the_scale():
    assert tissue_of(np.array([1.0, 2.0, np.inf, np.nan, 0.1])).tolist() == [True, True, False, False, False]


@pytest.mark.parametrize("share", [0.1, 0.3, 0.7, 0.9])
def test_in_and_opposed_phase_cannot_tell_a_fraction_from_its_complement_and_say_so(share):
    result = from_in_opposed(np.full(4, 100.0), np.full(4, 100 * abs(1 - 2 * share)))
    np.testing.assert_allclose(result.fraction, min(share, 1 - share), atol=1e-6)
    assert (result.status == FatStatus.AMBIGUOUS).all()


def test_knowing_where_fat_is_the_larger_part_settles_it():
    share = np.array([0.1, 0.3, 0.7, 0.9])
    result = from_in_opposed(np.full(4, 100.0), 100 * np.abs(1 - 2 * share), fat_dominant=share > 0.5)
    np.testing.assert_allclose(result.fraction, share, atol=1e-6)
    assert (result.status == FatStatus.OK).all()


def test_two_milliseconds_of_t2star_decay_move_the_two_point_fraction_by_three_hundredths():
    loss = np.exp(-2 / 30)
    assert from_in_opposed(np.full(2, 100.0), np.full(2, 100 * loss)).fraction[0] == pytest.approx(0.032, abs=0.001)
    assert from_in_opposed(np.full(2, 100 * loss), np.full(2, 100.0)).fraction[0] == pytest.approx(-0.034, abs=0.001)


@pytest.mark.parametrize(("opposed_ms", "in_ms", "read"), [(1.15, 2.3, 0.98), (3.45, 2.3, 0.89), (3.45, 4.6, 1.06)])
def test_the_peaks_of_fat_make_pure_fat_read_in_two_echoes_what_the_docstring_says(opposed_ms, in_ms, read):
    opposed, together = np.abs(fat_phasors(np.array([opposed_ms, in_ms]), 123.2)) * 100
    result = from_in_opposed(np.full(2, together), np.full(2, opposed), np.ones(2, dtype=bool))
    np.testing.assert_allclose(result.fraction, read, atol=0.006)


def test_images_of_different_shapes_are_refused():
    for call in (from_water_fat, from_in_opposed):
        with pytest.raises(ValueError, match="grid"):
            call(np.ones((2, 3)), np.ones((3, 2)))


@pytest.mark.parametrize("scale", [1e-3, 1e6])
def test_the_scale_of_the_images_does_not_matter(scale):
    water, fat = limb()
    for call in (from_water_fat, from_in_opposed):
        one, other = call(water, fat), call(water * scale, fat * scale)
        np.testing.assert_allclose(other.fraction, one.fraction, rtol=1e-5)


def test_a_limb_with_fat_under_its_skin_is_not_suspected():
    result = with_swap_check(from_water_fat(*limb()), SPACING)
    assert FatStatus.SWAP_SUSPECTED not in result.status


def test_exchanged_images_are_suspected_in_all_their_tissue():
    water, fat = limb()
    result = with_swap_check(from_water_fat(fat, water), SPACING)
    assert set(np.unique(result.status)) == {FatStatus.NOT_COMPUTED, FatStatus.SWAP_SUSPECTED}


def test_one_exchanged_leg_in_one_slice_is_suspected_alone():
    water, fat = (np.concatenate([part, part], axis=2) for part in limb())
    water[1, :, 80:], fat[1, :, 80:] = fat[1, :, 80:].copy(), water[1, :, 80:].copy()
    suspected = with_swap_check(from_water_fat(water, fat), SPACING).status == FatStatus.SWAP_SUSPECTED
    assert suspected[1, :, 80:].sum() > 2000
    assert not suspected[0].any() and not suspected[1, :, :80].any()


@pytest.mark.parametrize("seen", [np.s_[:, 20:60, :], np.s_[:, 23:57, 23:57], np.s_[:, :, 24:56]])
def test_the_edge_of_the_image_is_no_surface(seen):
    water, fat = limb()
    result = with_swap_check(from_water_fat(water[seen], fat[seen]), SPACING)
    assert FatStatus.SWAP_SUSPECTED not in result.status


def test_an_image_of_nothing_but_muscle_shows_no_rim_to_judge_by():
    assert not swapped_regions(np.full((1, 60, 60), 0.05), (0.5, 0.5)).any()


def test_the_depth_of_the_rim_is_in_millimetres():
    result = with_swap_check(from_water_fat(*limb(skin_mm=2.0, spacing_mm=0.4)), (0.4, 0.4))
    assert FatStatus.SWAP_SUSPECTED not in result.status


def test_a_dark_fascia_does_not_make_the_muscle_inside_it_a_limb_of_its_own():
    water, fat = limb()
    y, x = np.mgrid[-40:40, -40:40]
    fascia = np.abs(np.hypot(x, y) - 21) < 0.9
    water[:, fascia] = fat[:, fascia] = 0
    assert FatStatus.SWAP_SUSPECTED not in with_swap_check(from_water_fat(water, fat), SPACING).status


def test_a_muscle_full_of_fat_is_no_reason_for_suspicion_and_a_speck_of_water_neither():
    water, fat = limb(inside=0.95)
    water[0, 2:9, 2:9] = 200
    assert FatStatus.SWAP_SUSPECTED not in with_swap_check(from_water_fat(water, fat), SPACING).status
