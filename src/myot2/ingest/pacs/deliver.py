"""Objects go to an archive: STOW-RS (PS3.18 section 10.5) or C-STORE (PS3.4 annex B), each as it lies on disk.

The same destination, access and errors as for fetching. Nothing is converted, and no object is sent twice: after a
fault of the moment a person sends again, and an archive keeps one of equal objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pydicom
from dicomweb_client.web import DICOMwebClient
from pydicom import Dataset
from pynetdicom import AE

from myot2.ingest.pacs.access import Access
from myot2.ingest.pacs.connection import leave_answers_to_the_asker
from myot2.ingest.pacs.limits import Budget, Limits
from myot2.ingest.pacs.problems import unavailable, wrong_answer
from myot2.ingest.pacs.source import Source, parse_source
from myot2.ingest.pacs.web import ArchiveSession, explained

_SUCCESS = 0x0000
_WARNINGS = (0xB000, 0xB006, 0xB007)
"""Stored, with elements coerced or left out (PS3.4 B.2.3)."""


def deliver(paths: Sequence[Path], destination: str, access: Access) -> None:
    """Send objects of one study.

    Parameters
    ----------
    paths : sequence of Path
        DICOM files.
    destination : str
        `dicomweb+https://HOST/PATH` or `dimse://AE@HOST:PORT`.
    access : Access

    Raises
    ------
    SourceUnavailable
        The archive does not serve us now.
    MyoT2Error
        The destination is of no known form, or the archive does not take an object.
    """
    objects = [pydicom.dcmread(path) for path in paths]
    if not objects:
        return
    archive = parse_source(f"{destination.rstrip('/')}/studies/{objects[0].StudyInstanceUID}")
    (_by_web if archive.protocol == "dicomweb" else _by_dimse)(objects, archive, access)


def _by_web(objects: Sequence[Dataset], archive: Source, access: Access) -> None:
    if archive.plain and not access.plain_http:
        raise unavailable(
            "an address without encryption (http)",
            "Use https; or, in a closed network, set ingest.pacs.plain_http: true.",
        )
    with ArchiveSession(archive.service, archive.host, access, Budget(Limits())) as session:
        client = DICOMwebClient(archive.service, session=session, timeout=access.timeout)
        client.set_http_retry_params(retry=False)
        for made in objects:
            with explained():
                answer = client.store_instances([made], study_instance_uid=made.StudyInstanceUID)
            stored = {str(item.ReferencedSOPInstanceUID) for item in answer.get("ReferencedSOPSequence", [])}
            if made.SOPInstanceUID not in stored or answer.get("FailedSOPSequence"):
                raise _not_taken(made)


def _by_dimse(objects: Sequence[Dataset], archive: Source, access: Access) -> None:
    entity = AE(ae_title=access.calling_ae)
    entity.acse_timeout = entity.connection_timeout = entity.network_timeout = access.timeout
    entity.dimse_timeout = access.timeout
    for sop_class, syntax in sorted({(made.SOPClassUID, made.file_meta.TransferSyntaxUID) for made in objects}):
        entity.add_requested_context(sop_class, syntax)
    association = entity.associate(archive.host, archive.port, ae_title=archive.called_ae)
    if not association.is_established:
        raise unavailable(
            "the association rejected" if association.is_rejected else "no connection",
            "Check host, port and AE titles of the destination with the administrator.",
        )
    leave_answers_to_the_asker(association)
    try:
        for made in objects:
            try:
                status = association.send_c_store(made).get("Status")
            except ValueError:  # no context for its class was accepted
                raise _not_taken(made) from None
            if status is None:
                raise unavailable("a connection that ended in the middle", "Try again.")
            if status != _SUCCESS and status not in _WARNINGS:
                raise _not_taken(made)
    finally:
        if association.is_established:
            association.release()


def _not_taken(made: Dataset):
    return wrong_answer(f"a refusal of the object {made.SOPClassUID.name!r}")
