"""Samples at which the receiver or the image's number type was full: their true value is not known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from myot2.core.errors import MyoT2Error
from myot2.fit.echoes import Echoes

MOST_CLIPPED = 0.01
"""Part of the voxels with signal that may be clipped; more are no accident of a few vessels."""

_FEWEST, _NEAR, _TIMES = 10, 0.005, 3
_BRIGHT = 0.3


def leave_out_clipped(echoes: Echoes) -> tuple[Echoes, int]:
    """The series with NaN in the voxels that are clipped, and their number.

    The largest value is a ceiling where at least ten samples hold it, three times as many as lie in the 0.5 % below,
    while the voxels differ elsewhere (those of a noise-free phantom do not).

    Raises
    ------
    MyoT2Error
        More than `MOST_CLIPPED` of the bright voxels (above 0.3 of the largest value) are clipped.
    """
    signal = echoes.signal
    ceiling = np.nanmax(signal)
    at = signal == ceiling
    near = np.count_nonzero(signal > (1 - _NEAR) * ceiling) - np.count_nonzero(at)
    voxels = at.any(axis=0)
    if np.count_nonzero(at) < max(_FEWEST, _TIMES * near) or np.ptp(signal[-1][voxels]) == 0:
        return echoes, 0
    count = np.count_nonzero(voxels)
    share = count / np.count_nonzero((signal > _BRIGHT * ceiling).any(axis=0))
    if share > MOST_CLIPPED:
        raise MyoT2Error(
            expected=f"at most {MOST_CLIPPED:.0%} of the voxels with signal at the largest value that the images hold",
            found=f"{share:.1%} at {ceiling:g}",
            where=echoes.where,
            do="The receiver or the conversion clipped the signal: convert the series again, or measure it again.",
        )
    return replace(echoes, signal=np.where(voxels, np.nan, signal.astype(np.float32))), int(count)
