"""Who is learned from and who is held out."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import pytest
from hypothesis import given

from myot2.core.errors import MyoT2Error
from myot2.learn.people import HELD_OUT, LEARNED, assign, read_roles, write_roles

names = st.lists(st.text("abc0123456789", min_size=1, max_size=6), min_size=2, max_size=30, unique=True)
share = st.sampled_from([0.1, 0.25, 0.5])


@given(names, share)
def test_the_share_that_is_held_out_is_rounded_up_and_does_not_depend_on_the_order(people, held):
    roles = assign({}, people, held)
    assert set(roles) == set(people)
    assert sum(role == HELD_OUT for role in roles.values()) == math.ceil(held * len(people))
    assert assign({}, reversed(people), held) == roles


@given(names, names, share)
def test_whoever_comes_later_nobody_s_role_changes(first, second, held):
    roles = assign({}, first, held)
    later = assign(roles, {*first, *second}, held)
    assert {who: later[who] for who in first} == roles
    assert set(later) == {*first, *second}
    assert {LEARNED, HELD_OUT} <= {*later.values()}


def test_one_person_is_not_enough():
    with pytest.raises(MyoT2Error, match="two people"):
        assign({}, ["P1"], 0.25)


def test_roles_are_kept_and_a_damaged_file_is_not_taken_for_an_empty_one(tmp_path):
    assert read_roles(tmp_path) == {}
    write_roles(tmp_path, {"P2": HELD_OUT, "P1": LEARNED})
    assert read_roles(tmp_path) == {"P1": LEARNED, "P2": HELD_OUT}
    for damaged in ("{", "[]", '{"P1": "maybe"}'):
        (tmp_path / "people.json").write_text(damaged)
        with pytest.raises(MyoT2Error, match="Restore the file"):
            read_roles(tmp_path)
