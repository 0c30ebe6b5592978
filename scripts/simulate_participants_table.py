#!/usr/bin/env python3
"""Draw the participants table of a digital cohort: invented people with the clinical data of patients and controls.

The T2 that each person is to have is not in the table; scripts/simulate_participant.py draws it from the same seed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from myot2.core.tables import write_tsv
from myot2.simulate.cohort import draw_cohort, with_dicom_folders, with_raw_folders
from myot2.simulate.protocol import PRESETS


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--preset", choices=sorted(PRESETS), required=True, help="which cohort")
    parser.add_argument("--seed", type=int, required=True, help="the cohort's seed, a whole number from 0")
    parser.add_argument("--dicom-root", required=True, help="the table says DICOM_ROOT/sub-ID/dicom for each person")
    parser.add_argument("--kspace", action="store_true", help="also name DICOM_ROOT/sub-ID/kspace, the raw data")
    parser.add_argument("--out", type=Path, required=True, help="the table to write (.tsv)")
    arguments = parser.parse_args(argv)
    preset = PRESETS[arguments.preset]
    cohort = draw_cohort(arguments.seed, patients=preset.patients, controls=preset.controls)
    table = with_dicom_folders(cohort.table, arguments.dicom_root)
    write_tsv(with_raw_folders(table, arguments.dicom_root) if arguments.kspace else table, arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
