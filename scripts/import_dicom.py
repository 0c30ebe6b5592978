"""Take DICOM segmentations and structured reports back: as a corrected label map, and as a table of measures.

Both may come from MyoT2 or from any other tool (3D Slicer, dcmqi, highdicom, a workstation). An object of another
patient, study or frame of reference than the scan's DICOM folder is refused. Nothing is resampled and no segment is
guessed: what neither code nor name tells is named by --segment, or left out by --leave-out.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import SimpleITK as sitk

from myot2.core.command import run_stage, stage_parser
from myot2.core.errors import MyoT2Error
from myot2.core.files import write_json
from myot2.core.images import read_volume, write_image
from myot2.core.labels import read_labels
from myot2.core.tables import write_tsv
from myot2.ingest.choosing.choices import scan_named
from myot2.ingest.identity import hide_header_text, read_key
from myot2.ingest.reading.elements import quiet_pydicom
from myot2.ingest.reading.files import find_dicom_files
from myot2.review.places import corrected_mask_path


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    if bool(options.seg) != bool(options.grid and options.folder):
        parser.error("--seg needs --grid and --folder, and they need it")
    if bool(options.report) != bool(options.table) or not (options.seg or options.report):
        parser.error("give --seg, or --report with --table, or both")
    outputs = [options.table, options.table.with_suffix(".json")] if options.table else []
    with quiet_pydicom():
        return run_stage("export", lambda: take(options), outputs=outputs, leave_stop_notes=options.leave_stop_notes)


def take(options: argparse.Namespace) -> None:
    """Check whose the objects are, read them, and only then write."""
    # only here: it takes a second, and a wrong option is said before
    import pydicom

    from myot2.export.dicom.belonging import examination_of
    from myot2.export.dicom.identity import Identities
    from myot2.export.dicom.read_measurements import DICTIONARY, read_measurements

    table = read_labels(options.label_table)
    keyed = read_key(options.key)
    identities = [Identities(keyed.of, policy, options.scan.participant_id) for policy in ("keep", "pseudonym")]
    examination = examination_of([file.path for file in find_dicom_files(options.dicom)], *identities)
    labels = measures = None
    if options.seg:
        made = _read(options.seg, pydicom)
        examination.require(made, options.seg)
        labels = on_a_grid(made, table, options)
    if options.report:
        report = _read(options.report, pydicom)
        examination.require(report, options.report)
        measures = read_measurements(report, table, where=options.report)
    if labels is not None:
        write_image(labels, _target(options))
        print(f"labels: {len(set(sitk.GetArrayViewFromImage(labels).ravel().tolist()) - {0})}")
    if measures is not None:
        write_tsv(measures, options.table)
        write_json(options.table.with_suffix(".json"), DICTIONARY)
        print(f"numbers: {len(measures)}, of muscles in the label table: {measures['region'].notna().sum()}")


def on_a_grid(made, table, options: argparse.Namespace) -> sitk.Image:
    """The label map on the first of the grids on which the segments lie."""
    from myot2.export.dicom.read_segmentation import read_segmentation

    refusal: MyoT2Error | None = None
    for path in options.grid:
        try:
            return read_segmentation(
                made,
                table,
                read_volume(path),
                where=options.seg,
                numbers=dict(options.segment),
                leave_out=options.leave_out,
            )
        except MyoT2Error as error:
            refusal = refusal or error
    raise refusal


def _target(options: argparse.Namespace) -> Path:
    """Where review looks for the corrected mask; one that is there already is somebody's work."""
    target = corrected_mask_path(options.folder, options.scan.name)
    if target.exists() and not options.replace:
        raise MyoT2Error(
            expected="no corrected mask of this scan yet",
            found="one that is there",
            where=target,
            do="Say --replace if the imported one is to stand in its place, or move the old one away.",
        )
    return target


def _read(path: Path, pydicom):
    try:
        return pydicom.dcmread(path)
    except (OSError, pydicom.errors.InvalidDicomError) as error:
        raise MyoT2Error(
            expected="a DICOM file",
            found="none" if not path.is_file() else "something else",
            where=path,
            do="Check the path.",
        ) from error


def _pair(text: str) -> tuple[int, int]:
    number, _, label = text.partition("=")
    return int(number), int(label)


def _parser() -> argparse.ArgumentParser:
    parser = stage_parser(__doc__)
    parser.add_argument("--scan", type=scan_named, required=True, help="sub-01 or sub-01_ses-1")
    parser.add_argument("--dicom", type=Path, required=True, help="folder with the scan's DICOM files")
    parser.add_argument("--key", type=Path, required=True, help="file with the site's secret (ingest.key)")
    parser.add_argument("--label-table", default="config/labels.tsv", help="label table (default: config/labels.tsv)")
    parser.add_argument("--seg", type=Path, help="segmentation (.dcm)")
    parser.add_argument(
        "--grid", type=Path, nargs="+", help="images that the segments may lie on: the labelled one, the T2 map"
    )
    parser.add_argument("--folder", type=Path, help="folder of corrected masks (review.folder)")
    parser.add_argument("--replace", action="store_true", help="put it in place of a corrected mask that is there")
    parser.add_argument(
        "--segment", type=_pair, action="append", default=[], metavar="NUMBER=LABEL", help="which label a segment is"
    )
    parser.add_argument(
        "--leave-out", type=int, action="append", default=[], metavar="NUMBER", help="a segment that is none of ours"
    )
    parser.add_argument("--report", type=Path, help="structured report, TID 1500 (.dcm)")
    parser.add_argument("--table", type=Path, help="table of its numbers (.tsv)")
    return parser


if __name__ == "__main__":
    hide_header_text()
    sys.exit(main())
