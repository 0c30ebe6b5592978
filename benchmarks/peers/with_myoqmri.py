"""MyoQMRI (GPL-3): its dictionary of water and fat with slice profiles, and its exponential fit.

Its program keeps its settings in variables of the module, which are set here as its `main` sets them. Reading and
writing files (ormir_mids) is left out, so that the fit alone is timed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from worker import Echoes, leave_out, serve

leave_out("ormir_mids", "ormir_mids.utils", "ormir_mids.utils.image", "ormir_mids.utils.io", "ormir_mids.converters")

from MyoQMRI.waterT2 import waterT2 as program  # noqa: E402
from MyoQMRI.waterT2.FatFractionLookup import FatFractionLookup  # noqa: E402

FAT_T2_MS = 150.0


def load(echoes: Echoes) -> tuple[int, int, int]:
    """Hand over the echoes as one slice; its shape."""
    columns = np.gcd(echoes.signal.shape[1], 64)
    program.dicomStack = echoes.signal.T.astype(float).reshape(-1, columns, 1, len(echoes.times_ms))
    program.newShape = program.dicomStack.shape
    program.etl, program.echoSpacing = len(echoes.times_ms), echoes.spacing_ms
    program.ROWSTEP = 14
    return program.newShape[:3]


def load_dictionary(echoes: Echoes) -> None:
    """Its 60 T2, 20 B1 and 101 fat fractions, squared and normalised as in its `main`."""
    lookup = FatFractionLookup(program.t2Lim, program.b1Lim, FAT_T2_MS, program.etl, program.echoSpacing, 0.2)
    program.parameterCombinations, signals = lookup.getAllSignals()
    program.signals = signals**2
    program.signalsNormalized = program.signals / np.linalg.norm(program.signals, axis=1, keepdims=True)
    program.signalsCPU = program.signalsNormalized.T
    program.signalsFF = program.parameterCombinationsFF = None


def exponential(echoes: Echoes) -> Callable[[], np.ndarray]:
    """curve_fit without the first echo."""
    shape = load(echoes)

    def fit() -> np.ndarray:
        t2, b1, ff = np.zeros((3, *shape))
        program.fitSlcNLin(0, program.singleExpFit, t2, b1, ff)
        return t2.ravel()

    return fit


def free(echoes: Echoes) -> Callable[[], np.ndarray]:
    """T2, B1 and fat fraction from the dictionary, by its fast path."""
    shape = load(echoes)
    load_dictionary(echoes)
    stack = program.dicomStack

    def fit() -> np.ndarray:
        program.dicomStack = stack
        t2, b1, ff = np.zeros((3, *shape))
        program.fitSlcFast(0, False, t2, b1, ff)
        return t2.ravel()

    return fit


def with_fraction(echoes: Echoes) -> Callable[[], np.ndarray]:
    """T2 and B1 from the dictionary, the fat fraction given."""
    shape = load(echoes)
    load_dictionary(echoes)
    stack, fraction = program.dicomStack, echoes.fat_fraction.reshape(shape)

    def fit() -> np.ndarray:
        program.dicomStack, program.newShape = stack, stack.shape
        t2, b1 = np.zeros((2, *shape))
        program.fitSlc(0, False, t2, b1, fraction.copy())
        return t2.ravel()

    return fit


serve({"exponential, without echo 1": exponential, "dictionary": free, "dictionary, fat fraction given": with_fraction})
