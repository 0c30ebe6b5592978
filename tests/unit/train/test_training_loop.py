"""The training loop on a tiny network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from myot2.core.errors import MyoT2Error
from myot2.core.labels import read_labels
from myot2.simulate.anatomy import Tissue
from myot2.train.classes import OTHER_MUSCLE
from myot2.train.loop import learning_rate, train
from myot2.train.recipe import Cycle, Recipe, read_recipe


def cycle(steps: int) -> Cycle:
    return Cycle(steps=steps, slabs=2, slices=2, peak_learning_rate=0.02, warm_up_share=0.2)


def with_cycles(recipe: Recipe, *cycles: Cycle, **changes) -> Recipe:
    plan = recipe.optimisation.model_copy(update={"cycles": cycles, **changes})
    return recipe.model_copy(update={"optimisation": plan})


@pytest.fixture(scope="module")
def table(root):
    return read_labels(root / "config" / "labels.tsv")


@pytest.fixture(scope="module")
def recipe(root):
    """The shipped recipe, small enough for a test."""
    whole = read_recipe(root / "config" / "train" / "thigh.yaml")
    network = {"pixel_mm": 6.0, "crop_pixels": 32, "context": 1, "channels": (8, 16), "strides": (2,)}
    kinds = dict.fromkeys(type(whole.contrast.kinds).model_fields, 0.0) | {"in_phase": 1.0}
    contrast = {"kinds": whole.contrast.kinds.model_copy(update=kinds), "patient_share": 0.0, "cut_share": 0.0}
    optimisation = {"cycles": (cycle(30),), "checkpoint_every": 10}
    return whole.model_copy(
        update={
            "network": whole.network.model_copy(update=network),
            "contrast": whole.contrast.model_copy(update=contrast),
            "optimisation": whole.optimisation.model_copy(update=optimisation),
        }
    )


@pytest.fixture(scope="module")
def volumes(tmp_path_factory):
    """One leg with a muscle in front and another behind."""
    row, column = np.mgrid[0:200, 0:200]
    distance = np.hypot(row - 100, column - 100)
    plane = np.zeros((200, 200), np.uint8)
    plane[distance < 80] = Tissue.SUBCUTANEOUS_FAT
    plane[distance < 60] = OTHER_MUSCLE + 1
    plane[(distance < 60) & (row > 105)] = OTHER_MUSCLE + 2
    plane[(distance < 60) & (abs(row - 103) <= 3)] = Tissue.INTERMUSCULAR_FAT
    path = tmp_path_factory.mktemp("people") / "leg.npy"
    np.save(path, np.repeat(plane[None], 41, axis=0))
    return [path]


@pytest.fixture(scope="module")
def configuration(recipe, table):
    return replace(recipe.configuration(table), structures=table.muscles[:2])


def weights(network: torch.nn.Module) -> np.ndarray:
    return torch.cat([tensor.flatten() for tensor in network.state_dict().values()]).numpy()


def test_training_lowers_the_loss(recipe, configuration, volumes, tmp_path):
    said: list[str] = []
    train(with_cycles(recipe, cycle(80)), configuration, volumes, tmp_path, seed=7, threads=1, report=said.append)
    losses = [float(line.rsplit(" ", 1)[1]) for line in said]
    assert len(losses) == 4
    assert losses[-1] < 0.6 * losses[0]


def test_an_interrupted_training_ends_with_the_same_weights(recipe, configuration, volumes, tmp_path):
    seen: list[int] = []

    def stop(step: int, _: torch.nn.Module) -> None:
        seen.append(step)
        if step == 20:
            raise KeyboardInterrupt

    whole = train(recipe, configuration, volumes, tmp_path / "whole", seed=7, threads=1)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, configuration, volumes, tmp_path / "parts", seed=7, threads=1, on_checkpoint=stop)
    resumed = train(recipe, configuration, volumes, tmp_path / "parts", seed=7, threads=1)
    assert seen == [10, 20]
    np.testing.assert_array_equal(weights(resumed), weights(whole))


def test_a_checkpoint_of_another_recipe_is_refused(recipe, configuration, volumes, tmp_path):
    train(with_cycles(recipe, cycle(2)), configuration, volumes, tmp_path, seed=7, threads=1)
    with pytest.raises(MyoT2Error, match="another recipe"):
        train(with_cycles(recipe, cycle(2), weight_decay=0.5), configuration, volumes, tmp_path, seed=7, threads=1)
    with pytest.raises(MyoT2Error, match="another recipe"):
        train(with_cycles(recipe, cycle(2)), configuration, volumes, tmp_path, seed=8, threads=1)


def test_the_learning_rate_rises_to_the_peak_of_each_cycle_and_falls_to_almost_nothing(recipe):
    second = Cycle(steps=50, slabs=2, slices=1, peak_learning_rate=0.005, warm_up_share=0.1)
    plan = with_cycles(recipe, cycle(100), second).optimisation
    assert plan.steps == 150
    rates = np.array([learning_rate(step, plan) for step in range(150)])
    for first, last, peak, at in ((0, 100, 0.02, 20), (100, 150, 0.005, 105)):
        assert rates[first] == pytest.approx(peak / 25)
        assert rates[at] == pytest.approx(peak)
        assert (np.diff(rates[first : at + 1]) > 0).all()
        assert (np.diff(rates[at:last]) < 0).all()
        assert rates[last - 1] < 0.01 * peak


def test_training_twice_with_a_seed_gives_the_same_weights_and_another_seed_others(
    recipe, configuration, volumes, tmp_path
):
    plan = with_cycles(recipe, cycle(6))
    first, again, other = (
        weights(train(plan, configuration, volumes, tmp_path / name, seed=seed, threads=1))
        for name, seed in (("a", 7), ("b", 7), ("c", 8))
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01
