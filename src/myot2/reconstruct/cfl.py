"""BART's arrays on disk: NAME.hdr, up to 16 dimensions in text; NAME.cfl, complex 32-bit floats, first index fastest.

BART's dimensions that are used here: 0 readout, 1 phase encoding, 3 coils, 5 echoes, 13 slices. Its arrays know neither
place nor noise nor echo times: a scan exported to it loses them, and a scan read from it gets them from the caller.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from myot2.core.errors import MyoT2Error
from myot2.core.files import atomic, write_text
from myot2.core.stopnote import raise_if_stopped
from myot2.reconstruct.raw import RawScan, RawSlice, to_image, to_kspace

READOUT, LINES, COILS, ECHOES, SLICES = 0, 1, 3, 5, 13
_DIMENSIONS = 16
_PAIR = "Give the two files that BART wrote, NAME.hdr and NAME.cfl, by NAME."


def write_cfl(name: str | Path, array: np.ndarray) -> None:
    """Write an array of up to 16 dimensions as NAME.cfl and NAME.hdr; complex64, so that 64-bit values are rounded."""
    name = Path(name)
    if array.ndim > _DIMENSIONS:
        raise ValueError(f"{array.ndim} dimensions; BART has {_DIMENSIONS}")
    shape = [*array.shape, *[1] * (_DIMENSIONS - array.ndim)]
    with atomic(_beside(name, "cfl")) as temporary:
        np.asarray(array, np.complex64).ravel("F").tofile(temporary)
    write_text(_beside(name, "hdr"), "# Dimensions\n" + " ".join(map(str, shape)) + "\n")


def read_cfl(name: str | Path) -> np.ndarray:
    """Read NAME.cfl and NAME.hdr: complex64, 16 dimensions.

    Raises
    ------
    Stopped
        A file holds a stop note.
    MyoT2Error
        A file is missing, the header has no dimensions, or the data are not as many.
    """
    name = Path(name)
    header, data = _beside(name, "hdr"), _beside(name, "cfl")
    for path in (header, data):
        raise_if_stopped(path)
        if not path.is_file():
            raise MyoT2Error(expected="a BART array", found="no such file", where=path, do=_PAIR)
    shape = _dimensions(header)
    values = np.fromfile(data, np.complex64)
    if data.stat().st_size != 8 * int(np.prod(shape)):
        found = f"{data.stat().st_size} bytes"
        expected = f"{8 * int(np.prod(shape))} bytes, as the header's dimensions {' x '.join(map(str, shape))} need"
        raise MyoT2Error(expected=expected, found=found, where=data, do="Copy both files again.")
    return values.reshape(shape, order="F")


def kspace_array(scan: RawScan) -> np.ndarray:
    """K-space of a scan for BART, lines that were not sampled 0; complex64, 16 dimensions.

    Readout and phase encoding are frequencies, unitary and centred as BART has them; samples are white with SD 1, those
    of averaged lines multiplied by the root of their number.
    """
    coils = scan.slices[0].samples[0].shape[1]
    shape = _shape(scan, coils=coils, echoes=len(scan.echo_times_ms))
    result = np.zeros(shape, np.complex64)
    for index, of_slice in enumerate(scan.slices):
        for echo, (lines, samples, repeats) in enumerate(
            zip(of_slice.lines, of_slice.samples, of_slice.repeats, strict=True)
        ):
            values = to_kspace(samples, 2) * np.sqrt(repeats).astype(np.float32)[:, None, None]
            _of(result, index, echo)[:, lines] = values.transpose(2, 0, 1)
    return result


def calibration_array(scan: RawScan) -> np.ndarray:
    """Calibration of a scan for BART on the scan's matrix, 0 beyond it; complex64, 16 dimensions."""
    result = np.zeros(_shape(scan, coils=len(scan.slices[0].calibration), echoes=1), np.complex64)
    for index, of_slice in enumerate(scan.slices):
        _, lines, columns = of_slice.calibration.shape
        first, left = scan.rows // 2 - lines // 2, scan.columns // 2 - columns // 2
        values = of_slice.calibration.transpose(2, 1, 0)
        _of(result, index, 0)[left : left + columns, first : first + lines] = values
    return result


def scan_of_arrays(
    kspace: np.ndarray,
    calibration: np.ndarray,
    *,
    echo_times_ms: tuple[float, ...],
    noise_sd: float,
    origin_lps_mm: np.ndarray,
    direction: np.ndarray,
    spacing_mm: np.ndarray,
    where: str,
) -> RawScan:
    """A scan from BART's arrays: `kspace` and `calibration` as `kspace_array` and `calibration_array` make them.

    Lines that are 0 in all coils and columns were not sampled. Noise is to be white between coils already.

    Parameters
    ----------
    kspace, calibration : np.ndarray
    echo_times_ms : tuple of float
    noise_sd : float
        Of the noise in each of real and imaginary part.
    origin_lps_mm, direction, spacing_mm : np.ndarray
        As `myot2.reconstruct.raw.RawScan` has them.
    where : str
        For messages.

    Raises
    ------
    MyoT2Error
        Other dimensions are used, the arrays do not fit together, an echo has no line, or values are not finite.
    """
    kspace, calibration = (
        array.reshape(array.shape + (1,) * (_DIMENSIONS - array.ndim)) for array in (kspace, calibration)
    )
    _require_dimensions(kspace, calibration, len(echo_times_ms), where)
    columns, rows = kspace.shape[:2]
    slices = tuple(
        _slice_of(kspace, calibration, index, np.float32(noise_sd), where) for index in range(kspace.shape[SLICES])
    )
    facts = {"coils": kspace.shape[COILS], "noise": "as given", "calibration": "separate", "notes": []}
    return RawScan(
        slices,
        np.array(echo_times_ms, float),
        rows,
        columns,
        np.asarray(origin_lps_mm, float),
        np.asarray(direction, float).reshape(3, 3),
        np.asarray(spacing_mm, float),
        facts,
    )


