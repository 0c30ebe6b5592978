"""Damaged DICOM files, and what each must give: an image as pydicom reads the damaged file, or a refusal.

Shared by the fuzz test and benchmarks/ingest_fuzz.py. The truth is pydicom's own reading of the same bytes: position,
orientation, sizes, times and scaling by its datasets, stored values by the definition of PS3.5 section 8.1.1.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from ingest_dicom_builder import enhanced, mese_plan, planes, t2_map_plan
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import ExplicitVRBigEndian

from myot2.core.errors import MyoT2Error
from myot2.ingest.reading.elements import quiet_pydicom
from myot2.ingest.reading.headers import Frame, read_index
from myot2.ingest.reading.volumes import displayed, read_volume
from myot2.ingest.stacking.geometry import order_slices

REAL = {
    "ge implicit": "dicom-edge-cases/dicom2nifti/ge_anatomical_001_implicit",
    "siemens": "dicom-edge-cases/dicom2nifti/siemens_anatomical",
    "hitachi": "dicom-edge-cases/dicom2nifti/hitachi_anatomical",
    "philips enhanced": "dicom-edge-cases/dicom2nifti/philips_enhanced_anatomical",
    "siemens enhanced": "dicom-edge-cases/siemens-xa10-enhanced",
    "rle": "dicom-edge-cases/dicom2nifti/generic_compressed_rle",
    "jpeg": "dicom-edge-cases/dicom2nifti/generic_compressed_jpeg",
    "jpeg-ls": "dicom-edge-cases/dicom2nifti/generic_compressed_jpegls",
    "jpeg 2000": "dicom-edge-cases/dicom2nifti/generic_compressed_j2k",
    "siemens mese": "nist-phantom/siemens-aera-1.5T/plate4",
    "philips mese": "nist-phantom/philips-ingenia-1.5T/plate4",
}
COMPRESSED = ("rle", "jpeg", "jpeg-ls", "jpeg 2000")
"""Four encodings of one image; pydicom decodes the first by itself."""
BUILT = ("built", "built big endian", "built without preamble", "built enhanced")

HOSTILE = (b"nan", b"inf", b"-inf", b"1e999", b"1_0", b"0", b"-1", b"99999999", b"1\\2", b"0x10", b"", b"\xff")
UNKNOWN_THICKNESS_MM = 1.0
"""Of one plane whose header has none; the real series have it from the distance of their slices."""


@dataclass(frozen=True)
class Original:
    """An undamaged file: its bytes, its top elements (start of the value, length), where the pixel element begins, and
    the stored values of each plane where they are compressed."""

    raw: bytes
    elements: tuple[tuple[int, int], ...]
    pixels_at: int
    decoded: tuple[np.ndarray, ...] | None

    def __repr__(self) -> str:
        return f"Original of {len(self.raw)} bytes"


def originals(shared_data: Path, scratch: Path) -> dict[str, Original]:
    """Every kind of file, by name."""
    files = {name: min(filter(_is_dicom, (shared_data / folder).iterdir())) for name, folder in REAL.items()}
    files |= {name: _build(name, scratch) for name in BUILT}
    decoded = (pydicom.dcmread(files["rle"]).pixel_array,)
    return {name: _original(path, decoded if name in COMPRESSED else None) for name, path in files.items()}


Damage = Callable[[bytearray, Original, np.random.Generator], bytearray]


def change_bytes(raw: bytearray, original: Original, rng: np.random.Generator) -> bytearray:
    """One to eight bytes of the header are others."""
    for place in rng.integers(0, original.pixels_at, rng.integers(1, 9)):
        raw[place] = rng.integers(256)
    return raw


def overwrite_run(raw: bytearray, original: Original, rng: np.random.Generator) -> bytearray:
    """A run of bytes of the header is overwritten."""
    start, length = int(rng.integers(0, original.pixels_at)), int(rng.integers(2, 40))
    fill = rng.choice([0, 0x20, 0x31, 0x5C, 0xFF]) if rng.random() < 0.5 else None
    run = rng.bytes(length) if fill is None else bytes([int(fill)]) * length
    end = min(start + length, original.pixels_at)
    raw[start:end] = run[: end - start]
    return raw


def swap_values(raw: bytearray, original: Original, rng: np.random.Generator) -> bytearray:
    """Two elements of equal length exchange their values."""
    start, length = original.elements[rng.integers(len(original.elements))]
    alike = [other for other, size in original.elements if size == length and other != start]
    if alike:
        other = alike[rng.integers(len(alike))]
        raw[start : start + length], raw[other : other + length] = (
            raw[other : other + length],
            raw[start : start + length],
        )
    return raw


def plant_value(raw: bytearray, original: Original, rng: np.random.Generator) -> bytearray:
    """An element's value is one that its kind does not allow, or an extreme one."""
    start, length = original.elements[rng.integers(len(original.elements))]
    raw[start : start + length] = HOSTILE[rng.integers(len(HOSTILE))][:length].ljust(length)
    return raw


