"""The train that the settings describe: its pulses, by name, and its timing."""

from __future__ import annotations

import numpy as np

from myot2.core.errors import MyoT2Error
from myot2.fit.epg import Train
from myot2.fit.given_pulse import read_pulse
from myot2.fit.pulses import Pulse, hann_sinc, hard
from myot2.fit.settings import PulseSettings, Settings
from myot2.fit.slr import slr


def train_of(settings: Settings, times_ms: np.ndarray) -> Train:
    """The train of water with these echo times in ms, all multiples of the first.

    Raises
    ------
    MyoT2Error
        The samples of a given pulse cannot be read, or are none of a symmetric pulse; there is no such pulse of the
        named shape.
    """
    return Train(len(times_ms), float(times_ms[0]), *_pulses(settings.pulses), settings.t1_ms)


def _pulses(settings: PulseSettings) -> tuple[Pulse, Pulse]:
    """Excitation and refocusing pulse."""
    angles, widths = (90.0, settings.refocusing_deg), (1.0, settings.refocusing_width)
    if settings.slice_profile == "none":
        return tuple(hard(angle) for angle in angles)
    slices = [{"time_bandwidth": tb, "width": width} for tb, width in zip(settings.time_bandwidth, widths, strict=True)]
    if settings.slice_profile == "given":
        files = zip(settings.samples, angles, slices, strict=True)
        return tuple(read_pulse(path, angle, **of_slice) for path, angle, of_slice in files)
    shape = {"hann-sinc": hann_sinc, "slr": slr}[settings.slice_profile]
    try:
        return tuple(shape(angle, **of_slice) for angle, of_slice in zip(angles, slices, strict=True))
    except ValueError as error:
        raise MyoT2Error(
            expected=f"angles and time-bandwidth products that {settings.slice_profile} pulses can have",
            found=str(error),
            where="fit.pulses",
            do="Choose other time-bandwidth products, or hann-sinc; docs/stages/fit-pulses.md helps to find one's own.",
        ) from error
