"""What names an archive and a study in it, and the program that fetches."""

from __future__ import annotations

import io
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingest_pacs_servers import Reply, WebArchive, serving, small_study
from pydicom.config import IGNORE
from pydicom.uid import UID

from myot2.core.errors import MyoT2Error
from myot2.core.stopnote import read_stop_note
from myot2.ingest.pacs.multipart import Truncated, boundary_of, write_single_part
from myot2.ingest.pacs.source import is_source, parse_source
from myot2.ingest.pacs.storage import LOSSLESS
from myot2.ingest.pacs.uids import is_uid
from myot2.ingest.reading import pixels


@pytest.mark.parametrize(
    ("text", "service", "host", "port"),
    [
        ("dicomweb+https://pacs.example.org/dicom-web", "https://pacs.example.org/dicom-web", "pacs.example.org", None),
        ("dicomweb+https://pacs:8443/a/b-c/rs", "https://pacs:8443/a/b-c/rs", "pacs", 8443),
        ("dicomweb+http://[::1]:8042", "http://[::1]:8042", "::1", 8042),
    ],
)
def test_a_dicomweb_source_names_a_service_and_a_study(text, service, host, port):
    source = parse_source(f"{text}/studies/1.2.3/series/1.2.3.4,1.2.3.5")
    assert (source.protocol, source.service, source.host, source.port) == ("dicomweb", service, host, port)
    assert (source.study, source.series) == ("1.2.3", ("1.2.3.4", "1.2.3.5"))


def test_a_dimse_source_names_an_archive_by_title_host_and_port():
    source = parse_source("dimse://ARCHIVE-1@pacs.example.org:104/studies?AccessionNumber=A%201&StudyDate=2020-")
    assert (source.protocol, source.called_ae, source.host, source.port) == (
        "dimse",
        "ARCHIVE-1",
        "pacs.example.org",
        104,
    )
    assert source.query == (("AccessionNumber", "A 1"), ("StudyDate", "2020-"))


WEB, DIMSE = "dicomweb+https://pacs/dicom-web", "dimse://ARCHIVE@pacs:104"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("https://pacs/dicom-web/studies/1.2.3", "another form"),
        ("dicomweb://pacs/dicom-web/studies/1.2.3", "another form"),
        ("file:///etc/studies/1.2.3", "another form"),
        ("dicomweb+https:///dicom-web/studies/1.2.3", "another form"),
        ("dicomweb+https://pacs:99999/dicom-web/studies/1.2.3", "another form"),
        (f"{WEB}/studies/1.2.3#x", "another form"),
        (f"{WEB}/studies/1.2.3%2F..", "another form"),
        (f"{WEB}/studies/1.2.3\n", "another form"),
        (f"{WEB}/studies/1.2." + "3" * 5000, "another form"),
        (f"{WEB}/1.2.3", "no /studies"),
        ("dicomweb+https://pacs/a/../b/studies/1.2.3", "no /studies"),
        (f"{WEB}/studies", "neither a study nor a query"),
        (f"{WEB}/studies/1.2.3?PatientID=1", "both a study and a query"),
        (f"{WEB}/studies/1.2.3/series", "another path"),
        (f"{WEB}/studies/1.2.3/series/1.2/instances/1.3", "another path"),
        (f"{WEB}/studies/1.02.3", "a UID of a form"),
        (f"{WEB}/studies/..", "a UID of a form"),
        (f"{WEB}/studies/1.2.3/series/1.2,", "a UID of a form"),
        (f"{WEB}/studies?PatientName=Doe", "a query by another key"),
        (f"{WEB}/studies?PatientID=*", "matches everything"),
        (f"{WEB}/studies?PatientID=", "matches everything"),
        (f"{WEB}/studies?PatientID=a%5Cb", "matches everything"),
        (f"{WEB}/studies?PatientID=1&PatientID=2", "given twice"),
        (f"{WEB}/studies?PatientID", "not of the form"),
        ("dicomweb+https://user:pass@pacs/dicom-web/studies/1.2.3", "a user name or password"),
        ("dimse://pacs:104/studies/1.2.3", "without AE title"),
        ("dimse://ARCHIVE@pacs/studies/1.2.3", "without AE title"),
        ("dimse://A_TITLE_TOO_LONG_@pacs:104/studies/1.2.3", "without AE title"),
        ("dimse://A:secret@pacs:104/studies/1.2.3", "without AE title"),
        (f"{DIMSE}/dicom-web/studies/1.2.3", "with a path"),
    ],
)
def test_a_source_of_another_form_is_refused_without_being_quoted(text, problem):
    with pytest.raises(MyoT2Error) as caught:
        parse_source(text)
    assert problem in caught.value.found
    assert text not in str(caught.value)


