"""Damaged DICOM files by the thousand: each is to give the image that pydicom reads in the same bytes, or a refusal.

Real headers (../shared/data: GE, Siemens, Philips, Hitachi; classic and enhanced; every lossless transfer syntax) and
built ones are damaged at random, and every outcome is compared with pydicom's own reading. What is neither an image
true to the header nor a refusal is printed with the numbers that make it again.

    .venv/bin/python benchmarks/ingest_fuzz.py [--cases N] [--seed N]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "unit" / "ingest"))

import numpy as np  # noqa: E402
from ingest_fuzz_cases import DAMAGES, Original, originals, outcome, write_damaged  # noqa: E402

OUTCOMES = ("image", "refused", "image, stream damaged", "wrong")


def try_one(folder: Path, original: Original, damage: str, seed: int) -> tuple[str, float, str]:
    """The outcome of one damaged file, how long it took (s), and the fault, where there is one."""
    path = write_damaged(folder, original, damage, seed)
    start = time.perf_counter()
    try:
        found, fault = outcome(path, original, damage), ""
    except Exception as error:  # the point of it: anything that is not a refusal
        found, fault = "wrong", f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return found, time.perf_counter() - start, fault


def main(argv: list[str] | None = None) -> int:
    """Print the table; return 1 where an outcome was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    rng = np.random.default_rng(options.seed)
    counts: Counter[tuple[str, str]] = Counter()
    longest = 0.0
    with tempfile.TemporaryDirectory() as scratch:
        files = originals(ROOT.parent / "shared" / "data", Path(scratch, "built"))
        names, damages = list(files), list(DAMAGES)
        for _ in range(options.cases):
            name, damage = names[rng.integers(len(names))], damages[rng.integers(len(damages))]
            seed = int(rng.integers(2**32))
            found, seconds, fault = try_one(Path(scratch, "case"), files[name], damage, seed)
            counts[damage, found] += 1
            longest = max(longest, seconds)
            if fault:
                print(f"{name!r}, {damage!r}, seed {seed}: {fault}")
    print(f"{'damage':<18}" + "".join(f"{one:>23}" for one in OUTCOMES))
    for damage in damages:
        print(f"{damage:<18}" + "".join(f"{counts[damage, one]:>23,}" for one in OUTCOMES))
    totals = {one: sum(counts[damage, one] for damage in damages) for one in OUTCOMES}
    print(f"{'all':<18}" + "".join(f"{totals[one]:>23,}" for one in OUTCOMES))
    print(f"longest case: {longest:.2f} s")
    return 1 if totals["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
