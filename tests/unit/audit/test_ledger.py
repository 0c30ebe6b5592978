"""The ledger grows, its order is that of the work and not of the clock, and no byte of it can be changed unseen."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recorded_run import ledger_lines, make_run

from myot2.audit.chain_checks import check_ledger
from myot2.audit.ledger import merge
from myot2.core.errors import MyoT2Error


def test_each_line_s_hash_is_sha256_of_the_one_before_and_its_canonical_body(run):
    prev = "0" * 64
    for number, line in enumerate(ledger_lines(run), 1):
        body = json.dumps(
            {"record": line["record"], "seq": number}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )
        assert line["prev"] == prev and line["hash"] == hashlib.sha256((prev + body).encode()).hexdigest()
        prev = line["hash"]
    assert json.loads((run.audit / "ledger.head").read_text()) == {"lines": 14, "hash": prev}


def test_a_second_run_keeps_the_old_lines(run):
    before = (run.audit / "ledger.jsonl").read_bytes()
    run.do("again", [], ["results/fit/x"], lambda: None)
    assert merge(run.audit) == 1
    after = (run.audit / "ledger.jsonl").read_bytes()
    assert after.startswith(before) and ledger_lines(run)[-1]["record"]["rule"] == "again"
    assert merge(run.audit) == 0 and (run.audit / "ledger.jsonl").read_bytes() == after


def test_equal_runs_have_equal_ledgers_but_for_times_and_pseudonyms(tmp_path):
    def told(run):
        lines = ledger_lines(run)
        return [(line["record"]["rule"], line["record"]["outputs"], line["record"]["code"]) for line in lines]

    assert told(make_run(tmp_path / "one")) == told(make_run(tmp_path / "two"))


def test_a_job_that_was_merged_as_started_gets_a_second_line_when_it_has_ended(run):
    path = "results/fit/x"
    run.do("late", [], [path], lambda: merge(run.audit))
    assert merge(run.audit) == 1
    assert [line["record"]["state"] for line in ledger_lines(run)[-2:]] == ["started", "ended"]
    assert not list(check_ledger(run.audit))


def test_a_ledger_whose_end_was_cut_off_takes_no_more_lines(run):
    path = run.audit / "ledger.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(MyoT2Error, match="the end was cut off: 13 lines where ledger.head says 14"):
        merge(run.audit)


def test_lines_written_just_before_the_machine_stopped_are_taken_up(run):
    head = (run.audit / "ledger.head").read_text()
    run.do("again", [], ["results/fit/x"], lambda: None)
    merge(run.audit)
    (run.audit / "ledger.head").write_text(head)  # the line was written, the head was not
    assert [finding.path for finding in check_ledger(run.audit)] == ["ledger.head"]
    assert merge(run.audit) == 0 and not list(check_ledger(run.audit))
    ledger = run.audit / "ledger.jsonl"
    whole = ledger.read_bytes()
    (run.audit / "ledger.head").write_text(head)
    ledger.write_bytes(whole[:-20])  # half of the line was written
    assert merge(run.audit) == 1 and ledger.read_bytes() == whole


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_changed_byte_of_the_ledger_is_found(run, data):
    path = run.audit / "ledger.jsonl"
    content = path.read_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != content[place]))
    try:
        path.write_bytes(content[:place] + bytes([byte]) + content[place + 1 :])
        assert list(check_ledger(run.audit))
    finally:
        path.write_bytes(content)
