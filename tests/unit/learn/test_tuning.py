"""Fine tuning of a tiny network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from legs import missing_as_background, without

from myot2.core.errors import MyoT2Error
from myot2.learn.tuning import LocalSlices, fine_tune
from myot2.learn.validation import measure


def mean_dice(weights, people, configuration) -> dict[str, float]:
    scores = measure(weights, people, configuration, threads=1).drawn
    return {
        name: float(np.mean([own[name] for own in scores.values() if name in own])) for name in configuration.structures
    }


@pytest.fixture(scope="module")
def darker(people):
    """The people as another scanner would show them: dark and bright change places."""
    return tuple(replace(one, image=-one.image) for one in people)


def test_the_network_of_these_tests_knows_both_muscles(weights, people, configuration):
    assert min(mean_dice(weights, people, configuration).values()) > 0.8


def test_it_learns_a_new_kind_of_image_and_replay_keeps_the_old_kind(
    weights, people, darker, configuration, recipe, replay
):
    tuning = recipe.tuning.model_copy(update={"steps": 40})
    alone = tuning.model_copy(update={"replay_slabs": 0})
    before = min(mean_dice(weights, darker[3:], configuration).values())
    ours = fine_tune(weights, darker[:3], tuning, configuration=configuration, replay=replay)
    forgetful = fine_tune(weights, darker[:3], alone, configuration=configuration, replay=None)
    assert min(mean_dice(ours, darker[3:], configuration).values()) > before + 0.2
    kept, lost = (mean_dice(one, people, configuration) for one in (ours, forgetful))
    assert sum(kept.values()) > sum(lost.values()) + 0.1


def test_partial_annotation_loses_no_muscle_where_missing_as_background_loses_it(
    weights, people, configuration, recipe, replay
):
    half = tuple(without(one, 2) for one in people[:3])
    alone = recipe.tuning.model_copy(update={"replay_slabs": 0, "steps": 60})
    first, second = configuration.structures
    before = mean_dice(weights, people[3:], configuration)

    def after(examples, tuning, shown):
        tuned = fine_tune(weights, examples, tuning, configuration=configuration, replay=shown)
        return mean_dice(tuned, people[3:], configuration)

    ours = after(half, recipe.tuning, replay)
    assert ours[second] > before[second] - 0.05
    assert ours[first] > before[first] - 0.05
    assert after(half, alone, None)[second] > 0.5  # by the loss alone
    wrong = tuple(map(missing_as_background, half))
    assert after(wrong, alone, None)[second] < 0.2


def test_the_same_arguments_give_the_same_bits_in_any_order_and_another_seed_others(
    weights, people, configuration, recipe, replay
):
    short = recipe.tuning.model_copy(update={"steps": 4})
    other_seed = short.model_copy(update={"seed": 1})
    kept = {name: tensor.clone() for name, tensor in weights.items()}

    def tuned(examples, tuning):
        return fine_tune(weights, examples, tuning, configuration=configuration, replay=replay)

    first, again, other = tuned(people, short), tuned(people[::-1], short), tuned(people, other_seed)
    assert list(first) == list(weights)
    assert all(torch.equal(first[name], again[name]) for name in weights)
    assert not all(torch.equal(first[name], other[name]) for name in weights)
    assert all(torch.equal(weights[name], kept[name]) for name in weights), "the arguments were changed"
    assert all(
        first[name].shape == weights[name].shape and first[name].dtype == weights[name].dtype for name in weights
    )


def test_each_network_of_an_ensemble_learns(weights, people, configuration, recipe, replay):
    pair = {**weights, **{f"1{name[1:]}": tensor for name, tensor in weights.items()}}
    short = recipe.tuning.model_copy(update={"steps": 2})
    tuned = fine_tune(pair, people, short, configuration=configuration, replay=replay)
    assert all(torch.equal(tuned[f"0{name[1:]}"], tuned[f"1{name[1:]}"]) for name in weights)
    assert not all(torch.equal(tuned[name], weights[name]) for name in weights)


def test_a_person_with_many_slices_is_shown_no_more_often_than_one_with_few(people, configuration, recipe):
    few = replace(people[1], labelled=np.arange(5) == 2)
    tuning = recipe.tuning.model_copy(update={"slices": 200})
    slices = LocalSlices((people[0], few), configuration, tuning)
    assert [len(pool) for pool in slices.pools] == [5, 1]
    images, labels, annotated = slices.draw(0)
    assert images.shape == (200, 3, 32, 32) and labels.shape == (200, 1, 32, 32) and annotated.shape == (200, 3)
    still = tuning.model_copy(
        update={
            "augmentation": tuning.augmentation.model_copy(
                update=dict.fromkeys(type(tuning.augmentation).model_fields, 0.0)
            )
        }
    )
    shown, _, _ = LocalSlices((people[0], few), configuration, still).draw(0)
    of_few = torch.from_numpy(few.stack(2, 1))
    share = sum(torch.allclose(image, of_few, atol=1e-4) for image in shown) / 200
    assert 0.35 < share < 0.65  # binomial of 200 draws, far beyond its 99.9 % interval


def test_nothing_to_learn_from_and_a_replay_that_is_not_given_are_refused(
    weights, people, configuration, recipe, replay
):
    empty = tuple(without(without(one, 1), 2) for one in people)
    with pytest.raises(MyoT2Error, match="no slice with a label"):
        fine_tune(weights, empty, recipe.tuning, configuration=configuration, replay=replay)
    with pytest.raises(MyoT2Error, match="replay_slabs"):
        fine_tune(weights, people, recipe.tuning, configuration=configuration, replay=None)


def test_weights_of_another_network_are_refused(weights, people, configuration, recipe, replay):
    foreign = dict(list(weights.items())[1:])
    with pytest.raises(MyoT2Error, match="other names or shapes"):
        fine_tune(foreign, people, recipe.tuning, configuration=configuration, replay=replay)
