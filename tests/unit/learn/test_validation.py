"""Dice of people a model has not learned from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from legs import without

from myot2.learn.validation import measure, synthetic_people
from myot2.segment.model import Model, networks_of
from myot2.segment.votes import decide, vote


def test_it_is_the_dice_of_the_labels_that_the_workflow_s_votes_give_per_person(weights, people, configuration):
    scores = measure(weights, people, configuration, threads=1).drawn
    model = Model(configuration, networks_of(configuration, weights), "")
    for person in people[:2]:
        found = decide(vote(person.image, model).probabilities)
        for channel, name in enumerate(configuration.structures, 1):
            both = ((found == channel) & (person.labels == channel)).sum()
            expected = 2 * both / ((found == channel).sum() + (person.labels == channel).sum())
            assert scores[person.person][name] == pytest.approx(expected)


def test_limbs_of_a_person_are_averaged_and_not_pooled(weights, people, configuration):
    name = configuration.structures[0]
    single = [measure(weights, (one,), configuration, threads=1).drawn[one.person][name] for one in people[:2]]
    together = measure(weights, [replace(one, person="P") for one in people[:2]], configuration, threads=1).drawn
    assert together["P"][name] == pytest.approx(np.mean(single))


def test_what_nobody_drew_is_not_measured_and_takes_nothing_from_the_others(weights, people, configuration):
    first, second = configuration.structures
    whole = measure(weights, people, configuration, threads=1).drawn
    part = measure(weights, [without(one, 2) for one in people], configuration, threads=1).drawn
    assert all(set(own) == {first} for own in part.values())
    assert all(part[who][first] == whole[who][first] for who in part)


def test_what_readers_left_as_it_was_is_measured_apart(weights, people, configuration):
    first, second = configuration.structures
    one = replace(people[0], drawn=np.array([True, True, False]))
    whole = measure(weights, people[:1], configuration, threads=1)
    apart = measure(weights, (one, people[1]), configuration, threads=1)
    assert not whole.kept
    assert set(apart.drawn["P0"]) == {first} and set(apart.kept) == {"P0"} and set(apart.drawn["P1"]) == {first, second}
    assert {**apart.drawn["P0"], **apart.kept["P0"]} == whole.drawn["P0"]


def test_slices_that_nobody_worked_on_do_not_count(weights, people, configuration):
    one = people[0]
    labels = one.labels.copy()
    labels[3:] = 0
    annotated = one.annotated.copy()
    annotated[3:, 1:] = False
    cut = replace(one, labels=labels, annotated=annotated, labelled=np.arange(5) < 3)
    found = decide(vote(one.image, Model(configuration, networks_of(configuration, weights), "")).probabilities)[:3]
    both = ((found == 1) & (labels[:3] == 1)).sum()
    expected = 2 * both / ((found == 1).sum() + (labels[:3] == 1).sum())
    assert measure(weights, (cut,), configuration, threads=1).drawn["P0"][configuration.structures[0]] == pytest.approx(
        expected
    )


def test_the_synthetic_people_are_the_same_every_time(recipe, configuration, table):
    few = recipe.validation.model_copy(update={"people": 1, "images": ("in", "water")})
    first, again = (synthetic_people(few, configuration, table) for _ in range(2))
    assert [one.name for one in first] == [
        f"synthetic-0_{image}_{side}" for image in ("in", "water") for side in ("right", "left")
    ]
    assert [one.digest() for one in first] == [one.digest() for one in again]
    assert {one.person for one in first} == {"synthetic-0"}
    assert all(one.labelled.any() for one in first)
