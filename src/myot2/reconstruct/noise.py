"""The noise of the receive coils, and the matrix that makes it white."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from myot2.reconstruct.readouts import Readouts


@dataclass(frozen=True)
class NoiseScan:
    """What a scan without signal tells.

    Attributes
    ----------
    covariance : np.ndarray
        Of the coils, complex, Hermitian, shape (coils, coils): mean of n n^H / 2, the variance of one part.
    dwell_us : float
        Time per sample; 0 where the file does not tell.
    coil_names : tuple of str
        Empty where the file does not tell.
    where : str
    """

    covariance: np.ndarray
    dwell_us: float
    coil_names: tuple[str, ...]
    where: str

    @property
    def coils(self) -> int:
        """Number of coils."""
        return len(self.covariance)


def measure_noise(readouts: Readouts) -> NoiseScan | None:
    """The noise scan of a file, None where it has none.

    Raises
    ------
    MyoT2Error
        Its readouts have no samples, differ in coils or dwell time, hold NaN, or are too few to tell a covariance.
    """
    rows = readouts.table[readouts.table["noise"]]
    if not len(rows):
        return None
    first = rows[0]
    for row in rows[(rows["samples"] < 1) | (rows["coils"] < 1)]:
        raise readouts.refuse(row, expected="samples", found="a noise readout without any", do="Convert again.")
    for row in rows[(rows["coils"] != first["coils"]) | (rows["dwell_us"] != first["dwell_us"])]:
        found = f"{row['coils']} coils at {row['dwell_us']:g} us after {first['coils']} at {first['dwell_us']:g} us"
        raise readouts.refuse(row, expected="noise readouts of one kind", found=found, do="Give one noise scan.")
    total, count = np.zeros((first["coils"], first["coils"]), np.complex128), 0
    for size in np.unique(rows["samples"]):
        values = readouts.samples(rows[rows["samples"] == size]).astype(np.complex128)
        total += np.einsum("rcs,rds->cd", values, values.conj(), optimize=True)
        count += values.shape[0] * values.shape[2]
    return NoiseScan(
        _covariance(readouts, total, count), float(first["dwell_us"]), readouts.header.coil_names, readouts.where
    )


def noise_at_edges(readouts: Readouts, rows: np.ndarray, images: np.ndarray) -> NoiseScan:
    """The noise beside the field of view, where readout oversampling sees no body.

    Parameters
    ----------
    readouts : Readouts
    rows : np.ndarray
        The readouts of `images`.
    images : np.ndarray
        Readouts after the Fourier transform, with their oversampling; complex64, shape (readouts, coils, columns).

    Raises
    ------
    MyoT2Error
        The readout is oversampled less than 1.5-fold, or there are too few samples.
    """
    encoding, columns = readouts.header.encodings[rows["encoding"][0]], images.shape[2]
    from_centre = np.abs(np.arange(columns) - columns // 2) / columns
    # 5 % beyond the field, for what of the body lies outside it; the receiver's filter falls in the last tenth
    beside = (from_centre > encoding.kept / columns / 2 + 0.025) & (from_centre < 0.4)
    if columns < 1.5 * encoding.kept:
        found = f"{columns} columns encoded for {encoding.kept}"
        expected = "a readout oversampled at least 1.5-fold, to see noise beside the body"
        raise readouts.refuse(None, expected=expected, found=found, do="Give a noise scan.")
    values = images[:, :, beside].astype(np.complex128)
    total = np.einsum("rcs,rds->cd", values, values.conj(), optimize=True)
    covariance = _covariance(readouts, total, values.shape[0] * values.shape[2])
    return NoiseScan(covariance, 0.0, readouts.header.coil_names, readouts.where)


def whitening(noise: NoiseScan, dwell_us: float, bandwidth: float) -> np.ndarray:
    """The matrix that turns samples into ones whose noise is white with SD 1 in each part; shape (coils, coils).

    Noise of a readout is that of the noise scan times dwell of the noise scan over dwell of the readout, and more by
    the share of the receiver's band in which the noise scan saw noise (Kellman and McVeigh, doi:10.1002/mrm.20713,
    with its erratum).

    Parameters
    ----------
    noise : NoiseScan
    dwell_us : float
        Of the readout; where it or the noise scan's is 0, unknown, they count as equal and the bandwidth as 1.
    bandwidth : float
        Relative noise bandwidth of the receiver, above 0 to 1.
    """
    scale = dwell_us / noise.dwell_us * bandwidth if dwell_us and noise.dwell_us else 1.0
    return np.linalg.inv(np.linalg.cholesky(noise.covariance)) * np.sqrt(scale)


def _covariance(readouts: Readouts, total: np.ndarray, count: int) -> np.ndarray:
    if count < 10 * len(total):
        found = f"{count} samples for {len(total)} coils"
        raise readouts.refuse(
            None,
            expected="noise samples at least ten times as many as coils",
            found=found,
            do="Give a longer noise scan.",
        )
    covariance = total / (2 * count)
    power = np.linalg.eigvalsh(covariance)
    if power[0] <= 1e-9 * power[-1]:
        raise readouts.refuse(
            None,
            expected="noise in every coil",
            found="a coil without noise, or two that are one",
            do="Leave out dead coils when converting, or give the right noise scan.",
        )
    return covariance
