"""Simulated failures: people whose labels are known, images spoiled, labels made wrong, each as severe as was asked."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from myot2.core.images import array_of, same_grid
from myot2.core.labels import read_labels
from myot2.segment.model import Model, ModelConfiguration
from myot2.segment.overlap import dice_by_muscle
from myot2.train.corruption import CORRUPTIONS
from myot2.train.failures import AS_THEY_ARE, CORRUPTIONS_EACH, REPLACED, judge_person
from myot2.train.spoiling import SPOILINGS
from myot2.train.trials import draw_trial

SPACING = (8.0, 2.0, 2.0)


@pytest.fixture(scope="module")
def table(root):
    return read_labels(root / "config" / "labels.tsv")


@pytest.fixture(scope="module")
def trial(table):
    return draw_trial(3, 1, table)


@pytest.fixture
def labels(table):
    """Both legs as three by four muscles, 10 pixels wide, side by side; a femur beside them."""
    result = np.zeros((6, 60, 120), np.uint8)
    for place, name in enumerate(table.muscles[:12]):
        row, column = 8 + 10 * (place // 4), 8 + 10 * (place % 4)
        result[:, row : row + 10, column : column + 10] = table.index(name, "right")
        result[:, row : row + 10, 112 - column - 10 : 112 - column] = table.index(name, "left")
    result[:, 45:55, 20:30] = table.index("femur", "right")
    return result


def mean_dice(values, truth, table):
    return np.mean([score for score in dice_by_muscle(values, truth, table).values() if score is not None])


def test_a_person_is_the_same_each_time_and_another_for_each_number(trial, table):
    again, other = draw_trial(3, 1, table), draw_trial(3, 2, table)
    np.testing.assert_array_equal(array_of(again.truth), array_of(trial.truth))
    np.testing.assert_array_equal(array_of(again.images["water"]), array_of(trial.images["water"]))
    assert (array_of(other.truth) != array_of(trial.truth)).any()


def test_replacement_by_fat_changes_the_images_and_not_the_person(trial, table):
    fat = draw_trial(3, 1, table, replaced_share=1.0)
    np.testing.assert_array_equal(array_of(fat.truth), array_of(trial.truth))
    muscle = np.isin(array_of(trial.truth), table.muscle_indices())
    water = [array_of(one.images["water"])[muscle].mean() for one in (trial, fat)]
    assert water[1] < 0.8 * water[0]


def test_images_and_truth_show_both_legs_on_one_grid(trial, table):
    truth = trial.truth
    assert all(same_grid(truth, image) for image in trial.images.values())
    columns = np.arange(truth.GetSize()[0])
    middles = {}
    for side in ("left", "right"):
        counts = np.isin(array_of(truth), table.muscle_indices(side=side)).sum(axis=(0, 1))
        x = truth.GetOrigin()[0] + truth.GetSpacing()[0] * columns
        middles[side] = np.average(x, weights=counts)
    assert middles["left"] > 30 and middles["right"] < -30


@pytest.mark.parametrize("name", SPOILINGS)
def test_spoiling_leaves_image_and_truth_on_one_grid_and_grows_with_severity(trial, name):
    images = []
    for severity in (0.0, 1.0):
        image, seen = SPOILINGS[name](trial, severity, np.random.default_rng(4))
        assert same_grid(image, seen.truth) and all(same_grid(image, part) for part in seen.images.values())
        assert array_of(image).min() >= 0 and np.isfinite(array_of(image)).all()
        images.append((image, seen))
    (mild, harmless), (severe, seen) = images
    if name == "cut field":
        labelled = [(array_of(one.truth) > 0).sum() for one in (trial, harmless, seen)]
        assert labelled[1] == labelled[0] and labelled[2] < 0.7 * labelled[0]
        return
    base = array_of(trial.images["water" if name == "swap" else "in"])
    far = [np.abs(array_of(image) - base).mean() for image in (mild, severe)]
    assert far[1] > 1.5 * far[0]
    if name != "jolts":
        np.testing.assert_array_equal(array_of(seen.truth), array_of(trial.truth))


def test_what_is_cut_off_is_cut_off_image_and_truth_alike(trial):
    image, seen = SPOILINGS["cut field"](trial, 0.7, np.random.default_rng(2))
    resampled = sitk.Resample(trial.truth, image, sitk.Transform(), sitk.sitkNearestNeighbor)
    np.testing.assert_array_equal(array_of(seen.truth), array_of(resampled))


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_corruption_hurts_more_the_more_severe_it_is_and_leaves_bone_alone(labels, table, name):
    whole = labels.copy()
    scores = []
    for severity in (0.0, 1.0):
        found = [CORRUPTIONS[name](labels, SPACING, table, severity, np.random.default_rng(seed)) for seed in range(6)]
        for wrong in found:
            assert wrong.shape == labels.shape and wrong.dtype == labels.dtype
            assert np.isin(wrong, table.muscle_indices()).any()
            assert set(np.unique(wrong)) <= set(np.unique(labels))
        if name not in ("fray", "shift"):
            bone = table.bone_indices()
            assert all((np.isin(wrong, bone) == np.isin(labels, bone)).all() for wrong in found)
        scores.append(np.mean([mean_dice(wrong, labels, table) for wrong in found]))
    np.testing.assert_array_equal(labels, whole)
    assert scores[1] < scores[0] - 0.1 and scores[0] > 0.5


class ByBrightness(torch.nn.Module):
    """Five muscles by height in the crop, wherever the image is bright."""

    def forward(self, stack: torch.Tensor) -> torch.Tensor:
        bright = (stack[:, 1:2] > -0.5).float()
        bands = torch.zeros(1, 5, *bright.shape[2:])
        for band, part in enumerate(torch.tensor_split(torch.arange(bright.shape[2]), 5)):
            bands[:, band, part] = 1
        return 8 * torch.cat([1 - bright, bright * bands], dim=1)


def test_every_way_to_fail_is_judged_by_its_figures_and_its_truth(table):
    configuration = ModelConfiguration("bands", table.muscles[:5], 3.0, 64, 1, (4,), (), 1)
    model = Model(configuration, (ByBrightness(),) * 3, "")
    judged = judge_person(3, 1, model, table)
    corrupted = {one.way for one in judged if not one.by_image}
    assert corrupted < {*CORRUPTIONS} and len(corrupted) == CORRUPTIONS_EACH
    ways = [one.way for one in judged if one.by_image]
    assert set(ways) <= {*AS_THEY_ARE, REPLACED, *SPOILINGS} and len(ways) >= len(SPOILINGS) + 3
    first = judged[0]
    assert first.person == 1 and len(first.muscles) == len(first.dice) == 26
    for row, score in zip(first.muscles, first.dice, strict=True):
        assert score is None or 0 <= score <= 1
        assert (row["fat_share"] is None) == (row["voxels"] == 0) and (row["mean_entropy"] is None) == (
            not row["voxels"]
        )
    assert any(row["voxels"] for row in first.muscles)
