"""Completion of label maps: a known thigh is cut down to what the maps show, and must come back."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from myot2.core.labels import read_labels
from myot2.segment.overlap import dice
from myot2.simulate.anatomy import Tissue, draw_person, render
from myot2.simulate.atlas import Field, load_atlas
from myot2.simulate.atlas_fit import SHARED, cloud_of, full_slices
from myot2.simulate.atlas_template import Template
from myot2.train.classes import OTHER_MUSCLE
from myot2.train.recipe import read_recipe
from myot2.train.thighs import Completion, Sampling, read_thighs
from myot2.train.variants import draw_variant

PIXEL_MM, SLICE_MM = 2.0, 24.0
SAMPLING = Sampling(in_plane_mm=2.0, slice_mm=6.0, width_mm=200.0)


@pytest.fixture(scope="module")
def table(root):
    return read_labels(root / "config" / "labels.tsv")


@pytest.fixture(scope="module")
def person():
    return draw_person(np.random.default_rng(5), people="held-out", obesity=0.2)


def label_map(person, table, slice_mm: float) -> tuple[sitk.Image, sitk.Image]:
    """The person's thighs with left and right alike: as the maps show them, and with every muscle and the femur."""
    x = np.arange(-210.0, 210.0, PIXEL_MM)
    y = np.arange(-120.0, 120.0, PIXEL_MM)
    z = np.arange(-144.0, 145.0, slice_mm)
    points = np.stack(np.meshgrid(z, y, x, indexing="ij")[::-1], axis=-1)
    labels, tissue = render(person, points, table)
    shown, whole = np.zeros_like(labels), np.zeros_like(labels)
    for number, name in enumerate(table.muscles, 1):
        own = np.isin(labels, [table.index(name, side) for side in ("left", "right")])
        whole[own] = number
        if name in SHARED:
            shown[own] = SHARED.index(name) + 1
    whole[np.isin(tissue, (Tissue.CORTEX, Tissue.MARROW))] = len(table.muscles) + 1
    images = []
    for values in (shown, whole):
        image = sitk.GetImageFromArray(values)
        image.SetSpacing((PIXEL_MM, PIXEL_MM, slice_mm))
        image.SetOrigin((float(x[0]), float(y[0]), float(z[0])))
        images.append(image)
    return tuple(images)


@pytest.fixture(scope="module")
def completion(table):
    atlas = load_atlas()
    template = Template(atlas.template, len(atlas.muscles), atlas.origin, atlas.spacing, box=())
    nowhere = Field(np.full((2, 2, 2), 1e3, np.float32), np.full(3, -500.0), 1000.0)
    return Completion(atlas, template, nowhere, table)


@pytest.fixture(scope="module")
def completed(person, table, completion):
    """The right thigh completed from slices 24 mm apart, and its true labels on the same voxels."""
    torch.set_num_threads(1)
    thick, _ = label_map(person, table, SLICE_MM)
    labels, affine = read_thighs(thick)["right"]
    thigh = completion.complete(labels, affine, mirror=False, sampling=SAMPLING)
    _, fine = label_map(person, table, SAMPLING.slice_mm)
    truth, fine_affine = read_thighs(fine)["right"]
    return thigh, _on_voxels_of(thigh, truth, fine_affine, labels, affine)


