"""What the programs that measure one scan share: their options, and the scan that these name."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from myot2.core.images import array_of, read_image, require_same_grid
from myot2.core.labels import LabelTable, read_labels, require_known
from myot2.core.stopnote import raise_if_stopped
from myot2.measure.inputs import read_status
from myot2.measure.muscles import PLAUSIBLE_MS

IDENTIFIER = re.compile(r"[A-Za-z0-9]+")


@dataclass(frozen=True)
class Measured:
    """A scan as it is measured; arrays of shape (slices, rows, columns) on the grid of `image`.

    Parameters
    ----------
    image : sitk.Image
        The T2 map.
    t2_ms, labels : np.ndarray
        T2 in ms, and numbers of the label table.
    table : LabelTable
        What the numbers mean.
    status : np.ndarray or None
        Codes of `myot2.core.voxel_status.Status`, where they were given.
    """

    image: sitk.Image
    t2_ms: np.ndarray
    labels: np.ndarray
    table: LabelTable
    status: np.ndarray | None


def add_scan_options(parser: argparse.ArgumentParser) -> None:
    """The options that name a scan, its maps, and the voxels that count."""
    parser.add_argument("--t2", required=True, metavar="NIFTI", help="T2 in ms")
    parser.add_argument("--status", metavar="NIFTI", help="status map of the fit; only voxels that are ok are measured")
    parser.add_argument("--labels", required=True, metavar="NIFTI", help="label map on the same grid")
    parser.add_argument("--label-table", required=True, metavar="TSV", help="config/labels.tsv")
    parser.add_argument("--participant", required=True, metavar="ID", help="without 'sub-'")
    parser.add_argument("--session", default="n/a", metavar="ID", help="without 'ses-'; default n/a")
    parser.add_argument("--out", required=True, metavar="TSV", help="its data dictionary is written beside it as .json")
    parser.add_argument("--cross-check", metavar="TSV", help="ingest's comparison of two readers, which must agree")
    parser.add_argument("--erosion-mm", type=float, default=0.0, metavar="MM", help="in-plane, per muscle; default 0")
    parser.add_argument(
        "--plausible-ms", type=float, nargs=2, default=PLAUSIBLE_MS, metavar=("LOW", "HIGH"), help="default 1 300"
    )


def refuse_impossible(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End with a usage message where an option of `add_scan_options` cannot be."""
    low, high = options.plausible_ms
    if options.erosion_mm < 0 or not low < high:
        parser.error("--erosion-mm is not negative, and --plausible-ms goes from low to high")
    if not IDENTIFIER.fullmatch(options.participant) or not (
        options.session == "n/a" or IDENTIFIER.fullmatch(options.session)
    ):
        parser.error("--participant and --session consist of letters and digits")


def read_scan(options: argparse.Namespace) -> Measured:
    """The scan that the options of `add_scan_options` name.

    Raises
    ------
    Stopped
        An input holds a stop note.
    MyoT2Error
        The images are not on one grid, or a label is not in the label table.
    """
    if options.cross_check:
        raise_if_stopped(options.cross_check)
    t2 = read_image(options.t2)
    labels = read_image(options.labels)
    require_same_grid(t2, labels, where=options.labels, what="T2 map and labels")
    status = read_status(options.status, t2) if options.status else None
    table = read_labels(options.label_table)
    numbers = array_of(labels)
    require_known(numbers, table, options.labels)
    return Measured(t2, array_of(t2), numbers.astype(np.intp), table, status)
