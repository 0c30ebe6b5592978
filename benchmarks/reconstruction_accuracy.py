"""T2 from ten-fold undersampled k-space against the fully sampled fit and the truth, on every condition of the issue.

Two thighs of known T2 (`tests/unit/reconstruct/reconstruct_truth_thighs.py`: isochromats, loops of wire, a finer grid)
are sampled in each of the five block orders. T2 is compared, in 18 muscles, with the fit of the same model to all lines
without noise, and with the true T2 of water. Tables are printed as Markdown; the process has one thread.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/reconstruction_accuracy.py [--only TABLE ...] [--pictures FOLDER]
"""

from __future__ import annotations

import argparse
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent / "reconstruction"))

import cases  # noqa: E402
from cases import MONO, ORDERS, SUPPRESSED, Clock, data, errors, fully_sampled, raw, water_model, with_fat  # noqa: E402

from myot2.reconstruct.inversion import Inversion, Settings, invert  # noqa: E402
from myot2.reconstruct.vendor_like import invert_vendor_like  # noqa: E402

WORST_PHASE_DEG = (15.0, 10.0, -15.0)


def maps_of(of) -> np.ndarray:
    """Coil maps of the calibration scan."""
    from myot2.reconstruct.espirit import coil_maps

    return coil_maps(of.calibration, cases.SHAPE).maps


def orders() -> Iterator[str]:
    """Every block order, with and without fat suppression and knowledge of the fat."""
    yield "| middle at TE, ms | fat | model | bias | worst muscle | RMSE | bias against water | CPU s | chi-square |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for fat, name, model in (
        (1.0, "not suppressed", with_fat()),
        (1.0, "not suppressed", water_model()),
        (SUPPRESSED, "suppressed", water_model()),
    ):
        of = data(fat=fat)
        reference, maps = fully_sampled(of.clean, of, model), maps_of(of)
        for order in ORDERS:
            result, seconds = timed(lambda o=order, m=model, of=of, s=maps: invert(raw(of, o), s, m, b1=of.b1))
            truth = errors(result.t2_ms, of.water_t2_ms)
            yield (
                f"| {order} | {name} | {model.name} | {errors(result.t2_ms, reference)} | {truth.bias:+.1f} "
                f"| {seconds:.1f} | {result.misfit:.3f} |"
            )


def noise() -> Iterator[str]:
    """SNR 30, 60 and 120 at one lambda; also against the fully sampled fit of the same noise."""
    yield "| SNR | middle at TE, ms | bias | worst muscle | RMSE | same noise: bias | worst muscle | RMSE |"
    yield "|---|---|---|---|---|---|---|---|"
    for snr in (30.0, 60.0, 120.0):
        of, model = data(snr=snr), with_fat()
        reference, noisy, maps = *(fully_sampled(k, of, model) for k in (of.clean, of.full)), maps_of(of)
        for order in ORDERS:
            t2 = invert(raw(of, order), maps, model, b1=of.b1).t2_ms
            yield f"| {snr:.0f} | {order} | {errors(t2, reference)} | {errors(t2, noisy)} |"


def lesion() -> Iterator[str]:
    """A lesion of 10 mm and 50 ms over repeated noise: mean and standard error."""
    yield "| middle at TE, ms | fully sampled | ten-fold | standard error |"
    yield "|---|---|---|---|"
    model = with_fat()
    repeats = [data(noise_seed=seed) for seed in range(1, 7)]
    whole = cases.lesion(fully_sampled(repeats[0].clean, repeats[0], model))
    for order in ORDERS:
        values = [cases.lesion(invert(raw(of, order), maps_of(of), model, b1=of.b1).t2_ms) for of in repeats]
        yield f"| {order} | {whole:.1f} | {np.mean(values):.1f} | {np.std(values, ddof=1) / np.sqrt(len(values)):.1f} |"


def phase() -> Iterator[str]:
    """Odd and even echoes out of phase."""
    yield "| phase of even echoes | estimated | middle at TE, ms | bias | worst muscle | RMSE | found, degrees | chi-square |"
    yield "|---|---|---|---|---|---|---|---|"
    model = with_fat()
    for planted in ((0.0, 0.0, 0.0), (15.0, 0.0, 0.0), WORST_PHASE_DEG):
        of = data(phase_deg=planted)
        reference, maps = fully_sampled(data().clean, of, model), maps_of(of)
        for kind in ("linear", "none") if any(planted) else ("linear",):
            for order in ORDERS if kind == "linear" else ("30/80",):
                result = invert(raw(of, order), maps, model, Settings(phase=kind), b1=of.b1)
                found = ", ".join(f"{term:.1f}" for term in result.phase_terms_deg)
                yield (
                    f"| {', '.join(f'{term:g}' for term in planted)} | {kind} | {order} "
                    f"| {errors(result.t2_ms, reference)} | {found} | {result.misfit:.3f} |"
                )


