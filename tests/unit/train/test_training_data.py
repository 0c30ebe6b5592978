"""Slabs, contrasts and people that the network learns from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from myot2.core.errors import MyoT2Error
from myot2.core.labels import read_labels
from myot2.segment.legs import body_mask
from myot2.simulate.anatomy import Tissue, draw_person, render
from myot2.train.appearance import draw_appearance, muscle_and_fat
from myot2.train.classes import OTHER_MUSCLE, channel_of_class, class_codes, septum_code
from myot2.train.contrast import ImageMaker
from myot2.train.degradation import Degradation
from myot2.train.population import keep_population, render_person
from myot2.train.recipe import read_recipe
from myot2.train.slabs import IN_PLANE_SAMPLES, SLICE_SAMPLES, SlabMaker


@pytest.fixture(scope="module")
def recipe(root):
    return read_recipe(root / "config" / "train" / "thigh.yaml")


@pytest.fixture(scope="module")
def table(root):
    return read_labels(root / "config" / "labels.tsv")


@pytest.fixture(scope="module")
def sparse(recipe):
    """The recipe with one person of the atlas, sampled coarsely so that a test can render them."""
    atlas = recipe.population.atlas.model_copy(update={"count": 1})
    coarse = {"in_plane_mm": 4.0, "slice_mm": 40.0, "atlas": atlas, "maps": None}
    return recipe.model_copy(update={"population": recipe.population.model_copy(update=coarse)})


@pytest.fixture(scope="module")
def structures(recipe, table):
    return recipe.configuration(table).structures


def disc_volume() -> np.ndarray:
    """A leg of fat with one muscle (channel 5) on either side of a bone, 41 slices of 200 x 200."""
    row, column = np.mgrid[0:200, 0:200]
    distance = np.hypot(row - 100, column - 100)
    plane = np.zeros((200, 200), np.uint8)
    plane[distance < 80] = Tissue.SUBCUTANEOUS_FAT
    plane[distance < 60] = OTHER_MUSCLE + 5
    plane[distance < 12] = Tissue.MARROW
    return np.repeat(plane[None], 41, axis=0)


def test_a_muscle_of_the_other_leg_has_no_channel_and_bone_has_its_own(table, structures):
    labels = np.array([table.index("gracilis", "left"), table.index("gracilis", "right"), 0, 0])
    tissue = np.array([Tissue.MUSCLE, Tissue.MUSCLE, Tissue.MUSCLE, Tissue.CORTEX])
    codes = class_codes(labels, tissue, table, "left")
    gracilis = table.muscles.index("gracilis") + 1
    femur = structures.index("femur") + 1
    np.testing.assert_array_equal(channel_of_class(table.muscles, structures)[codes], [gracilis, 0, 0, femur])
    assert len(structures) == len(table.muscles) + 1
    assert codes[3] == Tissue.CORTEX


def test_a_slab_without_deformation_is_the_kept_volume(recipe):
    still = {"rotate_degrees": 0.0, "scale": 0.0, "shear": 0.0, "tilt": 0.0, "translate_mm": 0.0, "elastic_mm": 0.0}
    maker = SlabMaker(recipe.network, recipe.population, recipe.geometry.model_copy(update=still))
    slab = maker.draw(disc_volume(), 5, np.random.default_rng(0))
    pixels = recipe.network.crop_pixels * IN_PLANE_SAMPLES
    assert slab.shape == (5, SLICE_SAMPLES, pixels, pixels)
    share = (recipe.network.pixel_mm / IN_PLANE_SAMPLES) ** 2
    muscle_mm2 = (slab == OTHER_MUSCLE + 5).sum(dim=(2, 3)) * share
    # MONAI's coarse control grid, even when it bends nothing, stretches by up to 2 % per axis.
    assert muscle_mm2.numpy() == pytest.approx(np.pi * (60**2 - 12**2), rel=0.04)


def test_slabs_differ_by_seed_and_repeat_by_seed(recipe):
    maker = SlabMaker(recipe.network, recipe.population, recipe.geometry)
    first, again, other = (maker.draw(disc_volume(), 4, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_an_image_and_its_labels_fit_together_and_repeat_by_seed(recipe, table, structures):
    slabs = SlabMaker(recipe.network, recipe.population, recipe.geometry)
    slab = slabs.draw(disc_volume(), 6, np.random.default_rng(3))
    contrast = recipe.contrast.model_copy(update={"cut_share": 0.0, "void_share": 0.0})
    maker = ImageMaker(contrast, table.muscles, structures)
    image, labels = maker.make(slab, np.random.default_rng(4))
    again, _ = maker.make(slab, np.random.default_rng(4))
    pixels = recipe.network.crop_pixels
    assert image.shape == labels.shape == (6, pixels, pixels)
    assert torch.equal(image, again)
    assert torch.isfinite(image).all()
    femur = structures.index("femur") + 1
    assert set(labels.unique().tolist()) == {0, 5, femur}
    for channel, code in ((5, OTHER_MUSCLE + 5), (femur, Tissue.MARROW)):
        fine = (slab == code).double().mean()
        assert (labels == channel).double().mean() == pytest.approx(float(fine), rel=0.06)


def test_a_void_and_a_cut_field_leave_no_label_behind(recipe, table, structures):
    slab = SlabMaker(recipe.network, recipe.population, recipe.geometry).draw(
        disc_volume(), 3, np.random.default_rng(3)
    )
    whole = recipe.contrast.model_copy(update={"cut_share": 0.0, "void_share": 0.0})
    hurt = recipe.contrast.model_copy(update={"cut_share": 0.0, "void_share": 1.0})
    counts = [
        int((ImageMaker(contrast, table.muscles, structures).make(slab, np.random.default_rng(5))[1] > 0).sum())
        for contrast in (whole, hurt)
    ]
    assert 0.5 * counts[0] < counts[1] < counts[0]


def test_a_septum_looks_like_fat_or_fascia_and_is_labelled_as_its_muscle(recipe, table, structures):
    muscles = len(table.muscles)
    gracilis = table.muscles.index("gracilis") + 1
    code = septum_code(gracilis, muscles)
    assert channel_of_class(table.muscles, structures)[code] == structures.index("gracilis") + 1
    for seed in range(20):
        drawn = draw_appearance(recipe.contrast, "in_phase", muscles, np.random.default_rng(seed))
        sheets = sorted([drawn.still[Tissue.INTERMUSCULAR_FAT], drawn.still[Tissue.FASCIA]])
        assert sheets[0] - 1e-9 <= drawn.still[code] <= sheets[1] + 1e-9
        assert drawn.muscle[code] == 0


def test_slabs_are_laid_about_short_muscles_as_often_as_asked(recipe):
    volume = disc_volume()
    volume[20:23][volume[20:23] == OTHER_MUSCLE + 5] = OTHER_MUSCLE + 9
    holds = np.stack([(volume == OTHER_MUSCLE + muscle).any(axis=(1, 2)) for muscle in (5, 9)])
    seen = {}
    for share in (0.0, 1.0):
        geometry = recipe.geometry.model_copy(
            update={"stratified": share, "slice_distance_mm": (3.0, 6.0), "repeat_ends": 0.0}
        )
        maker = SlabMaker(recipe.network, recipe.population, geometry)
        slabs = [maker.draw(volume, 3, np.random.default_rng(seed), holds) for seed in range(60)]
        seen[share] = np.mean([bool((slab == OTHER_MUSCLE + 9).any()) for slab in slabs])
    assert seen[0.0] < 0.3
    assert seen[1.0] > 0.45


def test_what_a_cut_field_leaves_of_a_leg_lies_in_the_middle(recipe, table, structures):
    slab = SlabMaker(recipe.network, recipe.population, recipe.geometry).draw(
        disc_volume(), 3, np.random.default_rng(3)
    )
    quiet = {"void_share": 0.0, "ghost_share": 0.0, "noise": (0.004, 0.005), "coil_share": 0.0, "bias": 0.0}
    maker = ImageMaker(recipe.contrast.model_copy(update={"cut_share": 1.0, **quiet}), table.muscles, structures)
    for seed in range(8):
        image, labels = maker.make(slab, np.random.default_rng(seed))
        shown = body_mask(image.numpy() - float(image.min()))
        middle = [axis.mean() - image.shape[1] / 2 for axis in np.nonzero(shown.any(axis=0))]
        assert np.abs(middle).max() < 6
        assert (shown | (labels == 0).numpy()).mean() > 0.97


def test_larger_pixels_do_not_move_the_image_against_its_labels(recipe):
    clean = {"bias": 0.0, "coil_share": 0.0, "ghost_share": 0.0, "void_share": 0.0, "cut_share": 0.0}
    coarse = {"gamma": (1.0, 1.0), "noise": (1e-6, 1e-6), "coarse_share": 1.0}
    degrade = Degradation(recipe.contrast.model_copy(update={**clean, **coarse}))
    y, x = np.mgrid[0:144, 0:144]
    blob = np.exp(-((y - 60.0) ** 2 + (x - 80.0) ** 2) / (2 * 12.0**2))[None]
    for seed in range(8):
        image = torch.from_numpy(blob).float()
        seen = degrade(image, torch.zeros(image.shape, dtype=torch.long), np.random.default_rng(seed))[0]
        middle = [(seen * axis).sum() / seen.sum() for axis in (y, x)]
        np.testing.assert_allclose(middle, [60.0, 80.0], atol=0.15)


def test_a_tilted_slab_moves_its_slices_against_each_other(recipe):
    still = {
        "rotate_degrees": 0.0,
        "scale": 0.0,
        "shear": 0.0,
        "translate_mm": 0.0,
        "elastic_mm": 0.0,
        "repeat_ends": 0.0,
    }
    places = []
    for tilt in (0.0, 0.15):
        geometry = recipe.geometry.model_copy(update={**still, "tilt": tilt})
        slab = SlabMaker(recipe.network, recipe.population, geometry).draw(disc_volume(), 5, np.random.default_rng(8))
        rows = [np.nonzero(plane.numpy())[0].mean() for plane in slab[:, 0]]
        places.append(rows)
    assert np.ptp(places[0]) < 0.5
    assert np.ptp(places[1]) > 2
    np.testing.assert_allclose(np.diff(places[1]), np.diff(places[1]).mean(), atol=2.5)


def test_contrast_follows_the_sequence():
    rng = np.random.default_rng(0)
    drawn = {
        kind: np.array([muscle_and_fat(kind, rng) for _ in range(200)])
        for kind in ("in_phase", "opposed", "water", "fat", "stir")
    }
    assert (drawn["opposed"][:, 1] < 0).all()
    assert (drawn["in_phase"] > 0).all()
    for kind, brighter in (("water", 0), ("stir", 0), ("fat", 1)):
        assert (drawn[kind][:, brighter] > drawn[kind][:, 1 - brighter]).mean() > 0.8
    assert (drawn["in_phase"][:, 0] < drawn["in_phase"][:, 1]).mean() > 0.8


def test_patients_have_more_fat_in_their_muscles_than_others(recipe):
    shares = []
    for patients in (0.0, 1.0):
        contrast = recipe.contrast.model_copy(update={"patient_share": patients})
        drawn = [draw_appearance(contrast, "in_phase", 13, np.random.default_rng(seed)) for seed in range(50)]
        shares.append(np.mean([appearance.fat_fraction[OTHER_MUSCLE + 1 :] for appearance in drawn]))
    assert shares[0] < 0.06 < shares[1]


def test_a_rendered_leg_is_what_the_generator_says_at_the_same_points(sparse, table):
    population, people = sparse.population, sparse.population.atlas
    right, left = reversed(render_person(population, table, 0))
    rng = np.random.default_rng([people.seed, 0])
    atrophy = rng.uniform(0, people.atrophy_most) if rng.random() < people.atrophy_share else 0.0
    person = draw_person(rng, people="training", atrophy=atrophy)
    axis = np.arange(-220.0, 220.0, 4.0)
    z = np.arange(-people.half_length_mm, people.half_length_mm + 1, population.slice_mm)
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
