"""How much noise moves T2 at every voxel, from the Gauss-Newton Hessian.

Around a voxel M0, T2, B1 and the weights of the total variation are taken as constant. The Hessian is then one of
frequencies: a frequency k is measured by the echoes that sample its line. With s and d the echoes of M0 = 1 and their
derivative by ln R2, and sums over those echoes, what they tell of ln R2 once M0 is free is

    c(k) = |M0|^2 [sum d^2 - (sum s d)^2 / (sum s^2 + lambda w L(k) / scale^2)] / g^2,

L(k) the eigenvalue of the Laplacian, w the weight, and g what the coils lose in telling apart the positions that an
undersampled line folds together (Pruessmann et al. 1999). As ln R2 is real, k and -k tell of the same number. Noise
therefore moves ln R2 by

    variance = mean over k of c / (c + lambda w L)^2,   c = (c(k) + c(-k)) / 2.

What the total variation and the model are wrong by is not in it.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from myot2.reconstruct import objective_kernel as kernel
from myot2.reconstruct.encoding import Encoding
from myot2.reconstruct.objective import Look

_COLUMN_FREQUENCIES = 8
_compiled = njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})


def t2_sd(look: Look, lines: tuple[np.ndarray, ...], repeats: tuple[np.ndarray, ...]) -> np.ndarray:
    """Standard deviation of T2 in ms; 32-bit floats, shape (rows, columns), infinite where nothing is known.

    Parameters
    ----------
    look : Look
        Where the inversion ended.
    lines, repeats : tuple of np.ndarray
        Sampled lines of each echo and their averages.
    """
    encoding, priors = look.objective.encoding, look.priors
    folds = folding(lines)
    visits = _visits(lines, repeats, encoding.shape[1], folds)
    # lines with the same echoes tell the same; their frequencies differ in L only
    patterns, which = np.unique(visits, axis=0, return_inverse=True)
    around = np.empty(look.weight.shape, np.float32)
    kernel.weights_around(look.weight, around)
    power = np.abs(look.at.m0) ** 2 * encoding.sensitivity / _noise_gain(encoding, folds) ** 2
    out = np.empty(look.weight.shape, np.float32)
    signal = (look.signal.value, look.signal.by_log_r2)
    flat = (part.reshape(len(part), -1) for part in signal)
    _variance(
        *flat,
        patterns.astype(np.float32),
        which.ravel(),
        power.ravel().astype(np.float32),
        (priors.strength * around / 4).ravel().astype(np.float32),
        1 / priors.scale**2,
        out.ravel(),
    )
    return (np.exp(-look.at.log_r2) * np.sqrt(out)).astype(np.float32)


def folding(lines: tuple[np.ndarray, ...]) -> int:
    """The spacing of the lines of an echo that has more than one: how many positions fold together."""
    gaps = np.concatenate([np.diff(of_echo) for of_echo in lines])
    return int(np.median(gaps)) if gaps.size else 1


def _visits(lines, repeats, rows: int, folds: int) -> np.ndarray:
    """How often each frequency is seen by each echo; what lies between two lines is seen through the coils."""
    visits = np.zeros((rows, len(lines)))
    for echo, (of_echo, count) in enumerate(zip(lines, repeats, strict=True)):
        for line, times in zip(of_echo, count, strict=True):
            between = slice(max(line - (folds - 1) // 2, 0), line + folds // 2 + 1)
            visits[between, echo] += times / folds
    return np.round(visits, 6)


def _noise_gain(encoding: Encoding, folds: int) -> np.ndarray:
    """The g-factor of regular undersampling by a whole divisor of the rows; 1 where it is none."""
    rows = encoding.shape[1]
    if folds == 1 or rows % folds:
        return np.ones(encoding.shape[1:])
    maps = encoding.maps[0] + 1j * encoding.maps[1]
    shift = rows // folds
    aliases = np.stack([np.roll(maps, step * shift, axis=1) for step in range(folds)])
    gram = np.einsum("acyx,bcyx->yxab", aliases.conj(), aliases)
    ridge = 1e-3 * np.trace(gram, axis1=-2, axis2=-1).real.max() / folds
    own = gram[..., 0, 0].real
    inverse = np.linalg.inv(gram + ridge * np.eye(folds))[..., 0, 0].real
    return np.sqrt(np.maximum(inverse * (own + ridge), 1))


@_compiled
def _variance(value, slope, patterns, which, power, weight, inverse_square_scale, out):
    """Fill in the variance of ln R2; `weight` is lambda w, `power` |M0|^2 over g^2."""
    echoes, rows = value.shape[0], which.size
    kinds = patterns.shape[0]
    ss, sd, dd = np.empty(kinds, np.float32), np.empty(kinds, np.float32), np.empty(kinds, np.float32)
    bend = np.empty((rows, _COLUMN_FREQUENCIES), np.float32)
    for row in range(rows):
        for column in range(_COLUMN_FREQUENCIES):
            angle = np.pi * (column + 0.5) / _COLUMN_FREQUENCIES
            bend[row, column] = 4 - 2 * np.cos(2 * np.pi * (row - rows // 2) / rows) - 2 * np.cos(angle)
    for voxel in range(power.size):
        for kind in range(kinds):
            ss[kind], sd[kind], dd[kind] = 0, 0, 0
            for echo in range(echoes):
                times = patterns[kind, echo]
                if times > 0:
                    s, d = value[echo, voxel], slope[echo, voxel]
                    ss[kind] += times * s * s
                    sd[kind] += times * s * d
                    dd[kind] += times * d * d
        total = 0.0
        for row in range(rows):
            kind, mirror = which[row], which[(rows - row) % rows if rows % 2 == 0 else rows - 1 - row]
            for column in range(_COLUMN_FREQUENCIES):
                hold = weight[voxel] * bend[row, column]
                # TV of M0 acts on |M0|^2 as that of ln R2 does on 1
                free = hold * inverse_square_scale + np.float32(1e-9)
                c = 0.5 * (
                    dd[kind] - sd[kind] ** 2 / (ss[kind] + free) + dd[mirror] - sd[mirror] ** 2 / (ss[mirror] + free)
                )
                c = max(c, np.float32(0)) * power[voxel]
                total += c / (c + hold + np.float32(1e-12)) ** 2
        out[voxel] = total / (rows * _COLUMN_FREQUENCIES) if power[voxel] > 0 else np.inf
