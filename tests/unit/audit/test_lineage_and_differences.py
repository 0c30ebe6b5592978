"""Where a number comes from, and why two runs differ."""

from __future__ import annotations

import re

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recorded_run import CODE, examine, make_run

from myot2.audit.compare import differences
from myot2.audit.lineage import _instance, why
from myot2.audit.seal import read_seal, write_seal
from myot2.core.errors import MyoT2Error


def test_a_number_leads_to_every_dicom_file_of_everybody(run):
    lines = list(why(run.history(), "roc.auc"))
    assert lines[0] == "roc.auc = 0.90, of <results>/analyse/statistics.json"
    for number in (1, 2):
        for instance in range(3):
            assert any(line.endswith(f"archive/Doe^Jane {number}/IM{instance}") for line in lines)
    assert any("fit/sub-B/anat/sub-B_T2map.nii.gz" in line and "by take_vendor_map" in line for line in lines)


def test_a_file_s_lineage_is_its_own_person_s(run, monkeypatch):
    monkeypatch.chdir(run.project)
    for asked in ("results/fit/sub-A/anat/sub-A_T2map.nii.gz", "fit/sub-A/anat/sub-A_T2map.nii.gz"):
        text = "\n".join(why(run.history(), asked))
        assert "Doe^Jane 1/IM2" in text and "sub-B" not in text and "dseg" not in text


def test_what_is_neither_a_file_nor_a_number_is_refused(run):
    with pytest.raises(MyoT2Error, match="no such file: roc.aux"):
        list(why(run.history(), "roc.aux"))
    (run.results / "mine.tsv").write_text("x")
    with pytest.raises(MyoT2Error, match="no record of it"):
        list(why(run.history(), str(run.results / "mine.tsv")))


def test_a_file_that_was_deleted_still_has_its_lineage(run, monkeypatch):
    monkeypatch.chdir(run.project)
    path = run.results / "measure/sub-A/anat/sub-A_muscles.tsv"
    before = list(why(run.history(), str(path)))
    path.unlink()
    for asked in ("results/measure/sub-A/anat/sub-A_muscles.tsv", "measure/sub-A/anat/sub-A_muscles.tsv", str(path)):
        assert list(why(run.history(), asked)) == before and len(before) > 6


def test_damaged_statistics_hide_no_lineage_of_files_and_are_named_where_a_number_is_asked_for(run):
    (run.results / "analyse/statistics.json").write_text("{")
    assert len(list(why(run.history(), "measure/sub-A/anat/sub-A_muscles.tsv"))) > 6
    with pytest.raises(MyoT2Error, match="statistics.json is damaged, and no such file: roc.auc"):
        list(why(run.history(), "roc.auc"))


def test_a_list_of_dicom_files_that_was_changed_is_said_and_not_printed(run):
    for path in (run.audit / "private/folders").iterdir():
        path.write_text("{}")
    text = "\n".join(why(run.history(), "roc.auc"))
    assert text.count("the list of its files is missing or was changed") == 2 and "/IM" not in text


def test_a_file_from_elsewhere_is_refused_by_the_name_that_was_given_and_leaves_no_trace(run, tmp_path):
    (tmp_path / "Doe.txt").write_text("x")
    before = sorted(run.audit.rglob("*"))
    with pytest.raises(MyoT2Error, match="Doe.txt"):
        list(why(run.history(), str(tmp_path / "Doe.txt")))
    assert sorted(run.audit.rglob("*")) == before


def test_equal_runs_differ_in_nothing(tmp_path):
    one, two = make_run(tmp_path / "one"), make_run(tmp_path / "two")
    assert list(differences(one.history(), two.history())) == []


