"""The T2 fits against their peers, on one machine in one run: voxels per CPU second, bias and RMSE against the truth.

Volumes of 128 x 128 x 8 voxels and ten echoes (10-100 ms) are simulated by summing isochromats, with Rician noise at a
mean SNR of 50 in the first echo. Each program runs in a process of its own on one thread, the slow ones on voxels drawn
at random, one after the other in every round; the RMSE of MyoT2 is given for the same voxels. A round takes the
median CPU time of the repeats of a method, a third of a second or more, and the best round of each counts: other work
on the machine only lengthens it. Reading, compiling and computing dictionaries are not timed.

The peers live in an environment of their own, and are run, never imported, by MyoT2:

    python3.11 -m venv PEERS && PEERS/bin/pip install --no-deps -r benchmarks/requirements-peers.txt
    .venv/bin/python benchmarks/fit_peers.py --peers PEERS/bin/python [--only DATA ...] [--rounds N]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ADAPTERS = Path(__file__).parent / "peers"
sys.path.insert(0, str(ADAPTERS))

from volumes import (  # noqa: E402
    DIXON_SD,
    VOXELS,
    Volume,
    exponentials,
    phase_graphs,
    simulate,
    slices,
    water_and_fat,
)

OWN = "myot2"
EQUAL = 1.02
"""A peer is as accurate if its RMSE is at most this many times that of MyoT2 on the same voxels."""

VALID_MS = (1.0, 1000.0)
"""T2 outside counts as a failed fit, and is left out of bias and RMSE."""

TWO_THREADS = 1.7
SECONDS = 0.3
"""CPU time that a quick method is repeated for in every round."""

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Method:
    """A method of a program.

    Attributes
    ----------
    program, name : str
        As in `peers/with_<program>.py`.
    voxels : int
        As many as take about a second.
    least : float
        Voxels per CPU second that it is to reach.
    known : tuple of str, optional
        Parameters that its Cramer-Rao bound takes as known; without it no bound is shown.
    fraction_sd : float, optional
        Standard deviation of the Gaussian prior on the fat fraction in that bound.
    tool : bool
        Whether it is one that people use for maps, and so counts as a peer, and not a formula of one line.
    """

    program: str
    name: str
    voxels: int = VOXELS
    least: float = 0.0
    known: tuple[str, ...] | None = None
    fraction_sd: float | None = None
    tool: bool = True


@dataclass(frozen=True)
class Comparison:
    """What is fitted to one volume.

    Attributes
    ----------
    volume : callable
        Simulates it.
    own : sequence of Method
        Of MyoT2; the first is compared with the peers.
    peers : sequence of Method
    over_any, over_equal : float
        How many times as fast as the fastest peer it is to be, and as the fastest of equal accuracy.
    """

    volume: Callable
    own: Sequence[Method]
    peers: Sequence[Method] = ()
    over_any: float = 0.0
    over_equal: float = 0.0


COMPARISONS = {
    "mono": Comparison(
        exponentials,
        (
            Method(OWN, "mono", least=50e6, known=("fat_fraction", "b1")),
            Method(OWN, "mono, Rician", least=10e6, known=("fat_fraction", "b1")),
        ),
        (
            Method("scipy", "log-linear", tool=False),
            Method("mrpro", "dictionary 400, small batches"),
            Method("mrpro", "dictionary 400"),
            Method("torchsim", "PERK 500"),
            Method("torchsim", "dictionary 400"),
            Method("torchsim", "Levenberg-Marquardt", 32768),
            Method("qmrpy", "linear", 16384),
            Method("scipy", "curve_fit", 8192),
            Method("qmri", "least squares", 2048),
            Method("qmri", "default (offset, without echo 1)", 2048),
            Method("qmrpy", "exponential", 1024),
            Method("ukat", "two parameters", 1024),
            Method("myoqmri", "exponential, without echo 1", 1024),
        ),
        over_any=40,
        over_equal=100,
    ),
    "epg": Comparison(
        phase_graphs,
        (Method(OWN, "epg, B1 free", least=5e6, known=("fat_fraction",)),),
        (
            Method("mrpro", "EPG dictionary 60 x 20, small batches"),
            Method("mrpro", "EPG dictionary 60 x 20"),
            Method("torchsim", "EPG dictionary 60 x 20", 65536),
            Method("mrpro", "EPG dictionary 200 x 41, small batches", 32768),
            Method("mrpro", "EPG dictionary 200 x 41", 32768),
            Method("torchsim", "EPG Levenberg-Marquardt", 2048),
            Method("ukat", "StimFit", 512),
            Method("qmrpy", "EPG", 128),
        ),
        over_any=25,
        over_equal=400,
    ),
    "slices": Comparison(
        slices,
        (
            Method(OWN, "epg with slices, B1 smoothed", least=5e6, known=("fat_fraction", "b1")),
            Method(OWN, "epg with slices, B1 free", least=5e6),
        ),
    ),
    "water-fat": Comparison(
        water_and_fat,
        (
            Method(OWN, "epg-water-fat, fraction and B1 given", least=3e6, known=("b1",), fraction_sd=DIXON_SD),
            Method(OWN, "epg-water-fat, B1 smoothed", known=("b1",), fraction_sd=DIXON_SD),
        ),
        (
            Method("myoqmri", "dictionary, fat fraction given", 32768),
            Method("myoqmri", "dictionary", 4096),
            Method("qmrpy", "water and fat", 1024),
        ),
        over_any=40,
    ),
}


@dataclass(frozen=True)
class Result:
    """T2 (ms) of the fitted voxels, by rounds the median CPU and the least wall seconds of a fit, and any failure."""

    method: Method
    t2_ms: np.ndarray
    cpu: np.ndarray
    wall: np.ndarray
    error: str = ""

    @property
    def rate(self) -> float:
        """Voxels per CPU second in the best round."""
        return len(self.t2_ms) / float(self.cpu.min())

    @property
    def spread(self) -> float:
        """How much longer the worst round took than the best, relative to that."""
        return float(self.cpu.max() / self.cpu.min()) - 1


class Program:
    """A process that fits on request, see `peers/worker.py`."""

    def __init__(self, name: str, python: str, log: Path):
        self._log = log.open("w")
        self._process = subprocess.Popen(
            [python, str(ADAPTERS / f"with_{name}.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            cwd=log.parent,
            env={**os.environ, **ONE_THREAD, "MPLBACKEND": "Agg"},
        )
        # it has imported everything, and disturbs no other from now on
        self._process.stdout.readline()

    def ask(self, **request: object) -> dict:
        """One request; its answer holds `error` where the method failed."""
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return {"error": "the program does not start"}
        line = self._process.stdout.readline()
        return json.loads(line) if line else {"error": "the program ended"}

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait()
        self._log.close()


def run(methods: Sequence[Method], python: str, data: Path, rounds: int) -> list[Result]:
    """Every method once in every round."""
    scratch = data.parent
    names = {method.program for method in methods}
    programs = {
        name: Program(name, sys.executable if name == OWN else python, scratch / f"{name}.log") for name in names
    }
    maps = {method: scratch / f"{data.stem}-{number}.npy" for number, method in enumerate(methods)}
    answers: dict[Method, list[dict]] = {method: [] for method in methods}
    for _ in range(rounds):
        for method, answered in answers.items():
            request = {"data": str(data), "method": method.name, "voxels": method.voxels, "t2": str(maps[method])}
            if not any("error" in answer for answer in answered):
                answered.append(programs[method.program].ask(**request, seconds=SECONDS))
    for program in programs.values():
        program.close()
    return [_result(method, answered, maps[method]) for method, answered in answers.items()]


def _result(method: Method, answers: Sequence[dict], t2: Path) -> Result:
    errors = [answer["error"] for answer in answers if "error" in answer]
    if errors:
        return Result(method, np.zeros(0), np.zeros(0), np.zeros(0), errors[0])
    cpu = np.array([np.median(answer["cpu"]) for answer in answers])
    wall = np.array([min(answer["wall"]) for answer in answers])
    return Result(method, np.load(t2).ravel(), cpu, wall)


def chosen(volume: Volume, method: Method) -> np.ndarray:
    """Which voxels a method was given, as in `worker.Echoes`."""
    return np.sort(volume.order[: method.voxels])


def accuracy(t2_ms: np.ndarray, truth_ms: np.ndarray) -> tuple[float, float, float]:
    """Bias and RMSE (ms) of the fits that did not fail, and their share."""
    valid = np.isfinite(t2_ms) & (t2_ms > VALID_MS[0]) & (t2_ms < VALID_MS[1])
    error = t2_ms[valid] - truth_ms[valid]
    return float(error.mean()), float(np.sqrt((error**2).mean())), float(valid.mean())


def print_table(results: Sequence[Result], volume: Volume) -> dict[Method, float]:
    """Print all results; return for each its RMSE relative to that of MyoT2 on the same voxels."""
    first, relative = results[0], {}
    heads = ("voxels/CPU-s", "spread %", "MyoT2 is", "voxels", "valid %", "bias ms", "RMSE ms", "MyoT2's", "bound")
    print(f"{'program and method':<46}" + "".join(f"{head:>13}" for head in heads))
    for result in results:
        method, label = result.method, f"{result.method.program}: {result.method.name}"
        if result.error:
            print(f"{label:<46}  failed: {result.error}")
            continue
        which = chosen(volume, method)
        bias, rmse, valid = accuracy(result.t2_ms, volume.t2_ms[which])
        own = accuracy(first.t2_ms[which], volume.t2_ms[which])[1]
        relative[method] = rmse / own
        ratio = f"x {first.rate / result.rate:,.1f}"
        speed = f"{result.rate:>13,.0f}{100 * result.spread:>13.0f}{ratio:>13}{method.voxels:>13,}"
        errors = f"{100 * valid:>13.2f}{bias:>+13.3f}{rmse:>13.3f}{own:>13.3f}{_bound(volume, method):>13}"
        print(f"{label:<46}{speed}{errors}")
    return relative


def _bound(volume: Volume, method: Method) -> str:
    """The root mean square of the Cramer-Rao bound over the volume, in ms."""
    if method.known is None:
        return ""
    prior_sd = None if method.fraction_sd is None else {"fat_fraction": method.fraction_sd}
    return f"{np.sqrt((volume.voxels.t2_bound(volume.sigma, method.known, prior_sd) ** 2).mean()):.3f}"


def shortfalls(comparison: Comparison, results: Sequence[Result], relative: dict[Method, float]) -> Iterable[str]:
    """What was to be reached and was not; prints the ratios."""
    first = results[0]
    for result in results:
        if not result.error and result.rate < result.method.least:
            yield f"{result.method.name}: fewer than {result.method.least:,.0f} voxels per CPU second"
    peers = [one for one in results if one.method in comparison.peers and one.method.tool and not one.error]
    equal = [peer for peer in peers if relative[peer.method] <= EQUAL]
    for group, factor, which in ((peers, comparison.over_any, "any"), (equal, comparison.over_equal, "equal")):
        if not group or not factor:
            continue
        nearest = max(group, key=lambda peer: peer.rate)
        times, of = first.rate / nearest.rate, f"{nearest.method.program}: {nearest.method.name}"
        print(f"fastest peer of {which} accuracy: {of}; MyoT2 is {times:,.0f} times as fast (to be {factor:,.0f})")
        if times < factor:
            yield f"not {factor:,.0f} times as fast as {of}"


def compare_threads(model: str, python: str, data: Path, rounds: int) -> Iterable[str]:
    """Two threads against one by the clock: the least time of all rounds, which a busy machine only lengthens."""
    one, two = run([Method(OWN, f"{model}, {count}") for count in ("one thread", "two threads")], python, data, rounds)
    gain, same = one.wall.min() / two.wall.min(), np.array_equal(one.t2_ms, two.t2_ms, equal_nan=True)
    rates = " and ".join(f"{len(result.t2_ms) / result.wall.min():,.0f}" for result in (one, two))
    print(
        f"{model}: {rates} voxels per second on one and two threads, x {gain:.2f} (to be {TWO_THREADS}); same: {same}"
    )
    if gain < TWO_THREADS or not same:
        yield f"{model}: two threads are not {TWO_THREADS} times as fast as one, with the same map"


def main(argv: list[str] | None = None) -> int:
    """Print the tables; return 1 where something was not reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--peers", required=True, metavar="PYTHON", type=os.path.abspath, help="the Python of the peers' environment"
    )
    parser.add_argument("--only", nargs="+", choices=COMPARISONS, default=list(COMPARISONS), help="which volumes")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(argv)
    missed: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.only:
            comparison, data = COMPARISONS[name], Path(scratch, f"{name}.npz")
            volume = simulate(comparison.volume, data)
            print(f"\n{name}: {comparison.volume.__doc__} Load of the machine: {os.getloadavg()[0]:.1f}.")
            results = run([*comparison.own, *comparison.peers], options.peers, data, options.rounds)
            if results[0].error:
                raise SystemExit(f"{results[0].method.name} failed: {results[0].error}")
            relative = print_table(results, volume)
            missed += shortfalls(comparison, results, relative)
            if name in ("mono", "epg"):
                missed += compare_threads(name, options.peers, data, 4 * options.rounds)
    print("\n" + ("\n".join(f"missed: {line}" for line in missed) or "everything was reached"))
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