def b1() -> Iterator[str]:
    """B1 measured, measured with an error, and estimated."""
    yield "| SNR | B1 | middle at TE, ms | bias | worst muscle | RMSE | flagged |"
    yield "|---|---|---|---|---|---|---|"
    wave = np.cos(np.arange(cases.SHAPE[1]) / 20) * np.cos(np.arange(cases.SHAPE[0]) / 15)[:, None]
    for snr in (30.0, 60.0, 120.0):
        of, model = data(snr=snr), with_fat()
        reference, maps = fully_sampled(of.clean, of, model), maps_of(of)
        given = {"map, 3 % off": of.b1 * (1 + 0.06 * wave), "estimated": None, "taken as 1": np.ones(cases.SHAPE)}
        for name, field in given.items():
            for order in ORDERS if name == "estimated" else ("30/80",):
                result = invert(raw(of, order), maps, model, b1=field)
                flagged = any("B1 was estimated" in warning for warning in result.warnings)
                yield f"| {snr:.0f} | {name} | {order} | {errors(result.t2_ms, reference)} | {'yes' if flagged else 'no'} |"


def water() -> Iterator[str]:
    """Against the true T2 of water with fat suppression."""
    yield "| model | middle at TE, ms | bias | worst muscle | RMSE |"
    yield "|---|---|---|---|---|"
    of = data(fat=SUPPRESSED)
    maps = maps_of(of)
    for model in (water_model(), MONO):
        yield f"| {model.name} | fully sampled | {errors(fully_sampled(of.full, of, model), of.water_t2_ms)} |"
        for order in ORDERS:
            yield f"| {model.name} | {order} | {errors(invert(raw(of, order), maps, model, b1=of.b1).t2_ms, of.water_t2_ms)} |"


def vendor() -> Iterator[str]:
    """The prototype's way: each way against its own fully sampled fit, and against the truth."""
    yield (
        "| SNR | fat | middle at TE, ms | ours: bias | worst | RMSE | vendor-like: bias | worst | RMSE | ours, water: bias "
        "| RMSE | vendor-like, water: bias | RMSE |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|---|---|---|"
    for snr, fat in ((60.0, 1.0), (30.0, 1.0), (120.0, 1.0), (60.0, SUPPRESSED)):
        of, model = data(snr=snr, fat=fat), with_fat(kept=fat)
        maps = maps_of(of)
        references = [fully_sampled(of.clean, of, each) for each in (model, MONO)]
        for order in ORDERS:
            own = invert(raw(of, order), maps, model, b1=of.b1).t2_ms
            theirs = invert_vendor_like(raw(of, order), maps, MONO.times_ms).t2_ms
            against = [errors(t2, of.water_t2_ms) for t2 in (own, theirs)]
            yield (
                f"| {snr:.0f} | {fat:g} | {order} | {errors(own, references[0])} | {errors(theirs, references[1])} | "
                + " | ".join(f"{each.bias:+.1f} | {each.rmse:.1f}" for each in against)
                + " |"
            )


def others() -> Iterator[str]:
    """Two other pairs of thighs, and partial Fourier."""
    yield "| condition | middle at TE, ms | bias | worst muscle | RMSE |"
    yield "|---|---|---|---|---|"
    for seed in (1, 2):
        of, model = data(seed=seed), with_fat(seed)
        reference, maps = fully_sampled(of.clean, of, model), maps_of(of)
        for order in ORDERS:
            t2 = invert(raw(of, order), maps, model, b1=of.b1).t2_ms
            yield f"| thighs {seed + 1} | {order} | {errors(t2, reference, seed)} |"
    of, model = data(), with_fat()
    reference, maps = fully_sampled(of.clean, of, model), maps_of(of)
    for order in ORDERS:
        t2 = invert(raw(of, order, partial=7 / 8), maps, model, b1=of.b1).t2_ms
        yield f"| 7/8 of k-space | {order} | {errors(t2, reference)} |"


def cost() -> Iterator[str]:
    """CPU time of a slice, coil maps included, and the memory of this process."""
    of, model = data(), with_fat()
    maps_of(of)
    yield "| middle at TE, ms | coil maps, s | inversion, s | Gauss-Newton steps | products |"
    yield "|---|---|---|---|---|"
    for order in ORDERS:
        maps, first = timed(lambda: maps_of(of))
        result, second = timed(lambda o=order, s=maps: invert(raw(of, o), s, model, b1=of.b1))
        products = sum(step.iterations for step in result.convergence)
        yield f"| {order} | {first:.1f} | {second:.1f} | {len(result.convergence) - 1} | {products} |"


def timed(function: Callable[[], Inversion]) -> tuple[Inversion, float]:
    """What a function returns, and its CPU seconds."""
    with Clock() as clock:
        result = function()
    return result, clock.seconds


TABLES = {function.__name__: function for function in (orders, noise, lesion, phase, b1, water, vendor, others, cost)}


def main(argv: list[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--pictures", type=Path, help="folder for the pictures of docs/stages/reconstruct-inversion.md")
    options = parser.parse_args(argv)
    # compiled outside the clock
    of = data()
    invert(raw(of, "30/80"), maps_of(of), with_fat(), b1=of.b1)
    for name in options.only:
        print(f"\n{TABLES[name].__doc__}\n")
        for line in TABLES[name]():
            print(line, flush=True)
    print(f"\nPeak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    if options.pictures:
        from pictures import draw_all

        draw_all(options.pictures, maps_of)


if __name__ == "__main__":
    main()