def _slice_of(kspace: np.ndarray, calibration: np.ndarray, index: int, noise_sd: np.float32, where: str) -> RawSlice:
    lines, samples = [], []
    for echo in range(kspace.shape[ECHOES]):
        values = _of(kspace, index, echo)
        sampled = np.flatnonzero(np.abs(values).max(axis=(0, 2)) > 0)
        if not len(sampled):
            expected, found = "lines of every echo", f"none of echo {echo} in slice {index} (counted from 0)"
            raise MyoT2Error(expected=expected, found=found, where=where, do="Give the whole array.")
        lines.append(sampled)
        columns = to_image(values[:, sampled].transpose(1, 2, 0), 2)
        samples.append((columns / noise_sd).astype(np.complex64))
    repeats = tuple(np.ones(len(of_echo), np.int64) for of_echo in lines)
    reference = _support(_of(calibration, index, 0).transpose(2, 1, 0), where) / noise_sd
    return RawSlice(tuple(lines), tuple(samples), repeats, reference)


def _require_dimensions(kspace: np.ndarray, calibration: np.ndarray, echoes: int, where: str) -> None:
    used = {READOUT, LINES, COILS, ECHOES, SLICES}
    for array, what in ((kspace, "k-space"), (calibration, "calibration")):
        more = [number for number, size in enumerate(array.shape) if size > 1 and number not in used]
        if more:
            expected = "dimensions 0, 1, 3, 5 and 13 only (readout, lines, coils, echoes, slices)"
            found = f"{what} with {array.shape[more[0]]} in dimension {more[0]}"
            raise MyoT2Error(expected=expected, found=found, where=where, do="Permute it with `bart transpose`.")
        if not np.isfinite(array.view(np.float32)).all():
            raise MyoT2Error(expected="finite values", found=f"NaN in the {what}", where=where, do="Write it again.")
    if kspace.shape[ECHOES] != echoes:
        expected, found = f"{echoes} echoes, as there are echo times", f"{kspace.shape[ECHOES]} in dimension 5"
        raise MyoT2Error(expected=expected, found=found, where=where, do="Give one echo time per echo.")
    same = (READOUT, LINES, COILS, SLICES)
    if any(kspace.shape[number] != calibration.shape[number] for number in same):
        sizes = ["x".join(str(array.shape[number]) for number in same) for array in (kspace, calibration)]
        expected = f"calibration on the matrix of the k-space, {sizes[0]} (columns, lines, coils, slices)"
        raise MyoT2Error(expected=expected, found=sizes[1], where=where, do="Pad it with `bart resize -c`.")


def _support(values: np.ndarray, where: str) -> np.ndarray:
    """The part about the centre that is not 0, shape (coils, lines, columns)."""
    for axis in (1, 2):
        others = tuple(number for number in range(3) if number != axis)
        filled = np.flatnonzero(np.abs(values).max(axis=others) > 0)
        centre = values.shape[axis] // 2
        if not len(filled) or not filled[0] <= centre <= filled[-1]:
            found = "none there"
            raise MyoT2Error(expected="calibration about the centre", found=found, where=where, do="Give calibration.")
        before, after = centre - filled[0], filled[-1] - centre
        half = min(before, after + 1)
        first, end = (centre - half, centre + half) if half > min(before, after) else (centre - half, centre + half + 1)
        values = values.take(np.arange(first, end), axis=axis)
    return np.ascontiguousarray(values)


def _of(array: np.ndarray, index: int, echo: int) -> np.ndarray:
    """A view (readout, lines, coils) of one slice and echo."""
    return array[:, :, 0, :, 0, echo, 0, 0, 0, 0, 0, 0, 0, index, 0, 0]


def _shape(scan: RawScan, *, coils: int, echoes: int) -> tuple[int, ...]:
    shape = [1] * _DIMENSIONS
    shape[READOUT], shape[LINES], shape[COILS] = scan.columns, scan.rows, coils
    shape[ECHOES], shape[SLICES] = echoes, len(scan.slices)
    return tuple(shape)


def _dimensions(header: Path) -> tuple[int, ...]:
    lines = header.read_text(encoding="utf-8", errors="replace").splitlines()
    at = next((number for number, line in enumerate(lines) if line.strip() == "# Dimensions"), None)
    words = lines[at + 1].split() if at is not None and at + 1 < len(lines) else []
    if not words or not all(word.isdigit() and int(word) > 0 for word in words) or len(words) > _DIMENSIONS:
        found = " ".join(words)[:60] or "none"
        expected = f"up to {_DIMENSIONS} dimensions after the line '# Dimensions'"
        raise MyoT2Error(expected=expected, found=found, where=header, do=_PAIR)
    sizes = [int(word) for word in words]
    return tuple(sizes + [1] * (_DIMENSIONS - len(sizes)))


def _beside(name: Path, suffix: str) -> Path:
    return name.with_name(f"{name.name}.{suffix}")
