"""Plant a distinct marker in every text element of DICOM objects, and find markers in bytes. Uses pydicom alone."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import re
import shutil
import struct
import subprocess
import zipfile
from pathlib import Path

from pydicom.datadict import DicomDictionary
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

MARKER = re.compile(
    rb"Q[0-9A-F]{8}Z"  # text: the tag of its element
    rb"|99187\.[0-9]"  # UIDs
    rb"|1871(-?)(0[1-9]|1[0-2])\1[0-3][0-9]"  # dates
    rb"|(?<![0-9])[0-9]{6}\.8715[0-9]"  # times; Snakemake's records hold seconds since 1970, with fractions
    rb"|18273[0-9]{5}|918273\.[0-9]"  # whole and decimal numbers
    rb"|871Y",  # ages
    re.IGNORECASE,
)

LONGEST = {"AE": 16, "CS": 16, "SH": 16, "LO": 64, "PN": 64}
TEXT = {*LONGEST, "LT", "ST", "UC", "UR", "UT"}
NUMBERS_AND_TIMES = {"AS", "DA", "DS", "DT", "IS", "TM"}
KEPT = {"SpecificCharacterSet", "PhotometricInterpretation", "SOPClassUID", "Modality", "PatientPosition"}
WITH_MARKER = {"ImageType", "ScanningSequence", "SequenceVariant", "ScanOptions"}
FACTS = """
    FrameType NumberOfFrames RescaleSlope RescaleIntercept RescaleType TemporalPositionIdentifier TriggerTime
    NumberOfTemporalPositions PlanarConfiguration PixelPaddingValue InversionTime LossyImageCompression
    LossyImageCompressionRatio PixelAspectRatio AcquisitionDateTime ComplexImageComponent FrameAcquisitionNumber
    GantryDetectorTilt
