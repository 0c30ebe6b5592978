"""The mono-exponential fit against its peers, on one machine in one run: accuracy, and speed as a ratio.

Peers: SciPy's curve_fit voxel by voxel (the common way), and log-linear regression (the fast way). Signals are
simulated: T2 uniform between 20 and 120 ms, ten echoes from 10 to 100 ms, Rician noise at a first-echo SNR of 50.

    .venv/bin/python benchmarks/fit_mono.py [--voxels N] [--peer-voxels N]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
from scipy.optimize import curve_fit

from myot2.fit.mono import fit_mono

TIMES = np.arange(10.0, 101.0, 10.0)
REPEATS = 3


def simulate(voxels: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """True T2 (ms) and magnitudes, shape (echoes, voxels)."""
    rng = np.random.default_rng(seed)
    t2 = rng.uniform(20, 120, voxels)
    clean = 1000 * np.exp(-TIMES[:, None] / t2)
    sigma = clean[0].mean() / 50
    return t2, np.hypot(clean + rng.normal(0, sigma, clean.shape), rng.normal(0, sigma, clean.shape))


def by_curve_fit(signal: np.ndarray) -> np.ndarray:
    """T2 by SciPy, one voxel after the other."""
    result = np.full(signal.shape[1], np.nan)
    for voxel, values in enumerate(signal.T):
        result[voxel] = curve_fit(lambda te, m0, t2: m0 * np.exp(-te / t2), TIMES, values, p0=(values[0], 50.0))[0][1]
    return result


def by_regression(signal: np.ndarray) -> np.ndarray:
    """T2 by a straight line through the logarithms."""
    return -1 / np.polyfit(TIMES, np.log(signal), 1)[0]


def measure(method: Callable[[np.ndarray], np.ndarray], t2: np.ndarray, signal: np.ndarray) -> dict[str, float]:
    """Bias and RMSE (ms), and the best of some repeats in voxels per CPU second."""
    seconds = []
    for _ in range(REPEATS):
        start = time.process_time()
        fitted = method(signal)
        seconds.append(time.process_time() - start)
    error = fitted - t2
    return {
        "bias": float(np.nanmean(error)),
        "rmse": float(np.sqrt(np.nanmean(error**2))),
        "rate": len(t2) / min(seconds),
    }


def main(argv: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voxels", type=int, default=254 * 140 * 30, help="default: one series of the study")
    parser.add_argument("--peer-voxels", type=int, default=4000, help="for curve_fit, which is slow")
    options = parser.parse_args(argv)
    t2, signal = simulate(options.voxels)
    few = slice(0, options.peer_voxels)
    rows = {
        "fit_mono": measure(lambda values: fit_mono(values, TIMES).t2_ms, t2, signal),
        "fit_mono, peer's voxels": measure(lambda values: fit_mono(values, TIMES).t2_ms, t2[few], signal[:, few]),
        "scipy curve_fit": measure(by_curve_fit, t2[few], signal[:, few]),
        "log-linear regression": measure(by_regression, t2, signal),
    }
    slowest = rows["scipy curve_fit"]["rate"]
    print(f"{'method':<26}{'bias ms':>10}{'RMSE ms':>10}{'voxels/CPU-s':>15}{'x curve_fit':>13}")
    for name, row in rows.items():
        ratio = row["rate"] / slowest
        print(f"{name:<26}{row['bias']:>+10.3f}{row['rmse']:>10.3f}{row['rate']:>15,.0f}{ratio:>13,.1f}")
    distance = np.abs(by_curve_fit(signal[:, few]) - fit_mono(signal[:, few], TIMES).t2_ms)
    print(f"largest distance between fit_mono and curve_fit at its default tolerance: {distance.max():.2g} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
