"""Many coils as few virtual ones (Buehrer et al., MRM 2007, doi:10.1002/mrm.21237)."""

from __future__ import annotations

import numpy as np


def compression(calibration: np.ndarray, most: int) -> np.ndarray:
    """The matrix from coils to virtual ones: the strongest components of the calibration.

    Its rows are orthonormal, so that white noise stays white.

    Parameters
    ----------
    calibration : np.ndarray
        Whitened k-space, shape (coils, lines, columns).
    most : int
        Virtual coils at most; with no more coils than that they stay as they are.

    Returns
    -------
    np.ndarray
        Complex128, shape (virtual coils, coils).
    """
    coils = len(calibration)
    if coils <= most:
        return np.eye(coils, dtype=np.complex128)
    flat = calibration.reshape(coils, -1).astype(np.complex128)
    # eigenvalues ascend
    _, vectors = np.linalg.eigh(flat @ flat.conj().T)
    chosen = vectors[:, : -most - 1 : -1]
    # an eigenvector has no phase of its own: the largest entry is made real, whichever library computed it
    largest = chosen[np.abs(chosen).argmax(axis=0), np.arange(most)]
    return (chosen * (np.abs(largest) / largest)).conj().T
