"""What a NIfTI-1 file says of itself, checked before anything else reads it.

ITK turns NaN into 0, and takes one of the two positions of a file (qform, sform) without a word where they differ;
both are looked at here. The layout is that of nifti1.h (https://nifti.nimh.nih.gov/nifti-1).
"""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.core.images import read_image

MAX_VOXELS = 2**27
"""As many as ingest takes from a DICOM series."""

POSITION_TOLERANCE_MM = 0.05
"""How far the corners may lie apart by qform and sform; a qform is a quaternion of 32-bit floats."""

_ROUNDING = 4e-7
"""How far rounding to 32 bits takes the squares of three numbers, whose sum is at most 1, from their own sum."""

SHEAR = 1e-3
"""The largest cosine between two axes of a grid."""

_HEADER_BYTES = 348
_CHUNK = 1 << 22
_MILLIMETRES = (0, 2)
"""Codes of `xyzt_units` for mm, and for saying nothing, which means mm."""
_FLOATS = {16: "f4", 64: "f8"}
_BYTES = {2: 1, 256: 1, 4: 2, 512: 2, 8: 4, 768: 4, 16: 4, 1024: 8, 1280: 8, 64: 8}
"""Bytes of each kind of value that is taken (`datatype` of nifti1.h): whole and real numbers; no colours."""


def read_checked(path: Path, where: str, *, dimensions: tuple[int, ...], nan_is_empty: bool = False) -> sitk.Image:
    """Read an image after checking its header and its values.

    Parameters
    ----------
    path : Path
        A .nii or .nii.gz file.
    where : str
        What messages call the image; they never hold the path.
    dimensions : tuple of int
        How many it may have; a fourth of length 1 does not count.
    nan_is_empty : bool
        Whether NaN may mark voxels without a value (in a map); they become 0.

    Returns
    -------
    sitk.Image
        The image, with three dimensions where the fourth has length 1.

    Raises
    ------
    MyoT2Error
        The file is missing, damaged, no NIfTI-1 image, too large, of other dimensions, without position or with two
        that contradict each other, or holds values that are no numbers.
    """
    try:
        if not path.stat().st_size:
            raise _problem(where, "a readable NIfTI image", "an empty file", "Copy it anew from its source.")
        _refuse_note(path, where)
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as stream:
            header = _Header(stream.read(_HEADER_BYTES), where)
            header.check(dimensions)
            _check_values(stream, header, nan_is_empty)
    except FileNotFoundError as error:
        raise _problem(where, "an image", "no such file", "Check ingest.dataset and ingest.files.") from error
    except (IsADirectoryError, PermissionError) as error:
        found = "a folder" if isinstance(error, IsADirectoryError) else "a file that may not be read"
        raise _problem(where, "a readable NIfTI image", found, "Give the file, and the right to read it.") from error
    except (gzip.BadGzipFile, EOFError, zlib.error, struct.error) as error:
        raise _problem(where, "a readable NIfTI image", "a damaged file", "Copy it anew from its source.") from error
    image = _read(path, where)
    return image[:, :, :, 0] if image.GetDimension() == 4 and len(header.size) == 3 else image


def _read(path: Path, where: str) -> sitk.Image:
    """The voxels and their place, without the texts of the header (descrip, aux_file), which ITK would hand on."""
    try:
        image = read_image(path)
    except MyoT2Error as error:
        raise _problem(where, "a readable NIfTI image", "a damaged file", "Copy it anew from its source.") from error
    if not np.isfinite(sitk.GetArrayViewFromImage(image)).all():
        raise _problem(where, "finite numbers", "a scaling that gives others", "Export the image again.")
    for key in image.GetMetaDataKeys():
        image.EraseMetaData(key)
    return image


