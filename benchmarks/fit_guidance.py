"""Which T2 model for which acquisition: the bias of each against refocusing angle, B1, residual fat and noise.

Echoes (ten, 10-100 ms) are sums of isochromats (`tests/unit/fit`), which share no code with the fits, under sharp
pulses: Hann-sincs of time-bandwidth product 6, the refocused slice 1.5 times as thick as the excited one. The fits are
the library's. The first three panels are free of noise; in the last it is Rician, and the bias is the mean over the
voxels of status ok.

    .venv/bin/python benchmarks/fit_guidance.py

It draws docs/images/fit-guidance.png and prints every value in it, after the bias of the mono-exponential fit under
pulses without a slice.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MultipleLocator, PercentFormatter

from myot2.fit.epg import Train
from myot2.fit.epg_fit import fit_smoothed
from myot2.fit.epg_table import Table, build
from myot2.fit.mono import fit_mono, fit_mono_offset
from myot2.fit.noise import without_floor
from myot2.fit.pulses import Pulse, hann_sinc, hard
from myot2.fit.status import Status
from myot2.fit.water_fat_fit import fit_smoothed as fit_water_fat
from myot2.fit.water_fat_table import WaterFatTable
from myot2.fit.water_fat_table import build as build_water_fat

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "unit" / "fit"))

from fit_truth_bloch import Train as TrueTrain  # noqa: E402
from fit_truth_bloch import echo_amplitudes, hard_train, sinc_pulse  # noqa: E402
from fit_truth_bounds import FAT_T1_MS, FAT_T2_MS  # noqa: E402

TIMES_MS = 10.0 * np.arange(1, 11)
T2_MS, LONG_T2_MS = 35.0, 60.0
TIME_BANDWIDTH, WIDTH = 6.0, 1.5
THICKNESS_MM, REACH_MM, POSITIONS = 5.0, 8.0, 200
CLEAN_SHAPE, NOISY_SHAPE = (3, 9, 9), (5, 40, 40)
M0 = 1000.0
BIAS_RANGE_MS = (-11, 16)
LONG_LINE = {"linestyle": (0, (4, 2)), "linewidth": 1.2}


@dataclass(frozen=True)
class Acquisition:
    """What a patch of muscle is seen with, and how much of its signal is fat."""

    t2_ms: float = T2_MS
    refocusing_deg: float = 180.0
    b1: float = 1.0
    fat: float = 0.0
    snr: float = np.inf


@dataclass(frozen=True)
class Model:
    """A curve.

    Attributes
    ----------
    label, colour, marker : str
        How it is drawn.
    fit : callable
        From the acquisition, the echoes of a patch, shape (echoes, slices, rows, columns), and the noise of one
        channel to a fit with `t2_ms` and `status`.
    only_against : str, optional
        The field of the one panel in which it differs from another model, and is drawn.
    """

    label: str
    colour: str
    marker: str
    fit: Callable
    only_against: str | None = None


@dataclass(frozen=True)
class Panel:
    """What is varied, what it is called, and what is kept."""

    title: str
    kept: str
    axis: str
    field: str
    values: Sequence[float]
    t2s_ms: tuple[float, ...] = (T2_MS,)


def mono(skip: int, *, noise_known: bool = False) -> Callable:
    """The mono-exponential fit without the first echoes."""

    def fit(_: Acquisition, signal: np.ndarray, sigma: float):
        return fit_mono(signal[skip:], TIMES_MS[skip:], sigma=sigma if noise_known else None)

    return fit


def mono_offset(_: Acquisition, signal: np.ndarray, __: float):
    """The fit with a constant, without the first echo."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return fit_mono_offset(signal[1:], TIMES_MS[1:])


def epg(pulses: Callable[[float], tuple[Pulse, Pulse]], *, noise_known: bool = False) -> Callable:
    """The phase graph with B1 smoothed over the patch, for the pulses of a nominal refocusing angle."""

    @cache
    def table(refocusing_deg: float) -> Table:
        return build(Train(len(TIMES_MS), TIMES_MS[0], *pulses(refocusing_deg)))

    def fit(acquisition: Acquisition, signal: np.ndarray, sigma: float):
        rid = without_floor(signal, sigma) if noise_known else signal
        return fit_smoothed(rid, table(acquisition.refocusing_deg))

    return fit


