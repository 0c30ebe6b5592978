"""From a source to a folder of DICOM files, whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from myot2.core.errors import MyoT2Error
from myot2.ingest.pacs.access import Access
from myot2.ingest.pacs.intake import Intake, Listed
from myot2.ingest.pacs.limits import Budget, Limits
from myot2.ingest.pacs.problems import not_there, too_much
from myot2.ingest.pacs.quiet import silence
from myot2.ingest.pacs.source import Source
from myot2.ingest.pacs.storage import MR_STORAGE


@dataclass(frozen=True)
class Fetched:
    """What came: objects kept, series they belong to, bytes over the network, and what a study holds besides."""

    objects: int
    series: int
    received: int
    other_series: int
    other_objects: int

    def __str__(self) -> str:
        return (
            f"objects: {self.objects}, series: {self.series}, received: {self.received / 2**20:.1f} MB; "
            f"left there: series of other modalities: {self.other_series}, objects that are no MR: {self.other_objects}"
        )


class Archive(Protocol):
    """What both protocols offer."""

    def studies(self, query: dict[str, str]) -> list[str]: ...

    def series(self, study: str) -> list[tuple[str, str]]: ...

    def objects(self, study: str, series: str) -> list[Listed]: ...

    def retrieve(self, study: str, listed: list[Listed], intake: Intake) -> None: ...


def fetch_study(source: Source, folder: Path, access: Access, limits: Limits) -> Fetched:
    """Bring the MR images of one study into a folder, which must not exist.

    Parameters
    ----------
    source : Source
        The study, or a query that matches exactly one.
    folder : Path
        Receives `000001.dcm`, `000002.dcm`, ... in the order of the SOP Instance UIDs; readable by the owner only.

    Raises
    ------
    SourceUnavailable
        The archive cannot be reached, or does not let us in.
    MyoT2Error
        No such study, no MR in it, more than the limits, or an answer that is not as it should be. In both cases the
        folder is not there.
    """
    with silence(), _archive(source, access, Budget(limits)) as (archive, budget):
        study = source.study or _only(archive.studies(dict(source.query)))
        with _whole_folder(folder) as unfinished:
            return _fetch(archive, budget, study, source.series, unfinished)


def fetch_studies(source: Source, folder: Path, access: Access, limits: Limits) -> list[Fetched]:
    """Bring all studies that a query matches into folders `study-001`, ... of a folder, in the order of their UIDs.

    Each study has the limits for itself; raises as `fetch_study`, and where more studies
    match than are allowed.
    """
    with silence(), _whole_folder(folder) as unfinished:
        with _archive(source, access, Budget(limits)) as (archive, _):
            studies = [source.study] if source.study else sorted(archive.studies(dict(source.query)))
        if not studies:
            raise not_there("no study that matches")
        if len(studies) > limits.studies:
            raise too_much(f"a query that matches more than {limits.studies} studies")
        fetched = []
        for number, study in enumerate(studies, start=1):
            target = unfinished / f"study-{number:03d}"
            target.mkdir(mode=0o700)
            with _archive(source, access, Budget(limits)) as (archive, budget):
                fetched.append(_fetch(archive, budget, study, source.series, target))
        return fetched


@contextmanager
def _archive(source: Source, access: Access, budget: Budget) -> Iterator[tuple[Archive, Budget]]:
    """The archive behind a source; its protocol's library is loaded here, for those who use one."""
    if source.protocol == "dicomweb":
        from myot2.ingest.pacs.dicomweb import DicomwebArchive as Chosen
    else:
        from myot2.ingest.pacs.dimse import DimseArchive as Chosen
    with Chosen(source, access, budget) as archive:
        yield archive, budget


def _fetch(archive: Archive, budget: Budget, study: str, only: tuple[str, ...], folder: Path) -> Fetched:
    series = archive.series(study)
    if not series:
        raise not_there("no such study")
    chosen = [uid for uid, modality in series if modality == "MR" and (not only or uid in only)]
    if not chosen or set(only) - set(chosen):
        raise not_there("a study without MR series" if not only else "no such MR series in the study")
    listed: list[Listed] = []
    for uid in chosen:
        listed += archive.objects(study, uid)
        budget.require_count(len(listed))
    listed = list(dict.fromkeys(listed))
    images = [one for one in listed if one.sop_class in MR_STORAGE or not one.sop_class]
    if not images:
        raise not_there("a study without MR images")
    intake = Intake(folder, study, images)
    archive.retrieve(study, images, intake)
    intake.finish()
    return Fetched(
        objects=intake.kept,
        series=len({one.series for one in images}),
        received=budget.received,
        other_series=len(series) - len(chosen),
        other_objects=len(listed) - intake.kept,
    )


def _only(studies: list[str]) -> str:
    if len(studies) != 1:
        raise not_there("no study that matches" if not studies else "more than one study that matches")
    return studies[0]


@contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill, which gets its name when everything is in it; what an earlier attempt left goes first."""
    if folder.exists():
        raise MyoT2Error(
            expected="a new folder for what is fetched",
            found="one of that name",
            where=folder,
            do="Remove or rename it.",
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.with_name(f".fetching-{folder.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    try:
        yield unfinished
        os.rename(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