def test_a_difference_is_followed_from_where_it_arose(tmp_path):
    one, two = make_run(tmp_path / "one"), make_run(tmp_path / "two")
    t2 = "results/fit/sub-A/anat/sub-A_T2map.nii.gz"
    measured = "results/measure/sub-A/anat/sub-A_muscles.tsv"
    given = "results/ingest/sub-A/anat/sub-A_T2map.nii.gz"
    (two.project / CODE[1]).write_text("# another formula\n")
    two.do("take_vendor_map", [given], [t2], lambda: two.image(t2, 43, seed=1), "sub-A", limit=0.6)
    two.do("measure", [t2], [measured], lambda: (two.project / measured).write_text("x\n1\n"), "sub-A")
    found = dict(differences(one.history(), two.history()))
    assert found["<results>/fit/sub-A/anat/sub-A_T2map.nii.gz"] == (
        "src/myot2/fit.py differs; parameter limit: 0.5, then 0.6"
    )
    assert "<results>/fit/sub-A/anat/sub-A_T2map.nii.gz differs" in found[measured.replace("results", "<results>")]
    assert len(found) == 2


def test_a_job_that_gives_other_bytes_of_the_same_is_said_not_to_be_reproducible(tmp_path):
    one, two = make_run(tmp_path / "one"), make_run(tmp_path / "two")
    t2, given = (f"results/{stage}/sub-A/anat/sub-A_T2map.nii.gz" for stage in ("fit", "ingest"))
    two.do("take_vendor_map", [given], [t2], lambda: two.image(t2, 43, seed=5), "sub-A", limit=0.5)
    assert list(differences(one.history(), two.history())) == [
        ("<results>/fit/sub-A/anat/sub-A_T2map.nii.gz", "equal inputs, code and parameters: not reproducible")
    ]


def test_the_seal_is_a_list_that_sha256sum_takes(run):
    import subprocess

    path = run.audit / "results.sha256"
    assert len(read_seal(path)) == 4
    done = subprocess.run(["sha256sum", "--check", "--quiet", "audit/results.sha256"], cwd=run.results)
    assert done.returncode == 0
    with pytest.raises(MyoT2Error, match="a file elsewhere"):
        write_seal([run.project / "envs/run.lock"], results=run.results, path=path)
    path.write_text("no list\n")
    with pytest.raises(MyoT2Error, match="lines of sha256sum"):
        read_seal(path)


@pytest.mark.parametrize("has_head", [True, False])
def test_sop_instances_are_read_from_the_files_and_stand_in_no_record(run, has_head):
    uid = pydicom.uid.generate_uid()
    header = pydicom.Dataset()
    header.SOPInstanceUID, header.SOPClassUID = uid, pydicom.uid.MRImageStorage
    header.file_meta = pydicom.dataset.FileMetaDataset()
    header.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    header.preamble = bytes(128)
    path = run.project.parent / "archive/Doe^Jane 1/IM0"
    header.save_as(path, enforce_file_format=has_head)  # without it, the head names no instance
    (path.parent / "IM1").write_bytes(path.read_bytes()[:140])
    examine(run, "sub-A", 1)
    t2 = "<results>/fit/sub-A/anat/sub-A_T2map.nii.gz"
    assert f"    {path}  {uid}" in [line[2:] for line in why(run.history(), t2, instances=True)]
    assert uid not in "\n".join(why(run.history(), t2))
    assert not any(uid in record.read_text() for record in run.audit.rglob("*.json"))


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.integers(128, 419), st.integers(0, 255)), max_size=4), st.integers(0, 600))
def test_a_damaged_dicom_file_stops_no_lineage_and_prints_nothing_but_a_uid(tmp_path, changes, length):
    header = pydicom.Dataset()
    header.SOPInstanceUID, header.SOPClassUID = "1.2.3.4", pydicom.uid.MRImageStorage
    header.PatientName, header.PatientComments = "x", "y" * 400
    header.file_meta = pydicom.dataset.FileMetaDataset()
    header.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    path = tmp_path / "IM0"
    header.save_as(path, enforce_file_format=True)
    content = bytearray(path.read_bytes())
    for place, byte in changes:
        content[place] = byte
    path.write_bytes(content[:length])
    assert re.fullmatch(r"(  [0-9.]+|  \(SOP Instance UID unreadable\))?", _instance(path))
