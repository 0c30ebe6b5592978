"""Pictures of docs/stages/reconstruct-inversion.md: maps beside the fully sampled one, and their differences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
from cases import MONO, data, fully_sampled, raw, thing, water_model, with_fat
from reconstruct_truth_thighs import FINER

from myot2.reconstruct.inversion import Inversion, invert
from myot2.reconstruct.vendor_like import invert_vendor_like

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

T2_WINDOW_MS, DIFFERENCE_MS = (20.0, 70.0), 10.0
METADATA = {"Software": None}


def draw_all(folder: Path, maps_of: Callable) -> None:
    """Write the pictures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    draw_maps(folder / "reconstruct-maps.png", maps_of)
    draw_details(folder / "reconstruct-details.png", maps_of)


def draw_maps(path: Path, maps_of: Callable) -> None:
    """T2 of every way for the easiest and the hardest block order, and its difference from its fully sampled fit."""
    of, model = data(), with_fat()
    maps = maps_of(of)
    own_full, mono_full = fully_sampled(of.clean, of, model), fully_sampled(of.clean, of, MONO)
    rows = [("fully sampled", own_full, mono_full)]
    for order in ("20/70", "50/100"):
        own = invert(raw(of, order), maps, model, b1=of.b1).t2_ms
        theirs = invert_vendor_like(raw(of, order), maps, MONO.times_ms).t2_ms
        rows.append((f"ten-fold, middle at TE {order}", own, theirs))
    body = _body()
    figure, axes = plt.subplots(len(rows), 4, figsize=(16, 7.2), layout="constrained")
    for (title, own, theirs), line in zip(rows, axes, strict=True):
        panels = (
            (own, f"phase graph, {title}", None),
            (own - own_full, "minus fully sampled", DIFFERENCE_MS),
            (theirs, f"vendor-like, {title}" if title != "fully sampled" else "mono-exponential, fully sampled", None),
            (theirs - mono_full, "minus fully sampled", DIFFERENCE_MS),
        )
        for axis, (values, name, limit) in zip(line, panels, strict=True):
            _panel(figure, axis, np.where(body, values, np.nan), name, limit)
    figure.savefig(path, dpi=80, metadata=METADATA)
    plt.close(figure)


def draw_details(path: Path, maps_of: Callable) -> None:
    """What comes with a map: M0, SD, synthetic image, convergence; and what goes wrong without phase or B1."""
    of, model = data(), with_fat()
    maps = maps_of(of)
    result = invert(raw(of, "30/80"), maps, model, b1=of.b1)
    estimated = invert(raw(of, "30/80"), maps, model)
    plain = invert(raw(of, "30/80"), maps, water_model(), b1=of.b1)
    body = _body()
    figure, axes = plt.subplots(2, 4, figsize=(16, 5), layout="constrained")
    panels = (
        (np.abs(result.m0), "|M0|, units of noise", "gray"),
        (result.synthetic(40.0), "synthetic image at TE 40 ms", "gray"),
        (np.where(body, result.sd_t2_ms, np.nan), "SD of T2, ms", (0, 8)),
        (np.where(body, plain.t2_ms - result.t2_ms, np.nan), "without the fat fraction, minus with it, ms", 10),
        (np.where(body, estimated.b1, np.nan), "B1 estimated", (0.6, 1.1)),
        (np.where(body, of.b1, np.nan), "B1 true", (0.6, 1.1)),
        (np.where(body, estimated.t2_ms - result.t2_ms, np.nan), "T2 with B1 estimated, minus with map, ms", 10),
    )
    for axis, (values, name, how) in zip(axes.ravel(), panels, strict=False):
        if how == "gray":
            axis.imshow(values, cmap="gray", vmin=0, vmax=np.nanpercentile(values, 99))
            axis.set_title(name, fontsize=9)
            axis.axis("off")
        elif isinstance(how, tuple):
            shown = axis.imshow(values, cmap="viridis", vmin=how[0], vmax=how[1])
            axis.set_title(name, fontsize=9)
            axis.axis("off")
            figure.colorbar(shown, ax=axis, shrink=0.6)
        else:
            _panel(figure, axis, values, name, how)
    _course(axes[1, 3], result)
    figure.savefig(path, dpi=80, metadata=METADATA)
    plt.close(figure)


def _course(axis, result: Inversion) -> None:
    totals = np.array([step.total for step in result.convergence])
    axis.semilogy(totals / totals[-1] - 1 + 1e-4, "o-")
    axis.set_xlabel("Gauss-Newton step")
    axis.set_title("objective over its last value, less 1", fontsize=9)


def _body() -> np.ndarray:
    """Where there is water: elsewhere its T2 is not defined."""
    return thing().water[::FINER, ::FINER] > 0.3


def _panel(figure, axis, values: np.ndarray, title: str, limit: float | None) -> None:
    window = T2_WINDOW_MS if limit is None else (-limit, limit)
    shown = axis.imshow(values, cmap="viridis" if limit is None else "RdBu_r", vmin=window[0], vmax=window[1])
    axis.set_title(title, fontsize=9)
    axis.axis("off")
    figure.colorbar(shown, ax=axis, shrink=0.7)


if __name__ == "__main__":
    raise SystemExit("Run benchmarks/reconstruction_accuracy.py --pictures FOLDER")
