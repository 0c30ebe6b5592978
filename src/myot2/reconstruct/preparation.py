"""From readouts to a scan that is ready for inversion.

In this order: noise is made white, the echo placed, the readout transformed, its oversampling cropped, averages are
taken, coils compressed. Lines are never filled in or moved, and the sampling pattern is what the readouts say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from myot2.core.errors import MyoT2Error
from myot2.reconstruct import sorting
from myot2.reconstruct.coil_compression import compression
from myot2.reconstruct.columns import cropped, image_columns, placed, sampled_about_centre
from myot2.reconstruct.noise import NoiseScan, noise_at_edges, whitening
from myot2.reconstruct.placement import place
from myot2.reconstruct.raw import RawScan, RawSlice, to_kspace
from myot2.reconstruct.readouts import DEFAULT_NOISE_BANDWIDTH, Readouts

_AT_ONCE_BYTES = 1 << 24


@dataclass(frozen=True)
class Preparation:
    """What a person may choose.

    Attributes
    ----------
    virtual_coils : int
        To how many coils at most the coils of a slice are compressed.
    echo_times_ms : tuple of float
        Instead of those of the header; empty: the header's.
    missing_lines : bool
        Take a scan of which lines are missing that its pattern has elsewhere.
    noise_beside_body : bool
        Without a noise scan, measure noise in the oversampled part of the readout, beside the body.
    repetition : int, optional
        Which of several repetitions.
    """

    virtual_coils: int = 12
    echo_times_ms: tuple[float, ...] = ()
    missing_lines: bool = False
    noise_beside_body: bool = False
    repetition: int | None = None


AS_IT_IS = Preparation()
"""Everything by the file."""


def make_ready(readouts: Readouts, noise: NoiseScan | None, preparation: Preparation = AS_IT_IS) -> RawScan:
    """Sort, whiten, transform, crop, average and compress all readouts of a scan.

    Raises
    ------
    MyoT2Error
        The readouts do not make one Cartesian two-dimensional multi-echo scan, or noise is not known.
    """
    imaging = sorting.imaging_rows(readouts, preparation.repetition)
    times = _echo_times(readouts, imaging, preparation)
    sorting.require_distinct(readouts, imaging)
    sorting.require_all_slices(readouts, imaging)
    sorting.require_all_echoes(readouts, imaging, len(times))
    if not preparation.missing_lines:
        sorting.require_all_lines(readouts, imaging)
    calibration = sorting.calibration_rows(readouts, imaging)
    encoding = sorting.encoding_of(readouts, imaging[0])
    placement = place(readouts, imaging, encoding.kept)
    made_of, noise = _noise(readouts, imaging, noise, preparation)
    slices = tuple(
        _slice(
            readouts, imaging[imaging["slice"] == index], calibration[calibration["slice"] == index], noise, preparation
        )
        for index in placement.order
    )
    facts = _facts(readouts, imaging, calibration) | {"noise": made_of, "virtual_coils": len(slices[0].calibration)}
    return RawScan(
        slices=slices,
        echo_times_ms=times,
        rows=encoding.rows,
        columns=encoding.kept,
        origin_lps_mm=placement.origin_lps_mm,
        direction=placement.direction,
        spacing_mm=placement.spacing_mm,
        facts=facts,
    )


def _slice(readouts: Readouts, imaging: np.ndarray, reference: np.ndarray, noise: NoiseScan, preparation: Preparation):
    calibration = _calibration(readouts, imaging[0], reference, noise)
    fewer = compression(calibration, preparation.virtual_coils)
    white = (fewer @ _whitening(readouts, noise, imaging[0])).astype(np.complex64)
    lines, samples, repeats = [], [], []
    for echo in np.unique(imaging["echo"]):
        of_echo = imaging[imaging["echo"] == echo]
        rows, counts, values = _averaged(readouts, of_echo, white)
        lines.append(rows)
        repeats.append(counts)
        samples.append(values)
    fewer = fewer.astype(np.complex64)
    calibration = np.ascontiguousarray(np.tensordot(fewer, calibration, 1))
    return RawSlice(tuple(lines), tuple(samples), tuple(repeats), calibration)


def _averaged(readouts: Readouts, rows: np.ndarray, white: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lines, how many readouts each is the mean of, and the samples (lines, coils, columns)."""
    lines, of_line, counts = np.unique(rows["line"], return_inverse=True, return_counts=True)
    encoding = sorting.encoding_of(readouts, rows[0])
    total = np.zeros((len(lines), len(white), encoding.kept), np.complex64)
    for picked, images in _image_columns(readouts, rows, white):
        np.add.at(total, of_line[picked], cropped(images, encoding.kept))
    total /= counts[:, None, None].astype(np.float32)
    return lines.astype(np.int64), counts.astype(np.int64), total


