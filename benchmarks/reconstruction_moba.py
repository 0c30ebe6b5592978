"""T2 from ten-fold undersampled k-space beside BART's `moba -F`, on data that moba can take, in one run.

moba estimates the coils itself and has no phase graph, so that the truth decays exponentially, without odd/even phase,
and the calibration lines lie in two of the echoes (8.4-fold undersampling in all). Both methods get the same samples;
MyoT2 also takes its coil maps from these lines. CPU seconds of each are its own; moba takes minutes for each of its
settings. Voxels in which moba finds no decay (T2 above a second) are counted and left out of its errors.

    OMP_NUM_THREADS=1 nice .venv/bin/python benchmarks/reconstruction_moba.py
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent / "reconstruction"))

from cases import MONO, SHAPE, Clock, data, errors, fully_sampled, raw, thighs, thing  # noqa: E402

from myot2.reconstruct.espirit import coil_maps  # noqa: E402
from myot2.reconstruct.inversion import invert  # noqa: E402
from myot2.reconstruct.raw import RawSlice, to_kspace  # noqa: E402

CALIBRATED_ECHOES, CALIBRATION_LINES = (2, 7), 24
OPTIONS = ("-F", "-f1", "--normalize_scaling", "--scale_data=5000", "--scale_psf=1000")
"""Without -f1 the object is taken to fill the middle half of the field of view only."""

SETTINGS = (("-i10", "-C50", "-j0.001"), ("-i12", "-C50", "-j0.001"), ("-i10", "-C100", "-j0.001"))
"""Newton steps, iterations in each, least regularisation. Of six that were tried on one of the thighs these have the
least RMSE and the least bias: 10/50 with 0.01 and 0.05, and 12/100 with 0.01, are no better."""

RATE_UNIT = 10.0
"""moba's maps hold R2 in 1/s over this."""

LEAST_RATE = 1.0
"""R2 in 1/s below which a voxel has no T2."""


def with_calibration_lines(of) -> RawSlice:
    """The block pattern with the middle lines of two echoes, which also serve as the calibration."""
    pattern = raw(of, "30/80")
    first = SHAPE[0] // 2 - CALIBRATION_LINES // 2
    middle = np.arange(first, first + CALIBRATION_LINES)
    lines = [np.union1d(rows, middle) if echo in CALIBRATED_ECHOES else rows for echo, rows in enumerate(pattern.lines)]
    calibration = to_kspace(of.full[CALIBRATED_ECHOES[0]][:, middle], 2)[:, :, SHAPE[1] // 2 - 32 : SHAPE[1] // 2 + 32]
    ones = tuple(np.ones(len(rows), int) for rows in lines)
    return replace(pattern, lines=tuple(lines), samples=of.sampled(lines), repeats=ones, calibration=calibration)


def moba(of, pattern: RawSlice, setting: Sequence[str]) -> tuple[np.ndarray, float, float]:
    """T2 in ms by moba, NaN where it has none, its CPU seconds, and its peak memory in MB."""
    kspace = np.zeros(of.full.shape, np.complex64)
    for echo, rows in enumerate(pattern.lines):
        kspace[echo][:, rows] = to_kspace(of.full[echo][:, rows], 2)
    mask = (np.abs(kspace[:, :1]) > 0).astype(np.complex64)
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        for name, values in (("kspace", kspace), ("pattern", mask), ("times", of.times_ms[:, None, None, None] / 1000)):
            # BART's order: readout, phase encoding, slice, coil, maps, echo
            _write_cfl(at / name, values.transpose(3, 2, 1, 0)[:, :, None, :, None, :])
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = ["bart", "moba", *OPTIONS, *setting, "-p", "pattern", "kspace", "times", "maps"]
        memory = _peak_memory(subprocess.Popen(command, cwd=at, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        maps = _read_cfl(at / "maps")
    rate = np.squeeze(maps)[..., 1].T.real * RATE_UNIT
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return np.where(rate > LEAST_RATE, 1000 / np.maximum(rate, LEAST_RATE), np.nan), seconds, memory


def _peak_memory(process: subprocess.Popen) -> float:
    """Wait for a process; its peak memory in MB (the system's own count has that of its parent in it)."""
    peak = 0.0
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii", errors="replace")
        if "VmHWM:" in status:
            peak = float(status.split("VmHWM:")[1].split()[0]) / 1024
        time.sleep(0.2)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return peak


def _write_cfl(path: Path, values: np.ndarray) -> None:
    shape = [*values.shape, *[1] * (16 - values.ndim)]
    path.with_suffix(".hdr").write_text("# Dimensions\n" + " ".join(map(str, shape)) + "\n")
    path.with_suffix(".cfl").write_bytes(values.astype(np.complex64).tobytes(order="F"))


def _read_cfl(path: Path) -> np.ndarray:
    shape = [int(size) for size in path.with_suffix(".hdr").read_text().splitlines()[1].split()]
    return np.fromfile(path.with_suffix(".cfl"), np.complex64).reshape(shape, order="F")


def main(argv: list[str] | None = None) -> None:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args(argv)
    if not shutil.which("bart"):
        print("Skipped: BART is not installed (Debian: apt install bart).")
        return
    of = data(model="exponential")
    reference, pattern = fully_sampled(of.clean, of, MONO), with_calibration_lines(of)
    invert(pattern, of.maps, MONO)
    with Clock() as clock:
        own = invert(pattern, coil_maps(pattern.calibration, SHAPE).maps, MONO).t2_ms
    muscle = np.any(list(thighs.muscle_regions(thing()).values()), axis=0)
    print("| method | bias | worst muscle | RMSE | muscle voxels without T2 | CPU s | times ours | MB |")
    print("|---|---|---|---|---|---|---|---|")
    missing = int(np.isnan(own[muscle]).sum())
    print(
        f"| MyoT2, coil maps included | {errors(own, reference)} | {missing} | {clock.seconds:.1f} | 1 | |", flush=True
    )
    for setting in SETTINGS:
        theirs, seconds, memory = moba(of, pattern, setting)
        known = np.isfinite(theirs)
        found, missing = errors(theirs, reference, held=known), int((muscle & ~known).sum())
        cost = f"{seconds:.0f} | {seconds / clock.seconds:.0f} | {memory:.0f}"
        print(f"| BART moba {' '.join(setting)} | {found} | {missing} | {cost} |", flush=True)
    print(
        f"\nAll with {' '.join(OPTIONS)}; {int(muscle.sum())} voxels in {len(thighs.muscle_regions(thing()))} muscles."
    )


if __name__ == "__main__":
    main()
