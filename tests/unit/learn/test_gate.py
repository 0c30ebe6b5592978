"""The gate: what it accepts, what it refuses, and what it says."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from scipy import stats

from myot2.core.errors import MyoT2Error
from myot2.learn.gate import MEAN, Limits, Measured, judge

PEOPLE = ("P1", "P2", "P3")
MUSCLES = ("sartorius", "gracilis")
shares = st.integers(0, 1000).map(lambda number: number / 1000)


def scores_of(values) -> dict[str, dict[str, float]]:
    return {who: dict(zip(MUSCLES, row, strict=True)) for who, row in zip(PEOPLE, values, strict=True)}


scores = st.lists(st.tuples(shares, shares), min_size=3, max_size=3).map(scores_of)
flat = scores_of([(0.8, 0.9)] * 3)


def shifted(**changes: float) -> dict[str, dict[str, float]]:
    return {who: {name: value + changes.get(name, 0) for name, value in own.items()} for who, own in flat.items()}


def local(after, limits=None):
    return judge(Measured(flat, flat), Measured(after, flat), limits or Limits())


def test_a_model_that_gains_locally_and_loses_nothing_elsewhere_is_accepted():
    verdict = local(shifted(sartorius=0.02))
    assert verdict.accepted and not verdict.reasons
    mean, sartorius, gracilis = verdict.local
    assert (mean.structure, sartorius.structure) == (MEAN, "sartorius")
    assert sartorius.change == pytest.approx(0.02) and gracilis.change == 0
    assert mean.change == pytest.approx(0.01) and mean.people == 3


def test_a_muscle_may_lose_one_point_and_no_more_whatever_the_others_gain():
    assert local(shifted(sartorius=0.1, gracilis=-0.01)).accepted
    verdict = local(shifted(sartorius=0.1, gracilis=-0.0101))
    assert not verdict.accepted
    assert verdict.reasons == (
        "gracilis changes by -1.01 points on held-out people of the site (n = 3); at most 1.00 points may be lost.",
    )


def test_generality_is_judged_by_the_mean_and_by_each_structure():
    better = shifted(sartorius=0.02)

    def elsewhere(**changes):
        return judge(Measured(flat, flat), Measured(better, shifted(**changes)), Limits())

    assert elsewhere(sartorius=-0.019).accepted
    assert "mean of structures changes by -1.05 points on synthetic" in elsewhere(sartorius=-0.021).reasons[0]
    one = elsewhere(sartorius=-0.04, gracilis=0.03)
    assert len(one.reasons) == 1 and one.reasons[0].startswith("sartorius changes by -4.00 points on synthetic people")


def test_outlines_that_readers_left_may_move_a_little_and_not_far():
    mine = {who: {"gracilis": 1.0} for who in PEOPLE}

    def moved(by):
        after = {who: {"gracilis": 1.0 - by} for who in PEOPLE}
        return judge(Measured(flat, flat, mine), Measured(shifted(sartorius=0.02), flat, after), Limits())

    assert moved(0.04).accepted and moved(0.04).kept[1].change == pytest.approx(-0.04)
    far = moved(0.06)
    assert far.reasons == (
        "gracilis changes by -6.00 points from outlines that readers left as they were (n = 3); "
        "at most 5.00 points may be lost.",
    )
    assert far.to_json()["Kept"][1]["people"] == 3
    with pytest.raises(MyoT2Error, match="others of P1"):
        judge(Measured(flat, flat, mine), Measured(flat, flat), Limits())


def test_a_model_that_is_no_better_is_no_new_version_unless_the_limits_say_so():
    assert "it must rise by more than 0.00 points" in local(flat).reasons[0]
    assert local(flat, Limits(local_gain=None)).accepted


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1.5, -0.1])
@pytest.mark.parametrize("where", ["local", "general"])
@pytest.mark.parametrize("confidence", [None, 0.95])
def test_what_can_be_no_dice_is_never_accepted(value, where, confidence):
    after = {"local": shifted(sartorius=0.02), "general": flat}
    after[where] = {**after[where], "P2": {**after[where]["P2"], "gracilis": value}}
    limits = Limits(local_gain=None, confidence=confidence)
    verdict = judge(Measured(flat, flat), Measured(**after), limits)
    assert not verdict.accepted
    assert any("gracilis was not measured in numbers" in reason for reason in verdict.reasons)
    assert None in [change["after"] for part in ("Local", "Generality") for change in verdict.to_json()[part]]


@settings(deadline=None)
@given(scores, scores, scores, scores)
def test_the_verdict_is_that_of_the_mean_differences_over_people(before, after, before_general, after_general):
    limits = Limits(local_loss=0.1, generality_loss=0.1, generality_structure_loss=0.2)
    verdict = judge(Measured(before, before_general), Measured(after, after_general), limits)
    here, there = (
        pd.DataFrame(one).T - pd.DataFrame(other).T for one, other in ((after, before), (after_general, before_general))
    )
    figures = (
        here.mean().min() + 0.1,
        here.mean(axis=1).mean(),
        there.mean(axis=1).mean() + 0.1,
        there.mean().min() + 0.2,
    )
    assume(min(map(abs, figures)) > 1e-6)  # at the limits themselves pandas rounds otherwise
    assert verdict.accepted == all(figure > 0 for figure in figures)
    assert verdict.accepted == (not verdict.reasons)


@settings(deadline=None)
@given(scores, scores, st.permutations(PEOPLE))
def test_neither_the_order_of_people_nor_of_muscles_matters(before, after, order):
    turned = [{who: dict(reversed(one[who].items())) for who in order} for one in (before, after)]
    first = judge(Measured(before, before), Measured(after, after), Limits())
    second = judge(*(Measured(one, one) for one in turned), Limits())
    assert first.accepted == second.accepted and set(first.local) == set(second.local)


@settings(deadline=None)
@given(st.lists(st.floats(-0.05, 0.05), min_size=3, max_size=3), st.sampled_from([0.8, 0.95, 0.99]))
def test_with_a_confidence_the_lower_end_is_student_s_interval(differences, confidence):
    assume(np.std(differences) > 1e-6)
    after = {who: {**flat[who], "gracilis": 0.9 + change} for who, change in zip(PEOPLE, differences, strict=True)}
    verdict = local(after, Limits(local_gain=None, confidence=confidence))
    moved = [after[who]["gracilis"] - 0.9 for who in PEOPLE]
    expected = stats.ttest_1samp(moved, 0, alternative="greater").confidence_interval(confidence).low
    gracilis = verdict.local[2]
    assert gracilis.bound == pytest.approx(expected, abs=1e-12)
    assume(abs(expected + 0.01) > 1e-8)
    assert any(reason.startswith("gracilis") for reason in verdict.reasons) == (expected < -0.01)


def test_with_a_confidence_one_person_shows_nothing():
    alone = {"P1": {"sartorius": 0.8}}
    better = {"P1": {"sartorius": 0.9}}
    verdict = judge(Measured(alone, flat), Measured(better, flat), Limits(confidence=0.95))
    assert not verdict.accepted and "of which one person gives no interval" in verdict.reasons[0]
    assert judge(Measured(alone, flat), Measured(better, flat), Limits()).accepted


def test_nobody_held_out_is_a_reason_and_not_a_pass():
    verdict = judge(Measured({}, flat), Measured({}, flat), Limits(local_gain=None))
    assert verdict.reasons == ("There is no held-out person of the site, so nothing is known of the model there.",)


def test_what_the_gate_could_not_see_is_noted():
    few = {"P1": {"sartorius": 0.8}, "P2": {"sartorius": 0.7}}
    better = {"P1": {"sartorius": 0.9}, "P2": {"sartorius": 0.7}}
    verdict = judge(Measured(few, flat), Measured(better, flat), Limits())
    assert verdict.accepted and verdict.notes == ("Not measured on people of the site: gracilis.",)
    assert verdict.local[1].lowest == 0


def test_models_that_were_measured_on_others_are_not_compared():
    with pytest.raises(MyoT2Error, match="others of P3"):
        judge(Measured(flat, flat), Measured({who: flat[who] for who in PEOPLE[:2]}, flat), Limits())
    with pytest.raises(MyoT2Error, match="synthetic people"):
        judge(Measured(flat, flat), Measured(flat, {**flat, "P1": {"sartorius": 0.8}}), Limits())
