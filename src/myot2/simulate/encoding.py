"""How a DICOM object is written to a file: transfer syntaxes, and files that leave the header of PS3.10 out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLSLossless,
    RLELossless,
)

Encoding = Callable[[Dataset, Path], None]
"""Writes an object, whose pixels are little-endian words, to a file that is not there yet."""

EncodeFrame = Callable[[np.ndarray, int], bytes]
"""From the stored values of a frame and the number of bits used to a compressed stream."""


def write_explicit(dataset: Dataset, path: Path) -> None:
    """Explicit VR little endian, as scanners write."""
    _write(dataset, path, ExplicitVRLittleEndian)


def write_implicit(dataset: Dataset, path: Path) -> None:
    """Implicit VR little endian, as archives send: private elements lose their value representation."""
    _write(dataset, path, ImplicitVRLittleEndian)


def write_big_endian(dataset: Dataset, path: Path) -> None:
    """Explicit VR big endian (retired, and still in archives); pixels are swapped too."""
    dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    _write(dataset, path, ExplicitVRBigEndian)


def write_bare(dataset: Dataset, path: Path) -> None:
    """The data set alone, implicit VR: no preamble and no word on how it is written."""
    del dataset.file_meta
    pydicom.dcmwrite(path, dataset, implicit_vr=True, little_endian=True, overwrite=False)


def compressor(syntax: UID, encode: EncodeFrame) -> Encoding:
    """An encoding that compresses every frame with `encode`."""

    def write(dataset: Dataset, path: Path) -> None:
        frames = np.frombuffer(dataset.PixelData, "<i2" if dataset.PixelRepresentation else "<u2")
        frames = frames.reshape(-1, dataset.Rows, dataset.Columns)
        dataset.PixelData = encapsulate([encode(frame, dataset.BitsStored) for frame in frames])
        dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
        _write(dataset, path, syntax)

    return write


def write_rle(dataset: Dataset, path: Path) -> None:
    """RLE, lossless."""
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.compress(RLELossless, generate_instance_uid=False)
    _write(dataset, path, RLELossless)


def _write(dataset: Dataset, path: Path, syntax: UID) -> None:
    dataset.file_meta.TransferSyntaxUID = syntax
    pydicom.dcmwrite(path, dataset, enforce_file_format=True, overwrite=False)


EXPLICIT: Encoding = write_explicit

ENCODINGS: dict[str, Encoding] = {
    "explicit": EXPLICIT,
    "implicit": write_implicit,
    "big-endian": write_big_endian,
    "bare": write_bare,
    "rle": write_rle,
    "jpeg-lossless": compressor(
        JPEGLossless, lambda frame, bits: imagecodecs.ljpeg_encode(frame.astype(np.uint16), bitspersample=bits)
    ),
    "jpeg-ls": compressor(JPEGLSLossless, lambda frame, _: imagecodecs.jpegls_encode(frame.astype(np.uint16))),
    "jpeg-2000": compressor(
        JPEG2000Lossless,
        lambda frame, bits: imagecodecs.jpeg2k_encode(
            frame, level=0, reversible=True, codecformat="j2k", bitspersample=bits
        ),
    ),
}
