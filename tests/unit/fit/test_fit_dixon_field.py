"""The choice between two fields: votes along the surest path, and what no choice can make smooth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myot2.fit.field_choice import choose_field, relate


def shuffled(true, seed):
    """The true phasors and their negatives, in random order, and which row holds the truth."""
    row = np.random.default_rng(seed).integers(0, 2, true.size)
    return np.stack([np.where(row == 0, true, -true), np.where(row == 0, -true, true)]), row


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), slope=st.floats(-0.4, 0.4), bend=st.floats(-0.01, 0.01))
def test_a_smooth_field_is_found_in_whatever_order_the_candidates_come(seed, slope, bend):
    z, y, x = np.meshgrid(np.arange(2), np.arange(12), np.arange(15), indexing="ij")
    true = np.exp(1j * (slope * (x - 7) + bend * (y - 6) ** 2 + 0.1 * z)).ravel()
    candidates, row = shuffled(true, seed)
    choice, disputed = choose_field(candidates, np.ones(true.size), np.ones(z.shape, dtype=bool))
    np.testing.assert_array_equal(choice, row)
    assert not disputed.any()


def test_limbs_that_do_not_touch_are_each_put_near_the_centre_frequency():
    tissue = np.ones((1, 6, 13), dtype=bool)
    tissue[:, :, 6] = False
    true = np.where(np.arange(13) < 6, np.exp(0.5j), np.exp(-0.9j)) * np.ones((1, 6, 1))
    candidates, row = shuffled(true[tissue], 5)
    np.testing.assert_array_equal(choose_field(candidates, np.ones(row.size), tissue)[0], row)


def test_one_bright_voxel_that_disagrees_between_slices_does_not_outvote_the_others():
    tissue = np.ones((2, 5, 5), dtype=bool)
    angle = np.stack([np.full((5, 5), 0.2), np.full((5, 5), 1.2)])
    angle[1, 2, 2] = 2.0
    weight = np.ones(tissue.shape)
    weight[:, 2, 2] = 10
    candidates, row = shuffled(np.exp(1j * angle).ravel(), 8)
    np.testing.assert_array_equal(choose_field(candidates, weight.ravel(), tissue)[0], row)


def test_dim_voxels_of_random_phase_lead_no_bright_one_astray():
    tissue = np.ones((1, 20, 20), dtype=bool)
    dim = np.zeros(tissue.shape, dtype=bool)
    dim[0, :19, 8:12] = True
    angle = np.where(dim, np.random.default_rng(2).uniform(-3, 3, tissue.shape), 0.8 * (np.arange(20) - 10.0))
    candidates, row = shuffled(np.exp(1j * angle).ravel(), 3)
    choice, _ = choose_field(candidates, np.where(dim, 0.01, 1.0).ravel(), tissue)
    # So steep a field has no centre, so the choice is known but for one exchange of all.
    assert np.ptp((choice == row).reshape(tissue.shape)[~dim].astype(int)) == 0


def test_between_slices_few_bright_voxels_count_more_than_many_dim_ones():
    tissue = np.ones((2, 5, 5), dtype=bool)
    dim = np.broadcast_to(np.arange(5) > 1, tissue.shape)
    # From slice to slice the dim part jumps by 150 degrees, the bright part by 50.
    angle = np.stack([np.where(dim[0], -0.5, 0.0), np.where(dim[0], 2.12, 0.87)])
    candidates, row = shuffled(np.exp(1j * angle).ravel(), 4)
    choice, _ = choose_field(candidates, np.where(dim, 0.2, 1.0).ravel(), tissue)
    np.testing.assert_array_equal(choice, row)


def test_a_field_that_winds_by_half_a_turn_around_a_hole_is_torn_along_one_line_and_says_so():
    y, x = np.mgrid[-10:11, -10:11]
    ring = (np.hypot(x, y) > 4) & (np.hypot(x, y) < 10)
    true = np.exp(0.5j * np.arctan2(y, x))[ring]
    _, disputed = choose_field(np.stack([true, -true]), np.ones(true.size), ring[None])
    where = np.stack([x[ring][disputed], y[ring][disputed]], axis=1)
    assert 10 <= len(where) <= 30
    # Seen from the hole the tear lies in one direction.
    direction = where.mean(axis=0) / np.linalg.norm(where.mean(axis=0))
    assert (where @ direction > 0).all()


def test_the_surest_votes_decide_over_a_doubtful_one():
    crossed, component = relate(3, (np.array([0, 1, 0]), np.array([1, 2, 2])), np.array([5.0, -4.0, 1.0]))
    assert (crossed ^ crossed[0]).tolist() == [False, False, True]
    assert np.ptp(component) == 0


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 60))
def test_votes_without_contradiction_are_all_obeyed(seed, count):
    rng = np.random.default_rng(seed)
    way = rng.integers(0, 2, count).astype(bool)
    first, second = np.triu_indices(count, 1)
    kept = rng.random(first.size) < 0.2
    first, second = first[kept], second[kept]
    votes = np.where(way[first] == way[second], 1, -1) * rng.uniform(0.1, 9, first.size)
    crossed, component = relate(count, (first, second), votes)
    np.testing.assert_array_equal(crossed[first] ^ crossed[second], votes < 0)
    np.testing.assert_array_equal(component[first], component[second])


def test_a_vote_of_zero_joins_nothing():
    _, component = relate(2, (np.array([0]), np.array([1])), np.array([0.0]))
    assert component[0] != component[1]


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_scale_of_the_weights_does_not_matter(scale):
    rng = np.random.default_rng(1)
    tissue = np.ones((2, 9, 9), dtype=bool)
    candidates = np.exp(1j * rng.uniform(-3, 3, (2, tissue.sum())))
    weight = rng.uniform(1, 5, tissue.sum())
    one, other = (choose_field(candidates, weight * factor, tissue) for factor in (1, scale))
    np.testing.assert_array_equal(one[0], other[0])
