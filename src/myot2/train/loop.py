"""The training loop: the same recipe and thread count give the same weights, also after an interruption."""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from monai.losses import DiceCELoss
from torch.utils.data import DataLoader, Dataset

from myot2.segment.model import ModelConfiguration, build_network
from myot2.simulate.atlas import FEMUR
from myot2.train.checkpoint import load_checkpoint, save_checkpoint
from myot2.train.classes import OTHER_MUSCLE
from myot2.train.contrast import ImageMaker
from myot2.train.population import is_stranger
from myot2.train.recipe import Cycle, Optimisation, Recipe
from myot2.train.slabs import SlabMaker

FIRST_RATE_SHARE = 1 / 25
LAST_RATE_SHARE = 1e-4
"""Learning rate at the first and the last step of a cycle, as shares of its peak."""


def train(
    recipe: Recipe,
    configuration: ModelConfiguration,
    volumes: Sequence[Path],
    work: str | Path,
    *,
    seed: int,
    threads: int,
    report: Callable[[str], None] = print,
    on_checkpoint: Callable[[int, torch.nn.Module], None] | None = None,
) -> torch.nn.Module:
    """Train a network, or go on with one.

    Parameters
    ----------
    recipe : Recipe
    configuration : ModelConfiguration
        Of the network that is trained.
    volumes : sequence of Path
        Class volumes (see `myot2.train.population`), .npy, uint8.
    work : str or Path
        Folder of the checkpoint; where it holds one of this recipe, the training goes on from there.
    seed : int
        Of the first weights and of the batches.
    threads : int
        Threads of the arithmetic.
    report : callable
        Takes one line of text every 20 steps.
    on_checkpoint : callable, optional
        Called with steps done and averaged network after each checkpoint.

    Returns
    -------
    torch.nn.Module
        The network with averaged weights.

    Raises
    ------
    MyoT2Error
        `work` holds a checkpoint of another recipe.
    FloatingPointError
        A gradient is not finite; the last checkpoint is intact.
    """
    torch.set_num_threads(threads)
    plan = recipe.optimisation
    torch.manual_seed(seed)
    network = build_network(configuration)
    average = copy.deepcopy(network).requires_grad_(False)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=learning_rate(0, plan), weight_decay=plan.weight_decay, betas=(0.9, 0.99)
    )
    work, fingerprint = Path(work), hashlib.sha256(f"{seed} {recipe.model_dump_json()}".encode()).hexdigest()
    done = load_checkpoint(work, fingerprint, network, average, optimiser)
    batches = Batches(recipe, configuration.structures, volumes, seed=seed)
    loss_of = DiceCELoss(to_onehot_y=True, softmax=True, batch=True)
    recent: list[float] = []
    steps = range(done, plan.steps)
    ahead = DataLoader(batches, batch_size=None, sampler=steps, num_workers=1)
    for step, (images, labels) in zip(steps, ahead, strict=True):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, plan)
        loss = loss_of(network(images), labels)
        improve(network, optimiser, loss, plan.gradient_clip)
        _follow(average, network, min(plan.ema_decay, (1 + step) / (10 + step)))
        recent.append(loss.item())
        if (step + 1) % 20 == 0:
            report(f"step {step + 1} of {plan.steps}: loss {np.mean(recent[-20:]):.4f}")
        if (step + 1) % plan.checkpoint_every == 0 or step + 1 == plan.steps:
            save_checkpoint(work, step + 1, fingerprint, network, average, optimiser)
            if on_checkpoint:
                on_checkpoint(step + 1, average)
    return average.eval()


class Batches(Dataset):
    """Batches of training pairs; a step's batch depends on the seed and the step alone.

    Parameters
    ----------
    recipe : Recipe
    structures : sequence of str
        What the network's channels from 1 on stand for.
    volumes : sequence of Path
    seed : int
    muscles : sequence of str, optional
        Of the volumes' codes, where these are not the muscles among `structures`; what the network lacks is background.
    """

    def __init__(
        self,
        recipe: Recipe,
        structures: Sequence[str],
        volumes: Sequence[Path],
        *,
        seed: int,
        muscles: Sequence[str] | None = None,
    ):
        self.plan, self.context, self.seed = recipe.optimisation, recipe.network.context, seed
        muscles = [name for name in structures if name != FEMUR] if muscles is None else list(muscles)
        self.volumes = [np.load(path, mmap_mode="r", allow_pickle=False) for path in volumes]
        self.holds = [_muscles_by_slice(volume, len(muscles)) for volume in self.volumes]
        self.strangers = [is_stranger(path) for path in volumes]
        self.slabs = SlabMaker(recipe.network, recipe.population, recipe.geometry)
        self.images = ImageMaker(recipe.contrast, muscles, structures)

    def __getitem__(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.draw(step)

    def draw(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Images (batch, neighbouring slices, rows, columns) and labels (batch, 1, rows, columns) of a step."""
        rng = np.random.default_rng([self.seed, step])
        cycle, _ = self.plan.place(step)
        images, labels = [], []
        for number in rng.integers(0, len(self.volumes), cycle.slabs):
            slab = self.slabs.draw(self.volumes[number], cycle.slices + 2 * self.context, rng, self.holds[number])
            image, truth = self.images.make(slab, rng)
            if self.strangers[number]:
                truth = torch.zeros_like(truth)
            images += [image[first : first + 2 * self.context + 1] for first in range(cycle.slices)]
            labels += list(truth[self.context : self.context + cycle.slices, None])
        return torch.stack(images), torch.stack(labels)


def _muscles_by_slice(volume: np.ndarray, muscles: int) -> np.ndarray:
    """Which slices hold each named muscle; bool, shape (muscles, slices)."""
    codes = np.arange(OTHER_MUSCLE + 1, OTHER_MUSCLE + 1 + muscles)
    return np.stack([np.isin(codes, plane) for plane in volume], axis=1)


def learning_rate(step: int, plan: Optimisation) -> float:
    """Rate of a step: in each cycle a rise and a longer fall, both cosines (Smith & Topin, arXiv 1708.07120)."""
    return rate_of(*reversed(plan.place(step)))


def rate_of(step: int, cycle: Cycle) -> float:
    """Rate of a step of one cycle."""
    warm_up = max(cycle.warm_up_share * cycle.steps, 1)
    if step < warm_up:
        return _between(FIRST_RATE_SHARE, 1.0, step / warm_up) * cycle.peak_learning_rate
    return _between(1.0, LAST_RATE_SHARE, (step - warm_up) / max(cycle.steps - warm_up, 1)) * cycle.peak_learning_rate


def _between(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * min(share, 1.0))) / 2


def improve(network: torch.nn.Module, optimiser: torch.optim.Optimizer, loss: torch.Tensor, clip: float) -> None:
    """One step down the gradient of the loss.

    Raises
    ------
    FloatingPointError
        The gradient is not finite; no weight was changed.
    """
    optimiser.zero_grad()
    loss.backward()
    if not torch.isfinite(torch.nn.utils.clip_grad_norm_(network.parameters(), clip)):
        raise FloatingPointError("the gradient is not finite; the weights are those before this step")
    optimiser.step()


@torch.no_grad()
def _follow(average: torch.nn.Module, network: torch.nn.Module, decay: float) -> None:
    """Exponential moving average of the weights."""
    for mean, current in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(current, 1 - decay)
