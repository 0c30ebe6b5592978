"""Corrected masks, two readers and the check of printed numbers in the report."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from test_report_tables import missing, plain, statistic

from myot2.core.errors import MyoT2Error
from myot2.report import agreement, readers
from myot2.report.claims_check import check_sentence, findings_list, read_claims_check
from myot2.report.lookup import DASH, Statistics

MASKS = {
    f"masks.{name}": statistic(printed, 5, unit=unit, value=value, ci=ci, ci_printed="a to b", equal_pairs=1)
    for name, printed, unit, value, ci in (
        ("bias", "0.2", "ms", 0.2, [-0.5, 0.9]),
        ("lower", "-1.4", "ms", -1.4, [-3.0, -0.8]),
        ("upper", "1.8", "ms", 1.8, [1.2, 3.4]),
        ("icc", "0.991", None, 0.991, [0.93, 0.999]),
    )
}
MASKS["masks.slope"] = statistic("0.010", 5, ci_printed="a to b", p_printed="0.700")
READ = {
    "readers.severity.kappa": statistic("0.625", 4, ci_printed="0.100 to 1.000", weights="linear"),
    "readers.severity.agreement": statistic("50.0 %", 4, numerator=2, denominator=4),
    "readers.severity.within_one": statistic("75.0 %", 4, numerator=3, denominator=4),
    "readers.severity.flagged": statistic("25.0 %", 4, numerator=1, denominator=4),
    "readers.extent.kappa": missing("nobody was read by both"),
}


def rows_of(markdown):
    return [line.strip("| ").split(" | ") for line in plain(markdown).splitlines()[2:]]


def test_only_people_with_both_masks_are_drawn_with_their_group():
    masks = pd.DataFrame(
        {
            "participant_id": ["P1", "P2", "C1"] * 2,
            "mask": ["automatic"] * 3 + ["corrected"] * 3,
            "t2_ms": [50, 41, 33, 51, np.nan, 33.5],
        }
    )
    people = pd.DataFrame({"participant_id": ["C1", "P1", "P2"], "group": ["control", "patient", "patient"]})
    pairs = agreement.mask_pairs(masks, people)
    assert pairs.loc["P1"].tolist() == [50, 51, "patient"] and list(pairs.index) == ["C1", "P1"]
    assert agreement.mask_pairs(masks[masks["mask"] == "automatic"], people).empty


def test_the_picture_has_a_mark_per_person_at_mean_and_difference_and_lines_at_the_statistics():
    pairs = pd.DataFrame({"own": [50.0, 33.0], "corrected": [51.0, 33.5], "group": ["patient", "control"]})
    axes = agreement.agreement_figure(pairs, Statistics(MASKS)).axes[0]
    marks = np.concatenate([np.asarray(each.get_offsets()) for each in axes.collections])
    assert marks == pytest.approx(np.array([[50.5, 1.0], [33.25, 0.5]]))
    assert sorted(line.get_ydata()[0] for line in axes.lines) == [-1.4, 0, 0.2, 1.8]
    nothing = agreement.agreement_figure(pairs.iloc[:0], Statistics({}))
    assert "no data" in [text.get_text() for text in nothing.axes[0].texts]


def test_the_agreement_is_told_with_n_and_the_reason_where_there_is_none():
    words = plain(agreement.agreement_sentence(Statistics(MASKS)))
    assert "differs from that by the run's own by 0.2 ms on average (95 % interval a to b, *n* = 5)" in words
    assert "by -1.4 ms to 1.8 ms. T2 is the same in 1 of them" in words
    rows = rows_of(agreement.agreement_table(Statistics(MASKS)))
    assert rows[0] == ["Mean difference", "0.2 ms", "a to b", DASH, "5"]
    assert rows[3][3] == "0.700" and rows[4][1] == "0.991"
    none = Statistics({"masks.bias": missing("no corrected label map is given")})
    assert "could not be held against that of corrected ones: no corrected label map is given." in plain(
        agreement.agreement_sentence(none)
    )


def test_two_readers_have_a_row_each_for_severity_and_extent_and_a_word_on_whom_to_read_again():
    rows = rows_of(readers.readers_table(Statistics(READ)))
    assert rows[0] == ["Severity", "0.625", "0.100 to 1.000", "2 of 4", "3 of 4", "4"]
    assert rows[1][:4] == ["Extent", DASH, DASH, DASH]
    words = plain(readers.readers_sentence(Statistics(READ)))
    assert "Kappa has linear weights" in words and "to be read once more: 1 (severity)." in words
    assert "could not be set against the score of both: it is not among the statistics." in words
    both = {"readers.spearman.ild_consensus": statistic("0.300", 4, ci_printed="0 to 0.6", p_printed="0.100")}
    words = plain(readers.readers_sentence(Statistics(READ | both)))
    assert "*r*~s~ = 0.300 (95 % interval 0 to 0.6, *p* = 0.100, *n* = 4)." in words
    assert readers.were_two(Statistics(READ)) and not readers.were_two(Statistics({}))


def summary(source, wrong=0, unchecked=0):
    counts = {"checks": 50, "inconsistent": wrong, "not checked": unchecked, "topics_with_findings": wrong}
    return {"source": source, **counts}


def test_the_check_of_printed_numbers_counts_our_own_and_each_papers(tmp_path):
    outcomes = [
        {"source": source, "status": status, "sentence": f"{source} <{i}>."}
        for i in range(14)
        for source, status in (("statistics", "inconsistent"), ("statistics", "consistent"), ("paper", "inconsistent"))
    ]
    content = {"summary": [summary("paper", 13, 4), summary("statistics", 14)], "outcomes": outcomes}
    (tmp_path / "claims.json").write_text(json.dumps(content), encoding="utf-8")
    check = read_claims_check(tmp_path / "claims.json")
    words = plain(check_sentence(check))
    assert "Printed numbers of paper: 50 checks, 13 inconsistencies; 4 could not be made." in words
    assert "the rounding of: 50 checks, 14 inconsistencies." in words
    lines = plain(findings_list(check)).splitlines()
    assert len(lines) == 13 and lines[0] == "- statistics <0>." and lines[-1] == "- 2 more"
    assert findings_list(check).startswith("- statistics \\<0\\>")
    assert check_sentence(None) == "The printed numbers were not checked." and findings_list(None) == ""
    (tmp_path / "claims.json").write_text("{}", encoding="utf-8")
    with pytest.raises(MyoT2Error, match="outcomes"):
        read_claims_check(tmp_path / "claims.json")
