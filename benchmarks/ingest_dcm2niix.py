"""Ingest of one participant at the study's matrix (505 DICOM files) beside dcm2niix: CPU time and memory.

Both programs run as a user starts them, interpreter and imports included, alternately and on one core; the CPU time is
user plus system. dcm2niix (`-z y`) converts every series of the folder; ingest checks them all and writes the 15 images
that the study needs. The files are in the page cache for both.

    .venv/bin/python benchmarks/ingest_dcm2niix.py [--dicom FOLDER] [--repeats N]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
ECHOES = 10
"""Of the study's multi-echo spin echo (preset `study` of the simulator)."""
LIMIT = 1.5
PROGRAMS = ("dcm2niix", "ingest")


def simulate(folder: Path) -> Path:
    """The DICOM files of participant P01 of the simulated study."""
    script = str(ROOT / "scripts" / "simulate_participant.py")
    places = ["--dicom", str(folder / "dicom"), "--truth", str(folder / "truth")]
    subprocess.run(
        [sys.executable, script, "--preset", "study", "--seed", "1", "--participant", "P01", *places], check=True
    )
    return folder / "dicom"


def measure(command: Sequence[str]) -> tuple[float, float]:
    """CPU seconds and peak memory (MB) of a program."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command[0]} failed")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def ingest_command(dicom: Path, out: Path) -> list[str]:
    """Ingest of the four Dixon images, the echoes and the T2 map."""
    dixon = [
        text for kind in ("in", "opp", "water", "fat") for text in (f"--dixon-{kind}", str(out / f"{kind}.nii.gz"))
    ]
    echoes = [str(out / f"echo-{number:02d}.nii.gz") for number in range(1, ECHOES + 1)]
    script = str(ROOT / "scripts" / "ingest_dicom.py")
    maps = ["--t2-map", str(out / "t2.nii.gz"), "--series-table", str(out / "series.tsv")]
    return [sys.executable, script, "--dicom", str(dicom), *maps, *dixon, "--echoes", *echoes]


def compare(dicom: Path, scratch: Path) -> tuple[tuple[float, float], tuple[float, float]]:
    """Run dcm2niix, then ingest, into new folders."""
    peer, ours = (scratch / program for program in PROGRAMS)
    peer.mkdir(parents=True)
    dcm2niix = str(Path(sys.executable).with_name("dcm2niix"))
    return measure([dcm2niix, "-z", "y", "-o", str(peer), str(dicom)]), measure(ingest_command(dicom, ours))


def megabytes(folder: Path) -> float:
    """Size of all images in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*.nii.gz")) / 1e6


def main(argv: list[str] | None = None) -> int:
    """Print the table; return 1 where ingest takes more than its share."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dicom", type=Path, help="an examination of the simulated study; default: simulate one")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        dicom = options.dicom or simulate(scratch)
        pairs = [compare(dicom, scratch / str(number)) for number in range(options.repeats)]
        sizes = [megabytes(scratch / "0" / program) for program in PROGRAMS]
    print(f"{'program':<12}{'CPU s, median':>15}{'least':>9}{'most':>9}{'peak MB':>10}{'images MB':>12}")
    for which, (program, size) in enumerate(zip(PROGRAMS, sizes, strict=True)):
        seconds = [pair[which][0] for pair in pairs]
        peak = max(pair[which][1] for pair in pairs)
        spread = f"{statistics.median(seconds):>15.2f}{min(seconds):>9.2f}{max(seconds):>9.2f}"
        print(f"{program:<12}{spread}{peak:>10.0f}{size:>12.1f}")
    ratio = statistics.median(ours / peer for (peer, _), (ours, _) in pairs)
    print(f"ratio of CPU times, median of {options.repeats} pairs: {ratio:.2f} (limit {LIMIT})")
    return int(ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
