"""What several sites make together, held against the definitions of weighted and trimmed means."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from federated import CONFIGURATION, STRUCTURES
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from myot2.core.errors import MyoT2Error
from myot2.learn.aggregate import Contribution, aggregate, head_axes
from myot2.segment.model import build_network

HEAD = {"head.weight": 0, "up.weight": 1, "head.bias": 0}
SHAPES = {"trunk.weight": (3, 2), "head.weight": (4, 3), "up.weight": (2, 4), "head.bias": (4,)}
numbers = st.floats(-10, 10, width=32)


@st.composite
def contributions(draw, least: int = 1, most: int = 5) -> dict[str, Contribution]:
    found = {}
    for number in range(draw(st.integers(least, most))):
        difference = {name: draw(hnp.arrays(np.float32, shape, elements=numbers)) for name, shape in SHAPES.items()}
        people_of = {name: draw(st.integers(0, 9)) for name in STRUCTURES}
        found[f"site-{number}"] = Contribution(difference, max(1, *people_of.values()), people_of)
    return found


def change(given_, trim: int = 0):
    return aggregate(given_, structures=STRUCTURES, head=HEAD, trim=trim)


@settings(deadline=None)
@given(contributions())
def test_the_trunk_is_the_mean_by_people_and_a_row_that_by_the_people_of_its_muscle(given_):
    result = change(given_)
    sites = list(given_.values())
    total = sum(one.people for one in sites)
    expected = sum(one.people * one.difference["trunk.weight"].astype(float) for one in sites) / total
    assert result["trunk.weight"] == pytest.approx(expected, rel=1e-5, abs=1e-5)
    for channel, name in enumerate(STRUCTURES, 1):
        weights = [one.people_of[name] for one in sites]
        for tensor, cut in (("head.weight", np.s_[channel]), ("up.weight", np.s_[:, channel])):
            rows = [one.difference[tensor].astype(float)[cut] for one in sites]
            mean = sum(w * r for w, r in zip(weights, rows, strict=True)) / max(sum(weights), 1)
            assert result[tensor][cut] == pytest.approx(mean, rel=1e-5, abs=1e-5)


@settings(deadline=None)
@given(contributions(least=2, most=4))
def test_the_order_in_which_sites_come_does_not_change_a_bit(given_):
    results = [change(dict(order)) for order in permutations(given_.items())]
    for result in results[1:]:
        assert all(np.array_equal(result[name], results[0][name]) for name in SHAPES)


@settings(deadline=None)
@given(contributions(), st.integers(1, 2))
def test_each_number_of_a_trimmed_mean_lies_within_those_that_are_left(given_, trim):
    if len(given_) <= 2 * trim:
        with pytest.raises(MyoT2Error, match="leave out"):
            change(given_, trim)
        return
    result = change(given_, trim)["trunk.weight"]
    ordered = np.sort([one.difference["trunk.weight"] for one in given_.values()], axis=0)
    assert np.all(result >= ordered[trim] - 1e-4) and np.all(result <= ordered[-1 - trim] + 1e-4)


@settings(deadline=None)
@given(contributions(least=3), st.floats(1024, 2.0**100, width=32))
def test_one_site_that_sends_anything_moves_a_trimmed_mean_no_further_than_honest_ones_lie(given_, size):
    sites = sorted(given_)
    honest = [given_[site].difference["trunk.weight"] for site in sites[1:]]
    wild = {name: np.full(shape, size, np.float32) for name, shape in SHAPES.items()}
    given_[sites[0]] = Contribution(wild, 1_000_000, dict.fromkeys(STRUCTURES, 1_000_000))
    result = change(given_, trim=1)["trunk.weight"]
    assert np.all(result <= np.max(honest, axis=0) + 1e-4) and np.all(result >= np.min(honest, axis=0) - 1e-4)


def test_a_muscle_that_no_site_has_drawn_keeps_its_row():
    rng = np.random.default_rng(0)
    difference = {name: rng.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}
    result = change({"a": Contribution(difference, 3, {"femur": 3}), "b": Contribution(difference, 2, {"femur": 1})})
    assert not result["head.weight"][1:3].any() and not result["up.weight"][:, 1:3].any()
    assert np.allclose(result["head.weight"][3], difference["head.weight"][3])


@settings(deadline=None)
@given(contributions(least=1, most=1))
def test_one_site_alone_makes_its_own_change_of_what_it_has_drawn(given_):
    (only,) = given_.values()
    result = change(given_)
    assert np.array_equal(result["trunk.weight"], only.difference["trunk.weight"])


def test_no_site_makes_no_change():
    with pytest.raises(MyoT2Error, match="at least 1 sites"):
        change({})


def test_the_rows_of_a_network_are_those_that_change_its_output_channel_alone():
    """Moving a muscle's rows of the last convolution moves that channel of the output and no other."""
    import torch

    torch.manual_seed(0)
    network = build_network(CONFIGURATION).eval()
    axes = head_axes(CONFIGURATION)
    state = {f"0.{name}": values for name, values in network.state_dict().items()}
    assert axes and all(state[name].shape[axis] == len(STRUCTURES) + 1 for name, axis in axes.items())
    image = torch.randn(1, 3, 16, 16)
    with torch.no_grad():
        before = network(image)
        last = [name for name in axes if name.endswith("bias")][-1]
        moved = dict(network.state_dict())
        moved[last.removeprefix("0.")] = moved[last.removeprefix("0.")].clone()
        moved[last.removeprefix("0.")][2] += 1
        network.load_state_dict(moved)
        changed = (network(image) - before).abs().amax(dim=(0, 2, 3)) > 1e-6
    assert changed.tolist() == [False, False, True, False]


def test_every_network_of_an_ensemble_has_its_rows():
    one, two = head_axes(CONFIGURATION), head_axes(CONFIGURATION, 2)
    assert set(two) == set(one) | {name.replace("0.", "1.", 1) for name in one}
