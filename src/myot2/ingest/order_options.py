"""The options by which a program is told the images of one scan and which series they come from."""

from __future__ import annotations

import argparse
from pathlib import Path

from myot2.ingest.choosing.choices import scan_named
from myot2.ingest.stage import Order

_DIXON = {"in": "in-phase", "opp": "opposed-phase", "water": "water", "fat": "fat"}


def add_order_options(parser: argparse.ArgumentParser) -> None:
    """Add --dicom, --dixon-..., --echoes, --t2-map, --scan, --key and --series."""
    parser.add_argument("--dicom", required=True, help="folder with one participant's DICOM files, in any order")
    for kind, name in _DIXON.items():
        parser.add_argument(f"--dixon-{kind}", type=Path, metavar="NIFTI", help=f"{name} image of the Dixon (.nii.gz)")
    parser.add_argument(
        "--echoes",
        type=Path,
        nargs="+",
        default=[],
        metavar="NIFTI",
        help="images of the multi-echo spin echo, ascending in echo time; as many as the protocol has echoes",
    )
    parser.add_argument("--t2-map", type=Path, metavar="NIFTI", help="the scanner's T2 map, in s (.nii.gz)")
    parser.add_argument("--scan", type=scan_named, help="sub-01 or sub-01_ses-1: whose the series table is")
    parser.add_argument("--key", type=Path, help="file with the site's secret, for pseudonyms of identifiers")
    parser.add_argument(
        "--series", type=Path, help="series table of `make index`, edited: its rows of this scan say what is taken"
    )


def order_of(
    parser: argparse.ArgumentParser,
    options: argparse.Namespace,
    series_table: Path,
    t2_map_scale: float | None = None,
) -> Order:
    """The order that the options make; a usage error where --series stands without what its rows are known by."""
    if options.series and not (options.key and options.scan):
        parser.error("--series needs --key and --scan: its rows are known by scan and pseudonym")
    return Order(
        series_table=series_table,
        dixon={f"dixon-{kind}": path for kind in _DIXON if (path := getattr(options, f"dixon_{kind}"))},
        echoes=options.echoes,
        t2_map=options.t2_map,
        t2_map_scale=t2_map_scale,
        scan=options.scan,
        key=options.key,
        choices=options.series,
    )
