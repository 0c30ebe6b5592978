"""An archive that speaks DICOMweb: QIDO-RS to list, WADO-RS to retrieve (PS3.18 section 10).

Listing is dicomweb-client's. Retrieving goes through the same session, object by object into a file, because the client
holds an object several times in memory and takes a cut answer for a whole one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import requests
from dicomweb_client.web import DICOMwebClient

from myot2.core.errors import MyoT2Error
from myot2.ingest.pacs.access import Access
from myot2.ingest.pacs.intake import Intake, Listed
from myot2.ingest.pacs.limits import LISTING_BYTES, Budget
from myot2.ingest.pacs.multipart import BadMultipart, Truncated, boundary_of, write_single_part
from myot2.ingest.pacs.problems import unavailable, wrong_answer
from myot2.ingest.pacs.source import Source
from myot2.ingest.pacs.uids import is_uid
from myot2.ingest.pacs.web import ArchiveSession, explained

_PAGE = 1000
_ENVELOPE = 2**16
_STUDY, _SERIES, _INSTANCE = "0020000D", "0020000E", "00080018"
_MODALITY, _SOP_CLASS = "00080060", "00080016"
_ACCEPT = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}


class DicomwebArchive:
    """Lists and retrieves; use as a context manager."""

    def __init__(self, source: Source, access: Access, budget: Budget):
        if source.plain and not access.plain_http:
            raise unavailable(
                "an address without encryption (http)",
                "Use https; or, in a closed network, set ingest.pacs.plain_http: true.",
            )
        self._budget = budget
        self._access = access
        self._service = source.service
        self._session = ArchiveSession(source.service, source.host, access, budget)
        self._client = DICOMwebClient(source.service, session=self._session, timeout=access.timeout)
        self._client.set_http_retry_params(retry=False)  # the session does it

    def __enter__(self) -> DicomwebArchive:
        return self

    def __exit__(self, *exception: object) -> None:
        self._session.close()

    def studies(self, query: Mapping[str, str]) -> list[str]:
        """The UIDs of the studies that match, one more than the limit at most."""
        most = self._budget.limits.studies + 1
        with explained():
            answer = self._ask(self._client.search_for_studies, search_filters=dict(query), limit=most)
            return list(dict.fromkeys(_uid(item, _STUDY) for item in answer))[:most]

    def series(self, study: str) -> list[tuple[str, str]]:
        """UID and modality of each series of a study."""
        with explained():
            answer = self._pages(self._client.search_for_series, _SERIES, study, study_instance_uid=study)
            return [(_uid(item, _SERIES), _text(item, _MODALITY)) for item in answer]

    def objects(self, study: str, series: str) -> list[Listed]:
        """The objects of a series."""
        with explained():
            search = self._client.search_for_instances
            answer = self._pages(search, _INSTANCE, study, study_instance_uid=study, series_instance_uid=series)
            return [Listed(series, _uid(item, _INSTANCE), _text(item, _SOP_CLASS)) for item in answer]

    def retrieve(self, study: str, listed: Iterable[Listed], intake: Intake) -> None:
        """Bring objects of a study into the intake; one that comes cut is asked for again, as often as configured."""
        received = intake.scratch / "object"
        for one in listed:
            url = f"{self._service}/studies/{study}/series/{one.series}/instances/{one.instance}"
            for attempt in range(self._access.retries + 1):
                try:
                    self._download(url, received)
                    break
                except Truncated as error:
                    if attempt == self._access.retries:
                        raise wrong_answer(str(error)) from None
                except BadMultipart as error:
                    raise wrong_answer(str(error)) from None
            if intake.take(received) != one.instance:
                raise wrong_answer("another object than the one that was asked for")

    def _download(self, url: str, received: Path) -> None:
        self._budget.expect(self._budget.limits.object_bytes + _ENVELOPE)
        with (
            explained(),
            open(received, "wb") as out,
            self._session.get(url, headers=_ACCEPT, stream=True, timeout=self._access.timeout) as response,
        ):
            response.raise_for_status()
            boundary = boundary_of(response.headers.get("Content-Type", ""))
            try:
                write_single_part(response.iter_content(2**16), boundary, out)
            except requests.exceptions.ChunkedEncodingError:
                raise Truncated("an answer that ends too early") from None

    def _pages(self, search: Any, key: str, study: str, **where: str) -> list[dict]:
        """All pages of a search. An archive that ignores the offset sends the first one again, which ends it too."""
        found: dict[str, dict] = {}
        while True:
            page = {_uid(item, key): item for item in self._ask(search, limit=_PAGE, offset=len(found), **where)}
            if any(_text(item, _STUDY) not in ("", study) for item in page.values()):
                raise wrong_answer("a list that names another study")
            fresh = page.keys() - found.keys()
            found.update(page)
            self._budget.require_count(len(found))
            if not fresh:
                return list(found.values())

    def _ask(self, search: Any, **what: Any) -> list[dict]:
        self._budget.expect(LISTING_BYTES)
        self._budget.require_time()
        answer = search(**what)
        if not isinstance(answer, list) or not all(isinstance(item, dict) for item in answer):
            raise _no_list()
        return answer


def _uid(item: dict, key: str) -> str:
    text = _text(item, key)
    if not is_uid(text):
        raise wrong_answer("a list with a UID of a form that the standard does not allow")
    return text


def _text(item: dict, key: str) -> str:
    """The first value of an element in DICOM JSON (PS3.18 F.2), or an empty text."""
    values = item.get(key, {}).get("Value") or [""]
    if not isinstance(values, list) or not isinstance(values[0], str):
        raise _no_list()
    return values[0]


def _no_list() -> MyoT2Error:
    return wrong_answer("a list that is no DICOM JSON")
