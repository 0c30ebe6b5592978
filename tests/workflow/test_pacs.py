"""A real archive (Orthanc) on this machine: what is fetched gives the same images as the folder that it came from."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pytest
import requests
from pydicom.misc import is_dicom

from myot2.core.stopnote import read_stop_note
from myot2.ingest.pacs.access import Access
from myot2.ingest.pacs.fetch import fetch_studies, fetch_study
from myot2.ingest.pacs.limits import Limits
from myot2.ingest.pacs.problems import SourceUnavailable
from myot2.ingest.pacs.source import parse_source

pytestmark = pytest.mark.workflow

NAMES = {"user_variable": "PACS_USER", "password_variable": "PACS_PASSWORD"}
ACCESS = Access(timeout=20, **NAMES)


@dataclass(frozen=True)
class Orthanc:
    """A running archive that holds one examination."""

    web: str
    dimse: str
    user: str
    password: str
    study: str
    patient: str


@pytest.fixture(scope="module")
def examination(root, program, project, tmp_path_factory) -> Path:
    """One simulated participant's DICOM folder."""
    folder = project.folder / "export/F1"
    truth = tmp_path_factory.mktemp("truth") / "truth"
    table = str(root / "config/labels.tsv")
    options = ["--participant", "P01", "--preset", "demo", "--seed", "20230", "--label-table", table]
    assert program("simulate_participant")([*options, "--dicom", str(folder), "--truth", str(truth)]) == 0
    return folder


@pytest.fixture(scope="module")
def orthanc(root, examination, tmp_path_factory):
    """An archive on free ports of this machine, with the examination stored in it."""
    folder = tmp_path_factory.mktemp("orthanc") / "archive"
    started = subprocess.run([root / "scripts/start_orthanc.sh", folder], capture_output=True, text=True)
    if started.returncode == 3:
        pytest.skip(started.stderr.strip())
    assert started.returncode == 0, started.stderr
    try:
        address = json.loads((folder / "address.json").read_text())
        credentials = (address["user"], address["password"])
        store = f"http://127.0.0.1:{address['http_port']}/instances"
        files = dicom_files(examination)
        for path in files:
            requests.post(store, data=path.read_bytes(), auth=credentials, timeout=20).raise_for_status()
        header = pydicom.dcmread(files[0], stop_before_pixels=True)
        yield Orthanc(
            f"dicomweb+http://127.0.0.1:{address['http_port']}/dicom-web",
            f"dimse://{address['ae_title']}@127.0.0.1:{address['dicom_port']}",
            *credentials,
            header.StudyInstanceUID,
            header.PatientID,
        )
    finally:
        subprocess.run([root / "scripts/stop_orthanc.sh", folder], check=True)


@pytest.fixture(autouse=True)
def credentials(orthanc, monkeypatch):
    """User and password where the configuration says that they are."""
    monkeypatch.setenv("PACS_USER", orthanc.user)
    monkeypatch.setenv("PACS_PASSWORD", orthanc.password)


def dicom_files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and is_dicom(path)]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def elements(path: Path) -> tuple:
    """Everything in a data set but group lengths, for comparison."""
    dataset = pydicom.dcmread(path)
    return dataset.SOPInstanceUID, [(element.tag, str(element.value)) for element in dataset if element.tag.element]


def test_both_protocols_give_the_same_files_which_hold_what_was_stored(orthanc, examination, tmp_path):
    for name, start in (("web", orthanc.web), ("dimse", orthanc.dimse)):
        fetch_study(parse_source(f"{start}/studies/{orthanc.study}"), tmp_path / name, ACCESS, Limits())
    assert contents(tmp_path / "web") == contents(tmp_path / "dimse")
    stored = sorted(elements(path) for path in dicom_files(examination))
    assert sorted(elements(path) for path in (tmp_path / "web").iterdir()) == stored