def _on_voxels_of(thigh, truth: np.ndarray, fine: np.ndarray, labels: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """True labels where the completed thigh has its voxels: the frame is the middle of the labelled voxels."""
    centre = cloud_of(labels, affine, mirror=False).centre
    real = np.arange(thigh.real.start, thigh.real.stop)
    lowest = full_slices(labels)[0] * affine[2, 2] - centre[2]
    heights = lowest + (real - real[0]) * SAMPLING.slice_mm
    z = np.round((heights + centre[2]) / fine[2, 2]).astype(int).clip(0, truth.shape[0] - 1)
    rows = np.round((SAMPLING.offsets + centre[1]) / fine[1, 1]).astype(int)
    columns = np.round((SAMPLING.offsets + centre[0]) / fine[0, 0]).astype(int)
    inside = ((rows >= 0) & (rows < truth.shape[1]))[:, None] & ((columns >= 0) & (columns < truth.shape[2]))
    picked = truth[z][:, rows.clip(0, truth.shape[1] - 1)][:, :, columns.clip(0, truth.shape[2] - 1)]
    return np.where(inside, picked, 0)


def test_muscles_between_thick_slices_and_muscles_that_a_map_lacks_come_back(completed, table):
    thigh, truth = completed
    found = np.where(thigh.depth < 0, thigh.muscle, 0)[thigh.real]
    scores = {
        name: dice(found == number, truth == number)
        for number, name in enumerate(table.muscles, 1)
        if (truth == number).any()
    }
    assert np.mean([scores[name] for name in SHARED]) > 0.85, scores
    assert scores["adductor longus"] > 0.5
    femur = thigh.femur[thigh.real] < 0
    assert dice(femur, truth == len(table.muscles) + 1) > 0.8


def test_every_muscle_lies_within_the_fascia(completed):
    thigh, _ = completed
    assert (thigh.fascia[thigh.depth < 0] < 1).mean() > 0.99


def test_a_variant_has_skin_around_fat_around_muscle_and_bone_within(completed, table, root):
    thigh, _ = completed
    variation = read_recipe(root / "config" / "train" / "thigh.yaml").population.maps.variation
    calm = variation.model_copy(update={"pressed_share": 0.0, "atrophy_share": 0.0})
    codes = draw_variant(thigh, len(table.muscles), calm, PIXEL_MM, np.random.default_rng(1))
    middle = codes[len(codes) // 2]
    row = middle[np.nonzero(middle)[0].min() :, middle.shape[1] // 2]
    order = [int(code) for code in row[np.insert(np.diff(row) != 0, 0, True)]]
    assert order.index(Tissue.SKIN) < order.index(Tissue.SUBCUTANEOUS_FAT)
    for number in range(1, len(SHARED) + 1):
        muscle = codes == OTHER_MUSCLE + number
        assert muscle.sum() <= ((thigh.muscle == number) & (thigh.depth < 0)).sum()
    assert (codes == Tissue.MARROW).any()
    assert (codes == Tissue.CORTEX).any()


def test_the_fattest_thigh_is_round_and_has_air_around_it(completed, table, root):
    thigh, _ = completed
    variation = read_recipe(root / "config" / "train" / "thigh.yaml").population.maps.variation
    obese = variation.model_copy(update={"fat_mm": (30.0, 30.0), "pressed_share": 0.0})
    codes = draw_variant(thigh, len(table.muscles), obese, PIXEL_MM, np.random.default_rng(1))
    middle = codes[len(codes) // 2]
    assert (middle[[0, 0, -1, -1], [0, -1, 0, -1]] == Tissue.AIR).all()
    assert (middle == Tissue.SKIN).any()
    fat_mm2 = (middle == Tissue.SUBCUTANEOUS_FAT).sum() * PIXEL_MM**2
    within = np.isin(middle, (Tissue.AIR, Tissue.SKIN, Tissue.SUBCUTANEOUS_FAT), invert=True).sum() * PIXEL_MM**2
    ring = np.pi * ((np.sqrt(within / np.pi) + 30.0) ** 2) - within
    assert fat_mm2 == pytest.approx(ring, rel=0.35)


def test_atrophy_takes_muscle_and_leaves_fat(completed, table, root):
    thigh, _ = completed
    variation = read_recipe(root / "config" / "train" / "thigh.yaml").population.maps.variation
    volumes = []
    for share, most in ((0.0, 0.0), (1.0, 0.9)):
        changed = variation.model_copy(update={"atrophy_share": share, "atrophy_most": most, "septum_mm": (0.2, 0.2)})
        drawn = draw_variant(thigh, len(table.muscles), changed, PIXEL_MM, np.random.default_rng(3))
        volumes.append((drawn > OTHER_MUSCLE).sum())
    assert volumes[1] < 0.95 * volumes[0]


def test_a_left_thigh_comes_out_as_a_right_one(person, table, completion):
    torch.set_num_threads(1)
    thick, _ = label_map(person, table, SLICE_MM)
    mirrored = sitk.GetImageFromArray(sitk.GetArrayFromImage(thick)[:, :, ::-1].copy())
    mirrored.SetSpacing(thick.GetSpacing())
    mirrored.SetOrigin((-(thick.GetOrigin()[0] + (thick.GetSize()[0] - 1) * PIXEL_MM), *thick.GetOrigin()[1:]))
    coarse = Sampling(in_plane_mm=4.0, slice_mm=24.0, width_mm=200.0)
    right = completion.complete(*read_thighs(thick)["right"], mirror=False, sampling=coarse)
    left = completion.complete(*read_thighs(mirrored)["left"], mirror=True, sampling=coarse)
    # The mirror image is thinned from its other end before the fit, which may also add a slice at the top.
    common = min(len(right.depth), len(left.depth))
    assert common >= max(len(right.depth), len(left.depth)) - 1
    assert dice(right.depth[:common] < 0, left.depth[:common] < 0) > 0.93
