"""GRAPPA: missing lines from their neighbours in k-space (Griswold et al. 2002, doi:10.1002/mrm.10171)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

_RIDGE = 1e-3
_compiled = njit(cache=True, nogil=True, error_model="numpy")


@dataclass(frozen=True)
class Kernel:
    """How lines between two sampled ones follow from sampled neighbours.

    Attributes
    ----------
    acceleration : int
        Spacing of the sampled lines.
    offsets : np.ndarray
        Where the sources lie, in lines from the sampled line before the target; shape (sources,).
    columns : int
        Neighbouring samples along the readout, odd.
    weights : np.ndarray
        For the lines 1, 2 ... after the sampled one; shape (targets, coils times sources times columns, coils).
    """

    acceleration: int
    offsets: np.ndarray
    columns: int
    weights: np.ndarray


def calibrate(calibration: np.ndarray, acceleration: int, *, sources: int = 4, columns: int = 5) -> Kernel:
    """The kernel of a fully sampled calibration region.

    Parameters
    ----------
    calibration : np.ndarray
        K-space both ways, complex, shape (coils, rows, columns).
    acceleration : int
        Spacing of the sampled lines, 2 or more.

    Raises
    ------
    ValueError
        The region has too few lines for the kernel.
    """
    offsets = (np.arange(sources) - sources // 2 + 1) * acceleration
    first, last = -offsets[0], calibration.shape[1] - offsets[-1]
    if last <= first:
        raise ValueError(f"{calibration.shape[1]} calibration lines are too few for a kernel over {sources} lines")
    around = np.lib.stride_tricks.sliding_window_view(calibration, columns, axis=2)
    middle = calibration[:, :, columns // 2 : calibration.shape[2] - columns // 2]
    rows = np.arange(first, last)
    # (coils, rows, positions, columns) for each source, to (rows and positions, coils and sources and columns)
    known = np.stack([around[:, rows + offset] for offset in offsets], axis=1)
    known = known.transpose(2, 3, 0, 1, 4).reshape(-1, len(calibration) * sources * columns)
    known = np.ascontiguousarray(known, np.complex128)
    targets = [middle[:, rows + step].transpose(1, 2, 0).reshape(len(known), -1) for step in range(1, acceleration)]
    # not by BLAS, whose sums depend on its number of threads
    solved = _ridge_regression(known, np.concatenate(targets, axis=1).astype(np.complex128), _RIDGE)
    weights = np.stack(np.split(solved, acceleration - 1, axis=1))
    return Kernel(acceleration, offsets, columns, weights.astype(np.complex64))


def fill(kernel: Kernel, lines: np.ndarray, samples: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The block of lines that a regularly sampled one becomes, the missing lines filled in.

    Sources beyond the block are taken as zero, as nothing is known of them.

    Parameters
    ----------
    kernel : Kernel
    lines : np.ndarray
        Sampled lines, ascending, `acceleration` apart.
    samples : np.ndarray
        K-space both ways, complex, shape (lines, coils, columns).
    rows : int
        Of the image.

    Returns
    -------
    lines, samples
        The same with the lines between, and those after the last line up to the next multiple.
    """
    half = kernel.columns // 2
    known = {
        int(line): of_line for line, of_line in zip(lines, np.pad(samples, ((0, 0), (0, 0), (half, half))), strict=True)
    }
    nothing = np.zeros_like(next(iter(known.values())))
    filled = {int(line): of_line for line, of_line in zip(lines, samples, strict=True)}
    for line in lines:
        around = np.stack([known.get(int(line + offset), nothing) for offset in kernel.offsets], axis=1)
        around = np.lib.stride_tricks.sliding_window_view(around, kernel.columns, axis=2)
        around = around.transpose(2, 0, 1, 3).reshape(samples.shape[2], -1)
        for step, weights in enumerate(kernel.weights, start=1):
            if line + step < rows and int(line + step) not in known:
                filled[int(line + step)] = _product(np.ascontiguousarray(around), weights).T
    order = sorted(filled)
    return np.array(order), np.stack([filled[line] for line in order]).astype(np.complex64)


@_compiled
def _product(a, b):
    """a b, summed in order."""
    out = np.zeros((a.shape[0], b.shape[1]), a.dtype)
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            for j in range(b.shape[1]):
                out[i, j] += a[i, k] * b[k, j]
    return out


@_compiled
def _ridge_regression(known, target, ridge):
    """The x that minimises |known x - target|^2 + ridge mean|known|^2 |x|^2, by Cholesky's factor."""
    adjoint = np.ascontiguousarray(known.conj().T)
    normal, x = _product(adjoint, known), _product(adjoint, target)
    size = normal.shape[0]
    trace = 0.0
    for i in range(size):
        trace += normal[i, i].real
    for i in range(size):
        normal[i, i] += ridge * trace / size
    for j in range(size):
        for k in range(j):
            for i in range(j, size):
                normal[i, j] -= normal[i, k] * np.conj(normal[j, k])
        root = np.sqrt(normal[j, j].real)
        for i in range(j, size):
            normal[i, j] /= root
    for i in range(size):
        for k in range(i):
            x[i] -= normal[i, k] * x[k]
        x[i] /= normal[i, i]
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            x[i] -= np.conj(normal[k, i]) * x[k]
        x[i] /= np.conj(normal[i, i])
    return x
