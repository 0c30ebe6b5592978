"""From echo images to the sampled lines and back: coil maps and a dense Fourier matrix of the lines of each echo.

The readout is transformed beforehand, so that what is left is a Fourier transform along the rows, of which an
undersampled echo has few lines: a product with a (lines x rows) matrix costs less than a fast transform of all rows.
A line that is the mean of several readouts has less noise; it and its row of the matrix are multiplied by the root of
their number, so that noise is white again. Sums run in a fixed order on one thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from myot2.reconstruct.raw import RawSlice

_BLOCK = 128
_compiled = njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})


@dataclass(frozen=True)
class Encoding:
    """The linear map A from echo images to whitened samples.

    Attributes
    ----------
    maps : np.ndarray
        Coil maps, real and imaginary part apart; 32-bit floats, shape (2, coils, rows, columns).
    factors : tuple of np.ndarray
        Of each echo, sqrt(repeats) exp(-2 pi i k y / rows) / sqrt(rows), k and y from -rows // 2; 32-bit floats,
        shape (2, lines, rows).
    sensitivity : np.ndarray
        Sum over the coils of |map|^2, shape (rows, columns).
    share : np.ndarray
        Of each echo, the readouts over the rows: the mean of A^H A over the frequencies, shape (echoes,).
    """

    maps: np.ndarray
    factors: tuple[np.ndarray, ...]
    sensitivity: np.ndarray
    share: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        """Echoes, rows and columns."""
        return len(self.factors), *self.sensitivity.shape

    def forward(self, images: np.ndarray) -> tuple[np.ndarray, ...]:
        """A x: complex images of shape (echoes, rows, columns) to samples of shape (2, coils, lines, columns) each."""
        return tuple(self._forward(image, factor) for image, factor in zip(images, self.factors, strict=True))

    def adjoint(self, samples: Sequence[np.ndarray]) -> np.ndarray:
        """A^H y: samples to complex images, shape (echoes, rows, columns)."""
        images = np.empty(self.shape, np.complex64)
        for image, factor, of_echo in zip(images, self.factors, samples, strict=True):
            _to_image(of_echo, self.maps, factor, image)
        return images

    def normal(self, images: np.ndarray) -> np.ndarray:
        """A^H A x, complex, shape (echoes, rows, columns)."""
        result = np.empty(self.shape, np.complex64)
        for image, factor, out in zip(images, self.factors, result, strict=True):
            _to_image(self._forward(image, factor), self.maps, factor, out)
        return result

    def residual(self, images: np.ndarray, samples: Sequence[np.ndarray]) -> tuple[float, np.ndarray]:
        """||y - A x||^2 and A^H (y - A x)."""
        result, total = np.empty(self.shape, np.complex64), 0.0
        for image, factor, measured, out in zip(images, self.factors, samples, result, strict=True):
            left = measured - self._forward(image, factor)
            total += float(np.sum(left * left, dtype=np.float64))
            _to_image(left, self.maps, factor, out)
        return total, result

    def _forward(self, image: np.ndarray, factor: np.ndarray) -> np.ndarray:
        out = np.empty((2, self.maps.shape[1], factor.shape[1], image.shape[1]), np.float32)
        _to_samples(image, self.maps, factor, out)
        return out


def encode(raw: RawSlice, maps: np.ndarray) -> tuple[Encoding, tuple[np.ndarray, ...]]:
    """The encoding of a slice, and its samples whitened and laid out for it.

    Parameters
    ----------
    raw : RawSlice
    maps : np.ndarray
        Complex, shape (coils, rows, columns).
    """
    rows = maps.shape[1]
    matrix = fourier_rows(np.arange(rows), rows)
    factors, samples, share = [], [], []
    for lines, of_echo, repeats in zip(raw.lines, raw.samples, raw.repeats, strict=True):
        weight = np.sqrt(np.asarray(repeats, np.float64))
        factors.append(_apart(weight[:, None] * matrix[lines]))
        samples.append(_apart((weight[:, None, None] * of_echo).transpose(1, 0, 2)))
        share.append(np.sum(repeats) / rows)
    sensitivity = (np.abs(maps) ** 2).sum(axis=0).astype(np.float32)
    return Encoding(_apart(maps), tuple(factors), sensitivity, np.array(share, np.float32)), tuple(samples)


def fourier_rows(lines: np.ndarray, rows: int) -> np.ndarray:
    """Rows of the unitary Fourier matrix, frequency and position zero at rows // 2; complex, shape (lines, rows)."""
    y = np.arange(rows) - rows // 2
    return np.exp(-2j * np.pi * np.outer(np.asarray(lines) - rows // 2, y) / rows) / np.sqrt(rows)


def _apart(values: np.ndarray) -> np.ndarray:
    """Real and imaginary part along a first axis, as 32-bit floats."""
    return np.ascontiguousarray(np.stack([values.real, values.imag]), np.float32)


@_compiled
def _to_samples(image, maps, factor, out):
    """Samples (2, coils, lines, columns) of an image."""
    _, coils, rows, columns = maps.shape
    lines = factor.shape[1]
    # four more rows of nothing, so that four at a time are taken
    br, bi = np.zeros((rows + 4, _BLOCK), np.float32), np.zeros((rows + 4, _BLOCK), np.float32)
    cr, ci = np.empty((lines, _BLOCK), np.float32), np.empty((lines, _BLOCK), np.float32)
    fr, fi = np.zeros((lines, rows + 4), np.float32), np.zeros((lines, rows + 4), np.float32)
    fr[:, :rows], fi[:, :rows] = factor[0], factor[1]
    for first in range(0, columns, _BLOCK):
        width = min(_BLOCK, columns - first)
        for coil in range(coils):
            for y in range(rows):
                for x in range(width):
                    sr, si = maps[0, coil, y, first + x], maps[1, coil, y, first + x]
                    vr, vi = image[y, first + x].real, image[y, first + x].imag
                    br[y, x], bi[y, x] = sr * vr - si * vi, sr * vi + si * vr
            _multiply(fr, fi, br, bi, np.float32(1), cr, ci)
            out[0, coil, :, first : first + width] = cr[:, :width]
            out[1, coil, :, first : first + width] = ci[:, :width]


@_compiled
def _to_image(samples, maps, factor, image):
    """The adjoint of `_to_samples`."""
    _, coils, rows, columns = maps.shape
    lines = factor.shape[1]
    br, bi = np.empty((rows, _BLOCK), np.float32), np.empty((rows, _BLOCK), np.float32)
    tr, ti = np.empty((rows, _BLOCK), np.float32), np.empty((rows, _BLOCK), np.float32)
    cr, ci = np.zeros((lines + 4, _BLOCK), np.float32), np.zeros((lines + 4, _BLOCK), np.float32)
    fr, fi = np.zeros((rows, lines + 4), np.float32), np.zeros((rows, lines + 4), np.float32)
    fr[:, :lines], fi[:, :lines] = factor[0].T, factor[1].T
    for first in range(0, columns, _BLOCK):
        width = min(_BLOCK, columns - first)
        tr[:], ti[:] = 0, 0
        for coil in range(coils):
            cr[:lines, :width] = samples[0, coil, :, first : first + width]
            ci[:lines, :width] = samples[1, coil, :, first : first + width]
            _multiply(fr, fi, cr, ci, np.float32(-1), br, bi)
            for y in range(rows):
                for x in range(width):
                    sr, si = maps[0, coil, y, first + x], maps[1, coil, y, first + x]
                    tr[y, x] += sr * br[y, x] + si * bi[y, x]
                    ti[y, x] += sr * bi[y, x] - si * br[y, x]
        for y in range(rows):
            for x in range(width):
                image[y, first + x] = complex(tr[y, x], ti[y, x])


@_compiled
def _multiply(fr, fi, br, bi, sign, cr, ci):
    """c = f b for the real parts fr, br, cr and imaginary parts sign fi, bi, ci; four columns of f at a time."""
    for n in range(cr.shape[0]):
        for x in range(_BLOCK):
            cr[n, x], ci[n, x] = 0, 0
        for k in range(0, fr.shape[1] - 3, 4):
            f0, f1, f2, f3 = fr[n, k], fr[n, k + 1], fr[n, k + 2], fr[n, k + 3]
            g0, g1, g2, g3 = sign * fi[n, k], sign * fi[n, k + 1], sign * fi[n, k + 2], sign * fi[n, k + 3]
            for x in range(_BLOCK):
                b0, b1, b2, b3 = br[k, x], br[k + 1, x], br[k + 2, x], br[k + 3, x]
                d0, d1, d2, d3 = bi[k, x], bi[k + 1, x], bi[k + 2, x], bi[k + 3, x]
                cr[n, x] += f0 * b0 - g0 * d0 + f1 * b1 - g1 * d1 + f2 * b2 - g2 * d2 + f3 * b3 - g3 * d3
                ci[n, x] += f0 * d0 + g0 * b0 + f1 * d1 + g1 * b1 + f2 * d2 + g2 * b2 + f3 * d3 + g3 * b3
