"""Damage of every kind is found and named, and a clean run gives no finding."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from contextlib import suppress

import pytest
from recorded_run import CODE, PEOPLE, SETTINGS, Run, conclude, ledger_lines

from myot2.audit.conclusion import conclude as at_the_end_of_a_run
from myot2.audit.digests import canonical
from myot2.audit.ledger import merge

T2 = "results/fit/sub-A/anat/sub-A_T2map.nii.gz"
OTHER_T2 = "results/fit/sub-B/anat/sub-B_T2map.nii.gz"
ALIGNED = "results/align/sub-A/anat/sub-A_space-T2_dseg.nii.gz"
TABLE = "results/measure/sub-A/anat/sub-A_muscles.tsv"


def flip_a_byte(run: Run):
    path = run.project / T2
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(run: Run):
    path = run.project / T2
    path.write_bytes(path.read_bytes()[:-40])


def swap_two_people(run: Run):
    one, other = run.project / T2, run.project / OTHER_T2
    first = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(first)


def edit_a_table_and_keep_its_time(run: Run):
    path = run.project / TABLE
    before = path.stat()
    path.write_text(path.read_text().replace("41.5", "51.5"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def delete_an_intermediate(run: Run):
    (run.project / ALIGNED).unlink()


def empty_a_file(run: Run):
    (run.project / TABLE).write_bytes(b"")


def cut_the_ledger(run: Run):
    path = run.audit / "ledger.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-2]))


def cut_the_ledger_and_its_head(run: Run):
    cut_the_ledger(run)
    last = ledger_lines(run)[-1]
    (run.audit / "ledger.head").write_text(json.dumps({"lines": last["seq"], "hash": last["hash"]}))


def take_a_line_out_of_the_ledger(run: Run):
    path = run.audit / "ledger.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3] + lines[4:]))


def edit_a_line_of_the_ledger(run: Run):
    path = run.audit / "ledger.jsonl"
    path.write_text(path.read_text().replace('"exit":0', '"exit":1', 1))


def tear_the_ledger(run: Run):
    path = run.audit / "ledger.jsonl"
    path.write_bytes(path.read_bytes()[:-30])


def delete_the_ledger(run: Run):
    (run.audit / "ledger.jsonl").unlink()


def edit_a_record(run: Run):
    path = next((run.audit / "records").glob("*take_vendor_map*"))
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"params": {"limit": 0.6}}))


def delete_a_record(run: Run):
    next((run.audit / "records").glob("*segment*")).unlink()


def change_a_dicom_file(run: Run):
    (run.project.parent / "archive/Doe^Jane 2/IM1").write_text("DICM other")


def delete_a_dicom_file(run: Run):
    (run.project.parent / "archive/Doe^Jane 1/IM2").unlink()


def add_a_dicom_file(run: Run):
    (run.project.parent / "archive/Doe^Jane 1/IM9").write_text("DICM 9")


def leave_a_file_nobody_made(run: Run):
    shutil.copy(run.project / T2, run.project / T2.replace("T2map", "desc-mine_T2map"))


def remake_an_image_on_another_grid(run: Run):
    run.do("align", [], [ALIGNED], lambda: run.image(ALIGNED, 0, size=(6, 5, 3)), "sub-A")
    merge(run.audit)


def remake_a_map_in_seconds_times_a_million(run: Run):
    run.do("take_vendor_map", [], [T2], lambda: run.image(T2, 40_000), "sub-A")
    merge(run.audit)


def remake_labels_beyond_the_table(run: Run):
    run.do("align", [], [ALIGNED], lambda: run.image(ALIGNED, 77), "sub-A")
    merge(run.audit)


def remake_an_intermediate_alone(run: Run):
    run.do("segment", [], [segment], lambda: run.image(segment, 0, (8, 6, 4), seed=9), "sub-A")
    merge(run.audit)


segment = "results/segment/sub-A/anat/sub-A_dseg.nii.gz"


def record_a_broken_file(run: Run):
    path = run.project / "results/report/figures/roc.svg"
    path.parent.mkdir()
    run.do("figures", [], ["results/report/figures/roc.svg"], lambda: path.write_text("<svg>"))
    merge(run.audit)


def change_the_code(run: Run):
    (run.project / CODE[1]).write_text("# another formula\n")


def change_the_locked_packages(run: Run):
    (run.project / "envs/run.lock").write_text("numpy==1\n")


def kill_a_job(run: Run):
    started = {"state": "started", "job": "20990101T000000000000-align-00000000", "started": "2099-01-01"}
    path = next((run.audit / "records").glob("*align*"))
    record = json.loads(path.read_text())
    del record["exit"], record["ended"]
    record |= started
    record["outputs"] = [{"path": "<results>/align/sub-C/anat/sub-C_space-T2_dseg.nii.gz"}]
    (run.audit / f"records/{started['job']}.json").write_bytes(canonical(record))
    merge(run.audit)


def fail_a_job(run: Run):
    def fail():
        raise RuntimeError

    with pytest.raises(RuntimeError):
        run.do("panel", [], ["results/report/sub-A/anat/sub-A_panel.png"], fail, "sub-A")
    merge(run.audit)


def put_another_report(run: Run):
    run.do("report", [], [page], lambda: (run.project / page).write_text("<html>of 0000</html>"))
    merge(run.audit)


page = "results/report/report.html"


def unpack_a_file(run: Run):
    path = run.project / T2
    path.write_bytes(gzip.decompress(path.read_bytes()))


def forget_where_outside_files_are(run: Run):
    shutil.rmtree(run.audit / "private/places")


def only(folder):
    (path, *_) = sorted(folder.glob("*.json"))
    return path


def edit_the_list_of_the_code(run: Run):
    path = only(run.audit / "code")
    path.write_text(path.read_text().replace(CODE[1], "src/myot2/other.py"))


def empty_the_list_of_the_code(run: Run):
    only(run.audit / "code").write_text("{}")


def delete_the_list_of_the_code(run: Run):
    only(run.audit / "code").unlink()


def take_a_dicom_file_out_of_its_list(run: Run):
    path = only(run.audit / "private/folders")
    listing = json.loads(path.read_text())
    del listing["IM1"]
    path.write_text(json.dumps(listing))


def forget_what_is_in_folders_outside(run: Run):
    shutil.rmtree(run.audit / "private/folders")


def damage_where_outside_files_are(run: Run):
    for path in (run.audit / "private/places").iterdir():
        path.write_text("[")


def damage_the_head(run: Run):
    (run.audit / "ledger.head").write_text("[]")


def damage_the_seal(run: Run):
    (run.audit / "results.sha256").write_bytes(b"\xff\xfe\n")


DAMAGE = [
    (edit_the_list_of_the_code, "record", "code/"),
    (edit_the_list_of_the_code, "stale", "analyse/statistics.json"),
    (empty_the_list_of_the_code, "record", "code/"),
    (delete_the_list_of_the_code, "record", "code/"),
    (take_a_dicom_file_out_of_its_list, "record", "private/folders/"),
    (forget_what_is_in_folders_outside, "unknown place", "private/folders/"),
    (damage_where_outside_files_are, "unknown place", "<outside>/"),
    (damage_the_head, "ledger", "ledger.head"),
    (damage_the_seal, "seal", "results.sha256"),
    (flip_a_byte, "changed", "fit/sub-A/anat/sub-A_T2map.nii.gz"),
    (truncate, "truncated", "fit/sub-A/anat/sub-A_T2map.nii.gz"),
    (truncate, "unreadable", "fit/sub-A/anat/sub-A_T2map.nii.gz"),
    (swap_two_people, "swapped", "fit/sub-A/anat/sub-A_T2map.nii.gz"),
    (swap_two_people, "swapped", "fit/sub-B/anat/sub-B_T2map.nii.gz"),
    (edit_a_table_and_keep_its_time, "changed", "measure/sub-A/anat/sub-A_muscles.tsv"),
    (edit_a_table_and_keep_its_time, "seal", "results.sha256"),
    (delete_an_intermediate, "missing", "align/sub-A/anat/sub-A_space-T2_dseg.nii.gz"),
    (empty_a_file, "unreadable", "measure/sub-A/anat/sub-A_muscles.tsv"),
    (unpack_a_file, "unreadable", "fit/sub-A/anat/sub-A_T2map.nii.gz"),
    (cut_the_ledger, "ledger", "ledger.head"),
    (cut_the_ledger_and_its_head, "record", "records/"),
    (take_a_line_out_of_the_ledger, "ledger", "ledger.jsonl"),
    (edit_a_line_of_the_ledger, "ledger", "ledger.jsonl"),
    (tear_the_ledger, "ledger", "ledger.jsonl"),
    (delete_the_ledger, "ledger", "ledger.jsonl"),
    (edit_a_record, "record", "take_vendor_map"),
    (delete_a_record, "record", "segment"),
    (change_a_dicom_file, "changed", "archive/Doe^Jane 2/IM1"),
    (change_a_dicom_file, "stale", "ingest/sub-B"),
    (delete_a_dicom_file, "missing", "archive/Doe^Jane 1/IM2"),
    (add_a_dicom_file, "added", "archive/Doe^Jane 1/IM9"),
    (leave_a_file_nobody_made, "orphaned", "sub-A_desc-mine_T2map.nii.gz"),
    (remake_an_image_on_another_grid, "wrong grid", "align/sub-A/anat/sub-A_space-T2_dseg.nii.gz"),
    (remake_a_map_in_seconds_times_a_million, "implausible", "fit/sub-A/anat/sub-A_T2map.nii.gz"),
    (remake_labels_beyond_the_table, "implausible", "align/sub-A/anat/sub-A_space-T2_dseg.nii.gz"),
    (remake_an_intermediate_alone, "stale", "align/sub-A/anat/sub-A_space-T2_dseg.nii.gz"),
    (record_a_broken_file, "unreadable", "report/figures/roc.svg"),
    (change_the_code, "stale", "analyse/statistics.json"),
    (change_the_locked_packages, "stale", "analyse/statistics.json"),
    (kill_a_job, "unfinished", "align/sub-C/anat/sub-C_space-T2_dseg.nii.gz"),
    (fail_a_job, "unfinished", "report/sub-A/anat/sub-A_panel.png"),
    (put_another_report, "seal", "report/report.html"),
    (forget_where_outside_files_are, "unknown place", "<outside>/"),
]


def test_a_clean_run_gives_no_finding(run):
    assert run.verify() == []


@pytest.mark.parametrize(("damage", "kind", "path"), DAMAGE, ids=[f"{one[0].__name__}-{one[1]}" for one in DAMAGE])
def test_planted_damage_is_found_and_named(run, damage, kind, path):
    damage(run)
    found = run.verify()
    assert [finding for finding in found if finding.kind == kind and path in finding.path], "\n".join(map(str, found))


DAMAGED = [b"", b"5", b"{}", b'{"a": NaN}', b"\xff\xfe", b"[" * 100_000, None]
"""What may lie in a file of JSON; None: a folder lies in its place."""


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
def test_whatever_lies_in_a_file_of_the_audit_is_a_finding_and_no_crash(run, content):
    files = [path for path in run.audit.rglob("*") if path.is_file() and path.name != "key"]
    of_each_kind = {path.parent.name if path.suffix == ".json" else path.name: path for path in files}
    assert {"code", "folders", "places", "records", "ledger.jsonl", "ledger.head"} < of_each_kind.keys()
    for path in of_each_kind.values():
        before = path.read_bytes()
        path.unlink()
        path.mkdir() if content is None else path.write_bytes(content)
        damaged = [path.name, path.stat().st_mtime_ns]
        assert run.verify(), path
        assert [path.name, path.stat().st_mtime_ns] == damaged, "verify mends nothing"
        with suppress(OSError):  # a folder in the ledger's place: `end_run` says so
            at_the_end_of_a_run(run.recorder.places)
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        path.write_bytes(before)
    assert run.verify() == []


def test_a_job_writes_the_list_of_its_code_anew_where_it_was_damaged(run):
    empty_the_list_of_the_code(run)
    run.do("again", [], ["results/audit/x"], lambda: None)
    merge(run.audit)
    assert run.verify() == []


def test_damage_of_one_file_is_told_of_no_other_file_but_what_seals_it(run):
    edit_a_table_and_keep_its_time(run)
    assert {finding.path for finding in run.verify() if finding.kind != "seal"} == {
        "<results>/measure/sub-A/anat/sub-A_muscles.tsv"
    }


def test_a_changed_setting_is_named_with_both_values(run):
    changed = {"fit": SETTINGS["fit"] | {"limit": 0.6}}
    (found,) = run.verify(settings=changed)
    assert (found.kind, found.path) == ("parameter", "fit.limit")
    assert found.what == "0.6 in the configuration, 0.5 when it was run"


def test_files_of_a_person_who_left_the_table_are_orphans_and_what_was_made_of_them_is_stale(run):
    found = run.verify(scans={"sub-A"})
    assert all("sub-B" in one.path for one in found if one.kind == "orphaned")
    stale = {one.path: one.what for one in found if one.kind != "orphaned"}
    assert set(stale) == {"<results>/analyse/statistics.json", "<results>/audit/results.sha256"}
    assert stale["<results>/analyse/statistics.json"].endswith("muscles.tsv: the participants table has no scan sub-B")


def test_files_of_a_person_who_left_the_table_may_be_deleted_once_the_rest_is_made_anew(run):
    for path in run.results.glob("*/sub-B"):
        shutil.rmtree(path)
    conclude(run, PEOPLE[:1])
    merge(run.audit)
    assert run.verify(scans={"sub-A"}) == []
    assert {one.kind for one in run.verify()} == {"missing"}


def test_a_job_that_failed_and_was_made_up_for_is_no_finding(run):
    fail_a_job(run)
    panel = "results/report/sub-A/anat/sub-A_panel.png"
    png = b"\x89PNG\r\n....IEND\xaeB`\x82"
    run.do("panel", [], [panel], lambda: _write(run.project / panel, png), "sub-A")
    merge(run.audit)
    assert run.verify() == []
    assert [one["state"] for one in run.history().records if one["rule"] == "panel"] == ["failed", "ended"]


def _write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