def _image_columns(readouts: Readouts, rows: np.ndarray, white: np.ndarray):
    """Which rows, and their whitened image columns with oversampling, some at a time."""
    each = int(rows["coils"][0]) * int(rows["samples"][0]) * 8
    step = max(1, _AT_ONCE_BYTES // each)
    for reverse in (False, True):
        of_kind = np.flatnonzero(rows["reverse"] == reverse)
        for first in range(0, len(of_kind), step):
            picked = of_kind[first : first + step]
            # one large product: many small ones would wake the threads of BLAS each time
            values = np.moveaxis(np.tensordot(white, readouts.samples(rows[picked]), (1, 1)), 0, 1)
            encoding = sorting.encoding_of(readouts, rows[picked[0]])
            yield picked, image_columns(placed(readouts, rows[picked[0]], values, encoding))


def _calibration(readouts: Readouts, image: np.void, rows: np.ndarray, noise: NoiseScan) -> np.ndarray:
    """Whitened calibration k-space (coils, lines, columns), of the field of view of the image."""
    encoding, own = sorting.encoding_of(readouts, image), sorting.encoding_of(readouts, rows[0])
    field = encoding.kept * encoding.fov_mm[0] / encoding.columns, encoding.fov_mm[1]
    own_field = own.kept * own.fov_mm[0] / own.columns, own.fov_mm[1]
    if np.abs(np.divide(own_field, field) - 1).max() > 0.01:
        raise readouts.refuse(
            rows[0],
            expected=f"calibration with the field of view of the image, {field[0]:.0f} x {field[1]:.0f} mm",
            found=f"{own_field[0]:.0f} x {own_field[1]:.0f} mm",
            do="Scan the reference with the same field of view; it is not resampled here.",
        )
    # one kind of readout at a time, as imaging readouts are
    kinds = np.unique(rows[["samples", "centre", "first", "last", "dwell_us"]][~rows["reverse"]])
    if len(kinds) > 1:
        expected, do = "calibration readouts of one length and dwell time", "Convert again."
        raise readouts.refuse(rows[0], expected=expected, found=f"{len(kinds)} kinds", do=do)
    white = _whitening(readouts, noise, rows[0]).astype(np.complex64)
    _, _, samples = _averaged(readouts, rows, white)
    inside = min(sampled_about_centre(row, own) for row in rows)
    kspace = to_kspace(samples, 2).transpose(1, 0, 2)
    return np.ascontiguousarray(cropped(kspace, min(own.kept, inside * own.kept // own.columns)))


def _whitening(readouts: Readouts, noise: NoiseScan, row: np.void) -> np.ndarray:
    told = readouts.header.noise_bandwidth
    return whitening(noise, float(row["dwell_us"]), DEFAULT_NOISE_BANDWIDTH if told is None else told)


def _noise(
    readouts: Readouts, imaging: np.ndarray, noise: NoiseScan | None, preparation: Preparation
) -> tuple[str, NoiseScan]:
    coils = int(imaging["coils"][0])
    if noise is not None:
        _require_same_coils(readouts, noise, coils)
        return "noise scan", noise
    if not preparation.noise_beside_body:
        raise readouts.refuse(
            None,
            expected="a noise scan (ACQ_IS_NOISE_MEASUREMENT), in the file or beside it",
            found="none",
            do="Give the noise measurement's file, or allow noise to be measured beside the body.",
        )
    last = imaging[imaging["echo"] == imaging["echo"].max()]
    last = last[last["reverse"] == last["reverse"][0]]
    # spread over the slices; some thousand columns in all are enough
    last = last[:: max(1, len(last) // 256)]
    images = np.concatenate([part for _, part in _image_columns(readouts, last, np.eye(coils, dtype=np.complex64))])
    return "beside the body", noise_at_edges(readouts, last, images)


def _require_same_coils(readouts: Readouts, noise: NoiseScan, coils: int) -> None:
    mine, theirs = readouts.header.coil_names, noise.coil_names
    named = len(mine) == coils and len(theirs) == noise.coils
    if noise.coils != coils or (named and mine != theirs):
        other = next((f"{b} for {a}" for a, b in zip(mine, theirs, strict=False) if a != b), "")
        raise MyoT2Error(
            expected=f"a noise scan of the {coils} coils of {readouts.where}",
            found=f"{noise.coils} coils" if noise.coils != coils else f"other coils ({other})",
            where=noise.where,
            do="Give the noise measurement of the same examination and coils.",
        )


def _echo_times(readouts: Readouts, imaging: np.ndarray, preparation: Preparation) -> np.ndarray:
    given = preparation.echo_times_ms
    times = np.array(given or readouts.header.echo_times_ms, float)
    counted = int(imaging["echo"].max()) + 1
    expected = len(given) if given else readouts.header.echoes or counted
    if len(times) < max(expected, counted) and not given:
        raise readouts.refuse(
            None,
            expected=f"an echo time for each of the {max(expected, counted)} echoes",
            found=f"{len(times)} in the header (sequenceParameters/TE)",
            do="Give the echo times.",
        )
    times = times[:expected]
    if not (np.isfinite(times).all() and (times > 0).all() and (np.diff(times) > 0).all()):
        found = ", ".join(f"{time:g}" for time in times) + " ms"
        raise readouts.refuse(
            None, expected="echo times that rise from above 0", found=found, do="Give the echo times."
        )
    return times


def _facts(readouts: Readouts, imaging: np.ndarray, calibration: np.ndarray) -> dict:
    header, encoding = readouts.header, sorting.encoding_of(readouts, imaging[0])
    notes = list(header.notes)
    if header.noise_bandwidth is None:
        notes.append(f"noise bandwidth of the receiver not told: {DEFAULT_NOISE_BANDWIDTH}")
    if not imaging["dwell_us"][0]:
        notes.append("time per sample not told: noise taken as that of the noise scan")
    if not calibration["calibration"].all():
        notes.append("no calibration flagged: neighbouring lines about the centre of k-space serve")
    kind = "separate" if not calibration["imaging"].any() else "embedded"
    return header.facts | {
        "slice_thickness_mm": encoding.fov_mm[2],
        "dwell_us": float(imaging["dwell_us"][0]) or None,
        "coils": int(imaging["coils"][0]),
        "averages": int(np.unique(imaging["average"]).size),
        "calibration": f"{kind}, {len(np.unique(calibration['line']))} lines",
        "notes": notes,
    }
