"""Pulses that a scanner plays, from the text files that vendors' tools export."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from myot2.core.errors import MyoT2Error
from myot2.fit.pulses import Pulse

LEAST_SAMPLES = 8
"""Fewer do not describe a shape."""

MOST_SAMPLES = 256
"""More are averaged to so many: they only lengthen the computation."""

MOST_ASYMMETRY = 0.01
"""Largest difference of a sample from its mirror image, over the largest sample."""

_LEAST_SUM = 1e-3
_FORMAT = "one number per line, evenly spaced in time, at any scale; # begins a comment"


def read_pulse(path: str | Path, angle_deg: float, *, time_bandwidth: float, width: float = 1.0) -> Pulse:
    """A pulse from its samples in a text file: one number per line, evenly spaced in time, `#` begins a comment.

    The samples are real: where a tool exports magnitude and phase, a phase of 180 degrees is a minus. The fit sums one
    half of a slice whose other half is its mirror image, so that the pulse has to be symmetric in time. Most refocusing
    pulses are; minimum-phase excitations and adiabatic pulses are not.

    Parameters
    ----------
    path : str or Path
    angle_deg : float
        What the pulse turns in the centre of the slice at a B1 of 1; the scale of the samples does not matter.
    time_bandwidth : float
        gamma / 2 pi times gradient, duration and thickness of the slice of this pulse (`width` times the nominal one).
        With 42.577 kHz/mT, a gradient of 10 mT/m during 2.56 ms and a slice of 5 mm: 42.577 x 10 x 2.56 x 0.005 = 5.45.
    width : float
        Thickness of the slice of this pulse, over the nominal one. Only time_bandwidth / width matters, the turns
        across the nominal slice: with a width of 1 and the nominal thickness in the product the pulse is the same.

    Raises
    ------
    MyoT2Error
        The file cannot be read; it holds something else than numbers, fewer than `LEAST_SAMPLES` of them, or samples
        that turn nothing in the centre; the pulse is not symmetric.
    """
    samples = _read_samples(Path(path))
    largest = np.abs(samples).max()
    asymmetry = np.abs(samples - samples[::-1]).max() / largest if largest else 0.0
    if asymmetry > MOST_ASYMMETRY:
        raise MyoT2Error(
            expected=f"a pulse that is symmetric in time, to {MOST_ASYMMETRY:.0%} of its largest sample",
            found=f"samples that differ from their mirror images by up to {asymmetry:.1%}",
            where=path,
            do="Remove padding or an extra sample at one end; a pulse that is asymmetric by design cannot be used.",
        )
    if not np.abs(samples.sum()) > _LEAST_SUM * np.abs(samples).sum():
        raise MyoT2Error(
            expected="a pulse that turns the centre of its slice",
            found="samples that are all zero" if not largest else "samples whose sum is zero",
            where=path,
            do="Export the real amplitude of the pulse, with its sign.",
        )
    symmetric = (samples + samples[::-1]) / 2
    return Pulse(angle_deg, _averaged(symmetric / largest), time_bandwidth, width)


def _read_samples(path: Path) -> np.ndarray:
    """The numbers of a file."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise _refusal(path, "no text that can be read" if path.exists() else "no such file") from error
    texts = [(number, line.partition("#")[0].strip()) for number, line in enumerate(lines, start=1)]
    samples = []
    for number, text in texts:
        if not text:
            continue
        try:
            samples.append(float(text))
        except ValueError as error:
            raise _refusal(path, f"{text[:40]!r} in line {number}") from error
        if not np.isfinite(samples[-1]):
            raise _refusal(path, f"{text!r} in line {number}")
    if len(samples) < LEAST_SAMPLES:
        raise _refusal(path, f"{len(samples)} samples, where at least {LEAST_SAMPLES} are needed")
    return np.array(samples)


def _refusal(path: Path, found: str) -> MyoT2Error:
    return MyoT2Error(
        expected=f"the samples of a pulse: {_FORMAT}",
        found=found,
        where=path,
        do="Export the real amplitude of the pulse from the scanner's tool, and give its path in the configuration.",
    )


def _averaged(samples: np.ndarray) -> np.ndarray:
    """At most `MOST_SAMPLES`, each the mean over its share of the pulse."""
    count = len(samples)
    if count <= MOST_SAMPLES:
        return samples
    turned = np.concatenate([[0.0], np.cumsum(samples)])
    return (
        np.diff(np.interp(np.linspace(0, count, MOST_SAMPLES + 1), np.arange(count + 1), turned)) * MOST_SAMPLES / count
    )
