"""A tiny network that knows two muscles of a simple leg, and people with such legs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from legs import leg_codes

from myot2.core.labels import read_labels
from myot2.learn.examples import Example, annotated_in
from myot2.learn.recipe import read_learning_recipe
from myot2.segment.model import state_of
from myot2.train.loop import Batches, train
from myot2.train.recipe import Cycle, read_recipe


@pytest.fixture(scope="session")
def table(root):
    return read_labels(root / "config" / "labels.tsv")


@pytest.fixture(scope="session")
def training(root):
    """The shipped training recipe, small enough for a test."""
    whole = read_recipe(root / "config" / "train" / "thigh.yaml")
    network = {"pixel_mm": 6.0, "crop_pixels": 32, "context": 1, "channels": (8, 16), "strides": (2,)}
    kinds = dict.fromkeys(type(whole.contrast.kinds).model_fields, 0.0) | {"in_phase": 1.0}
    contrast = {"kinds": whole.contrast.kinds.model_copy(update=kinds), "patient_share": 0.0, "cut_share": 0.0}
    cycle = Cycle(steps=120, slabs=2, slices=2, peak_learning_rate=0.02, warm_up_share=0.2)
    return whole.model_copy(
        update={
            "network": whole.network.model_copy(update=network),
            "contrast": whole.contrast.model_copy(update=contrast),
            "optimisation": whole.optimisation.model_copy(update={"cycles": (cycle,), "checkpoint_every": 1000}),
        }
    )


@pytest.fixture(scope="session")
def recipe(root):
    """The shipped recipe of learning with few steps; the others as they are."""
    whole = read_learning_recipe(root / "config" / "learn" / "thigh.yaml")
    fewer = {"threads": 1, "steps": 30, "slices": 4, "replay_slices": 2, "peak_learning_rate": 0.004}
    return whole.model_copy(update={"tuning": whole.tuning.model_copy(update=fewer)})


@pytest.fixture(scope="session")
def volumes(tmp_path_factory):
    """Class codes of one leg."""
    path = tmp_path_factory.mktemp("people") / "leg.npy"
    np.save(path, leg_codes())
    return [path]


@pytest.fixture(scope="session")
def configuration(training, table):
    return replace(training.configuration(table), structures=table.muscles[:2])


@pytest.fixture(scope="session")
def weights(training, configuration, volumes, tmp_path_factory):
    """Weights that tell both muscles."""
    work = tmp_path_factory.mktemp("training")
    network = train(training, configuration, volumes, work, seed=7, threads=1, report=lambda line: None)
    return state_of([network])


@pytest.fixture(scope="session")
def replay(training, configuration, volumes):
    return Batches(training, configuration.structures, volumes, seed=3)


@pytest.fixture(scope="session")
def people(training, configuration, volumes):
    """Six people with one leg each: slabs that no training step draws."""
    batches = Batches(training, configuration.structures, volumes, seed=99)
    found = []
    for number in range(6):
        slab = batches.slabs.draw(batches.volumes[0], 5, np.random.default_rng([5, number]), batches.holds[0])
        image, labels = batches.images.make(slab, np.random.default_rng([6, number]))
        values = labels.numpy().astype(np.uint8)
        found.append(
            Example(
                person=f"P{number}",
                name=f"sub-P{number}_right",
                image=image.numpy(),
                labels=values,
                annotated=annotated_in(values, 3),
                labelled=values.any(axis=(1, 2)),
                drawn=np.ones(3, bool),
            )
        )
    return tuple(found)
