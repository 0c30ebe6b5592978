#!/usr/bin/env python3
"""Simulate one participant of a digital cohort: DICOM as from a scanner, and the truth behind it.

Each participant can be simulated alone and in any order: equal options give equal bytes.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path

from myot2.core.images import write_image
from myot2.core.labels import read_labels
from myot2.core.usage import print_usage
from myot2.simulate.dicom import write_examination
from myot2.simulate.folder import atomic_folder
from myot2.simulate.kspace import Receiver
from myot2.simulate.participant import simulate_participant
from myot2.simulate.placement import PLACEMENTS
from myot2.simulate.protocol import PRESETS, Conditions
from myot2.simulate.raw_file import write_raw
from myot2.simulate.sampling import Sampling
from myot2.simulate.scanners.catalogue import SCANNERS
from myot2.simulate.truth import write_fully_sampled, write_truth

RAW_FILE, B1_FILE = "raw.h5", "TB1map.nii.gz"
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
    receiver = receiver_of(arguments) if arguments.kspace else None
    examination = simulate_participant(preset, arguments.seed, arguments.participant, conditions, labels, receiver)
    settings = {"preset": preset.name, "seed": arguments.seed, "people": preset.people, **asdict(conditions)}
    if receiver:
        settings["receiver"] = asdict(receiver)
    with atomic_folder(arguments.truth) as folder:
        write_truth(folder, arguments.participant, examination.truth, examination.identity, labels, settings)
        if examination.raw:
            write_fully_sampled(folder, arguments.participant, examination.raw)
    if examination.raw:
        with atomic_folder(arguments.kspace) as folder:
            write_raw(folder / RAW_FILE, examination.raw, examination.identity)
            write_image(examination.raw.b1[0].image(examination.raw.b1[1]), folder / B1_FILE)
    key = f"{preset.name}/{arguments.seed}/{arguments.participant}"
    placed = [PLACEMENTS[arguments.placement](series) for series in examination.series]
    with atomic_folder(arguments.dicom) as folder:
        write_examination(folder, placed, examination.identity, key, SCANNERS[arguments.scanner])
    print_usage("simulate")
    return 0


def receiver_of(arguments: argparse.Namespace) -> Receiver:
    """The receiver and the order of its lines, as the options say."""
    order = tuple(arguments.block_order or range(arguments.blocks))
    sampling = Sampling(arguments.blocks, arguments.acceleration, order, arguments.partial_fourier)
    return Receiver(sampling, arguments.coils, tuple(arguments.odd_even_deg))


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
    raw = parser.add_argument_group("raw k-space of the multi-echo series")
    receiver, sampling = Receiver(), Sampling()
    raw.add_argument("--kspace", type=Path, metavar="OUT", help=f"folder for {RAW_FILE} and {B1_FILE}")
    raw.add_argument("--coils", type=int, default=receiver.coils, help="loops (default: %(default)s)")
    raw.add_argument(
        "--blocks", type=int, default=sampling.blocks, help="parts of k-space of which an echo takes one (%(default)s)"
    )
    raw.add_argument(
        "--acceleration", type=int, default=sampling.acceleration, help="one line in so many of a block (%(default)s)"
    )
    raw.add_argument(
        "--block-order", nargs="+", type=int, metavar="BLOCK", help="of the echoes, from 0 on (default: ascending)"
    )
    raw.add_argument(
        "--partial-fourier",
        type=float,
        default=sampling.partial_fourier,
        help="part of k-space that is sampled at all (default: %(default)s)",
    )
    raw.add_argument(
        "--odd-even-deg",
        nargs=3,
        type=float,
        default=receiver.odd_even_deg,
        metavar=("CONSTANT", "ROWS", "COLUMNS"),
        help="phase of even echoes: constant, and towards the edge along rows and along columns (default: %(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
