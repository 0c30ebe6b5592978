"""Who is learned from and who is held out."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from myot2.core.errors import MyoT2Error
from myot2.learn.people import HELD_OUT, LEARNED, assign, read_roles, write_roles

names = st.lists(st.text("abc0123456789", min_size=1, max_size=6), min_size=2, max_size=30, unique=True)
share = st.sampled_from([0.1, 0.25, 0.5])


@settings(deadline=None)
@given(names, share)
def test_the_share_that_is_held_out_is_rounded_up_and_does_not_depend_on_the_order(people, held):
    roles = assign({}, people, people, held)
    assert set(roles) == set(people)
    assert sum(role == HELD_OUT for role in roles.values()) == math.ceil(held * len(people))
    assert assign({}, reversed(people), reversed(people), held) == roles


@settings(deadline=None)
@given(names, names, share)
def test_whoever_comes_later_nobody_s_role_changes(first, second, held):
    roles = assign({}, first, first, held)
    later = assign(roles, {*first, *second}, {*first, *second}, held)
    assert {who: later[who] for who in first} == roles
    assert set(later) == {*first, *second}
    assert {LEARNED, HELD_OUT} <= {*later.values()}


@settings(deadline=None)
@given(names, st.data(), share)
def test_only_people_in_whom_somebody_drew_are_held_out(people, data, held):
    judges = data.draw(st.lists(st.sampled_from(people), min_size=2, unique=True))
    roles = assign({}, people, judges, held)
    kept = {who for who, role in roles.items() if role == HELD_OUT}
    assert kept <= {*judges} and len(kept) == math.ceil(held * len(judges))
    # who accepted then and corrects now was learned from already
    later = assign(roles, people, people, held)
    assert {who: later[who] for who in roles} == roles


def test_one_person_is_not_enough_and_neither_are_accepted_masks():
    for people, judges in ((["P1"], ["P1"]), (["P1", "P2", "P3"], ["P1"]), (["P1", "P2"], [])):
        with pytest.raises(MyoT2Error, match="at least two people"):
            assign({}, people, judges, 0.25)


def test_roles_are_kept_and_a_damaged_file_is_not_taken_for_an_empty_one(tmp_path):
    assert read_roles(tmp_path) == {}
    write_roles(tmp_path, {"P2": HELD_OUT, "P1": LEARNED})
    assert read_roles(tmp_path) == {"P1": LEARNED, "P2": HELD_OUT}
    for damaged in ("{", "[]", '{"P1": "maybe"}'):
        (tmp_path / "people.json").write_text(damaged)
        with pytest.raises(MyoT2Error, match="Restore the file"):
            read_roles(tmp_path)
