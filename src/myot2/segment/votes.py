"""What the network says of one leg: several votes, their mean probabilities, and how far they agree.

A vote is one network of the ensemble looking at the leg in one pose. Votes of networks that were trained from different
seeds, and of poses, differ most where the label is doubtful (Zenk et al., arXiv 2406.03323).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from myot2.segment.model import Model

POSES = ((0.0, 1.0), (7.0, 1.06), (-7.0, 0.94))
"""Turn in the plane (degrees) and relative size in which a leg is shown to the networks."""

BATCH_SLICES = 8
"""Slices that the network sees at once; bounds the memory."""


@dataclass(frozen=True)
class Votes:
    """The votes on one leg.

    Attributes
    ----------
    probabilities : ndarray of float32, shape (channels, slices, pixels, pixels)
        Mean over the votes; channel 0 is background.
    agreement : ndarray of float, shape (channels,)
        Mean Dice of all pairs of votes, 0-1; NaN where no vote has the channel.
    overall_agreement : float
        The same of all structures together, so that each counts by its volume; 0 where no vote has any.
    """

    probabilities: np.ndarray
    agreement: np.ndarray
    overall_agreement: float


def vote(field: np.ndarray, model: Model) -> Votes:
    """Show a leg to all networks of a model in all poses.

    Parameters
    ----------
    field : ndarray of float32, shape (slices, pixels, pixels)
        Normalised magnitudes, columns towards the middle of the body.
    model : Model
    """
    total: np.ndarray | float = 0.0
    labels = []
    poses = POSES[:1] if len(model.networks) >= len(POSES) else POSES
    with torch.inference_mode():
        for network in model.networks:
            for turn, size in poses:
                probabilities = predict(field, network, model.configuration.context, turn, size)
                labels.append(decide(probabilities))
                total = total + probabilities
    stacked = np.stack(labels)
    return Votes(total / len(labels), pairwise_dice(stacked, total.shape[0]), overall_dice(stacked))


def predict(
    field: np.ndarray, network: torch.nn.Module, context: int, turn: float = 0.0, size: float = 1.0
) -> np.ndarray:
    """Softmax probabilities (channels, slices, pixels, pixels) of one network.

    Beyond the outermost slices the outermost ones are repeated, as in training. The leg is shown turned by `turn`
    degrees and `size` times as large; the probabilities are turned back.
    """
    padded = torch.from_numpy(np.pad(field, ((context, context), (0, 0), (0, 0)), mode="edge"))
    there = _pose(turn, size)
    parts = []
    for first in range(0, field.shape[0], BATCH_SLICES):
        last = min(first + BATCH_SLICES, field.shape[0])
        stack = torch.stack([padded[index : index + 2 * context + 1] for index in range(first, last)])
        probabilities = torch.softmax(network(_moved(stack, there, outside="border")), dim=1)
        parts.append(_moved(probabilities, _pose(-turn, 1 / size), outside="border").transpose(0, 1))
    return torch.cat(parts, dim=1).numpy()


def decide(probabilities: np.ndarray) -> np.ndarray:
    """Channel of each voxel: background where that has more than half the probability, else the likeliest other one.

    First whether it is anything, and then what: between two muscles neither alone need be likelier than background.
    """
    return np.where(probabilities[0] > 0.5, 0, 1 + probabilities[1:].argmax(axis=0)).astype(np.uint8)


def pairwise_dice(labels: np.ndarray, channels: int) -> np.ndarray:
    """Mean Dice over all pairs of label maps (votes, ...) per channel, NaN where no pair has the channel."""
    flat = labels.reshape(len(labels), -1)
    sizes = np.stack([np.bincount(votes, minlength=channels) for votes in flat])
    scores = []
    for first in range(len(flat)):
        for second in range(first + 1, len(flat)):
            both = np.bincount(flat[first][flat[first] == flat[second]], minlength=channels)
            with np.errstate(invalid="ignore"):
                scores.append(2 * both / (sizes[first] + sizes[second]))
    if not scores:
        return np.where(sizes[0] > 0, 1.0, np.nan)
    known = ~np.isnan(scores)
    with np.errstate(invalid="ignore"):
        return np.nansum(scores, axis=0) / known.sum(axis=0)


def overall_dice(labels: np.ndarray) -> float:
    """Mean over all pairs of label maps (votes, ...) of the Dice of all labels together; background is none.

    Both maps must give a voxel the same label. 1 for a single map, 0 where no map has any label.
    """
    flat = labels.reshape(len(labels), -1)
    labelled = (flat > 0).sum(axis=1)
    if not labelled.any():
        return 0.0
    scores = [
        2 * np.count_nonzero((first > 0) & (first == second)) / max(size + other, 1)
        for (first, size), (second, other) in itertools.combinations(zip(flat, labelled, strict=True), 2)
    ]
    return float(np.mean(scores)) if scores else 1.0


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """Shannon entropy over the first axis, relative to the most there can be (0 certain, 1 all alike)."""
    return -(probabilities * np.log(np.clip(probabilities, 1e-7, 1))).sum(axis=0) / math.log(len(probabilities))


def _pose(turn: float, size: float) -> torch.Tensor | None:
    if turn == 0 and size == 1:
        return None
    cosine, sine = math.cos(math.radians(turn)) / size, math.sin(math.radians(turn)) / size
    return torch.tensor([[cosine, -sine, 0.0], [sine, cosine, 0.0]])


def _moved(stack: torch.Tensor, matrix: torch.Tensor | None, *, outside: str) -> torch.Tensor:
    if matrix is None:
        return stack
    grid = functional.affine_grid(matrix.expand(len(stack), 2, 3), list(stack.shape), align_corners=False)
    return functional.grid_sample(stack, grid, padding_mode=outside, align_corners=False)
