"""Smooth maps of few parameters: the phase of even echoes against odd ones, and B1 where nobody has measured it."""

from __future__ import annotations

import numpy as np

PHASE_TERMS = {"none": 0, "constant": 1, "linear": 3, "quadratic": 6}
"""Number of terms of each kind of phase."""


def phase_basis(kind: str, shape: tuple[int, int]) -> np.ndarray:
    """Images 1, y, x, y^2, x^2 and xy of which the phase is a sum; y and x run from -1 to 1 over the field of view.

    Eddy currents and the pulses' phase shift even echoes against odd ones, by a constant and by a shift in k-space,
    which is linear in position.

    Returns
    -------
    np.ndarray
        32-bit floats, shape (terms, rows, columns).
    """
    y, x = (2 * (np.arange(count) - count // 2) / count for count in shape)
    y, x = np.broadcast_arrays(y[:, None], x)
    terms = [np.ones(shape), y, x, y**2, x**2, y * x][: PHASE_TERMS[kind]]
    return np.array(terms, np.float32).reshape(-1, *shape)


def cosines(modes: tuple[int, int], shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The first cosines of a discrete cosine transform along rows and columns, and how fast each varies.

    Returns
    -------
    basis : np.ndarray
        32-bit floats, shape (modes, rows, columns).
    speed : np.ndarray
        0 for the constant, about 1 for the fastest along an axis, shape (modes,).
    """
    waves = [
        np.cos(np.pi * np.arange(count)[:, None] * (np.arange(size) + 0.5) / size)
        for count, size in zip(modes, shape, strict=True)
    ]
    basis = np.einsum("iy,jx->ijyx", *waves).reshape(-1, *shape).astype(np.float32)
    speed = np.hypot(np.arange(modes[0])[:, None] / modes[0], np.arange(modes[1]) / modes[1]).ravel()
    return basis, speed
