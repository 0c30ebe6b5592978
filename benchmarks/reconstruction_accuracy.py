"""T2 from ten-fold undersampled k-space against the fully sampled fit and the truth, on every condition of the issue.

Two thighs of known T2 (`tests/unit/reconstruct/reconstruct_truth_thighs.py`: isochromats, loops of wire, a finer grid)
are sampled in each of the five block orders. T2 is compared, in 18 muscles, with the fit of the same model to all lines
without noise, and with the true T2 of water. Tables are printed as Markdown; the process has one thread.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/reconstruction_accuracy.py [--only TABLE ...] [--pictures FOLDER]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent / "reconstruction"))

import cases  # noqa: E402
from cases import MONO, ORDERS, SUPPRESSED, Clock, data, errors, fully_sampled, raw, water_model, with_fat  # noqa: E402

from myot2.reconstruct.coil_compression import compression  # noqa: E402
from myot2.reconstruct.espirit import coil_maps  # noqa: E402
from myot2.reconstruct.inversion import Inversion, Settings, invert  # noqa: E402
from myot2.reconstruct.vendor_like import invert_vendor_like  # noqa: E402

WORST_PHASE_DEG = (15.0, 10.0, -15.0)


def maps_of(of) -> np.ndarray:
    """Coil maps of the calibration scan."""
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
    """Odd and even echoes out of phase: degrees, constant and linear to the edge along rows and columns."""
    yield "| phase planted | model | middle at TE, ms | bias | worst muscle | RMSE | phase found | chi-square |"
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
                flag = "yes" if flagged else "no"
                yield f"| {snr:.0f} | {name} | {order} | {errors(result.t2_ms, reference)} | {flag} |"


def water() -> Iterator[str]:
    """Against the true T2 of water with fat suppression."""
    yield "| model | middle at TE, ms | bias | worst muscle | RMSE |"
    yield "|---|---|---|---|---|"
    of = data(fat=SUPPRESSED)
    maps = maps_of(of)
    for model in (water_model(), MONO):
        yield f"| {model.name} | fully sampled | {errors(fully_sampled(of.full, of, model), of.water_t2_ms)} |"
        for order in ORDERS:
            t2 = invert(raw(of, order), maps, model, b1=of.b1).t2_ms
            yield f"| {model.name} | {order} | {errors(t2, of.water_t2_ms)} |"


def vendor() -> Iterator[str]:
    """The prototype's way: each way against its own fully sampled fit, and against the truth."""
    yield (
        "| SNR | fat | middle at TE, ms | ours: bias | worst | RMSE | vendor-like: bias | worst | RMSE "
        "| ours, water: bias | RMSE | vendor-like, water: bias | RMSE |"
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
    """Two other pairs of thighs, partial Fourier, and 32 coils made 8 virtual ones."""
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

    of = data(coils=32)
    reference = fully_sampled(of.clean, of, model)
    matrix = compression(of.calibration, 8).astype(np.complex64)
    maps = coil_maps(np.tensordot(matrix, of.calibration, 1), cases.SHAPE).maps
    for order in ORDERS:
        pattern = raw(of, order)
        samples = tuple(np.einsum("vc,lcx->lvx", matrix, of_echo) for of_echo in pattern.samples)
        t2 = invert(replace(pattern, samples=samples), maps, model, b1=of.b1).t2_ms
        yield f"| 32 coils as 8 | {order} | {errors(t2, reference)} |"


def cost() -> Iterator[str]:
    """CPU time and memory of a slice, coil maps included."""
    of, model = data(), with_fat()
    maps_of(of)
    yield "| middle at TE, ms | B1 | coil maps, s | inversion, s | Gauss-Newton steps | products |"
    yield "|---|---|---|---|---|---|"
    for order in ORDERS:
        for name, field in (("given", of.b1), ("estimated", None)) if order == "30/80" else (("given", of.b1),):
            maps, first = timed(lambda: maps_of(of))
            result, second = timed(lambda o=order, s=maps, b=field: invert(raw(of, o), s, model, b1=b))
            products = sum(step.iterations for step in result.convergence)
            steps = len(result.convergence) - 1
            yield f"| {order} | {name} | {first:.1f} | {second:.1f} | {steps} | {products} |"
    megabytes = [memory_of_a_slice(data(coils=coils)) for coils in (8, 32)]
    told = "{:.0f} MB with 8 coils, {:.0f} MB with 32 that are made 8 virtual ones".format(*megabytes)
    yield f"\nPeak memory of a process that does one slice, imports included: {told}"


def memory_of_a_slice(of) -> float:
    """Peak memory in MB of a process of its own that compresses coils, makes maps and inverts one slice."""
    program = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from cases import SHAPE, water_model\n"
        "from myot2.reconstruct.coil_compression import compression\n"
        "from myot2.reconstruct.espirit import coil_maps\n"
        "from myot2.reconstruct.inversion import invert\n"
        "from myot2.reconstruct.raw import RawSlice\n"
        "file = np.load(sys.argv[1])\n"
        "parts = [tuple(file[f'{name}{echo}'] for echo in range(10)) for name in ('lines', 'samples', 'repeats')]\n"
        "calibration = file['calibration']\n"
        "if len(calibration) > 8:\n"
        "    matrix = compression(calibration, 8).astype(np.complex64)\n"
        "    parts[1] = tuple(np.einsum('vc,lcx->lvx', matrix, samples) for samples in parts[1])\n"
        "    calibration = np.tensordot(matrix, calibration, 1)\n"
        "raw = RawSlice(*parts, calibration)\n"
        "invert(raw, coil_maps(raw.calibration, SHAPE).maps, water_model(), b1=file['b1'])\n"
        # not ru_maxrss, in which the process that began this one counts too
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])\n"
    )
    pattern = raw(of, "30/80")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "slice.npz"
        arrays = {f"{n}{e}": a for n in ("lines", "samples", "repeats") for e, a in enumerate(getattr(pattern, n))}
        np.savez(path, calibration=pattern.calibration, b1=of.b1, **arrays)
        command = [sys.executable, "-c", program, str(path), str(Path(__file__).parent / "reconstruction")]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / 1024


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
    if options.pictures:
        from pictures import draw_all

        draw_all(options.pictures, maps_of)


if __name__ == "__main__":
    main()
