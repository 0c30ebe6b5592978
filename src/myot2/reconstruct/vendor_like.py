"""The way of the vendor's prototype, as far as it is published: GRAPPA inside each block, then MARTINI.

MARTINI (Sumpf et al. 2011, doi:10.1002/jmri.22634) inverts the mono-exponential model without total variation, phase or
B1. The order of the blocks, the regularisation and the number of iterations of the product are not published, so that
this is a reference of the same kind, not the product. It serves comparison; `inversion.invert` is better on all data.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.fft

from myot2.reconstruct.grappa import calibrate, fill
from myot2.reconstruct.inversion import Inversion, Settings, Stop, invert
from myot2.reconstruct.raw import RawSlice
from myot2.reconstruct.signal_models import MonoModel
from myot2.reconstruct.uncertainty import folding

SETTINGS = Settings(strength=0.0, phase="none", stop=Stop(steps=12, change=0.002, iterations=20, residual=0.03))


def invert_vendor_like(raw: RawSlice, maps: np.ndarray, times_ms: np.ndarray) -> Inversion:
    """T2 and M0 by GRAPPA and MARTINI.

    Parameters
    ----------
    raw : RawSlice
        Regularly undersampled inside each block.
    maps : np.ndarray
        Coil maps, complex, shape (coils, rows, columns).
    times_ms : np.ndarray
        Echo times.
    """
    return invert(fill_blocks(raw, maps.shape[1]), maps, MonoModel(np.asarray(times_ms, float)), SETTINGS)


def fill_blocks(raw: RawSlice, rows: int) -> RawSlice:
    """The slice with the missing lines inside each block filled by GRAPPA."""
    acceleration = folding(raw.lines)
    if acceleration == 1:
        return raw
    kernel = calibrate(raw.calibration, acceleration)
    lines, samples, repeats = [], [], []
    for of_echo, measured, count in zip(raw.lines, raw.samples, raw.repeats, strict=True):
        whole, values = fill(kernel, of_echo, _along_columns(measured, scipy.fft.fft), rows)
        lines.append(whole)
        samples.append(_along_columns(values, scipy.fft.ifft))
        # a filled line is as noisy as its sources, at the least
        repeats.append(np.full(len(whole), np.median(count)))
    return replace(raw, lines=tuple(lines), samples=tuple(samples), repeats=tuple(repeats))


def _along_columns(values: np.ndarray, transform) -> np.ndarray:
    """A unitary, centred Fourier transform along the last axis."""
    centred = transform(scipy.fft.ifftshift(values, axes=-1), axis=-1, norm="ortho")
    return scipy.fft.fftshift(centred, axes=-1).astype(np.complex64)
