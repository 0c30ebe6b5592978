"""A loss for masks in which not every muscle was drawn: what nobody drew is not taken for background."""

from __future__ import annotations

import torch

SMOOTH = 1e-5
"""Of Dice, in numerator and denominator, as in MONAI's DiceLoss."""


def marginal_loss(logits: torch.Tensor, labels: torch.Tensor, annotated: torch.Tensor) -> torch.Tensor:
    """Soft Dice plus cross-entropy, with the probabilities of what was not annotated added to background's.

    A voxel that carries no label is background or one of the structures that nobody annotated there. So the network is
    asked for the sum of these probabilities, not for each (Shi et al., Marginal loss and exclusion loss for partially
    supervised multi-organ segmentation, Med Image Anal 2021;70:101979). Where all is annotated it is MONAI's DiceCELoss
    over the batch.

    Parameters
    ----------
    logits : torch.Tensor of float, shape (batch, channels, rows, columns)
        Channel 0 is background.
    labels : torch.Tensor of int64, shape (batch, 1, rows, columns)
        Channel of each voxel; 0 is background or not annotated. A channel that is not annotated does not occur.
    annotated : torch.Tensor of bool, shape (batch, channels)
        Which channels were drawn where they are there; channel 0 counts always.

    Returns
    -------
    torch.Tensor
        A scalar.
    """
    drawn = annotated.clone()
    drawn[:, 0] = True
    logs = torch.log_softmax(logits, dim=1)
    rest = drawn.clone()
    rest[:, 0] = False
    background = torch.logsumexp(logs.masked_fill(rest[:, :, None, None], -torch.inf), dim=1, keepdim=True)
    merged = torch.cat([background, logs[:, 1:]], dim=1)
    cross_entropy = -merged.gather(1, labels).mean()
    counts = drawn[:, :, None, None].to(logits.dtype)
    probabilities = merged.exp() * counts
    truth = torch.zeros_like(logits).scatter_(1, labels, 1.0)
    over = (0, 2, 3)
    both = (probabilities * truth).sum(over)
    dice = (2 * both + SMOOTH) / (probabilities.sum(over) + truth.sum(over) + SMOOTH)
    return (1 - dice[drawn.any(dim=0)]).mean() + cross_entropy
