"""DIMSE: an archive that fails or lies gives its own error, leaves nothing behind, and tells nobody's identity."""

from __future__ import annotations

import copy
import socket
import threading
import time
from dataclasses import replace

import pytest
from ingest_pacs_servers import DimseArchive, serving_dimse, small_study
from pydicom import dcmread
from pydicom.uid import SecondaryCaptureImageStorage, generate_uid
from pynetdicom.association import Association

from myot2.core.errors import MyoT2Error
from myot2.ingest.pacs.access import Access
from myot2.ingest.pacs.fetch import fetch_studies, fetch_study
from myot2.ingest.pacs.limits import MB, Limits
from myot2.ingest.pacs.problems import SourceUnavailable
from myot2.ingest.pacs.source import parse_source

ACCESS = Access(timeout=2, retries=0)
LIMITS = Limits(objects=50, study_bytes=8 * MB, object_bytes=1 * MB, seconds=20, studies=3)


@pytest.fixture(scope="module")
def study():
    return small_study()


def fetch(archive, folder, access=ACCESS, limits=LIMITS):
    with serving_dimse(archive) as start:
        source = parse_source(f"{start}/studies/{archive.datasets[0].StudyInstanceUID}")
        return fetch_study(source, folder, access, limits)


def test_a_study_is_fetched_whole_under_numbers_in_the_order_of_its_uids(study, tmp_path, capfd):
    fetched = fetch(DimseArchive(study), tmp_path / "a")
    assert (fetched.objects, fetched.series) == (20, 1)
    files = sorted((tmp_path / "a").iterdir())
    assert [path.name for path in files] == [f"{number:06d}.dcm" for number in range(1, 21)]
    read = [dcmread(path) for path in files]
    assert [one.SOPInstanceUID for one in read] == sorted(one.SOPInstanceUID for one in study)
    assert {one.PixelData for one in read} == {one.PixelData for one in study}
    assert capfd.readouterr() == ("", "")


def test_no_answer_is_lost_to_the_thread_of_the_association(study, tmp_path, monkeypatch):
    class GoesOn(threading.Event):
        """Where a busy machine has the thread wait after it has said that it pauses, and not pause then."""

        def wait(self, timeout=None):
            time.sleep(0.002)
            return True

    whole = Association.__init__

    def unpaused(self, ae, mode):
        whole(self, ae, mode)
        if mode == "requestor":
            self._reactor_checkpoint = GoesOn()

    monkeypatch.setattr(Association, "__init__", unpaused)
    for number in range(5):
        assert fetch(DimseArchive(study), tmp_path / str(number)).objects == 20


def test_only_mr_images_are_asked_for(study, tmp_path):
    report, picture = copy.deepcopy(study[0]), copy.deepcopy(study[0])
    report.Modality, report.SeriesInstanceUID, report.SOPInstanceUID = "SR", generate_uid(), generate_uid()
    picture.SOPClassUID, picture.SOPInstanceUID = SecondaryCaptureImageStorage, generate_uid()
    fetched = fetch(DimseArchive([*study, report, picture]), tmp_path / "a")
    assert (fetched.objects, fetched.other_series, fetched.other_objects) == (20, 1, 1)


def changed(dataset, **changes):
    other = copy.deepcopy(dataset)
    for keyword, value in changes.items():
        setattr(other, keyword, value)
    return other


def lie_in_list(level, **changes):
    def lie(archive):
        archive.listed = lambda answer, asked: changed(answer, **changes) if asked == level else answer

    return lie


def lie_in_objects(alter):
    def lie(archive):
        archive.sent = alter

    return lie


def huge_message(archive):
    """A PDU that claims four gigabytes."""
    archive.before_sending = lambda event: event.assoc.dul.socket.send(b"\x04\x00\xff\xff\xff\xff" + bytes(2**16))


def refuse(archive):
    archive.get_status = 0xC001


