"""Votes of an ensemble: probabilities, their mean, and how far they agree."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from myot2.segment import votes
from myot2.segment.model import Model, ModelConfiguration, build_network
from myot2.segment.overlap import dice

TINY = ModelConfiguration(
    name="tiny",
    structures=("gracilis", "sartorius"),
    pixel_mm=2.0,
    crop_pixels=64,
    context=1,
    channels=(4, 6, 8),
    strides=(2, 2),
    residual_units=1,
)


class Seen(torch.nn.Module):
    """Passes a stack of three slices on as if it were three channels."""

    def forward(self, stack: torch.Tensor) -> torch.Tensor:
        return stack


def random_field(slices: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(slices, 64, 64)).astype(np.float32)


@pytest.mark.parametrize("slices", [1, 3, 8, 9, 17])
def test_any_number_of_slices_gives_probabilities_that_add_up_to_one(slices):
    torch.manual_seed(2)
    result = votes.vote(random_field(slices), Model(TINY, (build_network(TINY).eval(),), ""))
    assert result.probabilities.shape == (3, slices, 64, 64)
    np.testing.assert_allclose(result.probabilities.sum(axis=0), 1, atol=1e-5)


def test_the_probabilities_are_the_mean_over_networks_and_poses():
    torch.manual_seed(3)
    networks = tuple(build_network(TINY).eval() for _ in range(2))
    field = random_field(4)
    single = [votes.vote(field, Model(TINY, (network,), "")).probabilities for network in networks]
    together = votes.vote(field, Model(TINY, networks, "")).probabilities
    np.testing.assert_allclose(together, np.mean(single, axis=0), atol=1e-6)


def test_a_slice_is_seen_between_its_neighbours_and_the_outermost_ones_are_repeated():
    field = np.arange(10, dtype=np.float32)[:, None, None] * np.ones((1, 8, 8), np.float32)
    shown = votes.predict(field, Seen(), 1)
    expected = torch.softmax(torch.tensor([[0.0, 0, 1], [3, 4, 5], [8, 9, 9]]), dim=1)
    np.testing.assert_allclose(shown[:, [0, 4, 9], 3, 3].T, expected, atol=1e-6)


@pytest.mark.parametrize(("turn", "size"), votes.POSES)
def test_a_pose_is_taken_back_from_the_probabilities(turn, size):
    row, column = np.mgrid[0:64, 0:64]
    smooth = np.sin(row / 9) + np.cos(column / 7)
    field = np.repeat(smooth[None], 3, axis=0).astype(np.float32)
    field[1:] *= [[[2.0]], [[3.0]]]
    plain, posed = votes.predict(field, Seen(), 1), votes.predict(field, Seen(), 1, turn, size)
    inner = (..., slice(12, 52), slice(12, 52))
    np.testing.assert_allclose(posed[inner], plain[inner], atol=0.01)


@given(arrays.arrays(np.uint8, (3, 4, 5), elements=st.integers(0, 3)))
def test_agreement_is_the_mean_dice_of_all_pairs(labels):
    agreement = votes.pairwise_dice(labels, 5)
    for channel in range(5):
        pairs = [dice(labels[a] == channel, labels[b] == channel) for a, b in ((0, 1), (0, 2), (1, 2))]
        known = [value for value in pairs if value is not None]
        expected = np.mean(known) if known else np.nan
        np.testing.assert_allclose(agreement[channel], expected)


def test_entropy_is_one_where_all_are_alike_and_zero_where_one_is_certain():
    probabilities = np.stack([np.array([0.25, 1.0]), *[np.array([0.25, 0.0])] * 3])
    np.testing.assert_allclose(votes.entropy(probabilities), [1, 0], atol=1e-5)


def test_background_needs_more_than_half_of_the_probability():
    probabilities = np.array([[0.45, 0.55], [0.30, 0.25], [0.25, 0.20]])
    np.testing.assert_array_equal(votes.decide(probabilities), [1, 0])


@given(arrays.arrays(np.uint8, (3, 4, 5), elements=st.integers(0, 3)))
def test_the_overall_agreement_is_the_dice_of_all_labels_with_their_place(labels):
    marked = (labels[:, None] == np.arange(1, 4)[:, None, None]).reshape(3, -1)  # a mask of label and place
    pairs = [dice(marked[a], marked[b]) or 0.0 for a, b in ((0, 1), (0, 2), (1, 2))]
    assert votes.overall_dice(labels) == pytest.approx(np.mean(pairs))


def test_a_sliver_of_a_muscle_counts_little_in_the_overall_agreement():
    labels = np.ones((2, 10, 10), np.uint8)
    labels[0, 0, 0], labels[1, 9, 9] = 2, 2
    assert np.nanmean(votes.pairwise_dice(labels, 3)[1:]) < 0.5
    assert votes.overall_dice(labels) == pytest.approx(0.98)


def test_the_overall_agreement_of_one_vote_is_one_and_of_none_zero():
    assert votes.overall_dice(np.ones((1, 3), np.uint8)) == 1
    assert votes.overall_dice(np.zeros((3, 3), np.uint8)) == 0
