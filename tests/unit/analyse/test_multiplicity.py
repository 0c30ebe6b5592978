"""Adjusted p values: laws that hold for every family, and how missing ones are treated."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from myot2.analyse.multiplicity import adjust, adjust_families

families = st.lists(st.none() | st.just(math.nan) | st.floats(0, 1), min_size=1, max_size=12)
quick = settings(deadline=None, max_examples=40)
methods = st.sampled_from(["holm", "bh"])


def known(p):
    return [value for value in p if value is not None and not math.isnan(value)]


@quick
@given(families, methods)
def test_no_p_gets_smaller_or_passes_one_and_their_order_stays(p, method):
    found = adjust(p, method)
    pairs = [(one, other) for one, other in zip(p, found.p, strict=True) if other is not None]
    assert len(pairs) == found.tested == len(known(p)) and found.planned == len(p)
    for one, other in pairs:
        assert one - 1e-12 <= other <= 1
    ordered = [other for _, other in sorted(pairs)]
    assert all(a <= b + 1e-12 for a, b in zip(ordered, ordered[1:], strict=False))


@quick
@given(families)
def test_holm_is_the_step_down_rule_and_bh_is_scipys(p):
    values = sorted(known(p))
    if values:
        steps = [min(1, max((len(values) - j) * values[j] for j in range(i + 1))) for i in range(len(values))]
        assert sorted(known(adjust(p, "holm").p)) == pytest.approx(steps, abs=1e-12)
        peer = sorted(stats.false_discovery_control(values))
        assert sorted(known(adjust(p, "bh").p)) == pytest.approx(peer, abs=1e-12)


@quick
@given(families, methods)
def test_tests_without_a_p_change_nothing(p, method):
    assert known(adjust([None, *p, math.nan], method).p) == known(adjust(p, method).p)


def test_each_family_is_adjusted_by_itself():
    found = adjust_families([0.01, 0.04, 0.03, None, 0.02], ["a", "b", "a", "b", None], {"a": "holm", "b": "bh"})
    assert found["a"] == adjust([0.01, 0.03], "holm") and found["b"] == adjust([0.04, None], "bh")


def test_what_cannot_be_adjusted_is_refused_with_the_reason():
    with pytest.raises(ValueError, match="no method 'bonferroni'"):
        adjust([0.1], "bonferroni")
    with pytest.raises(ValueError, match="outside 0 to 1"):
        adjust([0.1, 1.2], "holm")
    with pytest.raises(ValueError, match="family b"):
        adjust_families([0.1, 0.2], ["a", "b"], {"a": "holm"})
