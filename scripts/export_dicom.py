"""Write one scan's results as DICOM objects in the study of its source images.

The options of scripts/ingest_dicom.py say which series the results were made of; the images are not read again. Masks
as they were drawn and as they were measured, the T2 map in ms and as pictures in colour, and the measures as a report.
The same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from myot2.core.command import run_stage, stage_parser
from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of, read_image, read_map, same_grid
from myot2.core.labels import read_labels
from myot2.core.source_series import SourceSeries
from myot2.core.stopnote import raise_if_stopped
from myot2.core.tables import read_table
from myot2.ingest.identity import Pseudonyms, hide_header_text, read_key
from myot2.ingest.order_options import add_order_options, order_of
from myot2.ingest.planes import source_series
from myot2.ingest.reading.elements import quiet_pydicom
from myot2.ingest.reading.headers import read_index
from myot2.ingest.stage import Order, select_ordered

KINDS = ("seg-t2", "seg", "t2", "colour", "measures")
_WHAT = ("masks as measured", "masks as drawn", "T2 map", "pictures", "report")


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    order = order_of(parser, options, options.measures)
    outputs = {kind: path for kind in KINDS if (path := getattr(options, f"out_{kind.replace('-', '_')}"))}
    if bool(options.labels) != ("seg" in outputs):
        parser.error("--labels and --out-seg go together")
    if not (options.key and options.scan):
        parser.error("--key and --scan are needed: UIDs are made with the one, names with the other")
    return run_stage(
        "export",
        lambda: quietly(options, order, outputs),
        outputs=outputs.values(),
        leave_stop_notes=options.leave_stop_notes,
    )


def quietly(options: argparse.Namespace, order: Order, outputs: dict[str, Path]) -> None:
    """The same without pydicom's warnings, which quote headers."""
    with quiet_pydicom():
        export(options, order, outputs)


def export(options: argparse.Namespace, order: Order, outputs: dict[str, Path]) -> None:
    """Make all objects, and only then write them."""
    for path in [options.t2, options.t2_labels, options.labels, options.measures]:
        if path:
            raise_if_stopped(path)
    table, measures = read_labels(options.label_table), read_table(options.measures)
    keyed = read_key(order.key)
    t2_series, labelled = _series(options, order, keyed)
    # only here: they take seconds, and what is wrong with the input is said before
    from myot2.export.dicom.colour_picture import colour_picture
    from myot2.export.dicom.finish import thighs_shown, write_object
    from myot2.export.dicom.identity import Identities
    from myot2.export.dicom.measurements import measurement_report
    from myot2.export.dicom.parametric_map import parametric_map
    from myot2.export.dicom.segmentation import segmentation
    from myot2.export.dicom.source import read_source

    identities = Identities(keyed.of, options.identity, order.scan.participant_id)
    source = read_source(t2_series, identities)
    measured, (image, t2) = read_image(options.t2_labels), read_map(options.t2)
    masks = segmentation(measured, table, source, options.algorithm, kind="seg-t2", where=options.t2_labels)
    thighs = thighs_shown(array_of(measured), table)
    made = {
        "seg-t2": masks,
        "t2": parametric_map(image, t2, source, thighs, where=options.t2),
        "colour": colour_picture(image, t2, source, thighs, where=options.t2),
        "measures": measurement_report(measures, table, masks, source, where=options.measures),
    }
    if options.labels:
        # a person may have drawn them on the T2 grid: they go with the series whose grid they are on
        drawn = read_image(options.labels)
        whose = next((one for one in labelled if same_grid(drawn, one.grid)), labelled[0])
        made["seg"] = segmentation(
            drawn, table, read_source(whose, identities), options.algorithm, kind="seg", where=options.labels
        )
    for kind, path in outputs.items():
        write_object(made[kind], path)
    print(f"objects: {len(outputs)}, segments: {len(masks.SegmentSequence)}, slices: {len(t2_series.planes)}")


def _series(options: argparse.Namespace, order: Order, keyed: Pseudonyms) -> tuple[SourceSeries, list[SourceSeries]]:
    """The series of the T2 map; and those on whose grid the labels may be, the likelier first."""
    taken = select_ordered(read_index(options.dicom), order, keyed).taken
    role = {"echoes": "mese", "t2-map": "t2map"}[options.t2_from]
    if role not in taken:
        raise MyoT2Error(
            expected=f"the series that the T2 map comes from (--t2-from {options.t2_from})",
            found="no such series among those asked for",
            where="the options",
            do="Give --echoes or --t2-map as ingest was given them.",
        )
    dixon = [f"dixon-{options.labelled}"] if options.labelled else order.dixon
    t2 = source_series(taken[role])
    return t2, [*(source_series(taken[one]) for one in dixon if one in taken), t2]


def _parser() -> argparse.ArgumentParser:
    parser = stage_parser(__doc__)
    add_order_options(parser)
    parser.add_argument("--t2", type=Path, required=True, help="T2 map in ms, as fit makes it")
    parser.add_argument("--t2-from", choices=("echoes", "t2-map"), required=True, help="whose grid the T2 map is on")
    parser.add_argument("--t2-labels", type=Path, required=True, help="label map on that grid, as it was measured")
    parser.add_argument("--labels", type=Path, help="label map as drawn, on the Dixon images or on the T2 map")
    parser.add_argument(
        "--labelled", choices=("in", "opp", "water", "fat"), help="the Dixon image that was labelled; else any"
    )
    parser.add_argument("--measures", type=Path, required=True, help="table of measures of the scan (.tsv)")
    parser.add_argument("--label-table", default="config/labels.tsv", help="label table (default: config/labels.tsv)")
    parser.add_argument(
        "--algorithm",
        choices=("automatic", "semi-automatic", "manual"),
        default="automatic",
        help="how the masks came to be: by the network, corrected by a reader, or drawn",
    )
    parser.add_argument(
        "--identity",
        choices=("pseudonym", "keep"),
        default="pseudonym",
        help="under the participant id and pseudonyms of all UIDs, or as patient and study of the source",
    )
    for kind, what in zip(KINDS, _WHAT, strict=True):
        parser.add_argument(f"--out-{kind}", type=Path, metavar="DCM", help=f"{what} (.dcm)")
    return parser


if __name__ == "__main__":
    hide_header_text()
    sys.exit(main())
