"""Archives for the tests: one that speaks DICOMweb and one that speaks DIMSE, honest until told to lie.

Written with http.server and pynetdicom; nothing of myot2 is used.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

from ingest_dicom_builder import mese_plan, planes
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid
from pynetdicom import AE, AllStoragePresentationContexts, build_context, evt
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    Verification,
)

BOUNDARY = "b0undary"


def small_study() -> list[Dataset]:
    """One multi-echo series of 20 planes."""
    study = generate_uid()
    datasets = planes(mese_plan(7))
    for dataset in datasets:
        dataset.StudyInstanceUID, dataset.PatientName = study, "Doe^Jane"
    return datasets


def part_10(dataset: Dataset) -> bytes:
    """An object as a file."""
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def multipart(*parts: bytes, closed: bool = True) -> bytes:
    """A multipart/related body."""
    head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    body = b"\r\n".join(head + part for part in parts)
    return body + (f"\r\n--{BOUNDARY}--".encode() if closed else b"")


class Reply:
    """What the web archive answers; `length` is what Content-Length claims, None for none; `chunks` may be endless."""

    def __init__(self, chunks, kind: str, status: int = 200, length: int | None = -1, **headers: str):
        self.chunks = [chunks] if isinstance(chunks, bytes) else chunks
        self.length = len(chunks) if length == -1 and isinstance(chunks, bytes) else length
        self.kind, self.status, self.headers = kind, status, headers


MULTIPART = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
JSON = "application/dicom+json"


def as_json(content: object) -> Reply:
    return Reply(json.dumps(content).encode(), JSON)


class WebArchive:
    """DICOMweb over a list of data sets. `lie(level, honest)` may replace the reply at a level of the path:
    studies, series, instances or object; `honest` makes the true one."""

    def __init__(self, datasets: list[Dataset], lie: Callable | None = None):
        self.datasets, self.lie = datasets, lie
        self.requests: list[tuple[str, dict[str, str]]] = []

    def reply(self, path: str, headers: dict[str, str]) -> Reply:
        self.requests.append((path, headers))
        parts = urlsplit(path)
        words = parts.path.strip("/").split("/")[1:]
        level = ["studies", "studies", "series", "series", "instances", "object"][len(words) - 1]
        found = {"studies": self.datasets}.get(level) or [
            one
            for one in self.datasets
            if one.StudyInstanceUID == words[1] and (len(words) < 4 or one.SeriesInstanceUID == words[3])
        ]
        offset = int(parse_qs(parts.query).get("offset", ["0"])[0])
        lied = self.lie and self.lie(level, lambda: self.honest(level, found, words, offset))
        return lied or self.honest(level, found, words, offset)

    def honest(self, level: str, found: list[Dataset], words: list[str], offset: int) -> Reply:
        if level == "object":
            return Reply(multipart(part_10(next(one for one in found if one.SOPInstanceUID == words[5]))), MULTIPART)
        key = {"studies": "StudyInstanceUID", "series": "SeriesInstanceUID", "instances": "SOPInstanceUID"}[level]
        unique = {one[key].value: one for one in found}
        return as_json([listed(one) for one in list(unique.values())[offset:]])


def listed(dataset: Dataset) -> dict:
    """An object in DICOM JSON, as QIDO-RS answers."""
    wanted = Dataset()
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "Modality"):
        setattr(wanted, keyword, dataset[keyword].value)
    return wanted.to_json_dict()


@contextmanager
def serving(archive: WebArchive, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve an archive on a free port; yields the start of its sources."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            reply = archive.reply(self.path, dict(self.headers))
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.kind)
            for name, value in reply.headers.items():
                self.send_header(name.replace("_", "-"), value)
            if reply.length is None:
                self.send_header("Connection", "close")
                self.close_connection = True
            else:
                self.send_header("Content-Length", str(reply.length))
            self.end_headers()
            try:
                for chunk in reply.chunks:
                    self.wfile.write(chunk)
            except OSError:
                self.close_connection = True
            if reply.length not in (None, sum(map(len, reply.chunks)) if isinstance(reply.chunks, list) else None):
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Not in the tests' output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # a client that hangs up is what the tests are about
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"dicomweb+http{'s' if tls else ''}://127.0.0.1:{server.server_port}/dicom-web"
    finally:
        server.shutdown()
        server.server_close()


class DimseArchive:
    """C-FIND and C-GET over a list of data sets; the attributes say in which way it lies."""

    def __init__(self, datasets: list[Dataset]):
        self.datasets = datasets
        self.listed: Callable[[Dataset, str], Dataset] = lambda dataset, level: dataset
        self.sent: Callable[[list[Dataset]], list[Dataset]] = lambda datasets: datasets
        self.before_sending: Callable[[evt.Event], None] = lambda event: None
        self.get_status: int | None = None
        self.offers_get = True

    def find(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        asked = event.identifier
        level = asked.QueryRetrieveLevel
        key = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}[level]
        found = [
            one
            for one in self.datasets
            if all(
                not asked.get(name) or asked[name].value == one[name].value
                for name in ("StudyInstanceUID", "SeriesInstanceUID", "PatientID")
            )
        ]
        for one in {dataset[key].value: dataset for dataset in found}.values():
            answer = Dataset()
            answer.QueryRetrieveLevel = level
            for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "Modality"):
                if keyword in asked:
                    setattr(answer, keyword, one[keyword].value)
            yield 0xFF00, self.listed(answer, level)

    def get(self, event: evt.Event) -> Iterator:
        wanted = event.identifier.SOPInstanceUID
        found = self.sent([one for one in self.datasets if one.SOPInstanceUID in wanted])
        yield len(found)
        self.before_sending(event)
        if self.get_status is not None:
            yield self.get_status, None
            return
        for one in found:
            yield 0xFF00, one


@contextmanager
def serving_dimse(archive: DimseArchive) -> Iterator[str]:
    """Serve an archive on a free port; yields the start of its sources."""
    entity = AE(ae_title="ARCHIVE")
    entity.require_called_aet = True
    entity.add_supported_context(Verification)
    entity.add_supported_context(StudyRootQueryRetrieveInformationModelFind, ExplicitVRLittleEndian)
    if archive.offers_get:
        entity.add_supported_context(StudyRootQueryRetrieveInformationModelGet)
    for context in [*AllStoragePresentationContexts, build_context(MRImageStorage)]:
        entity.add_supported_context(context.abstract_syntax, scu_role=True, scp_role=True)
    handlers = [(evt.EVT_C_FIND, archive.find), (evt.EVT_C_GET, archive.get), (evt.EVT_C_ECHO, lambda event: 0)]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        yield f"dimse://ARCHIVE@127.0.0.1:{server.socket.getsockname()[1]}"
    finally:
        server.shutdown()
        time.sleep(0.01)
