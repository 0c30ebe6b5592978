"""Write one participant's page for the clinician: A4, T2 against the controls of the cohort, picture, quality flags."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from myot2.core.cohort_options import add_cohort_options, cohort_of
from myot2.core.command import run_stage, stage_parser
from myot2.core.errors import MyoT2Error
from myot2.core.labels import read_labels
from myot2.core.stopnote import raise_if_stopped
from myot2.core.tables import read_table
from myot2.export.clinician_page import page_content, set_page
from myot2.export.reference import control_ranges

_NUMBERS = ("t2_mean_ms", "volume_ml")


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = _parse(argv)
    return run_stage("export", lambda: write(options), outputs=[options.out], leave_stop_notes=options.leave_stop_notes)


def write(options: argparse.Namespace) -> None:
    """Read, compare with the controls, set."""
    raise_if_stopped(options.measures)
    raise_if_stopped(options.picture)
    who = {participant.scan: participant for participant in cohort_of(options)}
    if options.scan not in who:
        raise MyoT2Error(
            expected=f"a row for {options.scan}", found="none", where=options.participants, do="Check --scan."
        )
    own, cohort = _numbers(options.measures), _numbers(options.cohort)
    person = who[options.scan]
    controls = [participant.participant_id for participant in who.values() if participant.group == "control"]
    content = page_content(
        own,
        control_ranges(cohort, controls, "t2_mean_ms", without=person.participant_id),
        read_labels(options.label_table),
        participant=person.participant_id,
        session=person.session,
        flags=_flags(options.quality, person.participant_id, person.session),
        masks=options.masks,
        t2_source=options.t2_source,
    )
    set_page(content, options.picture, options.template, options.out)


def _numbers(path: Path) -> pd.DataFrame:
    table = read_table(path)
    return table.assign(**{name: pd.to_numeric(table[name]).astype(float) for name in _NUMBERS})


def _flags(path: Path | None, participant: str, session: str | None) -> list[str]:
    """What the automatic checks say of the scan; they are joined by semicolons in the table."""
    if path is None:
        return ["the masks were given: no automatic check judged them"]
    table = read_table(path)
    mine = (table["participant_id"] == participant) & (table["session"].fillna("") == (session or ""))
    rows = table[mine]
    if not len(rows) or rows.iloc[0]["status"] != "judged":
        return ["the masks were not judged by automatic checks"]
    text = rows.iloc[0]["flags"]
    return [] if pd.isna(text) else [flag.strip() for flag in text.split(";") if flag.strip()]


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = stage_parser(__doc__)
    add_cohort_options(parser)
    parser.add_argument("--scan", required=True, help="sub-01 or sub-01_ses-1")
    parser.add_argument("--measures", type=Path, required=True, help="table of measures of the scan (.tsv)")
    parser.add_argument("--cohort", type=Path, required=True, help="table of measures of the cohort (.tsv)")
    parser.add_argument("--quality", type=Path, help="table of the scans' flags (segment/quality_scans.tsv)")
    parser.add_argument("--picture", type=Path, required=True, help="the scan's panel, as report draws it (.png)")
    parser.add_argument("--label-table", default="config/labels.tsv", help="label table (default: config/labels.tsv)")
    parser.add_argument(
        "--template", type=Path, default=Path("report/clinician_page.typ"), help="how it is set (Typst)"
    )
    parser.add_argument("--masks", default="made by the network", help="how the masks came to be, in words")
    parser.add_argument("--t2-source", default="not said", help="where T2 comes from, in words")
    parser.add_argument("--out", type=Path, required=True, help="the page (.pdf)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