def water_fat(prior_error: float) -> Callable:
    """The phase graphs of water and fat under the pulses that were played, for a Dixon fraction with that error."""

    @cache
    def table(refocusing_deg: float) -> WaterFatTable:
        train = Train(len(TIMES_MS), TIMES_MS[0], *as_played(refocusing_deg))
        return build_water_fat(train, FAT_T2_MS, fat_t1_ms=FAT_T1_MS)

    def fit(acquisition: Acquisition, signal: np.ndarray, _: float):
        # free of noise the echoes outweigh any prior; an SNR of 50 is what it has to hold against
        prior, sigma = np.full(signal.shape[1:], acquisition.fat + prior_error), float(signal[0].mean()) / 50
        return fit_water_fat(signal.astype(np.float32), table(acquisition.refocusing_deg), prior, sigma=sigma)

    return fit


def without_slice(angle: float) -> tuple[Pulse, Pulse]:
    """Pulses that turn all of the slice alike."""
    return hard(90.0), hard(angle)


def too_soft(angle: float) -> tuple[Pulse, Pulse]:
    """Pulses that are not those that were played."""
    return hann_sinc(90.0), hann_sinc(angle, width=1.2)


def as_played(angle: float) -> tuple[Pulse, Pulse]:
    """The pulses that made the echoes."""
    return hann_sinc(90.0, time_bandwidth=TIME_BANDWIDTH), hann_sinc(angle, time_bandwidth=TIME_BANDWIDTH, width=WIDTH)


MODELS = (
    Model("mono, all echoes", "#D55E00", "o", mono(0)),
    Model("mono, without first echo", "#E69F00", "s", mono(1)),
    Model("mono, without first echo, noise known", "#000000", "v", mono(1, noise_known=True), "snr"),
    Model("mono-offset, without first echo", "#CC79A7", "^", mono_offset),
    Model("epg, no slice profile", "#56B4E9", "D", epg(without_slice)),
    Model("epg, wrong pulses (soft)", "#009E73", "P", epg(too_soft)),
    Model("epg, pulses as played", "#0072B2", "o", epg(as_played)),
    Model("epg, pulses as played, noise known", "#8B4513", "*", epg(as_played, noise_known=True), "snr"),
    Model("epg-water-fat, Dixon right", "#000000", "X", water_fat(0.0), "fat"),
    Model("epg-water-fat, Dixon 2 % too high", "0.5", "X", water_fat(0.02), "fat"),
)
"""A further model is a further line: it is fitted, drawn and printed. Colours of Okabe and Ito, for any sight."""

ANGLES_DEG, B1S, FRACTIONS = np.arange(90.0, 181.0, 7.5), np.arange(0.6, 1.31, 0.05), np.arange(0.0, 0.201, 0.02)
SNRS = (10.0, 14.0, 20.0, 30.0, 50.0, 70.0, 100.0)
PANELS = (
    Panel("Refocusing angle", "B1 1, no fat, no noise", "nominal angle (degrees)", "refocusing_deg", ANGLES_DEG),
    Panel("Transmit field", "180 degrees, no fat, no noise", "B1, relative to nominal", "b1", B1S),
    Panel("Residual fat", "180 degrees, B1 1, no noise", "fat fraction of the echoes", "fat", FRACTIONS),
    Panel("Noise", "180 degrees, B1 1, no fat", "SNR of the first echo", "snr", SNRS, (T2_MS, LONG_T2_MS)),
)


@cache
def echoes(t2_ms: float, refocusing_deg: float, b1: float, t1_ms: float = 1400.0) -> np.ndarray:
    """Echoes of one tissue by isochromats, shape (echoes,)."""
    z = ((np.arange(POSITIONS) + 0.5) / POSITIONS * 2 - 1) * REACH_MM
    excitation, refocusing = (
        sinc_pulse(angle, thickness_mm=width * THICKNESS_MM, time_bandwidth=TIME_BANDWIDTH)
        for angle, width in ((90.0, 1.0), (refocusing_deg, WIDTH))
    )
    return M0 * echo_amplitudes(TrueTrain(excitation, refocusing, z_mm=z), t2_ms, t1_ms=t1_ms, b1=b1)


def observe(acquisition: Acquisition, seed: int = 0) -> tuple[np.ndarray, float]:
    """Magnitudes of a patch of one tissue, and their noise."""
    here = acquisition.refocusing_deg, acquisition.b1
    water, fat = echoes(acquisition.t2_ms, *here), echoes(FAT_T2_MS, *here, FAT_T1_MS)
    clean = ((1 - acquisition.fat) * water + acquisition.fat * fat)[:, None, None, None]
    sigma = float(clean[0, 0, 0, 0] / acquisition.snr)
    shape = (len(TIMES_MS), *(NOISY_SHAPE if sigma else CLEAN_SHAPE))
    real, imaginary = sigma * np.random.default_rng(seed).normal(size=(2, *shape))
    return np.hypot(clean + real, imaginary), sigma or 1e-6 * float(clean[0, 0, 0, 0])