def change_length(raw: bytearray, original: Original, rng: np.random.Generator) -> bytearray:
    """The length of an element is another, up to undefined (all ones)."""
    start, _ = original.elements[rng.integers(len(original.elements))]
    width = int(rng.choice([2, 4]))
    raw[start - width : start] = bytes([0xFF] * width) if rng.random() < 0.3 else rng.bytes(width)
    return raw


def shift_bytes(raw: bytearray, original: Original, rng: np.random.Generator) -> bytearray:
    """Bytes of the header are lost, or come twice."""
    start, length = int(rng.integers(0, original.pixels_at)), int(rng.integers(1, 20))
    return raw[:start] + raw[start + length :] if rng.random() < 0.5 else raw[: start + length] + raw[start:]


def cut_off(raw: bytearray, original: Original, rng: np.random.Generator) -> bytearray:
    """The file ends anywhere."""
    return raw[: int(rng.integers(0, original.pixels_at if rng.random() < 0.5 else len(raw)))]


def change_pixels(raw: bytearray, original: Original, rng: np.random.Generator) -> bytearray:
    """One to four bytes behind the header are others."""
    for place in rng.integers(original.pixels_at, len(raw), rng.integers(1, 5)):
        raw[place] = rng.integers(256)
    return raw


DAMAGES: dict[str, Damage] = {
    one.__name__.replace("_", " "): one
    for one in (
        change_bytes,
        overwrite_run,
        swap_values,
        plant_value,
        change_length,
        shift_bytes,
        cut_off,
        change_pixels,
    )
}


def outcome(path: Path, original: Original, damage: str) -> str:
    """`image` or `refused`; `image, stream damaged` where a compressed stream was hit, which nothing can check.

    Raises
    ------
    AssertionError
        The image is not what pydicom reads in the same file.
    Exception
        Ingest raised anything but a `MyoT2Error`.
    """
    outcomes = {_outcome_of(frame, path, original, damage) for frame in read_index(path.parent).frames} or {"refused"}
    return "refused" if "refused" in outcomes else outcomes.pop()


