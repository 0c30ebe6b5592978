"""Receive maps of the coils from calibration lines: ESPIRiT (Uecker et al. 2014, doi:10.1002/mrm.24751), one set.

Patches of calibration k-space lie in a space of few dimensions. The operator that projects all patches of a k-space
onto it acts in the image as one small Hermitian matrix per voxel, whose eigenvector of eigenvalue 1 is the coils'
sensitivities there. The matrices of all voxels are a Fourier sum over few shifts, (2 kernel - 1)^2, which is evaluated
as two small matrix products; the eigenvectors by power iteration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

KERNEL = 6
"""Patches are so many lines by so many columns."""
REGION = 24
"""Lines and columns about the centre that are used: more cost time and add noise."""
THRESHOLD = 0.02
"""Singular values of the patches, as a part of the largest, below which they are noise."""

_MOST_ITERATIONS = 60
_CONVERGED = 1e-7
_compiled = njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})


@dataclass(frozen=True)
class CoilMaps:
    """Relative sensitivities.

    Attributes
    ----------
    maps : np.ndarray
        Complex64, shape (coils, rows, columns); the squares of a voxel's coils sum to 1. The phase is that against the
        strongest component of the calibration, so that it is smooth where that component has signal.
    eigenvalue : np.ndarray
        32-bit floats, shape (rows, columns): near 1 where the maps explain the calibration, lower in air and where two
        places fold onto one.
    """

    maps: np.ndarray
    eigenvalue: np.ndarray


def coil_maps(calibration: np.ndarray, shape: tuple[int, int], *, threshold: float = THRESHOLD) -> CoilMaps:
    """The maps of one slice.

    Parameters
    ----------
    calibration : np.ndarray
        K-space about its centre (size // 2), complex, shape (coils, lines, columns), at least 12 lines and columns.
    shape : tuple of int
        Rows and columns of the image.
    threshold : float
        See `THRESHOLD`.

    Raises
    ------
    ValueError
        The calibration is smaller, or zero throughout.
    """
    if min(calibration.shape[1:]) < 2 * KERNEL:
        raise ValueError(f"calibration of at least {2 * KERNEL} lines and columns, not {calibration.shape[1:]}")
    centre = _middle(calibration).astype(np.complex128)
    if not np.abs(centre).max() > 0:
        raise ValueError("calibration without signal")
    kernels = _row_space(centre, threshold)
    packed = _voxel_matrices(kernels, shape)
    maps, eigenvalue = _strongest(packed, len(calibration), _MOST_ITERATIONS, _CONVERGED)
    flat = centre.reshape(len(centre), -1)
    reference = np.linalg.eigh(flat @ flat.conj().T)[1][:, -1].astype(np.complex64)
    against = np.tensordot(reference.conj(), maps, 1)
    size = np.abs(against)
    turn = np.divide(against.conj(), size, out=np.ones_like(against), where=size > 0)
    return CoilMaps(maps * turn, eigenvalue)


def _middle(calibration: np.ndarray) -> np.ndarray:
    result = calibration
    for axis in (1, 2):
        size = result.shape[axis]
        count = min(REGION, size)
        first = size // 2 - count // 2
        result = result.take(np.arange(first, first + count), axis=axis)
    return result


def _row_space(centre: np.ndarray, threshold: float) -> np.ndarray:
    """An orthonormal basis of the patches, shape (coils, KERNEL, KERNEL, dimensions)."""
    coils = len(centre)
    windows = np.lib.stride_tricks.sliding_window_view(centre, (KERNEL, KERNEL), axis=(1, 2))
    patches = windows.transpose(0, 3, 4, 1, 2).reshape(coils * KERNEL**2, -1)
    power, vectors = np.linalg.eigh(patches @ patches.conj().T)
    kept = power > threshold**2 * power[-1]
    return vectors[:, kept].reshape(coils, KERNEL, KERNEL, -1)


def _voxel_matrices(kernels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The upper triangles of the voxels' matrices, complex64, shape (rows, columns, coils (coils + 1) / 2)."""
    shifts = 2 * KERNEL - 1
    spectrum = np.fft.fft2(kernels, (shifts, shifts), axes=(1, 2)).transpose(1, 2, 0, 3)
    # the correlation theorem: pairs of kernels, shifted against one another
    first, second = np.triu_indices(len(kernels))
    pairs = np.matmul(spectrum, spectrum.conj().swapaxes(2, 3))[:, :, first, second]
    taps = np.fft.fftshift(np.fft.ifft2(pairs, axes=(0, 1)), axes=(0, 1)) / KERNEL**2
    by_rows, by_columns = (_fourier(size, shifts) for size in shape)
    # (columns, shifts) by (shifts, shifts, pairs), then (rows, shifts)
    across = np.matmul(by_columns, taps.astype(np.complex64)).reshape(shifts, -1)
    return (by_rows @ across).reshape(*shape, len(first))


def _fourier(size: int, shifts: int) -> np.ndarray:
    place = np.arange(size) - size // 2
    shift = np.arange(shifts) - shifts // 2
    return np.exp(2j * np.pi * np.outer(place, shift) / size).astype(np.complex64)


@_compiled
def _strongest(packed: np.ndarray, coils: int, most: int, converged: float) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvector and eigenvalue of largest size of each voxel's matrix, by power iteration."""
    rows, columns = packed.shape[:2]
    maps = np.empty((coils, rows, columns), np.complex64)
    eigenvalue = np.empty((rows, columns), np.float32)
    matrix = np.empty((coils, coils), np.complex64)
    vector = np.empty(coils, np.complex64)
    after = np.empty(coils, np.complex64)
    for y in range(rows):
        for x in range(columns):
            at = 0
            best = 0
            for a in range(coils):
                for b in range(a, coils):
                    matrix[a, b] = packed[y, x, at]
                    matrix[b, a] = np.conj(packed[y, x, at])
                    at += 1
                if matrix[a, a].real > matrix[best, best].real:
                    best = a
            # the column of the largest diagonal entry is one step of the iteration from that coil alone
            size = np.float32(0)
            for a in range(coils):
                vector[a] = matrix[a, best]
                size += vector[a].real ** 2 + vector[a].imag ** 2
            size = max(np.sqrt(size), np.float32(1e-30))
            for a in range(coils):
                vector[a] /= size
            for _ in range(most):
                size = np.float32(0)
                for a in range(coils):
                    total = np.complex64(0)
                    for b in range(coils):
                        total += matrix[a, b] * vector[b]
                    after[a] = total
                    size += total.real**2 + total.imag**2
                size = max(np.sqrt(size), np.float32(1e-30))
                moved = np.float32(0)
                for a in range(coils):
                    value = after[a] / size
                    change = value - vector[a]
                    moved += change.real**2 + change.imag**2
                    vector[a] = value
                if moved < converged:
                    break
            for a in range(coils):
                maps[a, y, x] = vector[a]
            eigenvalue[y, x] = size
    return maps, eigenvalue
