"""Slabs, contrasts and people that the network learns from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from myot2.core.errors import MyoT2Error
from myot2.core.labels import read_labels
from myot2.simulate.anatomy import Tissue, draw_person, render
from myot2.train.classes import OTHER_MUSCLE, channel_of_class, class_codes
from myot2.train.contrast import ImageMaker, draw_appearance
from myot2.train.population import keep_population, render_person
from myot2.train.recipe import read_recipe
from myot2.train.slabs import IN_PLANE_SAMPLES, SLICE_SAMPLES, SlabMaker

CHANNELS = 14


@pytest.fixture(scope="module")
def recipe(root):
    return read_recipe(root / "config" / "train" / "thigh.yaml")


@pytest.fixture(scope="module")
def table(root):
    return read_labels(root / "config" / "labels.tsv")


@pytest.fixture(scope="module")
def sparse(recipe):
    """The recipe's people, sampled coarsely so that a test can render them."""
    return recipe.population.model_copy(update={"in_plane_mm": 4.0, "slice_mm": 40.0, "count": 1})


def disc_volume() -> np.ndarray:
    """A leg of fat with one muscle (channel 5) on either side of a bone, 41 slices of 200 x 200."""
    row, column = np.mgrid[0:200, 0:200]
    distance = np.hypot(row - 100, column - 100)
    plane = np.zeros((200, 200), np.uint8)
    plane[distance < 80] = Tissue.SUBCUTANEOUS_FAT
    plane[distance < 60] = OTHER_MUSCLE + 5
    plane[distance < 12] = Tissue.MARROW
    return np.repeat(plane[None], 41, axis=0)


def test_a_muscle_of_the_other_leg_has_no_channel(table):
    labels = np.array([table.index("gracilis", "left"), table.index("gracilis", "right"), 0, 0])
    tissue = np.array([Tissue.MUSCLE, Tissue.MUSCLE, Tissue.MUSCLE, Tissue.CORTEX])
    codes = class_codes(labels, tissue, table, "left")
    gracilis = table.muscles.index("gracilis") + 1
    np.testing.assert_array_equal(channel_of_class(CHANNELS)[codes], [gracilis, 0, 0, 0])
    assert codes[3] == Tissue.CORTEX


def test_a_slab_without_deformation_is_the_kept_volume(recipe):
    still = {"rotate_degrees": 0.0, "scale": 0.0, "shear": 0.0, "translate_mm": 0.0, "elastic_mm": 0.0}
    maker = SlabMaker(recipe.network, recipe.population, recipe.geometry.model_copy(update=still))
    slab = maker.draw(disc_volume(), np.random.default_rng(0))
    pixels = recipe.network.crop_pixels * IN_PLANE_SAMPLES
    assert slab.shape == (recipe.network.slab_slices, SLICE_SAMPLES, pixels, pixels)
    share = (recipe.network.pixel_mm / IN_PLANE_SAMPLES) ** 2
    muscle_mm2 = (slab == OTHER_MUSCLE + 5).sum(dim=(2, 3)) * share
    assert muscle_mm2.numpy() == pytest.approx(np.pi * (60**2 - 12**2), rel=0.02)


def test_slabs_differ_by_seed_and_repeat_by_seed(recipe):
    maker = SlabMaker(recipe.network, recipe.population, recipe.geometry)
    first, again, other = (maker.draw(disc_volume(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_an_image_and_its_labels_fit_together_and_repeat_by_seed(recipe):
    slab = SlabMaker(recipe.network, recipe.population, recipe.geometry).draw(disc_volume(), np.random.default_rng(3))
    maker = ImageMaker(recipe.contrast.model_copy(update={"cut_share": 0.0}), CHANNELS)
    image, labels = maker.make(slab, np.random.default_rng(4))
    again, _ = maker.make(slab, np.random.default_rng(4))
    assert image.shape == labels.shape == (8, 112, 112)
    assert torch.equal(image, again)
    assert torch.isfinite(image).all()
    assert set(labels.unique().tolist()) == {0, 5}
    fine = (slab == OTHER_MUSCLE + 5).double().mean()
    assert (labels == 5).double().mean() == pytest.approx(float(fine), rel=0.02)


@pytest.mark.parametrize(("kind", "brighter"), [("dixon", Tissue.SUBCUTANEOUS_FAT), ("water", OTHER_MUSCLE + 1)])
def test_fat_is_bright_in_phase_and_dark_in_water_images(recipe, kind, brighter):
    only = dict.fromkeys(("dixon", "water", "opposed", "random"), 0.0) | {kind: 1.0}
    contrast = recipe.contrast.model_copy(update=only)
    for seed in range(20):
        drawn = draw_appearance(contrast, CHANNELS, np.random.default_rng(seed))
        signal = drawn.still + drawn.muscle
        darker = {Tissue.SUBCUTANEOUS_FAT, OTHER_MUSCLE + 1} - {brighter}
        assert signal[brighter] > signal[darker.pop()]


def test_patients_have_more_fat_in_their_muscles_than_others(recipe):
    shares = []
    for patients in (0.0, 1.0):
        contrast = recipe.contrast.model_copy(update={"patient_share": patients})
        drawn = [draw_appearance(contrast, CHANNELS, np.random.default_rng(seed)) for seed in range(50)]
        shares.append(np.mean([appearance.fat_fraction[OTHER_MUSCLE + 1 :] for appearance in drawn]))
    assert shares[0] < 0.06 < shares[1]


def test_a_rendered_leg_is_what_the_generator_says_at_the_same_points(sparse, table):
    right, left = reversed(render_person(sparse, table, 0))
    rng = np.random.default_rng([sparse.seed, 0])
    atrophy = rng.uniform(0, sparse.atrophy_most) if rng.random() < sparse.atrophy_share else 0.0
    person = draw_person(rng, people="training", atrophy=atrophy)
    axis = np.arange(-220.0, 220.0, 4.0)
    z = np.arange(-sparse.half_length_mm, sparse.half_length_mm + 1, sparse.slice_mm)
    points = np.stack(np.meshgrid(z, axis, axis, indexing="ij")[::-1], axis=-1)
    labels, _ = render(person, points, table)
    for volume, side in ((right, "right"), (left, "left")):
        for channel, name in enumerate(table.muscles, start=1):
            expected = (labels == table.index(name, side)).sum()
            assert (volume == OTHER_MUSCLE + channel).sum() == pytest.approx(expected, rel=0.25, abs=25)


def test_kept_people_are_not_rendered_again(sparse, table, tmp_path):
    said: list[str] = []
    paths = keep_population(sparse, table, tmp_path, report=said.append)
    before = [path.read_bytes() for path in paths]
    assert keep_population(sparse, table, tmp_path, report=said.append) == paths
    assert said == ["rendered person 1 of 1"]
    assert [path.read_bytes() for path in paths] == before


def test_an_unknown_key_of_a_recipe_is_named(root, tmp_path):
    text = (root / "config" / "train" / "thigh.yaml").read_text(encoding="utf-8")
    (tmp_path / "recipe.yaml").write_text(text.replace("  weight_decay:", "  wait_decay:"), encoding="utf-8")
    message = r"optimisation\.weight_decay: Field required.*optimisation\.wait_decay: Extra"
    with pytest.raises(MyoT2Error, match=message):
        read_recipe(tmp_path / "recipe.yaml")
