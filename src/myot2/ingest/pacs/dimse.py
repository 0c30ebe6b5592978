"""An archive that speaks DIMSE: C-ECHO, C-FIND to list, C-GET to retrieve (PS3.4 annex C).

C-GET brings the objects over the connection that we opened. C-MOVE would have the archive connect to us: a listening
port, a firewall rule and an entry in the archive for every workstation; docs/how-to/pacs.md says more.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import product

from pydicom.dataset import Dataset
from pynetdicom import AE, _config, build_role, evt
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    Verification,
)

from myot2.ingest.pacs.access import Access
from myot2.ingest.pacs.connection import MAX_PDU, GuardedConnection, leave_answers_to_the_asker
from myot2.ingest.pacs.intake import Intake, Listed
from myot2.ingest.pacs.limits import LISTING_BYTES, Budget
from myot2.ingest.pacs.problems import unavailable, wrong_answer
from myot2.ingest.pacs.source import Source
from myot2.ingest.pacs.storage import LOSSLESS, MR_STORAGE
from myot2.ingest.pacs.uids import is_uid

_ENVELOPE = 2**20
_UIDS_PER_REQUEST = 200
_SUCCESS, _WARNING = 0x0000, 0xB000
_PENDING = (0xFF00, 0xFF01)


class DimseArchive:
    """Lists and retrieves over one association; use as a context manager."""

    def __init__(self, source: Source, access: Access, budget: Budget):
        self._source, self._access, self._budget = source, access, budget
        self._stack = ExitStack()

    def __enter__(self) -> DimseArchive:
        with self._stack as stack:
            stack.enter_context(_pynetdicom_settings())
            self._connection = GuardedConnection(self._budget, self._access.timeout)
            self._association = self._associate()
            stack.push(self._end)
            status = self._association.send_c_echo()
            if status.get("Status") != _SUCCESS:
                raise self._connection.failure or unavailable(
                    "no answer to C-ECHO", "Check host, port and AE titles of the source with the administrator."
                )
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.__exit__(*exception)

    def studies(self, query: Mapping[str, str]) -> list[str]:
        """The UIDs of the studies that match, one more than the limit at most."""
        answers = self._find("STUDY", {"StudyInstanceUID": "", **query}, self._budget.limits.studies + 1)
        return list(dict.fromkeys(_uid(answer, "StudyInstanceUID") for answer in answers))

    def series(self, study: str) -> list[tuple[str, str]]:
        """UID and modality of each series of a study."""
        wanted = {"StudyInstanceUID": study, "SeriesInstanceUID": "", "Modality": ""}
        answers = self._find("SERIES", wanted, self._budget.limits.objects)
        return [(_uid(answer, "SeriesInstanceUID"), answer["Modality"]) for answer in answers]

    def objects(self, study: str, series: str) -> list[Listed]:
        """The objects of a series."""
        wanted = {"StudyInstanceUID": study, "SeriesInstanceUID": series, "SOPInstanceUID": "", "SOPClassUID": ""}
        answers = self._find("IMAGE", wanted, self._budget.limits.objects + 1)
        return [Listed(series, _uid(one, "SOPInstanceUID"), one["SOPClassUID"]) for one in answers]

    def retrieve(self, study: str, listed: Iterable[Listed], intake: Intake) -> None:
        """Bring objects of a study into the intake."""
        by_series: dict[str, list[str]] = {}
        for one in listed:
            by_series.setdefault(one.series, []).append(one.instance)
        self._connection.begin_objects(self._budget.limits.object_bytes + _ENVELOPE)
        with _temporary_files_in(str(intake.scratch)):
            self._connection.intake = intake
            for series, uids in by_series.items():
                for start in range(0, len(uids), _UIDS_PER_REQUEST):
                    self._get(study, series, uids[start : start + _UIDS_PER_REQUEST])

    def _get(self, study: str, series: str, uids: Sequence[str]) -> None:
        wanted = {"StudyInstanceUID": study, "SeriesInstanceUID": series, "SOPInstanceUID": list(uids)}
        try:
            replies = self._association.send_c_get(_query("IMAGE", wanted), StudyRootQueryRetrieveInformationModelGet)
            statuses = [status.get("Status") for status, _ in replies]
        except (ValueError, RuntimeError):
            statuses = []
            if not self._connection.failure and self._association.is_established:
                raise unavailable(
                    "no C-GET, or not for this AE title",
                    "Ask the administrator to allow C-GET, or use DICOMweb; docs/how-to/pacs.md.",
                ) from None
        if self._connection.failure:
            raise self._connection.failure
        if not statuses or statuses[-1] is None:
            raise unavailable("a connection that ended in the middle", "Try again.")
        if statuses[-1] not in (_SUCCESS, _WARNING):
            raise wrong_answer(f"a refusal of C-GET (status {statuses[-1]:04X})")

    def _find(self, level: str, wanted: Mapping[str, str], most: int) -> list[dict[str, str]]:
        """The matches of a C-FIND, what was wanted of each: an archive with more than `most` is not heard out."""
        found: list[dict[str, str]] = []
        self._connection.begin_listing(LISTING_BYTES)
        self._budget.require_time()
        try:
            replies = self._association.send_c_find(_query(level, wanted), StudyRootQueryRetrieveInformationModelFind)
            for status, identifier in replies:
                code = status.get("Status")
                if code in _PENDING:
                    found.append(_texts(identifier, wanted))
                    self._budget.require_count(len(found) - (level == "STUDY"))
                    if len(found) > most:
                        break
        except (ValueError, RuntimeError):
            code = None
        if self._connection.failure:
            raise self._connection.failure
        if code is None:
            raise unavailable("no answer to C-FIND, or not for this AE title", "Ask the administrator to allow it.")
        if code not in (_SUCCESS, *_PENDING):
            raise wrong_answer(f"a refusal of C-FIND (status {code:04X})")
        study = wanted["StudyInstanceUID"]
        if study and any(one["StudyInstanceUID"] not in ("", study) for one in found):
            raise wrong_answer("a list that names another study")
        return found

    def _associate(self):  # noqa: ANN202 - pynetdicom's Association
        entity = AE(ae_title=self._access.calling_ae)
        entity.maximum_pdu_size = MAX_PDU
        entity.acse_timeout = entity.connection_timeout = entity.network_timeout = self._access.timeout
        entity.dimse_timeout = self._budget.limits.seconds
        entity.add_requested_context(Verification)
        entity.add_requested_context(StudyRootQueryRetrieveInformationModelFind)
        entity.add_requested_context(StudyRootQueryRetrieveInformationModelGet)
        for sop_class, syntax in product(MR_STORAGE, LOSSLESS):  # one each: nothing need be converted
            entity.add_requested_context(sop_class, syntax)
        association = entity.associate(
            self._source.host,
            self._source.port,
            ae_title=self._source.called_ae,
            ext_neg=[build_role(sop_class, scp_role=True) for sop_class in MR_STORAGE],
            evt_handlers=[
                (evt.EVT_CONN_OPEN, self._connection.opened),
                (evt.EVT_DIMSE_RECV, self._connection.message_received),
                (evt.EVT_C_STORE, self._connection.store),
            ],
        )
        if association.is_established:
            leave_answers_to_the_asker(association)
            self._connection.watch(association)
            return association
        if association.is_rejected:
            raise unavailable(
                "the association rejected", "Have the administrator enter our AE title, and check the archive's own."
            )
        raise self._connection.failure or unavailable(
            "no connection", "Check host and port of the source, the network, and that the archive is running."
        )

    def _end(self, kind: type | None, *_: object) -> None:
        self._connection.close()
        if kind is None and self._association.is_established:
            self._association.release()
        else:
            self._association.abort()


def _query(level: str, wanted: Mapping[str, object]) -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel = level
    for keyword, value in wanted.items():
        setattr(query, keyword, value)
    return query


def _texts(answer: Dataset | None, keywords: Iterable[str]) -> dict[str, str]:
    """Elements of an answer as text, empty where they are left out."""
    try:
        return {keyword: str(answer.get(keyword, "") or "") for keyword in keywords}
    except Exception:  # pydicom decodes elements here; a damaged one can raise anything, in words that quote it
        raise wrong_answer("a list that cannot be read") from None


def _uid(answer: Mapping[str, str], keyword: str) -> str:
    if not is_uid(answer[keyword]):
        raise wrong_answer("a list with a UID of a form that the standard does not allow")
    return answer[keyword]


@contextmanager
def _pynetdicom_settings() -> Iterator[None]:
    """Objects go to files as they come in; nothing is rendered for the log. (pynetdicom has these as globals only.)"""
    before = {name: getattr(_config, name) for name in ("STORE_RECV_CHUNKED_DATASET", "LOG_HANDLER_LEVEL")}
    _config.STORE_RECV_CHUNKED_DATASET, _config.LOG_HANDLER_LEVEL = True, "none"
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(_config, name, value)


@contextmanager
def _temporary_files_in(folder: str) -> Iterator[None]:
    """Have pynetdicom's temporary files, which hold identities, beside what becomes of them."""
    before, tempfile.tempdir = tempfile.tempdir, folder
    try:
        yield
    finally:
        tempfile.tempdir = before
