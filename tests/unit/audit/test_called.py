"""What a run was given beside its configuration file is known to whoever audits it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myot2.audit.called import CALLED, merged, read_called, write_called
from myot2.core.errors import MyoT2Error

SETTINGS = st.recursive(
    st.integers() | st.text() | st.none() | st.lists(st.integers()),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=8,
)
SECTION = st.dictionaries(st.sampled_from("abc"), SETTINGS)


def test_what_was_given_is_read_as_it_was_written_and_only_its_owner_reads_it(run):
    assert read_called(run.recorder.places) == {}
    write_called(run.recorder.places, {"fit": {"t1_ms": 1300}, "results": "results/b"})
    assert read_called(run.recorder.places) == {"fit": {"t1_ms": 1300}, "results": "results/b"}
    assert run.recorder.places.private.stat().st_mode & 0o077 == 0
    write_called(run.recorder.places, {})
    assert read_called(run.recorder.places) == {}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"overrides": 3}'])
def test_a_damaged_file_is_told(run, content):
    (run.recorder.places.private / CALLED).write_text(content)
    with pytest.raises(MyoT2Error, match="with --config"):
        read_called(run.recorder.places)


@settings(max_examples=60, deadline=None)
@given(SECTION, SECTION, SECTION)
def test_settings_laid_over_others_win_and_leave_the_rest(one, two, three):
    assert merged(one, {}) == one == merged({}, one) == merged(one, one)
    assert merged(merged(one, two), two) == merged(one, two)
    for name, value in merged(one, two).items():
        if name not in two:
            assert value == one[name]
        elif not isinstance(two[name], dict):
            assert value == two[name]


def test_sections_are_laid_over_as_snakemake_does_it():
    from snakemake.utils import update_config

    one = {"fit": {"t1_ms": 1400, "pulses": {"refocusing_deg": 180}}, "results": "a", "report": 3}
    over = {"fit": {"pulses": {"refocusing_deg": 150}}, "report": {"title": "x"}, "new": [1]}
    ours = merged(one, over)
    update_config(one, over)
    assert ours == one
