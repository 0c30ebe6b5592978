"""DICOMweb: an archive that fails or lies gives its own error, leaves nothing behind, and tells nobody's identity."""

from __future__ import annotations

import copy
import itertools
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_pacs_servers import (
    BOUNDARY,
    JSON,
    MULTIPART,
    Reply,
    WebArchive,
    as_json,
    listed,
    multipart,
    part_10,
    serving,
    small_study,
)
from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEGBaseline8Bit, generate_uid

from myot2.core.errors import MyoT2Error
from myot2.ingest.pacs.access import Access
from myot2.ingest.pacs.fetch import fetch_studies, fetch_study
from myot2.ingest.pacs.intake import Intake, Listed
from myot2.ingest.pacs.limits import MB, Limits
from myot2.ingest.pacs.problems import SourceUnavailable
from myot2.ingest.pacs.source import parse_source

ACCESS = Access(timeout=2, retries=0)
LIMITS = Limits(objects=50, study_bytes=4 * MB, object_bytes=1 * MB, seconds=20, studies=3)


@pytest.fixture(scope="module")
def study():
    return small_study()


def fetch(archive, folder, access=ACCESS, limits=LIMITS):
    with serving(archive) as start:
        source = parse_source(f"{start}/studies/{archive.datasets[0].StudyInstanceUID}")
        return fetch_study(source, folder, access, limits)


def test_a_study_is_fetched_whole_under_numbers_in_the_order_of_its_uids(study, tmp_path):
    fetched = fetch(WebArchive(study), tmp_path / "a")
    assert (fetched.objects, fetched.series, fetched.other_objects) == (20, 1, 0)
    files = sorted((tmp_path / "a").iterdir())
    assert [path.name for path in files] == [f"{number:06d}.dcm" for number in range(1, 21)]
    assert [dcmread(path).SOPInstanceUID for path in files] == sorted(one.SOPInstanceUID for one in study)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "a").parent.glob("a")} == {0o700}


def test_the_data_set_is_kept_byte_for_byte_and_the_preamble_is_emptied(study, tmp_path):
    """A preamble can make a DICOM file a program as well."""
    sent = copy.deepcopy(study)
    for one in sent:
        one.preamble = b"MZ" + b"\x90" * 126
    fetch(WebArchive(sent), tmp_path / "a")
    for path in (tmp_path / "a").iterdir():
        content = path.read_bytes()
        original = next(part_10(one) for one in sent if one.SOPInstanceUID == dcmread(path).SOPInstanceUID)
        start = 144 + int.from_bytes(original[140:144], "little")
        assert content.startswith(bytes(128) + b"DICM")
        assert content.endswith(original[start:])


def test_equal_answers_give_equal_files(study, tmp_path):
    contents = []
    for name in ("a", "b"):
        fetch(WebArchive(study), tmp_path / name)
        contents.append([path.read_bytes() for path in sorted((tmp_path / name).iterdir())])
    assert contents[0] == contents[1]


def test_only_mr_images_are_asked_for(study, tmp_path):
    report, picture = copy.deepcopy(study[0]), copy.deepcopy(study[0])
    report.Modality, report.SeriesInstanceUID, report.SOPInstanceUID = "SR", generate_uid(), generate_uid()
    picture.SOPClassUID, picture.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", generate_uid()
    archive = WebArchive([*study, report, picture])
    fetched = fetch(archive, tmp_path / "a")
    assert (fetched.objects, fetched.other_series, fetched.other_objects) == (20, 1, 1)
    paths = " ".join(path for path, _ in archive.requests)
    assert f"/instances/{picture.SOPInstanceUID}" not in paths
    assert f"/series/{report.SeriesInstanceUID}" not in paths


def at(level, reply):
    """A lie at one level of the path; `reply` makes it from the true answer."""
    return lambda asked, honest: reply(honest) if asked == level else None


