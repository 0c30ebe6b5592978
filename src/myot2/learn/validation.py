"""How well a model labels people it has not learned from: Dice per person and structure, on frozen sets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from myot2.core.labels import LabelTable
from myot2.learn.examples import Example, limbs_of
from myot2.learn.gate import Scores
from myot2.learn.recipe import Validation
from myot2.segment.model import Model, ModelConfiguration, networks_of
from myot2.segment.overlap import dice
from myot2.segment.votes import decide, vote
from myot2.train.trials import draw_trial


@dataclass(frozen=True)
class Measurement:
    """Dice of structures that somebody drew, and of those that were left as a version of the model had drawn them."""

    drawn: Scores
    kept: Scores


def measure(
    weights: Mapping[str, torch.Tensor],
    examples: Sequence[Example],
    configuration: ModelConfiguration,
    *,
    threads: int,
) -> Measurement:
    """Dice of each structure for each person, as the network labels them in the workflow: all networks, all poses.

    Parameters
    ----------
    weights : mapping of str to torch.Tensor
        As models/model.safetensors holds them.
    examples : sequence of Example
    configuration : ModelConfiguration
    threads : int
        Of the arithmetic.

    Returns
    -------
    Measurement
        Person to structure to Dice: the mean over the person's limbs and images that have it, of each limb's voxels in
        the slices in which it was annotated.
    """
    torch.set_num_threads(threads)
    model = Model(configuration, networks_of(configuration, weights), weights_sha256="")
    found: dict[bool, dict[str, dict[str, list[float]]]] = {True: {}, False: {}}
    for example in sorted(examples, key=lambda one: (one.person, one.name)):
        labels = decide(vote(example.image, model).probabilities)
        for channel, value in _dice_of(labels, example).items():
            own = found[bool(example.drawn[channel])].setdefault(example.person, {})
            own.setdefault(configuration.structures[channel - 1], []).append(value)
    return Measurement(*(_means(found[drawn], configuration) for drawn in (True, False)))


def synthetic_people(recipe: Validation, configuration: ModelConfiguration, table: LabelTable) -> tuple[Example, ...]:
    """The frozen synthetic set: people whom no training draws, seen by the simulator's Dixon sequence.

    Its anatomy is that of the held-out people of the atlas, and its physics shares no code with the images that a
    network is trained or replayed on (`myot2.train.trials`).

    Parameters
    ----------
    recipe : Validation
    configuration : ModelConfiguration
    table : LabelTable

    Returns
    -------
    tuple of Example
        Both thighs of each person in each of the recipe's images; the same recipe gives the same people.
    """
    examples = []
    for number in range(recipe.people):
        trial = draw_trial(recipe.seed, number, table)
        for name in recipe.images:
            person = f"synthetic-{number}"
            examples += limbs_of(
                trial.images[name], trial.truth, configuration, table, person=person, name=f"{person}_{name}"
            )
    return tuple(examples)


def _dice_of(labels: np.ndarray, example: Example) -> dict[int, float]:
    """Dice of each channel that the example has."""
    values = {}
    for channel in range(1, example.annotated.shape[1]):
        slices = example.annotated[:, channel] & example.labelled
        truth = example.labels[slices] == channel
        if truth.any():
            values[channel] = dice(labels[slices] == channel, truth)
    return values


def _means(found: Mapping[str, Mapping[str, Sequence[float]]], configuration: ModelConfiguration) -> Scores:
    """The mean of each person's values, structures in the order of the channels."""
    return {
        person: {name: math.fsum(own[name]) / len(own[name]) for name in configuration.structures if name in own}
        for person, own in found.items()
    }