def bias(model: Model, acquisition: Acquisition) -> float:
    """Mean error of T2 over the voxels of status ok, in ms; NaN where there are none."""
    fit = model.fit(acquisition, *observe(acquisition))
    ok = fit.status == Status.OK
    return float(fit.t2_ms[ok].mean() - acquisition.t2_ms) if ok.any() else np.nan


def curves(panel: Panel) -> dict[tuple[Model, float], list[float]]:
    """The bias of each model and T2 at the values of a panel, in ms."""
    return {
        (model, t2): [bias(model, Acquisition(t2, **{panel.field: float(value)})) for value in panel.values]
        for model in MODELS
        for t2 in panel.t2s_ms
        if model.only_against in (None, panel.field)
    }


def draw(found: Sequence[dict[tuple[Model, float], list[float]]], path: Path) -> None:
    """The four panels, one scale of bias for all."""
    plt.rcParams.update({"font.size": 9.5, "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = plt.subplots(2, 2, figsize=(9, 7.8), sharey=True)
    for axis, letter, panel, biases in zip(axes.flat, "abcd", PANELS, found, strict=True):
        axis.axhspan(-1, 1, color="0.9", zorder=0)
        axis.axhline(0, color="0.4", linewidth=0.8, zorder=1)
        for (model, t2), course in biases.items():
            style = LONG_LINE if t2 == LONG_T2_MS else {"marker": model.marker, "linewidth": 1.8}
            axis.plot(panel.values, course, color=model.colour, markersize=4, **style)
        axis.set_title(f"{letter}  {panel.title}", loc="left", fontweight="bold")
        axis.set_title(panel.kept, loc="right", fontsize=8.5, color="0.35")
        axis.set(xlabel=panel.axis, ylim=BIAS_RANGE_MS)
        axis.grid(axis="y", color="0.92", linewidth=0.6)
        axis.margins(x=0.02)
    axes[0, 0].xaxis.set_major_locator(MultipleLocator(15))
    axes[1, 0].xaxis.set_major_locator(MultipleLocator(0.05))
    axes[1, 0].xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes[1, 1].set_xscale("log")
    axes[1, 1].set_xticks(SNRS, [f"{value:g}" for value in SNRS])
    axes[1, 1].minorticks_off()
    for axis in axes[:, 0]:
        axis.set_ylabel("bias of T2 (ms)")
    handles = [Line2D([], [], color=model.colour, marker=model.marker, label=model.label) for model in MODELS]
    handles.append(Line2D([], [], color="0.3", label=f"true T2 {LONG_T2_MS:g} ms instead of {T2_MS:g} ms", **LONG_LINE))
    handles.append(Patch(color="0.9", label="within 1 ms"))
    figure.suptitle(
        f"Ten echoes to {TIMES_MS[-1]:g} ms, true T2 {T2_MS:g} ms; Hann-sinc pulses of time-bandwidth product "
        f"{TIME_BANDWIDTH:g}, refocused slice {WIDTH:g} times as thick",
        fontsize=9.5,
    )
    figure.legend(handles=handles, loc="lower center", ncol=3, frameon=False)
    figure.tight_layout(rect=(0, 0.13, 1, 1), h_pad=1.5)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", type=Path, default=ROOT / "docs" / "images" / "fit-guidance.png")
    picture = parser.parse_args(argv).picture
    print(f"mono under pulses without a slice, T2 {T2_MS:g} ms, all echoes / without the first:")
    for angle in (165.0, 150.0, 135.0, 120.0):
        signal = M0 * echo_amplitudes(hard_train(angle), T2_MS)
        both = (float(fit_mono(signal[skip:], TIMES_MS[skip:]).t2_ms - T2_MS) for skip in (0, 1))
        print(f"  {angle:g} degrees: " + " / ".join(f"{error:+.1f} ms" for error in both))
    found = [curves(panel) for panel in PANELS]
    for panel, biases in zip(PANELS, found, strict=True):
        print(f"{panel.title}: " + " ".join(f"{value:g}" for value in panel.values))
        for (model, t2), course in biases.items():
            print(f"  {model.label}, T2 {t2:g} ms: " + " ".join(f"{value:+.2f}" for value in course))
    draw(found, picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