@given(st.text() | st.from_regex(r"(dicomweb\+https?|dimse)://[^ ]*", fullmatch=True))
def test_any_text_is_a_source_or_refused(text):
    try:
        source = parse_source(text)
    except MyoT2Error:
        return
    assert bool(source.study) != bool(source.query)


def test_what_a_source_shows_of_itself_holds_no_identifier():
    assert "1.2.3" not in repr(parse_source(f"{WEB}/studies/1.2.3"))
    assert "4711" not in repr(parse_source(f"{WEB}/studies?PatientID=4711"))


@pytest.mark.parametrize("text", ["/data/dicom", "data", "C:/dicom", "results/a/dicom"])
def test_a_folder_is_no_source(text):
    assert not is_source(text)


@given(st.from_regex(r"[0-9.]{0,70}", fullmatch=True))
def test_uids_are_those_of_the_standard(text):
    """pydicom's own check is the truth; it takes a line break at the end, which is tested elsewhere."""
    assert is_uid(text) == UID(text, validation_mode=IGNORE).is_valid


@given(st.binary(max_size=300), st.integers(1, 40))
def test_a_part_is_the_same_however_it_is_cut_into_chunks(content, size):
    content = content.replace(b"--edge", b"")
    body = b"--edge\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n--edge--\r\n"
    out = io.BytesIO()
    write_single_part((body[start : start + size] for start in range(0, len(body), size)), b"edge", out)
    assert out.getvalue() == content
    end = body.index(b"--edge--")
    with pytest.raises(Truncated):
        write_single_part(iter([body[:end]]), b"edge", io.BytesIO())


def test_a_boundary_is_read_quoted_or_not():
    assert boundary_of('Multipart/Related; type="application/dicom"; boundary="a b"') == b"a b"
    assert boundary_of("multipart/related; boundary=a") == b"a"


def test_what_is_fetched_is_what_can_be_read():
    assert set(LOSSLESS) == pixels.LOSSLESS


@pytest.fixture(scope="module")
def main(program):
    return program("fetch_dicom")


def write_table(folder, source):
    table = folder / "participants.tsv"
    table.write_text(f"Code\tgroup\tdicom\nP1\tIIM\t{source}\n")
    mapped = ["--columns", "participant_id=Code", "--values", "group:IIM=patient"]
    return [
        "--participants",
        str(table),
        *mapped,
        "--scan",
        "sub-P1",
        "--folder",
        str(folder / "out"),
        "--retries",
        "0",
    ]


def test_the_program_finds_the_source_in_the_participants_table(main, tmp_path, capfd):
    study = small_study()
    with serving(WebArchive(study)) as start:
        assert main(write_table(tmp_path, f"{start}/studies/{study[0].StudyInstanceUID}")) == 0
    assert len(list((tmp_path / "out").iterdir())) == 20
    printed = capfd.readouterr()
    assert printed.out.startswith("objects: 20, series: 1, received:")
    assert re.fullmatch(r"fetch: [0-9.]+ CPU seconds, at most [0-9]+ MiB of memory\n", printed.err)


def test_a_fault_of_the_study_leaves_a_stop_note(main, tmp_path, capfd):
    with serving(WebArchive(small_study())) as start:
        assert main([*write_table(tmp_path, f"{start}/studies/1.2.3"), "--leave-stop-notes"]) == 0
    (path,) = (tmp_path / "out").iterdir()
    assert (read_stop_note(path).stage, read_stop_note(path).found) == ("fetch", "no such study")
    assert "1.2.3" not in capfd.readouterr().err


def test_a_fault_of_the_moment_leaves_none_so_that_the_next_run_tries_again(main, tmp_path):
    with (
        serving(WebArchive(small_study(), lambda level, honest: Reply(b"", "text/plain", 500))) as start,
        pytest.raises(SystemExit, match="an error of the server"),
    ):
        main([*write_table(tmp_path, f"{start}/studies/1.2.3"), "--leave-stop-notes"])
    assert not (tmp_path / "out").exists()


def test_the_program_takes_a_source_from_standard_input(main, tmp_path, monkeypatch):
    study = small_study()
    with serving(WebArchive(study)) as start:
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{start}/studies?PatientID=4711\n"))
        assert main(["--source", "-", "--folder", str(tmp_path / "out")]) == 0
    assert len(list((tmp_path / "out/study-001").iterdir())) == 20


def test_reading_a_folder_loads_no_network_library(root):
    """They take longer to load than a small study takes to read."""
    code = (
        "import runpy, sys; runpy.run_path('scripts/ingest_dicom.py'); import myot2.ingest.pacs.fetch; "
        "print([name for name in ('pynetdicom', 'dicomweb_client') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
