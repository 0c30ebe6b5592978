"""Where the inversion starts: echo images from two time courses, then T2 and M0 voxel by voxel.

In a block-wise pattern a line is seen by two echoes only, so that two coefficients are what a linear reconstruction can
tell. The courses are those of two T2 under the B1 of each voxel; a fixed pair is wrong by 10 % of T2 where B1 varies.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from myot2.reconstruct.encoding import Encoding
from myot2.reconstruct.gauss_newton import conjugate_gradients
from myot2.reconstruct.signal_models import SignalModel
from myot2.reconstruct.voxel_fit import fit_images

COURSES_MS = (36.0, 100.0)
"""T2 of the two courses: muscle, and fat or fluid."""

T2_RANGE_MS = (10.0, 150.0)
"""Beyond lies noise."""

_RIDGE = 1e-3


def start(
    encoding: Encoding,
    samples: Sequence[np.ndarray],
    model: SignalModel,
    b1: np.ndarray,
    turn: np.ndarray,
    *,
    iterations: int = 12,
) -> tuple[np.ndarray, np.ndarray]:
    """T2 in ms and complex M0 to start from, shape (rows, columns).

    Parameters
    ----------
    encoding, samples
        From `encoding.encode`.
    model : SignalModel
    b1 : np.ndarray
        Relative B1, shape (rows, columns).
    turn : np.ndarray
        exp(i phase) of each echo, as far as it is known; shape (echoes, rows, columns).
    iterations : int
        Of conjugate gradients; few, as noise grows with their number.
    """
    courses = _courses(model, b1)
    shape = len(courses), *b1.shape
    back = encoding.adjoint(samples)

    def images(vector: np.ndarray) -> np.ndarray:
        return (courses * vector.view(np.complex64).reshape(shape)[:, None]).sum(axis=0)

    def product(vector: np.ndarray) -> np.ndarray:
        return coefficients(encoding.normal(images(vector) * turn)) + np.float32(_RIDGE) * vector

    def coefficients(of_images: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray((courses * (of_images * turn.conj())).sum(axis=1)).view(np.float32).ravel()

    solution, _ = conjugate_gradients(product, coefficients(back), np.copy, iterations, 1e-3)
    return fit_images(images(solution), model, b1, start_t2_ms=COURSES_MS[0], t2_range_ms=T2_RANGE_MS)


def _courses(model: SignalModel, b1: np.ndarray) -> np.ndarray:
    """Two orthonormal time courses for every voxel; 32-bit floats, shape (2, echoes, rows, columns)."""
    first, second = (model.at(np.full(b1.shape, -np.log(t2), np.float32), b1).value for t2 in COURSES_MS)
    first = first / np.sqrt((first * first).sum(axis=0))
    second = second - first * (first * second).sum(axis=0)
    return np.stack([first, second / np.sqrt((second * second).sum(axis=0))])