LIES = {
    "an object of another study": lie_in_objects(
        lambda found: [changed(found[0], StudyInstanceUID="1.2.3"), *found[1:]]
    ),
    "not asked for: unknown": lie_in_objects(lambda found: [changed(found[0], SOPInstanceUID="1.2.3"), *found[1:]]),
    "not asked for: series": lie_in_objects(lambda found: [changed(found[0], SeriesInstanceUID="1.2.3"), *found[1:]]),
    "the same object twice": lie_in_objects(lambda found: [found[0], found[0], *found[1:]]),
    "1 of 20 objects not sent": lie_in_objects(lambda found: found[1:]),
    "of more than 2 MB": lie_in_objects(lambda found: [changed(found[0], PixelData=bytes(3 * MB)), *found[1:]]),
    "a message longer than agreed": huge_message,
    "UID of a form: path": lie_in_list("IMAGE", SOPInstanceUID="../../../etc/cron.d/x"),
    "UID of a form: long": lie_in_list("SERIES", SeriesInstanceUID="1." * 32 + "1"),
    "UID of a form: empty": lie_in_list("IMAGE", SOPInstanceUID=""),
    "a list that names another study": lie_in_list("SERIES", StudyInstanceUID="1.2.3"),
    "without MR series": lie_in_list("SERIES", Modality="CT"),
    "without MR images": lie_in_list("IMAGE", SOPClassUID=SecondaryCaptureImageStorage),
    "a refusal of C-GET (status C001)": refuse,
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_refused_and_nothing_is_left(study, tmp_path, lie):
    archive = DimseArchive(study)
    LIES[lie](archive)
    with pytest.raises(MyoT2Error) as caught:
        fetch(archive, tmp_path / "a")
    assert lie.split(":")[0] in caught.value.found
    assert not isinstance(caught.value, SourceUnavailable)
    assert list(tmp_path.iterdir()) == []
    assert study[0].StudyInstanceUID not in str(caught.value)


def test_a_list_that_cannot_be_read_is_refused_without_being_quoted(study, tmp_path, monkeypatch, capfd):
    """A number of three bytes where a word should be: pydicom's complaint would quote it."""
    monkeypatch.setattr("pynetdicom.service_class.encode", lambda *_: b"\x08\x00\x60\x00FD\x03\x00Doe")
    with pytest.raises(MyoT2Error, match="a list that cannot be read") as caught:
        fetch(DimseArchive(study), tmp_path / "a")
    assert "Doe" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def stall(archive):
    archive.before_sending = lambda event: time.sleep(1.5)


def hang_up(archive):
    archive.before_sending = lambda event: event.assoc.abort(block=False)


def offer_no_get(archive):
    archive.offers_get = False


FAULTS = {
    "no answer in time": stall,
    "a connection that ended in the middle": hang_up,
    "no C-GET, or not for this AE title": offer_no_get,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_moment_is_told_from_a_fault_of_the_study(study, tmp_path, fault):
    archive = DimseArchive(study)
    FAULTS[fault](archive)
    with pytest.raises(SourceUnavailable, match=fault):
        fetch(archive, tmp_path / "a", replace(ACCESS, timeout=0.6))
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_is_not_there_or_of_another_title_is_unavailable(study, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(SourceUnavailable, match="no connection"):
        fetch_study(parse_source(f"dimse://ARCHIVE@127.0.0.1:{port}/studies/1.2.3"), tmp_path / "a", ACCESS, LIMITS)
    with serving_dimse(DimseArchive(study)) as start:
        other = parse_source(start.replace("ARCHIVE", "OTHER") + "/studies/1.2.3")
        with pytest.raises(SourceUnavailable, match="the association rejected"):
            fetch_study(other, tmp_path / "a", ACCESS, LIMITS)


def test_an_unknown_study_is_said_to_be_unknown(study, tmp_path):
    with serving_dimse(DimseArchive(study)) as start, pytest.raises(MyoT2Error, match="no such study"):
        fetch_study(parse_source(f"{start}/studies/1.2.3"), tmp_path / "a", ACCESS, LIMITS)


def test_the_number_of_objects_is_limited(study, tmp_path):
    with pytest.raises(MyoT2Error, match="more than 10 objects"):
        fetch(DimseArchive(study), tmp_path / "a", limits=replace(LIMITS, objects=10))


def test_the_bytes_of_a_study_are_limited(study, tmp_path):
    with pytest.raises(MyoT2Error, match="more than 0 MB in all"):
        fetch(DimseArchive(study), tmp_path / "a", limits=replace(LIMITS, study_bytes=20_000))
    assert list(tmp_path.iterdir()) == []


def test_all_studies_that_a_query_matches_are_fetched_and_too_many_are_refused(study, tmp_path):
    two = DimseArchive([*study, *small_study()])
    with serving_dimse(two) as start:
        source = parse_source(f"{start}/studies?PatientID=4711")
        assert [fetched.objects for fetched in fetch_studies(source, tmp_path / "a", ACCESS, LIMITS)] == [20, 20]
        with pytest.raises(MyoT2Error, match="more than 1 studies"):
            fetch_studies(source, tmp_path / "b", ACCESS, replace(LIMITS, studies=1))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_nothing_is_logged(study, tmp_path, caplog):
    """pynetdicom logs whole identifiers."""
    caplog.set_level("DEBUG")
    archive = DimseArchive(study)
    with serving_dimse(archive) as start:
        caplog.clear()
        source = parse_source(f"{start}/studies/{study[0].StudyInstanceUID}")
        fetch_study(source, tmp_path / "a", ACCESS, LIMITS)
        assert not [record for record in caplog.records if "Doe" in record.getMessage() or "1.2.826" in str(record.msg)]


def test_a_fault_of_this_machine_is_not_blamed_on_the_archive(study, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("myot2.ingest.pacs.intake.shutil.copyfileobj", full)
    with pytest.raises(OSError, match="No space left"):
        fetch(DimseArchive(study), tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_no_thread_or_setting_stays_behind(study, tmp_path):
    from pynetdicom import _config

    before = (_config.STORE_RECV_CHUNKED_DATASET, _config.LOG_HANDLER_LEVEL, threading.excepthook)
    fetch(DimseArchive(study), tmp_path / "a")
    assert (_config.STORE_RECV_CHUNKED_DATASET, _config.LOG_HANDLER_LEVEL, threading.excepthook) == before
    deadline = time.monotonic() + 3
    while threading.active_count() > 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() == 1
