"""The loss for masks in which not every muscle was drawn, against MONAI's."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from monai.losses import DiceCELoss

from myot2.learn.marginal import marginal_loss

seeds = st.integers(0, 2**31)


def draw(seed: int, channels: int, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    return 3 * torch.randn(batch, channels, 6, 7), torch.randint(0, channels, (batch, 1, 6, 7))


def monai(logits: torch.Tensor, labels: torch.Tensor) -> float:
    return DiceCELoss(to_onehot_y=True, softmax=True, batch=True)(logits, labels).item()


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(2, 6), st.integers(1, 4))
def test_where_all_is_annotated_it_is_the_dice_and_cross_entropy_of_monai(seed, channels, batch):
    logits, labels = draw(seed, channels, batch)
    whole = torch.ones(batch, channels, dtype=torch.bool)
    assert marginal_loss(logits, labels, whole).item() == pytest.approx(monai(logits, labels), rel=1e-5)


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(1, 3), st.lists(st.integers(1, 4), min_size=1, max_size=3, unique=True))
def test_it_is_monai_s_loss_of_a_network_that_never_had_the_missing_channels(seed, batch, missing):
    # softmax of a network whose background is the sum of background and what is missing
    logits, labels = draw(seed, 5, batch)
    labels[torch.isin(labels, torch.tensor(missing))] = 0
    kept = [channel for channel in range(1, 5) if channel not in missing]
    background = torch.logsumexp(logits[:, [0, *missing]], dim=1, keepdim=True)
    smaller = torch.cat([background, logits[:, kept]], dim=1)
    number = torch.zeros(5, dtype=torch.long)
    number[kept] = torch.arange(1, len(kept) + 1)
    annotated = torch.ones(batch, 5, dtype=torch.bool)
    annotated[:, missing] = False
    assert marginal_loss(logits, labels, annotated).item() == pytest.approx(monai(smaller, number[labels]), rel=1e-5)


def test_a_muscle_that_nobody_drew_costs_nothing_where_it_is_found_and_costs_much_as_background():
    logits, labels = torch.full((1, 3, 4, 4), -20.0), torch.zeros((1, 1, 4, 4), dtype=torch.long)
    labels[..., :2, :] = 1
    logits[:, 1, :2] = logits[:, 2, 2:] = 20.0
    not_drawn, whole = torch.tensor([[True, True, False]]), torch.ones(1, 3, dtype=torch.bool)
    assert marginal_loss(logits, labels, not_drawn).item() == pytest.approx(0, abs=1e-4)
    assert marginal_loss(logits, labels, whole).item() > 5


def test_a_channel_that_one_slice_lacks_is_learned_from_the_others():
    logits, labels = draw(1, 4, 2)
    labels[0][labels[0] == 3] = 0
    annotated = torch.tensor([[True, True, True, False], [True] * 4])
    logits.requires_grad_(True)
    marginal_loss(logits, labels, annotated).backward()
    there = (labels[1, 0] == 3).nonzero()[0]
    assert logits.grad[1, 3, there[0], there[1]] < 0  # descent raises what is there
    assert torch.isfinite(logits.grad).all()


def test_the_flag_of_background_does_not_matter():
    logits, labels = draw(2, 3, 2)
    whole = torch.ones(2, 3, dtype=torch.bool)
    bare = whole.clone()
    bare[:, 0] = False
    assert torch.equal(marginal_loss(logits, labels, whole), marginal_loss(logits, labels, bare))