def write_damaged(folder: Path, original: Original, damage: str, seed: int) -> Path:
    """Write a damaged copy of a file, alone in its folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path = folder / "image"
    path.write_bytes(DAMAGES[damage](bytearray(original.raw), original, np.random.default_rng(seed)))
    return path


def _outcome_of(frame: Frame, path: Path, original: Original, damage: str) -> str:
    try:
        thick = frame.slice_thickness or frame.slice_distance or UNKNOWN_THICKNESS_MM
        slices = order_slices([replace(frame, slice_thickness=thick)], "series")
        image = read_volume(slices, displayed, "series")
    except MyoT2Error:
        return "refused"
    with quiet_pydicom():
        dataset = pydicom.dcmread(_with_magic(path, original), force=True)
        facts = _Peer(dataset, frame.index)
        np.testing.assert_array_equal(image.GetOrigin(), facts.floats("ImagePositionPatient"))
        rows, columns = facts.floats("PixelSpacing")
        sizes = (*facts.floats("SliceThickness"), *facts.floats("SpacingBetweenSlices"), UNKNOWN_THICKNESS_MM)
        np.testing.assert_array_equal(image.GetSpacing(), (columns, rows, next(filter(None, sizes))))
        cosines = np.reshape(facts.floats("ImageOrientationPatient"), (2, 3))
        np.testing.assert_allclose(slices.direction[:, 0], cosines[0] / np.linalg.norm(cosines[0]), atol=1e-9)
        assert slices.direction[:, 1] @ cosines[1] > 0.98
        assert frame.echo_time == next(iter(facts.floats("EffectiveEchoTime") or facts.floats("EchoTime")), None)
        assert frame.repetition_time == next(iter(facts.floats("RepetitionTime")), None)
        slope = next(iter(facts.floats("RescaleSlope")), 1.0)
        intercept = next(iter(facts.floats("RescaleIntercept")), 0.0)
    if original.decoded is not None and damage == "change pixels":
        return "image, stream damaged"
    stored = original.decoded[frame.index] if original.decoded is not None else _native_plane(dataset, frame.index)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image)[0], (stored * slope + intercept).astype(np.float32))
    return "image"


def _with_magic(path: Path, original: Original) -> BytesIO:
    """The damaged bytes, but for `DICM`, without which pydicom does not pass over the preamble."""
    raw = bytearray(path.read_bytes())
    if original.raw[128:132] == b"DICM":
        raw[128:132] = b"DICM"
    return BytesIO(raw)


class _Peer:
    """Values of a plane as pydicom finds them: in the frame's groups, else in the shared ones, else in the object."""

    def __init__(self, dataset: Dataset, index: int):
        self._places = [dataset]
        if "PerFrameFunctionalGroupsSequence" in dataset:
            shared = dataset.get("SharedFunctionalGroupsSequence") or []
            items = [dataset.PerFrameFunctionalGroupsSequence[index], *shared[:1]]
            groups = [element for item in items for element in item if not element.tag.is_private]
            self._places = [element.value[0] for element in groups if element.VR == "SQ" and element.value] + [dataset]

    def floats(self, keyword: str) -> tuple[float, ...]:
        for place in self._places:
            value = place.get(keyword)
            if value not in (None, ""):
                return tuple(map(float, value if isinstance(value, MultiValue) else [value]))
        return ()


def _native_plane(dataset: Dataset, index: int) -> np.ndarray:
    """Words of uncompressed pixels, as the header describes them."""
    order = "<" if dataset.original_encoding[1] else ">"
    words = np.frombuffer(dataset.PixelData, f"{order}u{dataset.BitsAllocated // 8}")
    count = dataset.Rows * dataset.Columns
    return _stored(dataset, words[index * count : (index + 1) * count].reshape(dataset.Rows, dataset.Columns))


def _stored(dataset: Dataset, words: np.ndarray) -> np.ndarray:
    """Stored values of words: BitsStored bits, the highest of which is HighBit, in two's complement where signed."""
    values = words.astype(np.int64) >> (dataset.get("HighBit", dataset.BitsStored - 1) + 1 - dataset.BitsStored)
    values &= (1 << dataset.BitsStored) - 1
    if dataset.PixelRepresentation:
        values -= (values >> (dataset.BitsStored - 1)) << dataset.BitsStored
    return values


def _is_dicom(path: Path) -> bool:
    return path.is_file() and path.read_bytes()[128:132] == b"DICM"


def _build(name: str, folder: Path) -> Path:
    plan = mese_plan(7)
    dataset = enhanced(plan, np.full((5, 4), 0.5)) if name == "built enhanced" else planes(t2_map_plan(8))[1]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    if name == "built without preamble":
        Dataset(dataset).save_as(path, implicit_vr=True, little_endian=True)
        return path
    if name == "built big endian":
        dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    dataset.save_as(path, enforce_file_format=True)
    return path


def _original(path: Path, decoded: tuple[np.ndarray, ...] | None) -> Original:
    dataset = pydicom.dcmread(path, force=True)
    raws = [element for _, element in dataset.items() if isinstance(element, RawDataElement)]
    places = {int(one.tag): (one.value_tell, one.length) for one in raws}
    pixels_at, _ = places.pop(0x7FE00010)
    values = tuple((start, length) for start, length in places.values() if 0 < length < pixels_at)
    return Original(path.read_bytes(), values, pixels_at - 12, decoded)
