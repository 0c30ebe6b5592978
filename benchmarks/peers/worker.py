"""One program of the comparison in a process of its own, asked line by line: `fit_peers.py` starts it.

Only NumPy is needed, so that it runs in any environment. An adapter calls `serve` with its methods. A request is a line
of JSON on standard input with the file of echoes, the method, the number of voxels, how long to repeat (CPU seconds)
and where T2 is to be saved; the answer is a line of JSON with the CPU and wall seconds of every repeat. Reading,
simulating dictionaries and compiling are not in them.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from unittest.mock import MagicMock

import numpy as np


@dataclass(frozen=True)
class Echoes:
    """What is fitted, and what a scan would tell beside it.

    Attributes
    ----------
    signal : np.ndarray
        Magnitudes, 32-bit floats, shape (echoes, voxels).
    shape : tuple of int
        Of the volume, if all its voxels are there.
    times_ms : np.ndarray
        Evenly spaced from the first spacing on.
    sigma : float
        Noise of the real or imaginary part.
    fat_fraction : np.ndarray
        As a Dixon scan would measure it, shape (voxels,).
    b1 : np.ndarray
        The truth, relative to nominal, for methods that a map of it is given to; shape (voxels,).
    """

    signal: np.ndarray
    shape: tuple[int, ...]
    times_ms: np.ndarray
    sigma: float
    fat_fraction: np.ndarray
    b1: np.ndarray

    @property
    def spacing_ms(self) -> float:
        """Between two echoes."""
        return float(self.times_ms[0])


Method = Callable[[Echoes], Callable[[], np.ndarray]]
"""Prepares a fit of the echoes (not timed) that gives T2 in ms, shape (voxels,)."""


def leave_out(*modules: str) -> None:
    """Let a program import modules that its fits do not use, without installing them."""
    sys.modules.update({name: MagicMock() for name in modules})


def serve(methods: Mapping[str, Method]) -> None:
    """Say what there is, then answer requests until the input ends; a method that fails answers with the reason."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    # what a program itself prints goes elsewhere
    os.dup2(2, 1)
    prepared: dict[tuple[str, str], Callable[[], np.ndarray]] = {}
    answers.write(json.dumps({"methods": list(methods)}) + "\n")
    for line in sys.stdin:
        try:
            answer = _answer(json.loads(line), methods, prepared)
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"[:200]}
        answers.write(json.dumps(answer) + "\n")


def _answer(request: dict, methods: Mapping[str, Method], prepared: dict) -> dict:
    key = request["data"], request["method"]
    if key not in prepared:
        prepared[key] = methods[request["method"]](_read(request["data"], request["voxels"]))
        np.save(request["t2"], np.asarray(prepared[key](), float))
    cpu, wall = [], []
    while not cpu or sum(cpu) < request["seconds"]:
        cpu_start, wall_start = time.process_time(), time.perf_counter()
        prepared[key]()
        cpu.append(time.process_time() - cpu_start)
        wall.append(time.perf_counter() - wall_start)
    return {"cpu": cpu, "wall": wall}


def _read(path: str, voxels: int) -> Echoes:
    """The whole volume, or the first voxels of it in its own random order."""
    with np.load(path) as data:
        order, shape, times_ms, sigma = data["order"], tuple(data["shape"].tolist()), data["times_ms"], data["sigma"]
        chosen = np.sort(order[:voxels]) if voxels < len(order) else slice(None)
        signal = np.ascontiguousarray(data["signal"][:, chosen])
        return Echoes(signal, shape, times_ms, float(sigma), data["fat_fraction"][chosen], data["b1"][chosen])
