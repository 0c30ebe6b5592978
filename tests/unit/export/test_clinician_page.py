"""The clinician's page: one sheet of A4 with the numbers of the tables, against a range that the controls earn."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from export_examination import ROOT
from matplotlib.figure import Figure

from myot2.core.labels import read_labels
from myot2.core.stopnote import StopNote, read_stop_note
from myot2.core.tables import write_tsv
from myot2.export.clinician_page import page_content
from myot2.export.reference import control_ranges, prediction_range

needs_poppler = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext (poppler-utils) is not here")
CONTROLS = {"C1": 33.0, "C2": 35.0, "C3": 34.0, "C4": 36.0}
PEOPLE = {**CONTROLS, "P1": 47.5, "P2": 30.0}


def rows_of(person, t2, session="n/a"):
    """A person's measures; the left side is 2 ms above the right."""
    regions = ["thigh", "quadriceps", *read_labels(ROOT / "config/labels.tsv").muscles]
    sides = {"right": t2 - 1, "left": t2 + 1, "both": t2}
    return [
        {
            "participant_id": person,
            "session": session,
            "region": region,
            "side": side,
            "t2_mean_ms": value,
            "volume_ml": 50.4,
        }
        for region in regions
        for side, value in sides.items()
    ]


@pytest.fixture
def written(tmp_path, program):
    """Write the page of a person; returns its path, or the exit status where it is not 0."""
    (tmp_path / "participants.tsv").write_text(
        "participant_id\tdicom\tgroup\n"
        + "".join(f"{who}\tx/{who}\t{'control' if who in CONTROLS else 'patient'}\n" for who in PEOPLE)
    )
    cohort = pd.DataFrame([row for who, t2 in PEOPLE.items() for row in rows_of(who, t2)])
    write_tsv(cohort, tmp_path / "cohort.tsv")
    figure = Figure(figsize=(7.6, 2.4))
    figure.savefig(tmp_path / "panel.png", metadata={"Software": None})

    def write(person="P1", flags="", table=ROOT / "config/labels.tsv", own=None):
        mine = own if own is not None else cohort[cohort["participant_id"] == person]
        write_tsv(mine, tmp_path / f"{person}.tsv")
        quality = {"participant_id": [person], "session": ["n/a"], "status": ["judged"], "flags": [flags or None]}
        write_tsv(pd.DataFrame(quality), tmp_path / "quality.tsv")
        options = ["--participants", tmp_path / "participants.tsv", "--scan", f"sub-{person}"]
        options += ["--measures", tmp_path / f"{person}.tsv", "--cohort", tmp_path / "cohort.tsv"]
        options += ["--quality", tmp_path / "quality.tsv", "--picture", tmp_path / "panel.png", "--label-table", table]
        options += ["--template", ROOT / "report/clinician_page.typ", "--out", tmp_path / f"{person}.pdf"]
        status = program("write_page")(list(map(str, options)))
        return tmp_path / f"{person}.pdf" if status == 0 else status

    return write


def text_of(path):
    return subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True).stdout


def test_the_range_is_that_of_hahn_and_meekers_example():
    """Five voltages of mean 50.10 and SD 1.31: a sixth lies from 46.1 to 54.1 with 95 % (Statistical Intervals)."""
    found = prediction_range([50.3, 48.3, 49.6, 50.4, 51.9])
    assert (round(found.low, 1), round(found.high, 1), found.controls) == (46.1, 54.1, 5)


@pytest.mark.parametrize("controls", [3, 4, 12])
def test_one_more_control_falls_in_the_range_95_times_in_100(controls):
    random = np.random.default_rng(11)
    drawn = random.normal(34, 0.9, (8000, controls + 1))
    ranges = [prediction_range(row[:-1]) for row in drawn]
    share = np.mean([found.low <= row[-1] <= found.high for found, row in zip(ranges, drawn, strict=True)])
    assert share == pytest.approx(0.95, abs=0.01)


def test_two_controls_give_no_range():
    assert prediction_range([34.0, 35.0, np.nan]) is None


def test_a_person_is_no_part_of_the_range_and_each_control_counts_once():
    rows = [
        row
        for who, t2 in CONTROLS.items()
        for session in ("1", "2")
        for row in rows_of(who, t2 + (session == "2") * 50, session)
    ]
    found = control_ranges(pd.DataFrame(rows), CONTROLS, "t2_mean_ms", without="C4")
    assert found["thigh"] == prediction_range([33.0, 35.0, 34.0])


