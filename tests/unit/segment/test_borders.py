"""Borders asked of the image: partial volume by sub-voxels, the discriminant by scikit-learn, what must not change."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from myot2.segment.borders import MOST_DARK, MOST_EVIDENCE, by_image
from myot2.segment.legs import body_mask
from myot2.segment.overlap import dice

PIXEL_MM = (1.5, 1.2)
SIZE = 64
MUSCLE, FAT = 400.0, 900.0


def filled(radius_mm: float, finer: int = 8) -> np.ndarray:
    """How much of each voxel a disc fills, by sub-voxels."""
    y, x = ((np.arange(SIZE * finer) + 0.5) / finer * size - SIZE * size / 2 for size in PIXEL_MM)  # mm from the middle
    inside = np.hypot(y[:, None], x[None, :]) < radius_mm
    return inside.reshape(SIZE, finer, SIZE, finer).mean(axis=(1, 3))


def doubtful(radius_mm: float) -> np.ndarray:
    """What a network says that is unsure over some voxels at the border of a disc."""
    return np.clip(ndimage.gaussian_filter(filled(radius_mm), 1.5), 0.01, 0.99).astype(np.float32)


def asked(image: np.ndarray, network: np.ndarray, muscle: np.ndarray | None = None):
    """`by_image` of one slice that is body all over, muscle wherever there is anything unless told otherwise."""
    everywhere = np.ones((1, *network.shape), bool)
    chosen = everywhere if muscle is None else muscle[None]
    result, borders = by_image(image[None], network[None], chosen, everywhere, PIXEL_MM)
    return result[0], borders


TRUE = filled(24.0)


@pytest.mark.parametrize(
    ("muscle", "fat", "drawn_mm"),
    [(FAT, MUSCLE, 22.5), (FAT, MUSCLE, 25.5), (800.0, 30.0, 22.5), (800.0, 30.0, 25.5), (MUSCLE, FAT, 25.5)],
)
def test_a_voxel_is_muscle_where_muscle_fills_half_of_it_though_the_network_drew_too_little_or_too_much(
    muscle, fat, drawn_mm
):
    noise = np.random.default_rng(1).normal(0, 15, TRUE.shape)
    network = doubtful(drawn_mm)
    found, borders = asked(TRUE * muscle + (1 - TRUE) * fat + noise, network)
    assert borders.used
    assert dice(network >= 0.5, TRUE >= 0.5) < 0.96
    assert dice(found >= 0.5, TRUE >= 0.5) > 0.99
    assert (borders.added, borders.removed) == (
        np.sum((found >= 0.5) & (network < 0.5)),
        np.sum((found < 0.5) & (network >= 0.5)),
    )


def test_a_coil_that_makes_one_side_three_times_as_bright_hides_no_border():
    shading = np.exp(np.linspace(0, np.log(3), SIZE))[None, :]
    found, _ = asked((TRUE * FAT + (1 - TRUE) * MUSCLE) * shading, doubtful(22.5))
    assert dice(found >= 0.5, TRUE >= 0.5) > 0.99


def test_fascia_between_dark_muscle_and_bright_fat_stays_outside():
    # Voxels that share 1 mm of fascia with fat are as bright as muscle.
    muscle, covered = filled(24.0), filled(25.0)
    image = muscle * MUSCLE + (covered - muscle) * 250.0 + (1 - covered) * FAT
    for drawn_mm in (23.5, 24.0, 25.5):
        network = doubtful(drawn_mm)
        found, borders = asked(image, network)
        assert borders.used
        assert borders.added == 0
        assert dice(found >= 0.5, muscle >= 0.5) >= dice(network >= 0.5, muscle >= 0.5)


def test_where_fat_takes_away_from_water_the_image_is_not_asked():
    network = doubtful(22.5)
    found, borders = asked(np.abs(TRUE * MUSCLE - (1 - TRUE) * FAT), network)
    assert borders.dark_share > MOST_DARK
    assert not borders.used
    np.testing.assert_array_equal(found, network)


def test_two_equal_signals_parted_by_a_dark_sheet_leave_the_border_to_the_network():
    sheet = filled(24.8) - filled(23.2)
    network = doubtful(24.0)
    found, borders = asked(MUSCLE * (1 - 0.8 * sheet), network)
    assert not borders.used
    np.testing.assert_array_equal(found, network)


def test_muscle_that_has_turned_to_fat_stays_where_the_network_is_sure():
    network = np.where(filled(24.0) > 0, 0.97, 0.02).astype(np.float32)
    patch = filled(6.0) > 0.5
    found, borders = asked(np.where(patch, FAT, TRUE * MUSCLE + (1 - TRUE) * FAT), network)
    assert (found[patch] >= 0.5).all()
    assert borders.removed == 0


def test_only_muscle_changes_and_nothing_without_both_sides_in_sight():
    network = doubtful(22.5)
    image = TRUE * FAT + (1 - TRUE) * MUSCLE
    left = np.zeros(network.shape, bool)
    left[:, : SIZE // 2] = True
    found, _ = asked(image, network, muscle=left)
    np.testing.assert_array_equal(found[~left], network[~left])
    assert (found[left] != network[left]).any()
    for unsure in (np.full_like(network, 0.6), np.full_like(network, 0.99), np.zeros_like(network)):
        found, borders = asked(image, unsure)
        np.testing.assert_array_equal(found, unsure)
        assert (borders.dark_share, borders.used) == (None, False)


def test_the_evidence_is_that_of_a_linear_discriminant():
    # Columns 0-19 are surely muscle, 21-40 surely not, and the window about the one between takes in as many of both.
    rng = np.random.default_rng(7)
    image = np.where(np.arange(41) < 20, 340.0, 300.0) + rng.normal(0, 30, (61, 41))
    network = np.broadcast_to(np.where(np.arange(41) < 20, 0.98, 0.02), image.shape).astype(np.float32).copy()
    row, column = 30, 20
    network[row, column] = 0.4
    found, _ = asked(image, network)
    around = np.s_[row - 12 : row + 13, column - 15 : column + 16]  # 35 mm by pixels of 1.5 and 1.2 mm
    signal, sides = image[around].copy(), network[around] > 0.5
    known = np.abs(network[around] - 0.5) > 0.45
    peer = LinearDiscriminantAnalysis(solver="lsqr", priors=[0.5, 0.5]).fit(signal[known][:, None], sides[known])
    expected = np.clip(peer.decision_function([[image[row, column]]])[0], -MOST_EVIDENCE, MOST_EVIDENCE)
    assert abs(expected) < MOST_EVIDENCE
    odds = found[row, column] / (1 - found[row, column])
    assert np.log(odds) - np.log(0.4 / 0.6) == pytest.approx(expected, rel=1e-3)


@settings(max_examples=25, deadline=None)
@given(
    image=arrays(np.int16, (SIZE, SIZE), elements=st.integers(0, 2000)),
    drawn_mm=st.floats(15, 30),
    scale=st.sampled_from([0.25, 8.0]),
)
def test_who_is_sure_stays_so_and_neither_units_nor_directions_count(image, drawn_mm, scale):
    network = doubtful(drawn_mm)
    found, borders = asked(image, network)
    bound = 1 / (1 + np.exp(-MOST_EVIDENCE))
    assert (found[network > bound + 1e-6] >= 0.5).all()
    assert (found[network < 1 - bound - 1e-6] < 0.5).all()
    assert ((found >= 0) & (found <= 1)).all()
    brighter, again = asked(image * scale, network)
    np.testing.assert_allclose(brighter, found, atol=1e-5)
    assert again == borders
    turned, _ = asked(image[::-1, ::-1], network[::-1, ::-1])
    np.testing.assert_allclose(turned[::-1, ::-1], found, atol=1e-5)


def test_muscles_drawn_too_large_on_a_real_image_get_nearer_to_those_that_were_drawn_for_it(shared_data):
    folder = shared_data / "lumbar-muscles"
    image, labels = (
        sitk.DICOMOrient(sitk.ReadImage(str(folder / name)), "LPS") for name in ("image.nii.gz", "dseg.nii.gz")
    )
    drawn = sitk.GetArrayFromImage(labels) > 0
    values, pixel_mm = sitk.GetArrayFromImage(image), image.GetSpacing()[1::-1]
    inwards = np.stack(
        [
            ndimage.distance_transform_edt(plane, pixel_mm) - ndimage.distance_transform_edt(~plane, pixel_mm)
            for plane in drawn
        ]
    )
    network = np.clip(1 / (1 + np.exp(-(inwards + 2.0))), 0.005, 0.995).astype(np.float32)
    found, borders = by_image(values, network, np.ones_like(drawn), body_mask(values.astype(float)), pixel_mm)
    assert borders.used
    assert dice(found >= 0.5, drawn) > dice(network >= 0.5, drawn)