"""
"""Elements that change what an image is: those that an object lacks are not added."""


def write_marked(dataset: Dataset, path: Path, uids: dict[str, str]) -> set[int]:
    """Write an object with a marker in every text element that the dictionary knows, private and nested ones too.

    What says what an image is keeps its value; multi-valued codes get the marker as a further value. `uids` remembers
    which UID became which. Returns the tags marked. The elements that the object lacks are encoded once for all
    objects, and merged as bytes: pydicom takes 0.1 s to sort and write so many.
    """
    present = {int(element.tag) for element in dataset}
    marked = {int(element.tag) for element in dataset if _mark_present(element, uids)}
    _mark_private_and_nested(dataset)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    encoded = io.BytesIO()
    dataset.save_as(encoded, enforce_file_format=True)
    content = encoded.getvalue()
    start = 144 + int.from_bytes(content[140:144], "little")  # after the length of group 0002, as PS3.10 has it
    elements = {**_ADDED, **_elements(content, start)}
    path.write_bytes(content[:start] + b"".join(elements[tag] for tag in sorted(elements)))
    return marked | set(_ADDED) - present


def _mark_private_and_nested(dataset: Dataset) -> None:
    for group in (0x0029, 0x0051, 0x2005, 0x0093):
        block = dataset.private_block(group, "Q00000001Z", create=True)
        for offset, vr in enumerate(("LO", "LT", "PN", "SH", "UT"), start=1):
            block.add_new(offset, vr, f"Q{group:04X}{offset:04X}Z")
        block.add_new(0x10, "OB", b"Q00000002Z")
    item = Dataset()
    item.PatientName, item.CodeMeaning, item.UID = "Q00000004Z", "Q00000005Z", "1.2.840.99187.1"
    item.RequestAttributesSequence = [Dataset()]
    item.RequestAttributesSequence[0].RequestedProcedureDescription = "Q00000006Z"
    dataset.OtherPatientIDsSequence = [item]


def _elements(content: bytes, start: int) -> dict[int, bytes]:
    """The encoded elements of a data set in explicit little endian (PS3.5 section 7.1.2), by tag."""
    found = {}
    while start < len(content):
        group, number = struct.unpack_from("<HH", content, start)
        if content[start + 4 : start + 6] in (b"OB", b"OW", b"SQ", b"UC", b"UN", b"UR", b"UT"):
            end = start + 12 + struct.unpack_from("<I", content, start + 8)[0]
        else:
            end = start + 8 + struct.unpack_from("<H", content, start + 6)[0]
        found[group << 16 | number] = content[start:end]
        start = end
    return found


def overwrite(path: Path, tag: int, vr: str, text: str) -> None:
    """Put another text of the same length into an element of a file, whether it may stand there or not."""
    content = path.read_bytes()
    start = content.index(struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()) + 8
    length = int.from_bytes(content[start - 2 : start], "little")
    path.write_bytes(content[:start] + text.ljust(length).encode()[:length] + content[start + length :])


def found_in(path: Path) -> list[bytes]:
    """The markers in a file's name and bytes, and in what a name in base64 says.

    What is packed is opened: gzip, workbooks, and the words of a PDF where poppler-utils are here.
    """
    raw = path.read_bytes()
    contents = [raw, path.name.encode(), _decoded(path.name)]
    if raw[:2] == b"\x1f\x8b":
        contents.append(gzip.decompress(raw))
    elif raw[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(path) as packed:
            contents += [packed.read(name) for name in packed.namelist()]
    elif raw[:5] == b"%PDF-" and shutil.which("pdftotext"):
        contents += [subprocess.check_output(words, stderr=subprocess.DEVNULL) for words in _pdf_words(path)]
    return [found.group() for content in contents for found in MARKER.finditer(content)]


def _pdf_words(path: Path) -> list[list[str | Path]]:
    """The commands that print the words of a PDF and what it says of itself."""
    return [["pdftotext", path, "-"], ["pdfinfo", path]]


def digests_of(text: str) -> set[str]:
    """The digests without key that somebody might have written in place of a text."""
    return {
        hashlib.new(name, text.encode()).hexdigest()[:32] for name in ("md5", "sha1", "sha256", "sha512", "blake2b")
    }


def _decoded(name: str) -> bytes:
    """A file name of .snakemake/metadata is the path of an output in base64."""
    try:
        return base64.b64decode(name + "=" * (-len(name) % 4), altchars=b"-_")
    except ValueError:
        return b""


def _value(tag: int, vr: str, number: int) -> str:
    if vr in NUMBERS_AND_TIMES:
        return {
            "AS": "871Y",
            "DA": f"1871{1 + number % 12:02}{1 + number // 12 % 28:02}",
            "DT": f"1871{1 + number % 12:02}{1 + number // 12 % 28:02}101112",
            "TM": f"101112.8715{number % 100:02}",
            "IS": f"18273{number:05}",
            "DS": f"918273.{number:05}",
        }[vr]
    return f"http://Q{tag:08X}Z.example" if vr == "UR" else f"Q{tag:08X}Z"


def _additions() -> dict[int, bytes]:
    """Each text element of the dictionary that may be added to any object, encoded."""
    added = Dataset()
    for number, (tag, (vr, _, _, _, keyword)) in enumerate(sorted(DicomDictionary.items())):
        usable = keyword and tag >> 16 >= 0x0008 and keyword not in {*KEPT, *WITH_MARKER, *FACTS.split()}
        if usable and vr in TEXT | NUMBERS_AND_TIMES:
            added[tag] = DataElement(tag, vr, _value(tag, vr, number))
        elif usable and vr == "UI":
            added[tag] = DataElement(tag, vr, f"1.2.840.99187.{number}")
    encoded = io.BytesIO()
    added.save_as(encoded, implicit_vr=False, little_endian=True)
    return _elements(encoded.getvalue(), 0)


_ADDED = _additions()


def _mark_present(element: DataElement, uids: dict[str, str]) -> bool:
    """Mark an element that an object has: dates, times and names anew, codes and descriptions by a further word."""
    marker = f"Q{int(element.tag):08X}Z"
    if element.keyword in KEPT or element.VR in ("IS", "DS") or element.tag.is_private_creator:
        return False
    if element.keyword in WITH_MARKER:
        values = element.value if isinstance(element.value, MultiValue) else [element.value]
        element.value = [*values, marker]
    elif element.VR == "UI":
        element.value = uids.setdefault(str(element.value), f"1.2.840.99187.{10**6 + len(uids)}")
    elif element.VR == "TM":
        element.value = f"{str(element.value)[:6]}.871500"
    elif element.VR in ("AS", "DA", "DT"):
        element.value = _value(int(element.tag), element.VR, int(element.tag) & 0xFF)
    elif element.VR in TEXT:
        both = f"{element.value} {marker}"
        element.value = both if len(both) <= LONGEST.get(element.VR, 1000) else marker
    else:
        return False
    return True
