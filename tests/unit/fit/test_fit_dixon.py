"""Three-point Dixon: two thighs made by the formula of the signal, and two real ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from myot2.core.fat_fraction import FatStatus
from myot2.fit.dixon import complex_echoes, fat_phasors, field_roots, separate

LARMOR_MHZ = 123.2
HALF_TURNS = np.array([3.45, 4.60, 5.75])
THIRD_TURNS = np.array([2.30, 3.10, 3.90])
PEAKS = ((-3.80, 0.087), (-3.40, 0.693), (-2.60, 0.128), (-1.94, 0.004), (-0.39, 0.039), (0.60, 0.048))
SPACING = (2.0, 2.0)


@dataclass(frozen=True)
class Thighs:
    """Water and fat of two thighs, each with a skin of water, fat, muscle with a fatty patch, and marrow in bone."""

    water: np.ndarray
    fat: np.ndarray
    field_hz: np.ndarray
    fat_lead_deg: np.ndarray

    @property
    def fraction(self):
        with np.errstate(invalid="ignore"):
            return self.fat / (self.water + self.fat)

    def echoes(self, times_ms, *, snr=np.inf, t2star_ms=35.0, offset_hz=0.0, precession=1, seed=0):
        amount = sum(share for _, share in PEAKS)
        signal = []
        for te in times_ms:
            spectrum = sum(share * np.exp(2e-3j * np.pi * ppm * LARMOR_MHZ * te) for ppm, share in PEAKS) / amount
            field = np.exp(2e-3j * np.pi * (self.field_hz + offset_hz) * te - te / t2star_ms)
            lead = np.exp(1j * np.deg2rad(self.fat_lead_deg))
            signal.append((self.water + self.fat * lead * spectrum) * field)
        signal = np.stack(signal) * np.exp(1j * np.linspace(0, 5, self.water.shape[-1]))
        rng, sigma = np.random.default_rng(seed), 100 / snr
        noise = rng.normal(0, sigma, signal.shape) + 1j * rng.normal(0, sigma, signal.shape)
        noisy = signal + noise
        return noisy if precession == 1 else noisy.conj()


@pytest.fixture(scope="module")
def thighs():
    z, y, x = np.meshgrid(np.arange(3), np.arange(90), np.arange(180), indexing="ij")
    water, fat = np.zeros(z.shape), np.zeros(z.shape)
    inside = np.zeros(z.shape)
    for centre in (47, 133):
        radius = np.hypot(x - centre, (y - 45) * 1.05) * 2.0
        for limit, share in ((82, 0.0), (80, 0.95), (68, 0.05)):
            inside[radius < limit] = 1
            fat[radius < limit], water[radius < limit] = 100 * share, 100 * (1 - share)
        patch = np.hypot(x - centre - 15, y - 45) * 2.0 < 14
        fat[patch], water[patch] = 40, 60
        bone = np.hypot(x - centre + 8, y - 50) * 2.0
        fat[bone < 14] = water[bone < 14] = 0
        fat[bone < 9], water[bone < 9] = 90, 10
    # More than 1 / (2 x 1.15 ms) = 435 Hz from end to end: the candidates change places on the way.
    field = 170 * ((x - 90) / 90) ** 3 + 120 * ((y - 45) / 45) ** 2 + 40 * (z - 1) - 30
    return Thighs(water, fat, field, np.where(fat > water, 0.0, 40.0))


def error(result, thighs):
    return (result.fat_fraction.fraction - thighs.fraction)[np.isfinite(thighs.fraction)]


@pytest.mark.parametrize("times", [HALF_TURNS, THIRD_TURNS], ids=["half turns", "third turns"])
def test_without_noise_water_fat_and_field_are_recovered_where_the_field_wraps(thighs, times):
    result = separate(thighs.echoes(times), times, LARMOR_MHZ, SPACING)
    tissue = np.isfinite(thighs.fraction)
    decay = np.exp(-times[0] / 35.0)
    np.testing.assert_array_equal(np.isfinite(result.fat_fraction.fraction), tissue)
    np.testing.assert_allclose(result.water[tissue], decay * thighs.water[tissue], atol=1e-3)
    np.testing.assert_allclose(result.fat[tissue], decay * thighs.fat[tissue], atol=1e-3)
    turns = (result.field_hz - thighs.field_hz)[tissue] * (times[1] - times[0]) * 1e-3
    np.testing.assert_allclose(turns, np.round(turns), atol=1e-5)
    assert np.median(np.abs(error(result, thighs))) < 1e-3
    assert set(np.unique(result.fat_fraction.status[tissue])) == {FatStatus.OK}


@pytest.mark.parametrize("times", [HALF_TURNS, THIRD_TURNS], ids=["half turns", "third turns"])
@pytest.mark.parametrize("snr", [15, 40])
def test_noise_exchanges_water_and_fat_nowhere(thighs, times, snr):
    result = separate(thighs.echoes(times, snr=snr, seed=3), times, LARMOR_MHZ, SPACING)
    both = np.isfinite(result.fat_fraction.fraction) & np.isfinite(thighs.fraction)
    wrong = np.abs(result.fat_fraction.fraction - thighs.fraction)[both] > 0.5
    assert wrong.mean() < 1e-3
    assert np.mean(result.fat_fraction.status[both] == FatStatus.SWAP_SUSPECTED) < 1e-3


@pytest.mark.parametrize("region", [0.05, 0.4, 0.95])
def test_the_mean_fat_fraction_of_a_tissue_is_right_at_any_noise_of_use(thighs, region):
    result = separate(thighs.echoes(HALF_TURNS, snr=25, seed=1), HALF_TURNS, LARMOR_MHZ, SPACING)
    where = ndimage.binary_erosion(np.isclose(np.nan_to_num(thighs.fraction), region), np.ones((1, 5, 5)))
    assert np.mean(result.fat_fraction.fraction[where]) == pytest.approx(region, abs=0.006)


def test_without_fat_little_is_left_of_the_bias_that_magnitudes_have(thighs):
    pure = replace(thighs, water=thighs.water + thighs.fat * (thighs.fraction < 0.5), fat=thighs.fat * 1.0)
    pure.fat[thighs.fraction < 0.5] = 0
    result = separate(pure.echoes(HALF_TURNS, snr=20, seed=2), HALF_TURNS, LARMOR_MHZ, SPACING)
    muscle = ndimage.binary_erosion(pure.fraction == 0, np.ones((1, 9, 9)))
    by_magnitude = np.mean((result.fat / (result.water + result.fat))[muscle])
    assert by_magnitude > 0.04
    assert 0 <= np.mean(result.fat_fraction.fraction[muscle]) < by_magnitude / 4


def test_a_centre_frequency_on_fat_exchanges_everything_and_is_marked(thighs):
    result = separate(thighs.echoes(HALF_TURNS, offset_hz=435.0), HALF_TURNS, LARMOR_MHZ, SPACING)
    tissue = np.isfinite(thighs.fraction)
    assert np.median(np.abs(error(result, thighs))) > 0.8
    assert np.mean(result.fat_fraction.status[tissue] == FatStatus.SWAP_SUSPECTED) > 0.95


def test_where_no_choice_is_smooth_the_seam_is_marked(thighs):
    y, x = np.mgrid[-45:45, -39:141]
    # Around the left bone the field winds by 1 / (2 x 1.15 ms): half a turn of the phasor, which none can undo.
    winding = np.where(x < 50, 434.8 * np.arctan2(y - 5, x) / (2 * np.pi), 0)
    result = separate(
        replace(thighs, field_hz=winding + np.zeros((3, 1, 1))).echoes(HALF_TURNS), HALF_TURNS, 123.2, SPACING
    )
    seam = (result.fat_fraction.status == FatStatus.SWAP_SUSPECTED)[:, :, :88]
    assert (seam.sum(axis=(1, 2)) > 20).all()
    assert seam.mean() < 0.03


def test_phases_of_the_other_sign_give_the_same_with_the_other_precession(thighs):
    one = separate(thighs.echoes(HALF_TURNS, snr=30), HALF_TURNS, LARMOR_MHZ, SPACING)
    other = separate(thighs.echoes(HALF_TURNS, snr=30, precession=-1), HALF_TURNS, LARMOR_MHZ, SPACING, precession=-1)
    np.testing.assert_allclose(other.fat_fraction.fraction, one.fat_fraction.fraction, atol=1e-5)
    np.testing.assert_allclose(other.field_hz, one.field_hz, atol=1e-3)


@pytest.mark.parametrize("scale", [1e-3, 1e6])
def test_the_scale_of_the_signal_changes_the_magnitudes_only(thighs, scale):
    echoes = thighs.echoes(HALF_TURNS, snr=30)
    one, other = (separate(echoes * factor, HALF_TURNS, LARMOR_MHZ, SPACING) for factor in (1, scale))
    np.testing.assert_allclose(other.fat_fraction.fraction, one.fat_fraction.fraction, atol=1e-5)
    np.testing.assert_array_equal(other.fat_fraction.status, one.fat_fraction.status)
    np.testing.assert_allclose(other.fat, one.fat * scale, rtol=1e-4)


@settings(max_examples=100, deadline=None)
@given(
    water=st.floats(0.05, 1),
    fat=st.floats(0.05, 1),
    lead=st.floats(-3, 3),
    field=st.floats(-400, 400),
    first=st.floats(1.1, 6.0),
)
def test_one_of_the_two_roots_is_the_field_whatever_the_voxel_holds(water, fat, lead, field, first):
    times = first + np.array([0, 1.15, 2.3])
    a = fat_phasors(times, LARMOR_MHZ)
    b = np.exp(2e-3j * np.pi * field * 1.15 - 1.15 / 30)
    signal = (water + fat * np.exp(1j * lead) * a) * b ** np.arange(3)
    if np.abs(signal).min() < 1e-3:
        return
    roots = field_roots(signal[:, None], a)[:, 0]
    assert np.abs(roots - b).min() < 1e-4


def test_echo_times_that_cannot_tell_fat_from_water_are_refused(thighs):
    in_phase = np.array([2.39, 4.78, 7.17])
    with pytest.raises(ValueError, match="cannot tell"):
        separate(thighs.echoes(in_phase), in_phase, LARMOR_MHZ, SPACING)


@pytest.mark.parametrize("times", [[3.45, 4.6, 6.0], [5.75, 4.6, 3.45], [3.45, 4.6]])
def test_echo_times_that_are_not_three_even_increasing_ones_are_refused(thighs, times):
    with pytest.raises(ValueError, match="times"):
        separate(thighs.echoes(HALF_TURNS), np.array(times), LARMOR_MHZ, SPACING)


def test_no_signal_at_all_is_no_fat_fraction():
    result = separate(np.zeros((3, 2, 8, 8), dtype=complex), HALF_TURNS, LARMOR_MHZ, SPACING)
    assert np.isnan(result.fat_fraction.fraction).all()
    assert not result.fat_fraction.status.any()


def test_stored_phases_span_one_turn():
    echoes = complex_echoes(np.full(3, 2.0), np.array([0, 2048, 3072]), (0, 4096))
    np.testing.assert_allclose(echoes, [-2, 2, 2j], atol=1e-12)


@pytest.fixture(scope="module")
def real(shared_data):
    files = sorted((shared_data / "thigh-dixon").glob("*.nii.gz"))
    stored = [np.asanyarray(nib.load(path).dataobj).T for path in files]
    echoes = complex_echoes(np.stack(stored[::2]), np.stack(stored[1::2]), (0, 4096))
    return separate(echoes, HALF_TURNS, LARMOR_MHZ, (0.80078125, 0.80078125)).fat_fraction


@pytest.mark.parametrize(
    ("muscle", "box"),
    [
        ("right vastus lateralis", np.s_[5, 125:150, 45:70]),
        ("left vastus lateralis", np.s_[5, 125:150, 445:475]),
        ("right adductor magnus", np.s_[5, 100:120, 150:180]),
        ("right vastus medialis, near the knee", np.s_[0, 160:185, 140:165]),
        ("right vastus lateralis, near the hip", np.s_[9, 110:145, 55:80]),
        ("left vastus lateralis, near the hip", np.s_[9, 110:145, 440:470]),
    ],
)
def test_muscle_that_looks_healthy_holds_up_to_a_tenth_of_fat(real, muscle, box):
    assert 0 <= np.median(real.fraction[box]) <= 0.1, muscle


@pytest.mark.parametrize(
    "box", [np.s_[5, 12:22, 110:170], np.s_[5, 8:16, 330:390], np.s_[9, 15:45, 60:180], np.s_[9, 15:45, 320:460]]
)
def test_fat_under_the_skin_is_more_than_nine_tenths_fat(real, box):
    assert np.median(real.fraction[box]) > 0.9


def test_the_real_thighs_are_not_exchanged_and_next_to_nothing_is_disputed(real):
    assert np.mean(real.status[real.status > 0] == FatStatus.SWAP_SUSPECTED) < 5e-4
    assert np.mean(real.status == FatStatus.OK) > 0.5
