"""Nobody is identifiable: markers in all text elements of the headers, and none in what the workflow leaves."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
import time

import pandas as pd
import pydicom
import pytest
from dicom_marker import MARKER, digests_of, found_in, overwrite, write_marked

from myot2.core.stopnote import read_stop_note

pytestmark = pytest.mark.workflow

TABLE = """participant_id	session	dicom	group
P01	n/a	marked/P01	patient
P02	n/a	marked/P02	patient
P03	1	marked/P03a	patient
P03	2	marked/P03b	patient
"""


@pytest.fixture(scope="module")
def uids():
    """Every UID of the examination and the marked one that stands in its place."""
    return {}


@pytest.fixture(scope="module")
def tags(project, examined, uids):
    """Mark one participant's examination, make damaged copies of it, and return the tags of the marked elements."""
    marked = project.folder / "marked"
    folder = marked / "P01" / "Q00000008Z^Q00000009Z"
    folder.mkdir(parents=True)
    source = project.folder / "results/four/simulate/sub-P01/dicom"
    objects = [path for path in sorted(source.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    found: set[int] = set()
    for number, path in enumerate(objects):
        found |= write_marked(pydicom.dcmread(path), folder / f"Q00000007Z_{number}.dcm", uids)
    for name, damage in DAMAGES.items():
        shutil.copytree(marked / "P01", marked / name)
        damage(sorted((marked / name).rglob("*.dcm")))
    return found


def cut_short(paths):
    """Every third file ends before its pixels do."""
    for path in paths[::3]:
        path.write_bytes(path.read_bytes()[:-5000])


def write_words_for_numbers(paths):
    """Positions that are no numbers, and an image type that is none, in some of the files."""
    for path in paths[::10]:
        overwrite(path, 0x00200032, "DS", "Q0000000AZ")
        overwrite(path, 0x00080008, "CS", "Q0000000BZ")


def mix_two_people(paths):
    """A later visit, with another patient identifier in some of the files."""
    for path in paths:
        overwrite(path, 0x00080020, "DA", "18711224")
    for path in paths[::10]:
        overwrite(path, 0x00100020, "LO", "Q0000000CZ")


DAMAGES = {"P02": cut_short, "P03a": write_words_for_numbers, "P03b": mix_two_people}


@pytest.fixture(scope="module")
def printed(project, tags):
    """What the workflow prints on these folders, from DICOM to the measures of the cohort and all that is exported."""
    content = {"ingest": {"key": "config/demo/key"}, "export": {"dicom": True}}
    configuration = project.configure("marked", content, TABLE)
    measured = ("--until", "collect", "date_visits", "describe_ingest", "export_scan_dicom")
    exported = ("muscle_bids", "other_tools", "pages")
    return project.snakemake(configuration, *measured) + project.snakemake(configuration, *exported)


@pytest.fixture(scope="module")
def left(project, printed):
    """Every file that the workflow left: results with their logs, and its own records.

    Less audit/private, which stays at the site and says where the DICOM files are.
    """
    folders = [project.folder / "results/marked", project.folder / ".snakemake"]
    private = project.folder / "results/marked/audit/private"
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path for path in files if private not in path.parents]


def test_what_stays_at_the_site_can_be_read_by_its_owner_alone(project, printed):
    assert (project.folder / "results/marked/audit/private").stat().st_mode & 0o777 == 0o700


def test_the_examination_is_marked_in_every_text_element_and_the_marks_can_be_found(project, tags):
    (first, *_) = sorted((project.folder / "marked/P01").rglob("*.dcm"))
    dataset = pydicom.dcmread(first)
    assert len(tags) > 2000
    written = [tag for tag in tags if tag in dataset]
    assert len(written) > 2000
    assert all(MARKER.search(str(dataset[tag].value).encode()) for tag in written)
    assert len(found_in(first)) > len(written)


def test_one_is_measured_and_the_damaged_are_refused(project, printed):
    flow = pd.read_csv(project.folder / "results/marked/measure/flow.tsv", sep="\t")
    assert list(flow["participant_id"]) == ["P01", "P02", "P03", "P03"]
    assert list(flow["status"]) == ["measured", "stopped", "stopped", "stopped"]
    assert set(flow["stage"].dropna()) == {"ingest"}


def test_no_byte_of_results_logs_and_records_holds_text_of_a_header(left, printed):
    assert len(left) > 100
    assert {".json", ".tsv", ".gz", ".log", ".dcm", ".csv", ".xlsx", ".pdf", ".label"} <= {path.suffix for path in left}
    assert not {str(path): found for path in left if (found := found_in(path))}
    assert not MARKER.search(printed.encode())


def test_no_identifier_is_there_as_a_digest_without_key(left, uids):
    secrets = {digest for both in uids.items() for uid in both for digest in digests_of(uid)}
    hexadecimal = re.compile(rb"[0-9a-f]{32,}")
    for path in left:
        held = {match.group()[:32].decode() for match in hexadecimal.finditer(path.read_bytes())}
        assert not held & secrets, path


def test_the_objects_for_the_pacs_are_made_under_pseudonyms_and_say_so(project, printed):
    made = sorted((project.folder / "results/marked/export/dicom/sub-P01").rglob("*.dcm"))
    assert len(made) == 5
    for path in made:
        dataset = pydicom.dcmread(path)
        assert (dataset.PatientID, dataset.PatientName, dataset.PatientIdentityRemoved) == ("P01", "P01^", "YES")
        assert not dataset.StudyDate
    stopped = list((project.folder / "results/marked/export/dicom").glob("sub-P0[23]/**/*.dcm"))
    assert len(stopped) == 15
    assert {read_stop_note(path).stage for path in stopped} == {"ingest"}


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (Debian's dicom3tools) is not here")
def test_dciodvfy_finds_no_error_on_the_objects_of_the_demos_person(project, printed):
    for path in (project.folder / "results/marked/export/dicom/sub-P01").rglob("*.dcm"):
        said = subprocess.run(["dciodvfy", "-new", path], capture_output=True, text=True, check=False).stderr
        assert not [line for line in said.splitlines() if line.startswith(("Error", "Abort"))], path


def test_the_days_between_visits_are_whole_numbers_from_zero(project, printed):
    table = pd.read_csv(project.folder / "results/marked/ingest/sub-P03/sub-P03_sessions.tsv", sep="\t")
    assert list(table["session_id"]) == ["ses-1", "ses-2"]
    days = table["days_since_first_visit"]
    assert days.min() == 0
    assert 0 < days.max() < 366
    assert [path.name for path in (project.folder / "results/marked/ingest").rglob("*_sessions.tsv")] == [
        "sub-P03_sessions.tsv"
    ]


def test_the_text_fields_of_every_nifti_file_are_blank(left):
    """db_name, intent_name, descrip and aux_file (nifti1.h) at bytes 14, 328, 148 and 228; and gzip names no file."""
    images = [path for path in left if path.name.endswith(".nii.gz") and path.read_bytes()[:2] == b"\x1f\x8b"]
    assert len(images) > 15
    for path in images:
        header = gzip.decompress(path.read_bytes())[:348]
        for start, length in ((14, 18), (328, 16), (148, 80), (228, 24)):
            assert header[start : start + length] == bytes(length), (path, start)
        assert path.read_bytes()[3] == 0, path  # FLG: no name, no comment (RFC 1952)
        assert path.read_bytes()[4:8] == bytes(4), path  # MTIME


def test_no_file_carries_the_time_of_the_examination(left):
    """The time of a file is that of its making; the examination is of 1871 by its marked headers."""
    assert all(abs(time.time() - path.stat().st_mtime) < 86_400 for path in left)
