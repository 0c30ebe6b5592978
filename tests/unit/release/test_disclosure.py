"""Counts: nothing small is shown, and nothing small can be subtracted from what is shown."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from myot2.release.disclosure import Disclosure, partition, share

OPENSAFELY = Disclosure()
PEOPLE = st.integers(0, 500)
RULES = st.builds(Disclosure, st.integers(7, 20), st.integers(5, 25))


@given(PEOPLE, RULES)
def test_a_shown_count_is_a_multiple_that_is_not_small_and_within_half_a_step(people, how):
    shown = how.count(people)
    if people <= how.redact_up_to:
        assert shown is None
    elif shown is not None:
        assert shown % how.round_to == 0 and shown > how.redact_up_to and 2 * abs(shown - people) <= how.round_to


@pytest.mark.parametrize(("people", "shown"), [(0, None), (1, None), (7, None), (8, 10), (12, 10), (13, 15), (64, 65)])
def test_counts_up_to_seven_are_redacted_and_others_rounded_to_five_as_opensafely_does(people, shown):
    assert OPENSAFELY.count(people) == shown


@pytest.mark.parametrize("limits", [(6, 5), (7, 4), (0, 1)])
def test_rules_that_are_laxer_than_opensafelys_are_refused(limits):
    with pytest.raises(ValueError, match="7 at least"):
        Disclosure(*limits)


PARTS = st.lists(st.integers(0, 60), min_size=1, max_size=5)


@given(PARTS, st.integers(0, 12), RULES)
def test_with_every_small_part_a_larger_one_is_redacted_and_the_total_of_shown_parts_is_their_sum(counts, rest, how):
    parts = {f"part {number}": count for number, count in enumerate(counts)}
    found = partition(parts, how, sum(counts) + rest)
    redacted = [name for name, shown in found.parts.items() if shown is None]
    assert all(found.parts[name] in (None, how.count(count)) for name, count in parts.items())
    small = sum(how.count(count) is None for count in counts)
    hidden = 0 < rest <= how.redact_up_to
    assert len(redacted) == (min(len(counts), small + 1) if small or hidden else 0)
    if not redacted and not rest:
        assert found.total == sum(found.parts.values())


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 16), min_size=2, max_size=3))
@example([7, 7, 7])
@example([4, 7, 7])
@example([0, 0, 30])
def test_whoever_knows_the_rules_has_at_least_five_numbers_for_each_redacted_part(counts):
    """Every cohort that the rules would print alike, by trying all."""
    names = "abc"[: len(counts)]
    printed = partition(dict(zip(names, counts, strict=True)), OPENSAFELY)
    total = sum(counts)
    alike = [
        other
        for other in product(range(total + 5), repeat=len(counts))
        if abs(sum(other) - total) <= 4 and partition(dict(zip(names, other, strict=True)), OPENSAFELY) == printed
    ]
    for place, name in enumerate(names):
        if printed.parts[name] is None:
            assert len({other[place] for other in alike}) >= 5


def test_four_groups_of_seven_could_be_others():
    """All are redacted and their total is 28 to 32: a rule that redacts small parts alone would tell each."""
    sevens = partition(dict.fromkeys("abcd", 7), OPENSAFELY)
    other = partition({"a": 0, "b": 3, "c": 1, "d": 26}, OPENSAFELY)
    assert sevens == other and sevens.total == 30


@given(st.integers(0, 200), st.integers(0, 200))
def test_a_proportion_is_shown_only_where_both_it_and_what_is_left_are_many(part, others):
    found = share(part, part + others, OPENSAFELY)
    if min(part, others) <= 7:
        assert found is None
    else:
        numerator, denominator = found
        assert 0 < numerator < denominator and numerator % 5 == 0 and denominator % 5 == 0


@pytest.mark.parametrize("counts", [(62, 64), (10, 10), (0, 40), (21, 22)])
def test_all_none_and_nearly_all_are_not_shown(counts):
    assert share(*counts, OPENSAFELY) is None


def test_parts_of_more_people_than_the_whole_are_refused():
    with pytest.raises(ValueError, match="more people"):
        partition({"men": 9, "women": 9}, OPENSAFELY, 17)


def test_the_only_man_is_not_told_by_the_women():
    found = partition({"male": 1, "female": 9}, OPENSAFELY, 10)
    assert set(found.parts.values()) == {None} and found.total == 10


def test_few_of_whom_nothing_is_known_are_not_told_by_the_parts_that_are_shown():
    found = partition({"untreated": 30, "relapsed": 20}, OPENSAFELY, 53)
    assert found.parts == {"untreated": 30, "relapsed": None}
