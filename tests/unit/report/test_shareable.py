"""The shareable report: made of marked tables alone, and sensible for a cohort of few."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report_release import release, render_shareable

from myot2.analyse.claims.page import claims_in, compare_page
from myot2.core.config import Configuration
from myot2.core.errors import MyoT2Error
from myot2.core.releasable import mark_path, write_mark
from myot2.core.tables import write_tsv
from myot2.release.disclosure import REDACTED
from myot2.release.settings import release_settings
from myot2.report.shareable import captions, figures, sections
from myot2.report.shareable.staging import stage_released
from myot2.report.shareable.study import RELEASED, read_shared

FREE_TEXT = "rare disease of Mrs Example"
STOPPED = "Mrs Example moved"


def make_results(program, root: Path, folder: Path, patients: int, controls: int) -> Path:
    """Results of so many people, analysed by the analyse stage's program; one has a diagnosis of her own."""
    random = np.random.default_rng(patients)
    rows, measures, flow = [], [], []
    for number in range(patients + controls):
        patient = number < patients
        person = f"{'P' if patient else 'C'}{number:03d}"
        t2 = float(random.normal(44, 6) if patient else random.normal(39, 5))
        facts = {"diagnosis": "DM", "treatment": "untreated", **dict.fromkeys(("alt", "ast", "ldh"), 20 + number)}
        facts |= {"ck": float(np.round(np.exp(random.normal(5.5, 1)))), "ild_score": number % 6}
        group = {"participant_id": person, "group": "patient" if patient else "control", "sex": "FM"[number % 2]}
        rows.append({**group, "age": 30 + number % 40, **(facts if patient else {})})
        flow.append({"participant_id": person, "session": None, "status": "measured"})
        for region in ("thigh", "vastus lateralis"):
            measures.append(
                {"participant_id": person, "session": None, "region": region, "side": "both", "t2_mean_ms": t2}
            )
    rows[0]["diagnosis"] = FREE_TEXT
    flow[-1] |= {"status": "stopped", "stage": STOPPED, "found": STOPPED}
    write_tsv(pd.DataFrame(rows), folder / "participants.tsv")
    write_tsv(pd.DataFrame(measures), folder / "measure/cohort.tsv")
    write_tsv(pd.DataFrame(flow), folder / "measure/flow.tsv")
    inputs = ["--participants", f"{folder}/participants.tsv", "--measures", f"{folder}/measure/cohort.tsv"]
    changes = json.dumps({"resamples": 100})
    words = ["--label-table", str(root / "config/labels.tsv"), "--changes", changes, "--out", f"{folder}/analyse"]
    assert program("analyse_cohort")([*inputs, *words]) == 0
    configuration = Configuration(participants={"table": "/home/example/people.tsv"})
    (folder / "config.json").write_text(configuration.model_dump_json(), encoding="utf-8")
    return release(root, folder, folder / "config.json", root / "config/labels.tsv")


@pytest.fixture(scope="module")
def many(program, root, tmp_path_factory) -> Path:
    """Released tables of a large cohort, whose groups overlap."""
    return make_results(program, root, tmp_path_factory.mktemp("many"), 90, 60)


@pytest.fixture(scope="module")
def few(program, root, tmp_path_factory) -> Path:
    """Those of a cohort of the demo's size."""
    return make_results(program, root, tmp_path_factory.mktemp("few"), 8, 4)


@pytest.fixture(scope="module")
def pages(root, many, few, tmp_path_factory) -> dict[str, str]:
    """The page of each."""
    found = {}
    for name, folder in (("many", many), ("few", few)):
        out = tmp_path_factory.mktemp(f"page-{name}")
        done = render_shareable(root, folder, out)
        assert done.returncode == 0, done.stderr
        assert (out / "shareable.pdf").read_bytes().startswith(b"%PDF-")
        found[name] = (out / "shareable.html").read_text(encoding="utf-8")
    return found


@pytest.mark.parametrize("name", ["many", "few"])
def test_every_number_of_the_page_is_that_of_the_released_statistics(request, pages, name):
    statistics = json.loads((request.getfixturevalue(name) / "statistics.json").read_text(encoding="utf-8"))
    assert len(claims_in(pages[name])) > 50
    assert compare_page(pages[name], statistics) == []


@pytest.mark.parametrize("name", ["many", "few"])
def test_the_page_names_no_participant_and_shows_no_free_text_and_no_picture_of_anybody(pages, name):
    for text in ("sub-", "P000", "C008", FREE_TEXT, "Mrs", "rare", "/home/example", "people.tsv"):
        assert text not in pages[name], text
    assert pages[name].count("<img") == pages[name].count('src="data:image/svg+xml'), "drawn figures alone"
    assert "data:image/png" not in pages[name] and "data:image/jpeg" not in pages[name]


def test_a_page_of_few_people_says_why_it_says_little(pages):
    assert "A group is too small to be shown" in pages["few"] and "The controls are 7 or fewer" in pages["few"]
    assert "too small to be shown" not in pages["many"]
    assert pages["few"].count("<img") < pages["many"].count("<img") == len(captions.FIGURES)


