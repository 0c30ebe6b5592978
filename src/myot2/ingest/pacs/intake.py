"""What becomes of an object that an archive has sent: checked against what was asked for, then kept under a number.

Whichever way an object came, its data set is kept byte for byte behind a header of ours: an empty preamble (a preamble
can make a DICOM file a program as well, CVE-2019-11687) and file meta information that holds what is needed only.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_file_meta_info
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID

from myot2.core.errors import MyoT2Error
from myot2.ingest.pacs.problems import not_there, wrong_answer
from myot2.ingest.pacs.storage import LOSSLESS, MR_STORAGE

_META_START = 144  # preamble (128), "DICM" (4), and the element that holds the length of the rest (12): PS3.10 7.1
_IDENTIFIERS = ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"]


@dataclass(frozen=True)
class Listed:
    """An object that the archive says it has; `sop_class` is empty where it does not say."""

    series: str
    instance: str
    sop_class: str


class Intake:
    """Takes the objects of one study, each once, into a folder.

    Parameters
    ----------
    folder : Path
        Where `000001.dcm`, `000002.dcm`, ... go, in ascending order of the SOP Instance UIDs as text. `scratch` is a
        folder in it for what comes in, gone in the end.
    study : str
        The study that every object must belong to.
    listed : iterable of Listed
        What has been asked for.
    """

    def __init__(self, folder: Path, study: str, listed: Iterable[Listed]):
        self._study = study
        self._asked: Mapping[str, Listed] = {one.instance: one for one in listed}
        self._names = {uid: folder / f"{place:06d}.dcm" for place, uid in enumerate(sorted(self._asked), start=1)}
        self._taken: set[str] = set()
        self.scratch = folder / "incoming"
        self.scratch.mkdir(mode=0o700)
        self.left_out = 0

    @property
    def kept(self) -> int:
        """How many objects are in the folder."""
        return len(self._taken) - self.left_out

    def take(self, received: Path) -> str:
        """Check a received file, keep it under its number, remove the file as it came; return its SOP Instance UID.

        Raises
        ------
        MyoT2Error
            It is no DICOM, of another study or series, was not asked for or came already, or is in a form of storage
            that loses values.
        """
        header, start = _read_header(received)
        syntax = str(header.file_meta.TransferSyntaxUID)
        instance = str(header.get("SOPInstanceUID", ""))
        if str(header.get("StudyInstanceUID", "")) != self._study:
            raise wrong_answer("an object of another study")
        asked = self._asked.get(instance)
        if asked is None or asked.series != str(header.get("SeriesInstanceUID", "")):
            raise wrong_answer("an object that was not asked for")
        if instance in self._taken:
            raise wrong_answer("the same object twice")
        self._taken.add(instance)
        if (sop_class := str(header.get("SOPClassUID", ""))) in MR_STORAGE:
            _rewrite(received, self._names[instance], _meta(sop_class, instance, syntax), start)
        else:
            self.left_out += 1
        received.unlink()
        return instance

    def finish(self) -> None:
        """End the intake; raises `MyoT2Error` unless everything that was asked for has come, an image at least."""
        missing = len(self._asked) - len(self._taken)
        if missing:
            raise wrong_answer(
                f"{missing} of {len(self._asked)} objects not sent (perhaps stored with lossy compression)"
            )
        if not self.kept:
            raise not_there("a study without MR images")
        self.scratch.rmdir()


def _read_header(path: Path) -> tuple[Dataset, int]:
    """The identifiers of a Part 10 file, and where its data set begins."""
    try:
        meta = read_file_meta_info(path)
        start = _META_START + int(meta.FileMetaInformationGroupLength)
        if meta.TransferSyntaxUID not in LOSSLESS:
            raise wrong_answer("an object in lossy or unknown compression")
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_IDENTIFIERS)
    except MyoT2Error:
        raise
    except Exception as error:  # a damaged header can raise anything inside the parser
        raise wrong_answer("something that is no DICOM object") from error
    return header, start


def _meta(sop_class: str, instance: str, syntax: str) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = instance
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    return meta


def _rewrite(received: Path, path: Path, meta: FileMetaDataset, start: int) -> None:
    with open(received, "rb") as old, open(path, "xb") as new:
        new.write(bytes(128) + b"DICM")
        write_file_meta_info(new, meta)
        old.seek(start)
        shutil.copyfileobj(old, new, 2**20)
        new.flush()
        os.fsync(new.fileno())