@needs_poppler
def test_the_page_is_one_sheet_of_a4_with_the_numbers_of_the_table(written):
    path = written()
    said = subprocess.run(["pdfinfo", path], capture_output=True, text=True, check=True).stdout
    assert "Pages:           1\n" in said
    assert "(A4)" in said
    text = text_of(path)
    assert text.count("Research use only") == 2
    low, high = (
        round(value, 1) for value in vars(prediction_range(CONTROLS.values())).values() if isinstance(value, float)
    )
    (thighs,) = [line.split() for line in text.splitlines() if line.strip().startswith("both thighs")]
    assert thighs == ["both", "thighs", "▲", "46.5", "▲", "48.5", f"{low}–{high}", "2.0", "50", "50"]
    assert "4 controls of this cohort" in " ".join(text.split())
    assert "Nothing odd was found" in text


@needs_poppler
def test_what_is_below_the_range_is_marked_and_what_is_unknown_is_a_dash(written):
    mine = pd.DataFrame(rows_of("P2", 20.0))
    mine.loc[mine["region"] == "gracilis", ["t2_mean_ms", "volume_ml"]] = None
    mine.loc[mine["region"] == "sartorius", ["t2_mean_ms", "volume_ml"]] = (None, 0.0)
    lines = {line.strip().split("  ")[0]: line for line in text_of(written("P2", own=mine)).splitlines()}
    assert "▼ 19.0" in lines["both thighs"]
    assert "▼ 21.0" in lines["both thighs"]
    for muscle in ("gracilis", "sartorius"):
        shown = lines[muscle].split()[1:]
        assert len(shown) == 6
        assert {*shown[:2], *shown[3:]} == {"–"}


@needs_poppler
def test_flags_stand_on_the_page_and_their_excess_is_said(written):
    text = text_of(written(flags="; ".join(f"muscle {k}, left: odd" for k in range(12))))
    assert "muscle 7, left: odd" in text
    assert "muscle 8" not in text
    assert "and 4 more: segment/quality_scans.tsv" in text


@needs_poppler
def test_words_from_tables_are_never_read_as_markup(written):
    text = text_of(written(flags="#panic(); *bold* $x$ <a> @b \\ `c`"))
    for words in ("#panic()", "*bold* $x$ <a> @b \\ `c`"):
        assert words in text


def test_equal_input_gives_equal_bytes(written):
    first = written().read_bytes()
    assert written().read_bytes() == first


def test_a_table_of_forty_muscles_still_fits(written, tmp_path):
    table = read_labels(ROOT / "config/labels.tsv")
    header = (ROOT / "config/labels.tsv").read_text().splitlines()[0]
    labels = [replace(table.labels[0], index=k + 1, name=f"muscle {k}") for k in range(40)]
    lines = [header, *("\t".join(map(str, vars(label).values())) for label in labels)]
    (tmp_path / "labels.tsv").write_text("\n".join(lines) + "\n")
    own = pd.DataFrame([{**row, "region": f"muscle {k}"} for k in range(40) for row in rows_of("P1", 40.0)[:3]])
    assert written(own=own, table=tmp_path / "labels.tsv", flags="; ".join(["a flag " * 12] * 12)).is_file()


def test_without_controls_the_page_says_so():
    measures = pd.DataFrame(rows_of("P1", 40.0))
    table = read_labels(ROOT / "config/labels.tsv")
    words = {"participant": "P1", "session": None, "flags": [], "masks": "", "t2_source": ""}
    content = page_content(measures, {}, table, **words)
    assert content["controls"] == 0
    assert {row["low"] for row in content["rows"]} == {None}
    assert content["axis"] == [30.0, 50.0]


def test_a_stopped_scan_has_a_stop_note_for_a_page(tmp_path, program, written):
    written()
    StopNote("fit", "echoes", "none", "here", "Look.").write(tmp_path / "stopped.tsv")
    options = ["--participants", "x", "--scan", "sub-P1", "--measures", tmp_path / "stopped.tsv", "--cohort", "x"]
    options += ["--picture", tmp_path / "panel.png", "--out", tmp_path / "out.pdf", "--leave-stop-notes"]
    assert program("write_page")(list(map(str, options))) == 0
    assert read_stop_note(tmp_path / "out.pdf").stage == "fit"
