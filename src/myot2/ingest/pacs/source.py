"""What a person writes to name an archive and a study in it.

    dicomweb+https://pacs.example.org/dicom-web/studies/1.2.3
    dicomweb+https://pacs.example.org:8443/dicom-web/studies/1.2.3/series/1.2.3.4,1.2.3.5
    dimse://ARCHIVE@pacs.example.org:104/studies/1.2.3
    dimse://ARCHIVE@pacs.example.org:104/studies?AccessionNumber=A-1

Imported while the workflow is being parsed, so it loads nothing of the network.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, urlsplit

from myot2.ingest.pacs.problems import bad_source
from myot2.ingest.pacs.uids import is_uid

STOP_NOTE = "fetch-stopped.json"
"""Name of the note in a participant's folder that says why nothing else is in it."""

QUERY_KEYS = ("AccessionNumber", "ModalitiesInStudy", "PatientID", "StudyDate", "StudyDescription", "StudyID")
"""What studies can be searched by: matching keys of the Study Root model (PS3.4 table C.6-5)."""

_SCHEMES = ("dicomweb+https", "dicomweb+http", "dimse")
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_MAX_LENGTH = 4096
_MAX_VALUE = 64
_AE_TITLE = re.compile(r"[A-Za-z0-9_.\-]([A-Za-z0-9_.\- ]{0,14}[A-Za-z0-9_.\-])?")
_PATH = re.compile(r"(/[A-Za-z0-9_~\-][A-Za-z0-9_.~\-]*)*")


@dataclass(frozen=True)
class Source:
    """An archive, and the study in it or the query that finds it.

    `service` is the URL below which DICOMweb answers (empty for DIMSE), `called_ae` the archive's AE title (empty for
    DICOMweb). `study` is None where `query` says which; `series` is empty where all are meant.
    """

    protocol: Literal["dicomweb", "dimse"]
    host: str = field(repr=False)
    port: int | None
    service: str = field(repr=False)
    called_ae: str
    study: str | None = field(repr=False)
    series: tuple[str, ...] = field(repr=False)
    query: tuple[tuple[str, str], ...] = field(repr=False)

    @property
    def plain(self) -> bool:
        """Whether DICOMweb goes unencrypted over a network."""
        return self.service.startswith("http://") and self.host not in _LOOPBACK


def is_source(text: str) -> bool:
    """Whether a text names an archive; a text that does not is a folder."""
    return "://" in text


def parse_source(text: str) -> Source:
    """Read the text that names a source.

    Raises
    ------
    MyoT2Error
        The text is of no known form, holds a user or password, a UID that is none, or a key that cannot be asked.
    """
    try:
        parts = urlsplit(text) if len(text) <= _MAX_LENGTH and text.isprintable() else None
        port = parts and parts.port
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in _SCHEMES or not parts.hostname or parts.fragment or "%" in parts.path:
        raise bad_source("a text of another form")
    before, marker, after = parts.path.rpartition("/studies")
    if not marker or not _PATH.fullmatch(before) or ".." in before:
        raise bad_source("no /studies in it")
    study, series = _study_and_series(after)
    query = _query(parts.query)
    if bool(study) == bool(query):
        raise bad_source("neither a study nor a query" if not study else "both a study and a query")
    dimse = parts.scheme == "dimse"
    return Source(
        protocol="dimse" if dimse else "dicomweb",
        host=parts.hostname,
        port=port,
        service="" if dimse else f"{parts.scheme.removeprefix('dicomweb+')}://{parts.netloc}{before}",
        called_ae=_called_ae(parts, before, port) if dimse else _no_user(parts),
        study=study,
        series=series,
        query=query,
    )


def _study_and_series(path: str) -> tuple[str | None, tuple[str, ...]]:
    match path.split("/"):
        case [""]:
            return None, ()
        case ["", study]:
            uids = [study]
        case ["", study, "series", listed]:
            uids = [study, *listed.split(",")]
        case _:
            raise bad_source("another path than /studies/UID or /studies/UID/series/UID,UID")
    if not all(is_uid(uid) for uid in uids):
        raise bad_source("a UID of a form that the standard does not allow")
    return uids[0], tuple(uids[1:])


def _query(text: str) -> tuple[tuple[str, str], ...]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), errors="strict", max_num_fields=20)
    except ValueError:
        raise bad_source("a query that is not of the form ?KEY=VALUE&KEY=VALUE") from None
    for key, value in pairs:
        if key not in QUERY_KEYS:
            raise bad_source(f"a query by another key than {', '.join(QUERY_KEYS)}")
        if not value.strip(" *?") or len(value) > _MAX_VALUE or not value.isprintable() or "\\" in value:
            raise bad_source(f"a value of {key} that is empty, too long or matches everything")
    if len({key for key, _ in pairs}) < len(pairs):
        raise bad_source("a key that is given twice")
    return tuple(pairs)


def _called_ae(parts: SplitResult, before: str, port: int | None) -> str:
    title = parts.username or ""
    if before or port is None or parts.password is not None or not _AE_TITLE.fullmatch(title):
        raise bad_source(
            "a DIMSE source without AE title (16 characters at most) or port, or with a path before /studies"
        )
    return title


def _no_user(parts: SplitResult) -> str:
    if "@" in parts.netloc:
        raise bad_source("a user name or password in the address; they belong in the environment or a netrc file")
    return ""
