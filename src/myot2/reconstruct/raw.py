"""Raw k-space of a scan, ready for the inversion: what every reader makes and every reconstruction takes.

Fourier transforms are unitary and centred: frequency zero and position zero lie at index size // 2, and a line k of a
row holds sum over y of image(y) exp(-2 pi i k y / rows) / sqrt(rows), k and y counted from -rows // 2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.fft
import SimpleITK as sitk


@dataclass(frozen=True)
class RawSlice:
    """Sampled lines of one slice: readout transformed, noise white with SD 1 in each of real and imaginary part.

    Attributes
    ----------
    lines : tuple of np.ndarray
        Of each echo, the indices of the sampled phase-encode lines, whole numbers, ascending; the centre of k-space is
        `rows // 2`.
    samples : tuple of np.ndarray
        Of each echo, complex64, shape (lines, coils, columns): k in the lines, image position in the columns.
    repeats : tuple of np.ndarray
        Of each echo, how many readouts a line is the mean of, whole numbers, shape (lines,); the noise of its samples
        has SD 1 / sqrt(repeats).
    calibration : np.ndarray
        Neighbouring lines about the centre of k-space, complex64, shape (coils, lines, columns), k-space both ways,
        centre at size // 2 of both, white noise.
    """

    lines: tuple[np.ndarray, ...]
    samples: tuple[np.ndarray, ...]
    repeats: tuple[np.ndarray, ...]
    calibration: np.ndarray


@dataclass(frozen=True)
class RawScan:
    """All slices of a multi-echo scan, and where they lie.

    Attributes
    ----------
    slices : tuple of RawSlice
        In the order of their place along the slice normal, as the image has them.
    echo_times_ms : np.ndarray
        Shape (echoes,).
    rows, columns : int
        The matrix of a slice along phase encoding and readout, after oversampling of the readout is cropped.
    origin_lps_mm : np.ndarray
        Centre of the first voxel, shape (3,).
    direction : np.ndarray
        Columns: the directions along a row (readout), along a column (phase encoding) and the normal; shape (3, 3).
    spacing_mm : np.ndarray
        Between columns, between rows, between slices; shape (3,).
    facts : dict
        What the header says beside, None where it does not: `tr_ms`, `field_t`, `refocusing_deg`, `vendor`, `model`,
        `protocol`, `slice_thickness_mm`, `dwell_us`, `coils`, `averages`; how the data were made ready: `noise`,
        `calibration`, `virtual_coils`; and `notes`, a list of sentences on what was read leniently.
    """

    slices: tuple[RawSlice, ...]
    echo_times_ms: np.ndarray
    rows: int
    columns: int
    origin_lps_mm: np.ndarray
    direction: np.ndarray
    spacing_mm: np.ndarray
    facts: dict[str, Any] = field(default_factory=dict)

    def image(self, array: np.ndarray) -> sitk.Image:
        """An image on the scan's grid from values of shape (slices, rows, columns)."""
        if array.shape != (len(self.slices), self.rows, self.columns):
            raise ValueError(f"{array.shape} values for {(len(self.slices), self.rows, self.columns)} voxels")
        image = sitk.GetImageFromArray(array)
        image.SetOrigin([float(value) for value in self.origin_lps_mm])
        image.SetDirection([float(value) for value in np.ravel(self.direction)])
        image.SetSpacing([float(value) for value in self.spacing_mm])
        return image


def to_image(values: np.ndarray, axis: int) -> np.ndarray:
    """From frequencies to positions along an axis, unitary and centred."""
    return scipy.fft.fftshift(scipy.fft.ifft(scipy.fft.ifftshift(values, axis), axis=axis, norm="ortho"), axis)


def to_kspace(values: np.ndarray, axis: int) -> np.ndarray:
    """From positions to frequencies along an axis, unitary and centred."""
    return scipy.fft.fftshift(scipy.fft.fft(scipy.fft.ifftshift(values, axis), axis=axis, norm="ortho"), axis)
