"""Stop notes: bad input ends one participant with a reason, and the reason travels."""

from __future__ import annotations

import pickle

import pytest

from myot2.core.command import run_stage, stage_parser
from myot2.core.errors import MyoT2Error
from myot2.core.stopnote import StopNote, Stopped, raise_if_stopped, read_stop_note

ERROR = MyoT2Error(expected="ten echoes", found="nine", where="series 5", do="Export the series again.")
NOTE = StopNote("ingest", "ten echoes", "nine", "series 5", "Export the series again.")


def fail():
    raise ERROR


def test_an_error_says_what_was_expected_found_where_and_what_to_do():
    assert str(ERROR) == "series 5: expected ten echoes; found nine. Export the series again."


def test_bad_input_leaves_its_reason_in_every_output_and_ends_well(tmp_path, capsys):
    outputs = [tmp_path / "sub-01" / "a.nii.gz", tmp_path / "sub-01" / "b.tsv"]
    assert run_stage("ingest", fail, outputs=outputs, leave_stop_notes=True) == 0
    assert [read_stop_note(path) for path in outputs] == [NOTE, NOTE]
    assert "ingest: series 5: expected ten echoes" in capsys.readouterr().err


def test_by_hand_bad_input_fails_and_writes_nothing(tmp_path):
    assert run_stage("ingest", fail, outputs=[tmp_path / "a.nii.gz"], leave_stop_notes=False) == 1
    assert not list(tmp_path.iterdir())


def test_a_later_stage_passes_the_first_reason_on(tmp_path):
    NOTE.write(tmp_path / "echo.nii.gz")

    def fit():
        raise_if_stopped(tmp_path / "echo.nii.gz")

    assert run_stage("fit", fit, outputs=[tmp_path / "t2.nii.gz"], leave_stop_notes=True) == 0
    assert read_stop_note(tmp_path / "t2.nii.gz").stage == "ingest"


def test_a_defect_is_not_taken_for_bad_input(tmp_path):
    with pytest.raises(ZeroDivisionError):
        run_stage("fit", lambda: 1 / 0, outputs=[tmp_path / "t2.nii.gz"], leave_stop_notes=True)
    assert not list(tmp_path.iterdir())


def test_work_that_succeeds_ends_well_and_writes_no_note(tmp_path):
    assert run_stage("fit", lambda: None, outputs=[tmp_path / "t2.nii.gz"], leave_stop_notes=True) == 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b\x08", b'{"units": "ms"}', b"participant_id\n"])
def test_other_files_are_not_taken_for_stop_notes(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    assert read_stop_note(tmp_path / "file") is None
    raise_if_stopped(tmp_path / "file")
    raise_if_stopped(tmp_path / "missing")


def test_the_stopped_exception_tells_the_whole_story():
    assert str(Stopped(NOTE)) == "stopped at ingest: expected ten echoes; found nine. Export the series again."


def test_every_stage_program_has_the_option():
    assert stage_parser("A stage.").parse_args(["--leave-stop-notes"]).leave_stop_notes


def test_an_error_comes_back_whole_from_another_process():
    error = MyoT2Error(expected="a scan", found="none", where="raw.h5", do="Look.")
    again = pickle.loads(pickle.dumps(error))
    assert StopNote.of("reconstruct", again) == StopNote.of("reconstruct", error) and str(again) == str(error)
