"""Incremental learning: a model's weights, changed a little by corrected slices and synthetic people shown together.

A pure function: weights and examples in, weights out, the same bits each time. Patients' images are the arguments and
nothing of them is kept; what keeps the model general is synthetic (`myot2.train`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import torch
from monai.transforms import RandAffined

from myot2.core.errors import MyoT2Error
from myot2.learn.examples import Example
from myot2.learn.marginal import marginal_loss
from myot2.learn.recipe import Augmentation, Tuning, tuning_cycle
from myot2.segment.model import ModelConfiguration, networks_of, state_of
from myot2.train.loop import improve, rate_of

Weights = Mapping[str, torch.Tensor]
"""Tensors by name, as models/model.safetensors holds them: the number of a network of the ensemble, a dot, a name."""


class Replay(Protocol):
    """Synthetic slices, such as `myot2.train.loop.Batches`; a step's batch depends on the step alone."""

    def draw(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Images (batch, neighbouring slices, rows, columns) and labels (batch, 1, rows, columns); all is annotated."""
        ...


def fine_tune(
    weights: Weights,
    examples: Sequence[Example],
    recipe: Tuning,
    *,
    configuration: ModelConfiguration,
    replay: Replay | None,
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, torch.Tensor]:
    """Learn from examples.

    Parameters
    ----------
    weights : Weights
        Of the model to begin with; they stay as they are.
    examples : sequence of Example
        Of the people who are learned from.
    recipe : Tuning
        Steps, seed, learning rate, number of threads.
    configuration : ModelConfiguration
        Of the networks that the weights belong to.
    replay : Replay or None
        None only where the recipe asks for none.
    report : callable
        Takes one line of text every 20 steps.

    Returns
    -------
    dict of str to torch.Tensor
        Same names, shapes and types. The same arguments give the same bits.

    Raises
    ------
    MyoT2Error
        No example holds a slice with labels, or the recipe asks for a replay that is not given.
    FloatingPointError
        A gradient is not finite.
    """
    if (replay is None) != (recipe.replay_slabs == 0):
        raise MyoT2Error(
            expected="synthetic people where tuning.replay_slabs is not 0, and only there",
            found=f"replay_slabs: {recipe.replay_slabs}, {'none' if replay is None else 'some'} given",
            where="the recipe of learning",
            do="Give both or neither.",
        )
    torch.set_num_threads(recipe.threads)
    local = LocalSlices(examples, configuration, recipe)
    networks = networks_of(configuration, weights)
    for number, network in enumerate(networks):
        _tune(network.train(), local, replay, recipe, lambda line, who=number: report(f"network {who + 1}: {line}"))
    return state_of(networks)


def _tune(
    network: torch.nn.Module,
    local: LocalSlices,
    replay: Replay | None,
    recipe: Tuning,
    report: Callable[[str], None],
) -> None:
    cycle = tuning_cycle(recipe)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=rate_of(0, cycle), weight_decay=recipe.weight_decay, betas=(0.9, 0.99)
    )
    recent: list[float] = []
    for step in range(recipe.steps):
        for group in optimiser.param_groups:
            group["lr"] = rate_of(step, cycle)
        loss = marginal_loss(*_ahead(network, *local.draw(step)))
        if replay is not None:
            images, labels = replay.draw(step)
            whole = torch.ones((len(images), local.channels), dtype=torch.bool)
            share = recipe.replay_weight
            loss = (1 - share) * loss + share * marginal_loss(*_ahead(network, images, labels, whole))
        improve(network, optimiser, loss, recipe.gradient_clip)
        recent.append(loss.item())
        if (step + 1) % 20 == 0:
            report(f"step {step + 1} of {recipe.steps}: loss {np.mean(recent[-20:]):.4f}")


def _ahead(network: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor, annotated: torch.Tensor):
    return network(images), labels, annotated


class LocalSlices:
    """Batches of corrected slices; a step's batch depends on the seed and the step alone.

    A person is drawn first and then one of their slices, so that who has many slices does not count more.

    Parameters
    ----------
    examples : sequence of Example
    configuration : ModelConfiguration
    recipe : Tuning

    Raises
    ------
    MyoT2Error
        No example has a slice with labels.
    """

    def __init__(self, examples: Sequence[Example], configuration: ModelConfiguration, recipe: Tuning):
        self.context, self.recipe = configuration.context, recipe
        self.channels = len(configuration.structures) + 1
        pools: dict[str, list[tuple[Example, int]]] = {}
        for example in sorted(examples, key=lambda one: (one.person, one.name)):
            own = [(example, int(number)) for number in np.flatnonzero(example.labelled)]
            if own:
                pools.setdefault(example.person, []).extend(own)
        if not pools:
            raise MyoT2Error(
                expected="corrected or accepted masks to learn from",
                found="no slice with a label",
                where="the examples",
                do="Accept or correct some masks (make review).",
            )
        self.pools = list(pools.values())
        self._vary = Variation(recipe.augmentation)

    def draw(self, step: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Images (batch, neighbouring slices, rows, columns), labels (batch, 1, rows, columns), annotated channels."""
        rng = np.random.default_rng([self.recipe.seed, step])
        images, labels, annotated = [], [], []
        for _ in range(self.recipe.slices):
            pool = self.pools[rng.integers(len(self.pools))]
            example, number = pool[rng.integers(len(pool))]
            image, truth = self._vary(example.stack(number, self.context), example.labels[number], rng)
            images.append(image)
            labels.append(truth)
            annotated.append(torch.from_numpy(example.annotated[number]))
        return torch.stack(images), torch.stack(labels), torch.stack(annotated)


class Variation:
    """Turns, moves, scales and shades a slice and its labels a little.

    Parameters
    ----------
    augmentation : Augmentation
    """

    def __init__(self, augmentation: Augmentation):
        self.augmentation = augmentation
        turn, shift, scale = np.deg2rad(augmentation.rotate_degrees), augmentation.translate_pixels, augmentation.scale
        self._move = RandAffined(
            keys=("image", "labels"),
            prob=1.0,
            rotate_range=(turn,),
            translate_range=(shift, shift),
            scale_range=(scale, scale),
            mode=("bilinear", "nearest"),
            padding_mode=("border", "zeros"),
        )

    def __call__(
        self, image: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One variant: image (neighbouring slices, rows, columns) of float32, labels (1, rows, columns) of int64."""
        given = {"image": torch.from_numpy(image), "labels": torch.from_numpy(labels[None].astype(np.float32))}
        self._move.set_random_state(seed=int(rng.integers(2**31)))
        moved = {key: value.as_tensor() for key, value in self._move(given).items()}
        gain, offset = rng.uniform(-1, 1, 2) * self.augmentation.brightness
        noise = rng.standard_normal(image.shape, dtype=np.float32) * rng.uniform(0, self.augmentation.noise)
        shaded = moved["image"] * (1 + gain) + offset + torch.from_numpy(noise.astype(np.float32))
        return shaded.to(torch.float32), moved["labels"].round().long()
