"""What the report is made from is staged, read and checked."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from myot2.core.errors import MyoT2Error
from myot2.core.stopnote import StopNote, Stopped
from myot2.report.captions import FIGURES
from myot2.report.staging import stage_inputs
from myot2.report.study import read_study

VOXEL_COLUMNS = [
    "voxels",
    "voxels_not_fitted",
    "voxels_low_signal",
    "voxels_at_bound",
    "voxels_not_converged",
    "voxels_fat_above_limit",
    "voxels_implausible",
]
TABLES = {
    "analyse/participants.tsv": "participant_id\tsession\tgroup\tt2_mean_ms\n"
    "01\tn/a\tpatient\t48.5\n02\tn/a\tcontrol\tn/a\n",
    "analyse/roc.tsv": "cutoff\tsensitivity\tspecificity\n",
    "analyse/multiverse.tsv": "mask\tt2\tstatistic\taggregation\tmain\t"
    "auc\tauc_ci_low\tauc_ci_high\tcutoff_ms\treason\n"
    "given\tepg\tmean\tvoxel\tyes\tn/a\tn/a\tn/a\tn/a\ta group is empty\n",
    "measure/cohort.tsv": "\t".join(
        ["participant_id", "session", "region", "side", "t2_mean_ms", "fat_fraction_mean", *VOXEL_COLUMNS]
    )
    + "\n"
    "01\tn/a\tthigh\tboth\t48.5\t0.25\t90\t0\t7\t2\t0\t0\t3\n"
    "01\tn/a\tsartorius\tleft\t41\tn/a\t5\t0\t1\t0\t0\t0\t0\n"
    "01\tn/a\tsartorius\tboth\t40\tn/a\t9\t0\t1\t0\t0\t0\t0\n"
    "01\tn/a\tvastus lateralis\tboth\t50\tn/a\t40\t0\t1\t0\t0\t0\t0\n",
    "segment/quality_scans.tsv": "participant_id\tsession\tstatus\tmuscles\tvolume_ml\tagreement\trisk\tflags\n"
    "01\tn/a\tjudged\t26\t2500\t0.91\t0.2\tn/a\n02\t1\tstopped\tn/a\tn/a\tn/a\tn/a\tn/a\n",
    "measure/flow.tsv": "participant_id\tsession\tstatus\tstage\texpected\tfound\twhere\tdo\n"
    "01\tn/a\tmeasured\tn/a\tn/a\tn/a\tn/a\tn/a\n02\t1\tstopped\tfit\ta\tb\tc\td\n",
    "analyse/log.jsonl": '{"id": "roc", "kind": "roc", "role": "confirmatory", "family": null, '
    '"status": "not applicable", "reason": "a group is empty", "n": 1, "warnings": []}\n',
    "analyse/statistics.json": '{"roc.auc": {"value": null, "n": 1, "reason": "a group is empty"}}',
}


def figures_in(folder):
    """A folder with a file for each figure."""
    folder.mkdir(exist_ok=True)
    for figure in FIGURES:
        (folder / f"{figure.file}.svg").write_text("<svg/>", encoding="utf-8")
    return folder


@pytest.fixture
def stage(root, tmp_path):
    """Stage the tables above; return the folder of inputs."""

    def make(panels=()):
        results = tmp_path / "results"
        for name, text in TABLES.items():
            (results / name).parent.mkdir(parents=True, exist_ok=True)
            (results / name).write_text(text, encoding="utf-8")
        configuration = tmp_path / "config.json"
        configuration.write_text(json.dumps({"fit": {"source": "echoes"}}), encoding="utf-8")
        stage_inputs(
            tmp_path,
            results=results,
            labels=root / "config/labels.tsv",
            panels=panels,
            figures=figures_in(tmp_path / "figures"),
            pages="participants",
            configuration=configuration,
            renderer="a renderer",
        )
        return tmp_path / "inputs"

    return make


def test_tables_that_a_run_need_not_have_are_staged_and_read_where_it_has_them(stage, monkeypatch):
    check = '{"summary": [{"source": "statistics", "checks": 9, "inconsistent": 1, "not checked": 0, '
    check += '"topics_with_findings": 1}], "outcomes": [{"source": "statistics", "status": "inconsistent", '
    check += '"sentence": "9 is not 8."}]}'
    monkeypatch.setitem(TABLES, "analyse/claims.json", check)
    monkeypatch.setitem(TABLES, "analyse/masks.tsv", "participant_id\tmask\tt2_ms\n01\tcorrected\t47.5\n")
    study = read_study(stage())
    assert study.masks["t2_ms"].tolist() == [47.5] and study.claims.findings == ["9 is not 8."]


def test_a_study_is_read_as_it_was_staged(stage, tmp_path):
    panel, stopped = tmp_path / "sub-01_panel.png", tmp_path / "sub-02_ses-1_panel.png"
    Image.new("RGB", (1200, 400), "red").save(panel)
    note = StopNote("fit", "a", "b", "c", "d")
    note.write(stopped)
    study = read_study(stage([panel, stopped]))
    assert study.t2_of("patient").to_dict() == {"01": 48.5} and study.t2_of("control").empty
    assert study.muscles.to_dict() == {"sub-01": {"vastus lateralis": 50.0, "sartorius": 40.0}}
    assert list(study.muscles.index) == ["vastus lateralis", "sartorius"], "the label table's order"
    assert study.voxels.loc["sub-01"].tolist() == [90, 0, 7, 2, 0, 0, 3, 0.25] and len(study.voxels) == 1
    assert study.quality.loc["sub-01", "risk"] == 0.2 and study.quality.loc["sub-02_ses-1", "status"] == "stopped"
    assert study.group_of("sub-02_ses-1") == "control" and study.group_of("sub-03") is None
    assert study.multiverse["mask"].tolist() == ["given"] and study.multiverse["auc"].isna().all()
    assert study.panels["sub-01"].name == panel.name and study.panels["sub-02_ses-1"] == note
    assert list(study.thumbnails) == ["sub-01"] and study.pages == "participants"
    with Image.open(study.thumbnails["sub-01"]) as small:
        assert small.size == (600, 200)
    assert study.sides.loc["sartorius"].isna().all(), "the right side is not measured"
    assert study.band.empty and study.masks.empty and study.claims is None
    assert study.statistics.reason("roc.auc") == "a group is empty"
    assert [(entry["id"], entry["reason"]) for entry in study.log] == [("roc", "a group is empty")]
    assert (study.renderer, study.configuration) == ("a renderer", {"fit": {"source": "echoes"}})


def test_the_reason_of_missing_statistics_is_passed_on(stage, tmp_path):
    folder = stage()
    StopNote("analyse", "a", "b", "c", "d").write(folder / "analyse/statistics.json")
    with pytest.raises(Stopped, match="analyse"):
        read_study(folder)


def test_a_participant_whose_name_is_no_file_name_is_refused(stage):
    folder = stage()
    flow = folder / "measure/flow.tsv"
    flow.write_text(flow.read_text(encoding="utf-8").replace("02\t1", "../../x\t1"), encoding="utf-8")
    with pytest.raises(MyoT2Error, match="letters and digits"):
        read_study(folder)


def test_a_band_around_the_roc_curve_is_read_where_analyse_made_one(stage):
    folder = stage()
    band = "false_positive_rate\tsensitivity\tlow\thigh\n0\t0.5\t0.4\t0.6\n"
    (folder / "analyse/roc_band.tsv").write_text(band, encoding="utf-8")
    assert read_study(folder).band.to_dict("list") == {
        "false_positive_rate": [0.0],
        "sensitivity": [0.5],
        "low": [0.4],
        "high": [0.6],
    }


@pytest.mark.parametrize(("line", "words"), [("{", "line 1"), ('{"id": "roc"}', "none of kind"), ("7", "line 1")])
def test_a_line_of_the_log_that_is_no_analysis_is_refused(stage, line, words):
    folder = stage()
    (folder / "analyse/log.jsonl").write_text(line, encoding="utf-8")
    with pytest.raises(MyoT2Error, match=words):
        read_study(folder)


def test_a_key_that_is_no_key_is_refused(stage):
    folder = stage()
    (folder / "analyse/statistics.json").write_text('{"a\\"} onload=b": {"value": 1}}', encoding="utf-8")
    with pytest.raises(MyoT2Error, match="expected keys of letters"):
        read_study(folder)


def test_a_table_without_a_needed_column_is_refused(stage):
    folder = stage()
    (folder / "analyse/roc.tsv").write_text("cutoff\tsensitivity\n36\t1\n", encoding="utf-8")
    with pytest.raises(MyoT2Error, match="no column specificity"):
        read_study(folder)


def test_text_where_a_number_belongs_is_refused(stage):
    folder = stage()
    (folder / "analyse/roc.tsv").write_text("cutoff\tsensitivity\tspecificity\nx\t1\t1\n", encoding="utf-8")
    with pytest.raises(MyoT2Error, match="expected numbers"):
        read_study(folder)


def test_a_panel_of_another_name_is_refused(stage, tmp_path):
    (tmp_path / "picture.png").write_bytes(b"")
    with pytest.raises(MyoT2Error, match=r"_panel\.png"):
        stage([tmp_path / "picture.png"])
