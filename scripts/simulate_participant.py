#!/usr/bin/env python3
"""Simulate one participant of a digital cohort: DICOM as from a scanner, and the truth behind it.

Each participant can be simulated alone and in any order: equal options give equal bytes.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path

from myot2.core.labels import read_labels
from myot2.simulate.dicom import write_examination
from myot2.simulate.folder import atomic_folder
from myot2.simulate.participant import simulate_participant
from myot2.simulate.placement import PLACEMENTS
from myot2.simulate.protocol import PRESETS, Conditions
from myot2.simulate.scanners.catalogue import SCANNERS
from myot2.simulate.truth import write_truth

LABELS = Path(__file__).parents[1] / "config" / "labels.tsv"


def main(argv: list[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    preset = PRESETS[arguments.preset]
    if arguments.people:
        preset = replace(preset, people=arguments.people)
    conditions = Conditions(
        refocusing=arguments.refocusing,
        motion_mm=arguments.motion_mm,
        snr=arguments.snr,
        fat_suppression=arguments.fat_suppression,
    )
    labels = read_labels(arguments.label_table)
    examination = simulate_participant(preset, arguments.seed, arguments.participant, conditions, labels)
    settings = {"preset": preset.name, "seed": arguments.seed, "people": preset.people, **asdict(conditions)}
    with atomic_folder(arguments.truth) as folder:
        write_truth(folder, arguments.participant, examination.truth, examination.identity, labels, settings)
    key = f"{preset.name}/{arguments.seed}/{arguments.participant}"
    placed = [PLACEMENTS[arguments.placement](series) for series in examination.series]
    with atomic_folder(arguments.dicom) as folder:
        write_examination(folder, placed, examination.identity, key, SCANNERS[arguments.scanner])
    return 0


def _parser() -> argparse.ArgumentParser:
    default = Conditions()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--preset", choices=sorted(PRESETS), required=True, help="which cohort and matrix sizes")
    parser.add_argument("--seed", type=int, required=True, help="the cohort's seed, as for the participants table")
    parser.add_argument("--participant", required=True, help="participant_id, such as P01 or C01")
    parser.add_argument("--dicom", type=Path, required=True, help="folder for the DICOM files")
    parser.add_argument("--truth", type=Path, required=True, help="folder for the truth")
    parser.add_argument("--label-table", type=Path, default=LABELS, help="the label table (default: the project's)")
    parser.add_argument("--people", choices=("training", "held-out"), help="whose shapes (default: the preset's)")
    parser.add_argument(
        "--refocusing",
        choices=("ideal", "realistic"),
        default=default.refocusing,
        help="180 degrees everywhere, or slice profile and B1 (default: %(default)s)",
    )
    parser.add_argument(
        "--motion-mm", type=float, default=default.motion_mm, help="shift of the legs before the T2 series, 0-8 mm"
    )
    parser.add_argument(
        "--fat-suppression",
        action=argparse.BooleanOptionalAction,
        default=default.fat_suppression,
        help="of the multi-echo series (default: with)",
    )
    parser.add_argument(
        "--scanner", choices=list(SCANNERS), default="siemens", help="whose DICOM is written (default: %(default)s)"
    )
    parser.add_argument(
        "--placement",
        choices=list(PLACEMENTS),
        default="feet-first",
        help="how the person lies and in which order voxels are stored; the truth stays (default: %(default)s)",
    )
    parser.add_argument(
        "--snr", type=float, default=default.snr, help="of healthy muscle in the first echo (default: %(default)s)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
