"""What belongs together goes to a folder or an archive and comes back equal; what does not, goes nowhere."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from io import BytesIO

import pydicom
import pytest
import requests
from export_examination import ROOT, make

from myot2.core.stopnote import StopNote
from myot2.simulate.scanners.catalogue import SCANNERS


@dataclass(frozen=True)
class Orthanc:
    """A running archive."""

    web: str
    dimse: str
    rest: str
    credentials: tuple[str, str]

    def holds(self) -> dict[str, pydicom.Dataset]:
        """Every object, by SOP Instance UID."""
        found = {}
        for instance in requests.get(f"{self.rest}/instances", auth=self.credentials, timeout=20).json():
            answer = requests.get(f"{self.rest}/instances/{instance}/file", auth=self.credentials, timeout=20)
            dataset = pydicom.dcmread(BytesIO(answer.content))
            found[dataset.SOPInstanceUID] = dataset
        return found


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory):
    folder = tmp_path_factory.mktemp("orthanc") / "archive"
    started = subprocess.run([ROOT / "scripts/start_orthanc.sh", folder], capture_output=True, text=True, check=False)
    if started.returncode == 3:
        pytest.skip(started.stderr.strip())
    assert started.returncode == 0, started.stderr
    try:
        address = json.loads((folder / "address.json").read_text())
        rest = f"http://127.0.0.1:{address['http_port']}"
        yield Orthanc(
            f"dicomweb+{rest}/dicom-web",
            f"dimse://{address['ae_title']}@127.0.0.1:{address['dicom_port']}",
            rest,
            (address["user"], address["password"]),
        )
    finally:
        subprocess.run([ROOT / "scripts/stop_orthanc.sh", folder], check=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory, program):
    made = make(tmp_path_factory.mktemp("classic"), SCANNERS["siemens"])
    for identity in ("pseudonym", "keep"):
        assert program("export_dicom")(made.options(identity, identity=identity)) == 0
    return made


@pytest.fixture
def send(made, program):
    """Run the program; its exit status."""

    def run(objects, destination, *more):
        options = ["--to", destination, "--scan", "sub-P01", "--dicom", made.dicom, "--key", made.folder / "key", *more]
        return program("send_dicom")([*map(str, objects), *map(str, options)])

    return run


@pytest.mark.parametrize(("protocol", "identity"), [("web", "keep"), ("dimse", "pseudonym")])
def test_an_archive_takes_all_objects_and_gives_them_back_equal(orthanc, made, send, monkeypatch, protocol, identity):
    monkeypatch.setenv("PACS_USER", orthanc.credentials[0])
    monkeypatch.setenv("PACS_PASSWORD", orthanc.credentials[1])
    paths = made.objects(identity).values()
    secrets = ("--user-variable", "PACS_USER", "--password-variable", "PACS_PASSWORD")
    assert send(paths, getattr(orthanc, protocol), *secrets) == 0
    held = orthanc.holds()
    for path in paths:
        sent = pydicom.dcmread(path)
        assert held[sent.SOPInstanceUID] == sent, path


def test_an_archive_files_the_objects_with_their_source(orthanc, made, send):
    """Where identity is kept: one patient, one study."""
    store = f"{orthanc.rest}/instances"
    for path in sorted(made.dicom.rglob("IM*")):
        requests.post(store, data=path.read_bytes(), auth=orthanc.credentials, timeout=20).raise_for_status()
    assert send(made.objects("keep").values(), orthanc.dimse) == 0
    study = made.sources()[0].StudyInstanceUID
    query = {"Level": "Study", "Query": {"StudyInstanceUID": study}, "Expand": True}
    found = requests.post(f"{orthanc.rest}/tools/find", json=query, auth=orthanc.credentials, timeout=20).json()
    assert len(found) == 1
    assert len(found[0]["Series"]) == 3 + 5


def test_a_wrong_password_and_an_unknown_ae_title_are_refused(orthanc, made, send, monkeypatch, capsys):
    monkeypatch.setenv("PACS_USER", orthanc.credentials[0])
    monkeypatch.setenv("PACS_PASSWORD", "wrong")
    paths = made.objects("keep").values()
    assert send(paths, orthanc.web, "--user-variable", "PACS_USER", "--password-variable", "PACS_PASSWORD") == 1
    assert "the user refused" in capsys.readouterr().err
    assert send(paths, orthanc.dimse, "--calling-ae", "STRANGER") == 1
    assert "archive that answers and lets us in" in capsys.readouterr().err


def test_a_folder_gets_the_same_bytes_and_keeps_what_is_there(made, send, tmp_path, capsys):
    paths = list(made.objects("keep").values())
    assert send(paths, tmp_path / "out") == 0
    assert send(paths, tmp_path / "out") == 0  # the same again changes nothing
    for path in paths:
        assert (tmp_path / "out/sub-P01" / path.name).read_bytes() == path.read_bytes()
    assert send(made.objects("pseudonym").values(), tmp_path / "out") == 1
    assert "without another object of this name" in capsys.readouterr().err
    assert (tmp_path / "out/sub-P01/seg.dcm").read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("keyword", ["PatientID", "StudyInstanceUID", "FrameOfReferenceUID"])
@pytest.mark.parametrize("identity", ["keep", "pseudonym"])
def test_nothing_is_sent_where_one_object_belongs_elsewhere(made, send, tmp_path, capsys, keyword, identity):
    paths = list(made.objects(identity).values())
    other = pydicom.dcmread(paths[0])
    setattr(other, keyword, "1.2.3.99")
    other.save_as(tmp_path / "other.dcm")
    assert send([*paths[1:], tmp_path / "other.dcm"], tmp_path / "out") == 1
    message = capsys.readouterr().err
    assert "of the source images; found another" in message
    assert "1.2.3.99" not in message
    assert not (tmp_path / "out").exists()


def test_a_pseudonym_of_another_key_belongs_elsewhere(made, program, tmp_path, capsys):
    (tmp_path / "key").write_text("f" * 64)
    options = ["--to", tmp_path / "out", "--scan", "sub-P01", "--dicom", made.dicom, "--key", tmp_path / "key"]
    assert program("send_dicom")([*map(str, [*made.objects("pseudonym").values(), *options])]) == 1
    assert "expected an object of the study of the source images" in capsys.readouterr().err


def test_what_is_no_object_and_what_has_stopped_is_not_sent(made, send, tmp_path, capsys):
    (tmp_path / "text.dcm").write_text("no DICOM")
    assert send([tmp_path / "text.dcm"], tmp_path / "out") == 1
    assert "a DICOM object; found something else" in capsys.readouterr().err
    StopNote("fit", "echoes", "none", "here", "Look.").write(tmp_path / "stopped.dcm")
    assert send([tmp_path / "stopped.dcm"], tmp_path / "out") == 1
    assert "stopped at fit" in capsys.readouterr().err


def test_a_destination_of_another_form_is_refused(made, send, capsys):
    assert send(made.objects("keep").values(), "ftp://archive.example.org") == 1
    assert "found a text of another form" in capsys.readouterr().err
