"""Limbs that are no thigh: nothing in them is to be labelled."""

from __future__ import annotations

import numpy as np
import pytest

from myot2.core.labels import read_labels
from myot2.simulate.anatomy import Tissue
from myot2.train.classes import OTHER_MUSCLE
from myot2.train.loop import Batches
from myot2.train.recipe import read_recipe
from myot2.train.strangers import draw_stranger
from myot2.train.thighs import Sampling

SAMPLING = Sampling(in_plane_mm=2.0, slice_mm=4.0, width_mm=200.0)


@pytest.mark.parametrize("seed", range(4))
def test_a_stranger_is_a_limb_of_muscle_without_a_name_in_fat(seed):
    volume = draw_stranger(SAMPLING, np.random.default_rng(seed))
    assert volume.shape[1:] == (100, 100)
    known = {Tissue.AIR, Tissue.SKIN, Tissue.SUBCUTANEOUS_FAT, Tissue.INTERMUSCULAR_FAT, Tissue.CORTEX, Tissue.MARROW}
    assert set(np.unique(volume)) <= known | {OTHER_MUSCLE}
    assert (volume == OTHER_MUSCLE).mean() > 0.02
    np.testing.assert_array_equal(volume, draw_stranger(SAMPLING, np.random.default_rng(seed)))


def test_in_a_stranger_not_even_the_bone_is_a_label(root, tmp_path):
    recipe = read_recipe(root / "config" / "train" / "thigh.yaml")
    structures = recipe.configuration(read_labels(root / "config" / "labels.tsv")).structures
    volume = draw_stranger(Sampling(1.0, 4.0, 200.0), np.random.default_rng(0))
    assert (volume == Tissue.CORTEX).any()
    found = {}
    for name in ("stranger-0000.npy", "person.npy"):
        np.save(tmp_path / name, volume)
        images, labels = Batches(recipe, structures, [tmp_path / name], seed=1).draw(0)
        found[name] = (images, labels)
    assert not found["stranger-0000.npy"][1].any()
    assert found["person.npy"][1].any()
    assert found["stranger-0000.npy"][0].equal(found["person.npy"][0])