def test_a_page_of_many_has_its_curve_in_steps(many, pages):
    shared = read_shared(many)
    assert len(shared.roc) >= 4 and "fig-roc" in pages["many"]
    assert "No ROC curve is drawn" in pages["few"]


def stage(folder: Path, out: Path) -> None:
    stage_released(out, released=folder, figures=folder / "figures", renderer="test")


@pytest.fixture
def copy(many, tmp_path) -> Path:
    """A copy of the released tables, to be spoilt."""
    return Path(shutil.copytree(many, tmp_path / "release"))


@pytest.mark.parametrize("name", [*RELEASED, *(f"figures/{figure.file}.svg" for figure in captions.FIGURES)])
def test_a_table_or_figure_without_its_mark_is_refused(copy, tmp_path, name):
    mark_path(copy / name).unlink()
    with pytest.raises(MyoT2Error, match="marked as releasable"):
        stage(copy, tmp_path / "out")


@pytest.mark.parametrize("name", ["statistics.json", "flow.tsv", "figures/flow.svg"])
def test_a_file_that_was_changed_after_its_release_is_refused(copy, tmp_path, name):
    path = copy / name
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    with pytest.raises(MyoT2Error, match="another content"):
        stage(copy, tmp_path / "out")


def test_the_runs_own_table_in_the_place_of_a_released_one_is_refused(root, many, copy):
    shutil.copyfile(many.parent / "analyse/roc.tsv", copy / "roc.tsv")
    done = render_shareable(root, copy, copy)
    assert done.returncode == 1 and "roc.tsv" in done.stderr and not (copy / "shareable.html").exists()


def test_files_of_two_sets_of_rules_are_not_mixed(copy, tmp_path):
    write_mark(copy / "flow.tsv", {}, {"Rules": "others", "RedactUpTo": 10, "RoundTo": 10})
    with pytest.raises(MyoT2Error, match="other rules"):
        stage(copy, tmp_path / "out")


def test_what_is_staged_is_what_was_released_and_nothing_more(copy, tmp_path):
    (copy / "participants.tsv").write_text("participant_id\nP001\n", encoding="utf-8")
    stage(copy, tmp_path / "out")
    names = {path.name for path in (tmp_path / "out/inputs").iterdir() if path.is_file()}
    assert names == {*RELEASED, *(mark_path(name).name for name in RELEASED), "facts.json"}


def test_a_released_report_takes_nothing_else(program, root, many, tmp_path, capsys):
    words = ["--report", str(root / "report/shareable.qmd"), "--released", str(many), "--figures", f"{many}/figures"]
    outputs = ["--html", str(tmp_path / "a.html"), "--pdf", str(tmp_path / "a.pdf")]
    for more in (["--panels", "x_panel.png"], ["--participants", str(tmp_path)], ["--results", str(many)]):
        with pytest.raises(SystemExit):
            program("render_report")([*words, *outputs, *more])


def test_every_figure_and_table_of_the_captions_is_drawn_or_laid_out_and_stands_in_the_document(root):
    document = (root / "report/shareable.qmd").read_text(encoding="utf-8")
    assert set(sections.DRAWN) == {figure.label for figure in captions.FIGURES}
    assert set(sections.LAID_OUT) == {table.label for table in captions.TABLES}
    for label in (*sections.DRAWN, *sections.LAID_OUT):
        assert f'show("{label}")' in document


def test_the_document_reads_released_tables_and_nothing_of_the_internal_report(root):
    document = (root / "report/shareable.qmd").read_text(encoding="utf-8")
    imported = [line for line in document.splitlines() if line.startswith(("from myot2", "import myot2"))]
    assert imported == [
        "from myot2.report import methods",
        "from myot2.report.prose import synthetic_note",
        "from myot2.report.shareable import prose, sections",
        "from myot2.report.shareable.study import read_shared",
    ]


def words_of(figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_the_flow_shows_rounded_counts_and_redacted_ones(many, few):
    assert "n = 150" in words_of(figures.flow(read_shared(many)))
    assert REDACTED in words_of(figures.flow(read_shared(few)))
    assert not [words for words in words_of(figures.flow(read_shared(few))) if "Mrs" in words]


def test_the_bars_are_the_released_counts_under_the_edges_of_their_bins(many):
    shared = read_shared(many)
    drawn = figures.histogram(shared).axes[0]
    patients = shared.histogram[shared.histogram["group"] == "patient"]
    assert [patch.get_height() for patch in drawn.patches] == patients["people"].tolist()
    labels = [label.get_text() for label in drawn.get_xticklabels()]
    assert labels[0].startswith("below ") and labels[-1].endswith(" and above")


def test_the_settings_of_a_release_name_no_place_and_no_person():
    configuration = Configuration(
        participants={"table": "/home/example/people.tsv"},
        segment={"backend": "labels", "given": "/data/Mrs Example/{participant_id}.nii.gz"},
        ingest={"source": "bids", "dataset": "/data/bids"},
        report={"title": "A study"},
    )
    shown = json.dumps(release_settings(configuration.model_dump(mode="json")))
    for text in ("/", "example", "Mrs", "bids/"):
        assert text.lower() not in shown.lower().replace('"bids"', ""), text
    assert "A study" in shown and '"erosion_mm": 0.0' in shown