def altered(study, **changes):
    """The first object with other identifiers, as an answer."""
    other = copy.deepcopy(study[0])
    for keyword, value in changes.items():
        setattr(other, keyword, value)
    return lambda honest: Reply(multipart(part_10(other)), MULTIPART)


def with_uid(study, uid):
    item = listed(study[0])
    item["00080018"]["Value"] = [uid]
    return lambda honest: as_json([item])


def in_syntax(study, uid):
    def reply(honest):
        head = part_10(study[0])
        old = b"1.2.840.10008.1.2.1\x00"
        padded = uid.encode().ljust(22, b"\x00")
        start = head.index(old)
        length = int.from_bytes(head[140:144], "little") + 22 - len(old)
        changed = head[: start - 2] + (22).to_bytes(2, "little") + padded + head[start + len(old) :]
        return Reply(multipart(changed[:140] + length.to_bytes(4, "little") + changed[144:]), MULTIPART)

    return reply


def endless(start=b""):
    return itertools.chain([start], itertools.repeat(bytes(2**16)))


HEAD = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()

LIES = {
    "an object of another study": lambda study: at("object", altered(study, StudyInstanceUID="1.2.3")),
    "another object than the one": lambda study: at("object", altered(study, SOPInstanceUID=study[1].SOPInstanceUID)),
    "not asked for: unknown": lambda study: at("object", altered(study, SOPInstanceUID="1.2.3")),
    "not asked for: series": lambda study: at("object", altered(study, SeriesInstanceUID="1.2.3")),
    "a list that names another study": lambda study: at(
        "series", lambda honest: as_json([{**listed(study[0]), "0020000D": {"vr": "UI", "Value": ["1.2.3"]}}])
    ),
    "UID of a form: path": lambda study: at("instances", with_uid(study, "../../../etc/cron.d/x")),
    "UID of a form: line": lambda study: at("instances", with_uid(study, "1.2.3\n")),
    "UID of a form: long": lambda study: at("instances", with_uid(study, "1." * 32 + "1")),
    "UID of a form: zeros": lambda study: at("instances", with_uid(study, "1.02.3")),
    "no DICOM JSON: html": lambda study: at("series", lambda honest: Reply(b"<html>Please log in</html>", "text/html")),
    "no DICOM JSON: deep": lambda study: at("series", lambda honest: Reply(b"[" * 200_000, JSON)),
    "no DICOM JSON: text": lambda study: at("series", lambda honest: as_json("series")),
    "no DICOM JSON: value": lambda study: at("series", lambda honest: as_json([{"0020000E": "1.2"}])),
    "a web page": lambda study: at("object", lambda honest: Reply(b"<html>Please log in</html>", "text/html")),
    "a web page: no boundary": lambda study: at("object", lambda honest: Reply(b"DICM", "multipart/related")),
    "an answer without its boundary": lambda study: at("object", lambda honest: Reply(b"x\r\n\r\ny", MULTIPART)),
    "no object in the answer": lambda study: at("object", lambda honest: Reply(bytes(2**17), MULTIPART)),
    "no DICOM object": lambda study: at("object", lambda honest: Reply(multipart(b"%PDF-1.7" * 99), MULTIPART)),
    "no DICOM object: empty": lambda study: at("object", lambda honest: Reply(multipart(b""), MULTIPART)),
    "more than one object": lambda study: at(
        "object", lambda honest: Reply(multipart(part_10(study[0]), part_10(study[1])), MULTIPART)
    ),
    "ends too early: no end": lambda study: at(
        "object", lambda honest: Reply(multipart(part_10(study[0]), closed=False), MULTIPART, length=None)
    ),
    "ends too early: long length": lambda study: at(
        "object", lambda honest: Reply(multipart(part_10(study[0])), MULTIPART, length=10**6)
    ),
    "ends too early: short length": lambda study: at(
        "object", lambda honest: Reply(multipart(part_10(study[0])), MULTIPART, length=500)
    ),
    "of more than 1 MB: endless": lambda study: at(
        "object", lambda honest: Reply(endless(HEAD), MULTIPART, length=None)
    ),
    "of more than 1 MB: long": lambda study: at("object", lambda honest: Reply(multipart(bytes(2 * MB)), MULTIPART)),
    "more than 4 MB in all": lambda study: at("series", lambda honest: Reply(endless(), JSON, length=None)),
    "more than 50 objects": lambda study: at(
        "instances", lambda honest: as_json([{"00080018": {"Value": [generate_uid()]}} for _ in range(30)])
    ),
    "a redirect to another host": lambda study: at(
        "object", lambda honest: Reply(b"", "text/plain", 302, Location="http://localhost:1/dicom-web/studies")
    ),
    "redirects without end": lambda study: at(
        "object", lambda honest: Reply(b"", "text/plain", 302, Location="/dicom-web/studies/1/series/2/instances/3")
    ),
    "a compressed answer": lambda study: at(
        "object", lambda honest: Reply(b"\x1f\x8b", MULTIPART, Content_Encoding="gzip")
    ),
    "in lossy or unknown compression: JPEG": lambda study: at("object", in_syntax(study, JPEGBaseline8Bit)),
    "in lossy or unknown compression: deflated": lambda study: at(
        "object", in_syntax(study, DeflatedExplicitVRLittleEndian)
    ),
    "no such study": lambda study: at("series", lambda honest: as_json([])),
    "no such study, or no DICOMweb": lambda study: at("series", lambda honest: Reply(b"", "text/plain", 404)),
    "without MR images": lambda study: at("instances", lambda honest: as_json([])),
    "HTTP 418": lambda study: at("object", lambda honest: Reply(b"", "text/plain", 418)),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_refused_and_nothing_is_left(study, tmp_path, capfd, lie):
    with pytest.raises(MyoT2Error) as caught:
        fetch(WebArchive(study, LIES[lie](study)), tmp_path / "a")
    assert lie.split(":")[0] in caught.value.found
    assert not isinstance(caught.value, SourceUnavailable)
    assert list(tmp_path.iterdir()) == []
    assert study[0].StudyInstanceUID not in str(caught.value)
    assert capfd.readouterr() == ("", "")


FAULTS = {
    "the user refused": lambda honest: Reply(b"", "text/plain", 401),
    "the user refused: forbidden": lambda honest: Reply(b"", "text/plain", 403),
    "an error of the server (HTTP 500)": lambda honest: Reply(b"Doe^Jane", "text/plain", 500),
    "an error of the server (HTTP 503)": lambda honest: Reply(b"", "text/plain", 503),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("level", ["series", "object"])
def test_a_fault_of_the_moment_is_told_from_a_fault_of_the_study(study, tmp_path, capfd, level, fault):
    with pytest.raises(SourceUnavailable) as caught:
        fetch(WebArchive(study, at(level, FAULTS[fault])), tmp_path / "a")
    assert fault.split(":")[0] in caught.value.found
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_an_archive_that_is_not_there_is_unavailable(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    source = parse_source(f"dicomweb+http://127.0.0.1:{port}/dicom-web/studies/1.2.3")
    with pytest.raises(SourceUnavailable, match="no connection"):
        fetch_study(source, tmp_path / "a", ACCESS, LIMITS)


def test_an_archive_that_never_answers_is_unavailable(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        source = parse_source(f"dicomweb+http://127.0.0.1:{silent.getsockname()[1]}/dicom-web/studies/1.2.3")
        with pytest.raises(SourceUnavailable, match="no answer in time"):
            fetch_study(source, tmp_path / "a", replace(ACCESS, timeout=0.3), LIMITS)


def test_an_archive_that_stalls_in_the_middle_is_unavailable(study, tmp_path):
    def slowly():
        yield HEAD
        time.sleep(0.6)
        yield b"late"

    archive = WebArchive(study, at("object", lambda honest: Reply(slowly(), MULTIPART, length=None)))
    with pytest.raises(SourceUnavailable, match="no answer in time"):
        fetch(archive, tmp_path / "a", replace(ACCESS, timeout=0.2))
    assert list(tmp_path.iterdir()) == []


def test_a_busy_archive_and_a_cut_answer_are_asked_again(study, tmp_path):
    seen = {}

    def busy_then_cut(level, honest):
        seen[level] = seen.get(level, 0) + 1
        if level == "series" and seen[level] == 1:
            return Reply(b"", "text/plain", 503)
        if level == "object" and seen[level] == 1:
            return Reply(multipart(part_10(study[0]), closed=False), MULTIPART, length=None)
        return None

    assert fetch(WebArchive(study, busy_then_cut), tmp_path / "a", replace(ACCESS, retries=2)).objects == 20


def test_an_archive_that_ignores_the_offset_is_heard_once(study, tmp_path):
    """Some archives send the first page for ever; asking until an empty page comes would not end."""
    whole = as_json([listed(one) for one in study])
    assert fetch(WebArchive(study, at("instances", lambda honest: whole)), tmp_path / "a").objects == 20


def test_the_time_for_a_study_is_limited(study, tmp_path):
    with pytest.raises(MyoT2Error, match="a transfer of more than 0 s"):
        fetch(WebArchive(study), tmp_path / "a", limits=replace(LIMITS, seconds=0))


def test_what_a_killed_run_left_is_cleared_away(study, tmp_path):
    (tmp_path / ".fetching-a" / "incoming").mkdir(parents=True)
    (tmp_path / ".fetching-a" / "000099.dcm").write_bytes(b"old")
    fetch(WebArchive(study), tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert not (tmp_path / "a" / "000099.dcm").exists()


def test_credentials_come_from_the_environment_or_a_netrc_file_only(study, tmp_path, monkeypatch):
    monkeypatch.setenv("PACS_USER", "radiologist")
    monkeypatch.setenv("PACS_PASSWORD", "s3cret")
    monkeypatch.setenv("PACS_TOKEN", "t0ken")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login radiologist password s3cret\n")
    os.chmod(tmp_path / "netrc", 0o600)
    basic, bearer = "Basic cmFkaW9sb2dpc3Q6czNjcmV0", "Bearer t0ken"
    for number, (access, sent) in enumerate(
        [
            (replace(ACCESS, user_variable="PACS_USER", password_variable="PACS_PASSWORD"), basic),
            (replace(ACCESS, netrc=str(tmp_path / "netrc")), basic),
            (replace(ACCESS, token_variable="PACS_TOKEN"), bearer),
            (ACCESS, None),
        ]
    ):
        archive = WebArchive(study)
        fetch(archive, tmp_path / str(number), access)
        assert {headers.get("Authorization") for _, headers in archive.requests} == {sent}


@pytest.mark.parametrize(
    "access",
    [
        replace(ACCESS, user_variable="NOT_SET_A", password_variable="NOT_SET_B"),
        replace(ACCESS, user_variable="HOME"),
        replace(ACCESS, token_variable="NOT_SET_A"),
        replace(ACCESS, netrc="no-such-file"),
    ],
)
def test_credentials_that_are_missing_stop_before_anything_is_asked(study, tmp_path, access):
    archive = WebArchive(study)
    with pytest.raises(SourceUnavailable, match="nothing usable there"):
        fetch(archive, tmp_path / "a", access)
    assert archive.requests == []


def test_plain_http_beyond_this_machine_must_be_allowed(tmp_path):
    source = parse_source("dicomweb+http://pacs.invalid/dicom-web/studies/1.2.3")
    with pytest.raises(SourceUnavailable, match="without encryption"):
        fetch_study(source, tmp_path / "a", ACCESS, LIMITS)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of this machine that nobody has signed, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("the program openssl, which makes a certificate, is not installed")
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=archive -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*command.split(), "-keyout", "key", "-out", "cert"], cwd=folder, check=True, capture_output=True)
    return folder / "cert", folder / "key"


def test_a_certificate_must_be_one_that_is_trusted(study, tmp_path, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    archive = WebArchive(study)
    with serving(archive, context) as start:
        source = parse_source(f"{start}/studies/{study[0].StudyInstanceUID}")
        with pytest.raises(SourceUnavailable, match="a TLS certificate that is not trusted"):
            fetch_study(source, tmp_path / "a", ACCESS, LIMITS)
        assert archive.requests == []
        hospital = replace(ACCESS, ca_bundle=str(certificate[0]))
        assert fetch_study(source, tmp_path / "a", hospital, LIMITS).objects == 20


def test_nothing_is_logged(study, tmp_path, caplog):
    """urllib3 logs addresses with UIDs in them."""
    caplog.set_level("DEBUG")
    fetch(WebArchive(study), tmp_path / "a")
    assert caplog.records == []


def test_a_series_that_is_not_in_the_study_is_said_to_be_missing(study, tmp_path):
    with serving(WebArchive(study)) as start:
        source = parse_source(f"{start}/studies/{study[0].StudyInstanceUID}/series/1.2.3")
        with pytest.raises(MyoT2Error, match="no such MR series"):
            fetch_study(source, tmp_path / "a", ACCESS, LIMITS)


def test_a_folder_that_is_there_is_left_as_it_is(study, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/mine").write_text("mine")
    with pytest.raises(MyoT2Error, match="a new folder"):
        fetch(WebArchive(study), tmp_path / "a")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["mine"]


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_object_is_kept_whole_or_refused(study, data):
    """Bytes changed, or cut off, anywhere in the header: never another exception, never a file of another name."""
    original = part_10(study[0])
    content = bytearray(original)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(0, len(content))) or len(content) :]
    one = study[0]
    with tempfile.TemporaryDirectory() as name:
        intake = Intake(Path(name), one.StudyInstanceUID, [Listed(one.SeriesInstanceUID, one.SOPInstanceUID, "")])
        received = intake.scratch / "object"
        received.write_bytes(content)
        try:
            assert intake.take(received) == one.SOPInstanceUID
        except MyoT2Error:
            assert not (Path(name) / "000001.dcm").exists()
        else:
            assert {path.name for path in Path(name).iterdir()} <= {"incoming", "000001.dcm"}


def test_the_environment_does_not_choose_a_proxy(study, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert fetch(WebArchive(study), tmp_path / "a").objects == 20


def query(archive, text, folder):
    with serving(archive) as start:
        return fetch_studies(parse_source(f"{start}/studies?{text}"), folder, ACCESS, LIMITS)


def test_all_studies_that_a_query_matches_are_fetched_each_into_its_folder(study, tmp_path):
    archive = WebArchive([*study, *small_study()])
    assert [fetched.objects for fetched in query(archive, "StudyDate=20200101-20201231", tmp_path / "a")] == [20, 20]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["study-001", "study-002"]
    assert "StudyDate=20200101-20201231" in archive.requests[0][0]


def test_a_query_that_matches_too_much_or_nothing_is_refused(study, tmp_path):
    with pytest.raises(MyoT2Error, match="more than 3 studies"):
        query(WebArchive([*study, *small_study(), *small_study(), *small_study()]), "PatientID=4", tmp_path / "a")
    with pytest.raises(MyoT2Error, match="no study that matches"):
        query(WebArchive(study, at("studies", lambda honest: as_json([]))), "PatientID=4", tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_participant_s_query_must_match_one_study(study, tmp_path):
    for datasets, problem in [([*study, *small_study()], "more than one study"), (study, None)]:
        with serving(WebArchive(datasets)) as start:
            source = parse_source(f"{start}/studies?AccessionNumber=A1")
            if problem:
                with pytest.raises(MyoT2Error, match=problem):
                    fetch_study(source, tmp_path / "a", ACCESS, LIMITS)
            else:
                assert fetch_study(source, tmp_path / "a", ACCESS, LIMITS).objects == 20