@pytest.mark.parametrize("protocol", ["web", "dimse"])
def test_a_query_finds_the_study_and_a_wrong_one_finds_none(orthanc, tmp_path, protocol):
    start = getattr(orthanc, protocol)
    query = f"PatientID={orthanc.patient}&ModalitiesInStudy=MR&StudyDate=19000101-20991231"
    (fetched,) = fetch_studies(parse_source(f"{start}/studies?{query}"), tmp_path / "a", ACCESS, Limits())
    assert len(contents(tmp_path / "a/study-001")) == fetched.objects
    with pytest.raises(Exception, match="no study that matches"):
        fetch_studies(parse_source(f"{start}/studies?PatientID=nobody"), tmp_path / "b", ACCESS, Limits())


def test_one_series_is_fetched_where_one_is_named(orthanc, examination, tmp_path):
    header = pydicom.dcmread(dicom_files(examination)[0])
    source = parse_source(f"{orthanc.dimse}/studies/{orthanc.study}/series/{header.SeriesInstanceUID}")
    assert fetch_study(source, tmp_path / "a", ACCESS, Limits()).series == 1
    assert {pydicom.dcmread(path).SeriesNumber for path in (tmp_path / "a").iterdir()} == {header.SeriesNumber}


def test_a_wrong_password_and_an_unregistered_ae_title_are_refused(orthanc, tmp_path, monkeypatch):
    monkeypatch.setenv("PACS_PASSWORD", "wrong")
    with pytest.raises(SourceUnavailable, match="the user refused"):
        fetch_study(parse_source(f"{orthanc.web}/studies/{orthanc.study}"), tmp_path / "a", ACCESS, Limits())
    stranger = Access(timeout=20, calling_ae="STRANGER")
    with pytest.raises(SourceUnavailable):
        fetch_study(parse_source(f"{orthanc.dimse}/studies/{orthanc.study}"), tmp_path / "a", stranger, Limits())


@pytest.fixture(scope="module")
def fetched(project, orthanc, examination):
    """A cohort of which one lies in a folder, two in the archive, and one is unknown there; ingested once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PACS_USER", orthanc.user)
        patch.setenv("PACS_PASSWORD", orthanc.password)
        rows = {
            "F1": examination.relative_to(project.folder),
            "W1": f"{orthanc.web}/studies/{orthanc.study}",
            "D1": f"{orthanc.dimse}/studies?PatientID={orthanc.patient}",
            "U1": f"{orthanc.web}/studies/{orthanc.study}.1",
        }
        table = "participant_id\tgroup\tplace\n" + "".join(f"{who}\tpatient\t{where}\n" for who, where in rows.items())
        content = {
            "participants": {"table": "config/archive.tsv", "columns": {"dicom": "place"}},
            "ingest": {"pacs": NAMES},
        }
        configuration = project.configure("archive", content, table)
        return configuration, project.snakemake(configuration, "--until", "ingest")


def test_ingest_gives_the_same_images_from_a_folder_and_from_the_archive(project, fetched):
    folder = project.folder / "results/archive/ingest"
    images = {
        who: {path.name.split("_", 1)[1]: path.read_bytes() for path in folder.glob(f"sub-{who}/**/*.nii.gz")}
        for who in ("F1", "W1", "D1")
    }
    assert len(images["F1"]) == 15
    assert images["F1"] == images["W1"] == images["D1"]


def test_a_study_that_the_archive_has_not_stops_that_participant(project, fetched):
    outputs = list((project.folder / "results/archive/ingest").glob("sub-U1/**/*.nii.gz"))
    notes = [read_stop_note(path) for path in outputs]
    assert len(outputs) == 15
    assert {(note.stage, note.found) for note in notes} == {("fetch", "no such study")}


def test_nothing_is_fetched_twice(project, orthanc, fetched):
    assert "fetch" not in project.snakemake(fetched[0], "--until", "ingest", "--dry-run").split()


def test_no_identifier_of_the_source_stands_in_results_logs_or_what_snakemake_records(project, orthanc, fetched):
    secrets = [text.encode() for text in (orthanc.study, orthanc.patient, orthanc.password)]
    places = [project.folder / "results/archive", project.folder / ".snakemake"]
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    assert len(files) > 50
    fetched_here = next((project.folder / "pacs/sub-W1").iterdir()).read_bytes()
    assert all(secret in fetched_here for secret in secrets[:2])
    assert not [path for path in files if any(secret in path.read_bytes() for secret in secrets)]
    assert not [secret for secret in secrets if secret.decode() in fetched[1]]