class _Header:
    """The fields that are checked."""

    def __init__(self, head: bytes, where: str):
        self.where = where
        order = next((sign for sign in "<>" if head[:4] == struct.pack(f"{sign}i", _HEADER_BYTES)), None)
        if order is None or len(head) < _HEADER_BYTES or head[344:347] != b"n+1":
            raise _problem(where, "a NIfTI-1 image in one file", "something else", "Convert it to .nii.gz.")
        self.order = order
        count, *size = struct.unpack(f"{order}8h", head[40:56])
        self.size = tuple(size[: max(0, min(count, 7))])
        while len(self.size) > 3 and self.size[-1] == 1:
            self.size = self.size[:-1]
        (self.datatype,) = struct.unpack(f"{order}h", head[70:72])
        self.bytes_per_voxel = _BYTES.get(self.datatype, 0)
        self.pixdim = struct.unpack(f"{order}8f", head[76:108])
        offset = struct.unpack(f"{order}f", head[108:112])[0]
        self.offset = int(offset) if _HEADER_BYTES < offset < _CHUNK else 0
        self.length_unit = head[123] & 7
        self.qform_code, self.sform_code = struct.unpack(f"{order}2h", head[252:256])
        self.quaternion = struct.unpack(f"{order}6f", head[256:280])
        self.sform = np.reshape(struct.unpack(f"{order}12f", head[280:328]), (3, 4)).astype(float)

    @property
    def voxels(self) -> int:
        """The number of values."""
        return int(np.prod([int(length) for length in self.size], dtype=object))

    def check(self, dimensions: tuple[int, ...]) -> None:
        """Refuse what is no image of real numbers, is too large, or has no certain place."""
        self._check_size(dimensions)
        self._check_place()

    def _check_size(self, dimensions: tuple[int, ...]) -> None:
        if len(self.size) not in dimensions or min(self.size, default=0) < 1:
            wanted = " or ".join(map(str, dimensions))
            raise _problem(self.where, f"an image of {wanted} dimensions", f"{len(self.size)}", "Give the right file.")
        if not self.bytes_per_voxel or not self.offset:
            raise _problem(self.where, "real numbers of 8 to 64 bits", "another kind", "Convert it to .nii.gz.")
        if self.voxels > MAX_VOXELS:
            raise _problem(self.where, f"at most {MAX_VOXELS} voxels", f"{self.voxels}", "Give the images of one scan.")

    def _check_place(self) -> None:
        if self.length_unit not in _MILLIMETRES:
            raise _problem(self.where, "lengths in mm", "another unit", "Convert the image again.")
        if self.qform_code <= 0 and self.sform_code <= 0:
            raise _problem(
                self.where, "a position in the scanner", "neither qform nor sform", "Convert the image again."
            )
        turns = self._qforms() if self.qform_code > 0 else []
        places = turns + [self.sform] * (self.sform_code > 0)
        if not all(np.isfinite(place).all() and abs(np.linalg.det(place[:, :3])) > 1e-9 for place in places):
            raise _problem(self.where, "a position in the scanner", "no usable one", "Convert the image again.")
        if any(_shear(place) > SHEAR for place in places):
            raise _problem(self.where, "three axes at right angles", "a sheared grid", "Convert the image again.")
        far = np.array([[*(np.array(pick) * (np.array(self.size[:3]) - 1)), 1] for pick in np.ndindex(2, 2, 2)]).T
        apart = min(np.abs((place - places[-1]) @ far).max() for place in turns or places)
        if apart > POSITION_TOLERANCE_MM:
            raise _problem(
                self.where,
                "qform and sform that agree",
                f"corners {apart:.3g} mm apart",
                "Convert the image again, or set the wrong one of the two to the other.",
            )

    def _qforms(self) -> list[np.ndarray]:
        """The (3, 4) matrices that the quaternion form may mean (nifti1.h, method 2).

        Its first number is not stored but follows from the others, a = sqrt(1 - b^2 - c^2 - d^2): near half a turn the
        rounding of these to 32 bits leaves it open by up to 6e-4, or some tenths of a millimetre at the corners.
        """
        b, c, d, *shift = self.quaternion
        square = 1.0 - (b * b + c * c + d * d)
        low, high = np.sqrt(max(0.0, square - _ROUNDING)), np.sqrt(max(0.0, square) + _ROUNDING)
        handedness = -1.0 if self.pixdim[0] < 0 else 1.0
        scale = np.array([self.pixdim[1], self.pixdim[2], handedness * self.pixdim[3]])
        return [np.column_stack([_rotation(a, b, c, d) * scale, shift]) for a in np.linspace(low, high, 65)]


def _rotation(a: float, b: float, c: float, d: float) -> np.ndarray:
    return np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )


def _shear(place: np.ndarray) -> float:
    """The largest cosine between two axes."""
    axes = place[:, :3] / np.linalg.norm(place[:, :3], axis=0)
    return float(np.abs(axes.T @ axes - np.eye(3)).max())


def _refuse_note(path: Path, where: str) -> None:
    """A dataset that MyoT2 made holds notes in place of the images of a scan that stopped."""
    with open(path, "rb") as file:
        if path.suffix == ".gz" and file.read(2) != b"\x1f\x8b":
            found = "no compressed image (where MyoT2 made the dataset: a note, for the scan stopped)"
            raise _problem(where, "an image", found, "Mend that dataset, or leave the scan out.")


def _check_values(stream: BinaryIO, header: _Header, nan_is_empty: bool) -> None:
    """All values are there and are numbers, and little follows them: a small file can unpack to any length."""
    stream.read(header.offset - _HEADER_BYTES)
    left, wrong = header.voxels * header.bytes_per_voxel, 0
    while left:
        raw = stream.read(min(left, _CHUNK))
        if len(raw) < min(left, _CHUNK):
            raise EOFError
        left -= len(raw)
        if header.datatype in _FLOATS:
            values = np.frombuffer(raw, dtype=header.order + _FLOATS[header.datatype])
            wrong += int((np.isinf(values) if nan_is_empty else ~np.isfinite(values)).sum())
    if wrong:
        raise _problem(header.where, "finite numbers", f"{wrong} that are not", "Export the image again.")
    if len(stream.read(_CHUNK)) == _CHUNK:
        raise _problem(header.where, "as many values as the header states", "more", "Export the image again.")


def _problem(where: str, expected: str, found: str, do: str) -> MyoT2Error:
    return MyoT2Error(expected=expected, found=found, where=where, do=do)
