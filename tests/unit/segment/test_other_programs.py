"""nnU-Net and TotalSegmentator by their own programs, with random weights; and what is refused before they run.

The tests that run them are skipped where they are not installed; docs/how-to/other-models.md says how to install them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from segment_volumes import list_sums, stored, values, volume

from myot2.core.errors import MyoT2Error
from myot2.core.images import same_grid
from myot2.core.labels import read_labels
from myot2.segment.backends import nnunet, totalsegmentator
from myot2.segment.backends.program import ProgramError, run
from myot2.segment.backends.result import Options, figures

CLASSES = ["vastus_lateralis_left", "sartorius right", "gluteus"]
EXCHANGED = ["sartorius right", "vastus_lateralis_left", "gluteus"]
BODY_MODEL = "Dataset597_mri_body_139subj/nnUNetTrainer_DASegOrd0__nnUNetPlans__3d_fullres"
"""Where TotalSegmentator looks for the weights of its task body_mr, which needs no licence."""


@pytest.fixture(scope="module")
def table(root):
    return read_labels(root / "config/labels.tsv")


@pytest.fixture(scope="module")
def random_model():
    """Writes the folder of a model with random weights by the nnU-Net that is installed, or skips."""
    program = shutil.which(nnunet.PROGRAM)
    if program is None:
        pytest.skip(f"nnU-Net ({nnunet.PROGRAM}) is not on PATH")
    python = Path(program).read_text(encoding="utf-8").splitlines()[0].removeprefix("#!")

    def write(folder: Path, *labels: str) -> Path:
        subprocess.run([python, Path(__file__).with_name("nnunet_random_model.py"), folder, *labels], check=True)
        list_sums(folder, *(str(path.relative_to(folder)) for path in folder.rglob("*.*")))
        return folder

    return write


def test_nnunet_labels_any_stored_image_alike_in_the_numbers_of_its_names(tmp_path, table, random_model):
    told = {"ignore": ("glut*",)}
    model = random_model(tmp_path / "Dataset001_Random" / "nnUNetTrainer__nnUNetPlans__3d_fullres", *CLASSES)
    first = nnunet.segment(volume(), table, Options(model=model, **told), "x")
    assert same_grid(first.labels, volume())
    numbers = set(np.unique(values(first.labels)).tolist())
    assert {1, 10} <= numbers <= {0, 1, 10}
    assert first.record["Folds"] == ["0", "1"]
    assert first.record["Model"] == "Dataset001_Random/nnUNetTrainer__nnUNetPlans__3d_fullres"
    assert figures(first, table)["MeanConfidence"] is None

    image = stored(volume(), "SPL")
    other = random_model(tmp_path / "exchanged", *EXCHANGED)
    second = nnunet.segment(image, table, Options(model=other, **told), "x")
    assert same_grid(second.labels, image)
    exchange = np.zeros(11, int)
    exchange[[1, 10]] = 10, 1
    np.testing.assert_array_equal(values(second.labels), exchange[values(first.labels)])
    assert second.record.get("IgnoredVoxels") == first.record.get("IgnoredVoxels")


def test_nnunet_s_own_words_are_shown_where_it_fails(tmp_path, table, random_model):
    model = random_model(tmp_path / "model", *CLASSES)
    (model / "plans.json").write_text("{}")
    list_sums(model, "dataset.json", "plans.json", "fold_0/checkpoint_final.pth")
    with pytest.raises(ProgramError, match=r"(?s)ended with status 1; it said:.*KeyError"):
        nnunet.segment(volume(), table, Options(model=model, folds=("0",), ignore=("*",)), "x")


def test_totalsegmentator_labels_any_stored_image_alike_and_leaves_its_settings_at_home_alone(
    tmp_path, monkeypatch, random_model
):
    if shutil.which(totalsegmentator.PROGRAM) is None:
        pytest.skip(f"{totalsegmentator.PROGRAM} is not on PATH")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    weights = random_model(tmp_path / "weights" / BODY_MODEL, "body_trunc", "body_extremities")
    list_sums(tmp_path / "weights", *(str(path.relative_to(tmp_path / "weights")) for path in weights.rglob("*.*")))
    regions = body_table(tmp_path)
    options = Options(model=tmp_path / "weights", task="body_mr")
    first = totalsegmentator.segment(volume(), regions, options, "x")
    assert set(np.unique(values(first.labels)).tolist()) == {0, 11, 12}
    image = stored(volume(), "SPL")
    second = totalsegmentator.segment(image, regions, options, "x")
    assert same_grid(second.labels, image)
    np.testing.assert_array_equal(values(second.labels), values(first.labels))
    assert not (tmp_path / "home" / ".totalsegmentator").exists()


def body_table(folder):
    header = "index\tname\tside\tgroup\tmusclemap\tqmritools\tdafne\tcolour"
    rows = [
        f"{n}\t{name}\tnone\tbody\tn/a\tn/a\tn/a\t#000000" for n, name in ((11, "body trunc"), (12, "body extremities"))
    ]
    (folder / "body.tsv").write_text("\n".join([header, *rows, ""]))
    return read_labels(folder / "body.tsv")


def described(folder, dataset=None, checkpoint=None):
    """A model's folder as nnU-Net's training leaves it, listed."""
    (folder / "fold_0").mkdir(parents=True)
    content = {"channel_names": {"0": "MR"}, "file_ending": ".nii.gz", "labels": {"background": 0, "sartorius left": 1}}
    (folder / "dataset.json").write_text(json.dumps({**content, **(dataset or {})}))
    (folder / "plans.json").write_text("{}")
    torch.save(checkpoint or {"network_weights": {"w": torch.zeros(2)}}, folder / "fold_0" / nnunet.CHECKPOINT)
    list_sums(folder, "dataset.json", "plans.json", f"fold_0/{nnunet.CHECKPOINT}")
    return folder


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ({"channel_names": {"0": "in", "1": "opp"}}, "a model of one image"),
        ({"file_ending": ".png"}, r"file_ending \.nii\.gz or \.nii; found '\.png'"),
        ({"labels": {"background": 0, "leg": [1, 2]}}, "labels with one number each"),
        ({"labels": {"background": 0, "liver": 1}}, "1 others: 'liver'"),
    ],
)
def test_a_model_of_nnunet_that_does_not_fit_is_refused(tmp_path, table, dataset, message):
    with pytest.raises(MyoT2Error, match=message):
        nnunet.segment(volume(), table, Options(model=described(tmp_path / "model", dataset)), "x")


@pytest.mark.parametrize("lost", ["dataset.json", "plans.json", f"fold_0/{nnunet.CHECKPOINT}"])
def test_files_of_nnunet_that_are_not_listed_are_not_used(tmp_path, table, lost):
    model = described(tmp_path / "model")
    sums = (model / "SHA256SUMS").read_text().splitlines(keepends=True)
    (model / "SHA256SUMS").write_text("".join(line for line in sums if lost not in line))
    with pytest.raises(MyoT2Error, match=f"{lost}: expected the SHA-256"):
        nnunet.segment(volume(), table, Options(model=model), "x")


def test_checkpoints_that_hold_more_than_numbers_are_not_given_to_programs(tmp_path, table):
    model = described(tmp_path / "model", checkpoint={"network_weights": {}, "trainer": Path})
    for backend in (nnunet, totalsegmentator):
        with pytest.raises(MyoT2Error, match=r"calls of pathlib\."):
            backend.segment(volume(), table, Options(model=model, task="body_mr"), "x")


def test_a_folder_without_a_trained_model_is_refused(tmp_path, table):
    with pytest.raises(MyoT2Error, match="folder of a trained model"):
        nnunet.segment(volume(), table, Options(model=tmp_path), "x")


def test_a_program_that_is_not_installed_fails_the_job_and_says_what_to_do(tmp_path, table, monkeypatch):
    model = described(tmp_path / "model")
    monkeypatch.setenv("PATH", str(tmp_path))
    for backend in (nnunet, totalsegmentator):
        with pytest.raises(ProgramError, match=f"expected the program {backend.PROGRAM} on PATH; found none"):
            backend.segment(volume(), table, Options(model=model, task="body_mr"), "x")


def test_what_a_failing_program_said_last_is_in_the_error(tmp_path):
    script = "echo first; for n in $(seq 40); do echo line $n; done; printf '10%%\\r90%%\\rno memory\\n' >&2; exit 3"
    with pytest.raises(ProgramError, match=r"(?s)^sh ended with status 3; it said:\n.*line 40\nno memory$") as caught:
        run(["sh", "-c", script], tmp_path, threads=1, environment={})
    assert "first" not in str(caught.value)


def test_programs_find_no_network_one_thread_and_none_of_our_modules(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "src")
    monkeypatch.setenv("no_proxy", "*")
    run(["sh", "-c", "env > told"], tmp_path, threads=2, environment={"MODEL": "x"})
    told = dict(line.split("=", 1) for line in (tmp_path / "told").read_text().splitlines() if "=" in line)
    assert told["https_proxy"] == told["HTTPS_PROXY"] == "http://127.0.0.1:9" and told["no_proxy"] == ""
    assert (told["OMP_NUM_THREADS"], told["OMP_WAIT_POLICY"], told["MODEL"]) == ("2", "PASSIVE", "x")
    assert "PYTHONPATH" not in told


def test_totalsegmentator_keeps_the_user_s_settings_but_sends_no_statistics(tmp_path, monkeypatch):
    monkeypatch.setenv("TOTALSEG_HOME_DIR", str(tmp_path))
    assert totalsegmentator.settings()["send_usage_stats"] is False
    (tmp_path / "config.json").write_text(json.dumps({"send_usage_stats": True, "prediction_counter": 7}))
    settings = totalsegmentator.settings()
    assert (settings["send_usage_stats"], settings["prediction_counter"]) == (False, 7)


def test_the_groups_of_totalsegmentator_are_labels_of_the_table_that_is_made_for_them(root):
    groups = read_labels(root / totalsegmentator.GROUPS)
    own = read_labels(root / "config/labels.tsv")
    assert {label.group for label in groups.labels} <= {label.group for label in own.labels}
    assert not {label.index for label in groups.labels} & {label.index for label in own.labels}
    names = ("quadriceps_femoris", "thigh_medial_compartment", "thigh_posterior_compartment", "sartorius")
    structures = {
        n: (f"{name}_{side}",) for n, (name, side) in enumerate((x, y) for x in names for y in ("left", "right"))
    }
    assert totalsegmentator.translation(groups, structures, "myot2", ignore=(), where="x").absent == ()
