"""Audit a run: whether all is as it was recorded, of what a number is made, and why two runs differ.

    audit.py verify                 check ledger and files; status 1 where anything is wrong
    audit.py why roc.auc            the lineage of a file or of a number of the report, down to the DICOM files
    audit.py diff RUN_A RUN_B       results that differ between two folders of results, and why
    audit.py crate                  make the results a Workflow Run RO-Crate
    audit.py merge                  add to the ledger what a run that was killed left

The run is that of --configfile; the program is to be called where the workflow runs. Settings that the run was given
with `snakemake --config` are known from the run. docs/stages/audit.md tells more.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from myot2 import __version__
from myot2.audit.called import merged, read_called
from myot2.audit.cohort import cohort_table, write_cohort_table
from myot2.audit.compare import differences
from myot2.audit.crate import About, pack, write_crate
from myot2.audit.findings import Finding
from myot2.audit.history import places_of, read_history
from myot2.audit.ledger import merge, read_head
from myot2.audit.lineage import why
from myot2.audit.places import Places
from myot2.audit.reviewed import Reviewed
from myot2.audit.verify import verify
from myot2.core.config import Configuration, read_configuration
from myot2.core.errors import MyoT2Error
from myot2.core.labels import read_labels
from myot2.core.participants import read_participants
from myot2.review.decisions import deciding, read_decisions
from myot2.review.places import mask_that_counts


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status: 0, 1 where an audit found something, 2 where it could not be made."""
    options = _parser().parse_args(argv)
    try:
        if options.command == "diff":
            return _diff(options.first, options.second)
        settings, places = _settings(options.configfile, _given(options.config))
        if options.command == "merge":
            print(f"{merge(places.audit)} records joined the ledger")
            return 0
        if options.command == "crate":
            return _crate(places, options)
        if options.command == "why":
            for line in why(read_history(places), options.what, instances=options.instances):
                print(line)
            return 0
        return _verify(settings, places, options.table)
    except MyoT2Error as error:
        print(f"audit: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader has seen enough
        sys.stderr.close()
        return 0


def _verify(settings: Configuration, places: Places, write_table: bool) -> int:
    history = read_history(places)
    table = settings.participants
    people = read_participants(
        table.table,
        columns=table.columns,
        values=table.values,
        require_dicom=settings.ingest.source == "dicom",
        require_kspace=settings.fit.source == "kspace",
    )
    scans = {one.scan for one in people}
    labels = read_labels(settings.label_table)
    decided = _reviewed(settings, scans)
    now = settings.model_dump(mode="json")
    findings = verify(history, settings=now, scans=scans, labels=set(labels.indices()), reviewed=decided)
    if write_table:
        write_cohort_table(cohort_table(history, findings, scans, decided), places.results)
    for line in _told(findings):
        print(line)
    if called := read_called(places):
        print(f"The run was given with --config: {json.dumps(called)}")
    print(f"{len(history.contents)} files and folders of {len(history.records)} jobs; {_ledger(places)}")
    return 1 if findings else 0


def _told(findings: list[Finding]) -> Iterator[str]:
    yield from map(str, findings)
    yield f"{len(findings)} findings" if findings else "Nothing is wrong."


def _ledger(places: Places) -> str:
    try:
        lines, head = read_head(places.audit)
    except ValueError as error:
        return str(error)
    return f"ledger of {lines} lines, {head}"


def _diff(first: Path, second: Path) -> int:
    runs = [read_history(places_of(folder, Path.cwd())) for folder in (first, second)]
    for run in runs:
        if not run.contents:
            raise MyoT2Error(
                expected="the results of a recorded run",
                found="no records",
                where=run.places.audit,
                do="Give the folder that holds audit/.",
            )
    found = list(differences(*runs))
    for name, reason in found:
        print(f"{name}: {reason}")
    print(f"{len(found)} results differ" if found else "The runs have equal results.")
    return 1 if found else 0


def _crate(places: Places, options: argparse.Namespace) -> int:
    about = About(
        options.licence,
        version("snakemake"),
        __version__,
        authors=tuple(options.author),
        organisation=tuple(options.organisation) if options.organisation else None,
    )
    crate = write_crate(read_history(places), about)
    print(crate.relative_to(Path.cwd()) if crate.is_relative_to(Path.cwd()) else crate)
    if options.pack:
        print(f"{options.pack}: {pack(crate, options.pack)} files; audit/private is none of them")
    return 0


def _reviewed(settings: Configuration, scans: set[str]) -> Reviewed:
    folder = settings.review.folder
    rows = read_decisions(folder)
    decisions = deciding(rows, settings.review.raters)
    masks = {scan: mask_that_counts(folder, scan, decisions.get(scan), rows) for scan in scans}
    return Reviewed(decisions, {scan: path for scan, path in masks.items() if path}, settings.review.apply)


def _settings(path: Path, given: dict[str, Any]) -> tuple[Configuration, Places]:
    """The settings of the run as they are now, and where it lies: its file, what it was given, what is given here."""
    content = _content(path)
    settings = read_configuration(merged(content, given), where=path)
    places = places_of(Path(settings.results), Path.cwd())
    called = read_called(places)
    return read_configuration(merged(merged(content, called), given), where=path), places


def _given(words: list[str]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        try:
            given = merged(given, {name: yaml.safe_load(value)})
        except yaml.YAMLError:
            equals = ""
        if not name or not equals:
            raise MyoT2Error(expected="KEY=VALUE", found=word, where="--config", do="Give what snakemake was given.")
    return given


def _content(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        if not isinstance(content, dict):
            raise yaml.YAMLError
        return content
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise MyoT2Error(
            expected="a configuration file",
            found="no such file" if not path.exists() else f"no YAML ({type(error).__name__})",
            where=path,
            do="Name the file that the workflow is run with: --configfile.",
        ) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument(
        "--configfile", type=Path, default=Path("config/config.yaml"), metavar="YAML", help="the run's configuration"
    )
    parser.add_argument(
        "--config",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting that differs from the file, as for snakemake: results=FOLDER of a run that was called so",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("verify", help="check ledger and files")
    check.add_argument("--no-table", dest="table", action="store_false", help="do not write audit/cohort.tsv")
    trace = commands.add_parser("why", help="print the lineage of a file or number")
    trace.add_argument("what", help="a path, or a key of statistics.json such as roc.auc")
    trace.add_argument("--instances", action="store_true", help="print the SOP Instance UID of each DICOM file")
    diff = commands.add_parser("diff", help="compare two runs")
    diff.add_argument("first", type=Path, metavar="RUN_A")
    diff.add_argument("second", type=Path, metavar="RUN_B")
    crate = commands.add_parser("crate", help="write ro-crate-metadata.json")
    crate.add_argument("--licence", required=True, help="the licence of the results: a URL or a sentence")
    crate.add_argument("--author", action="append", default=[], metavar="NAME", help="default: who ran the workflow")
    crate.add_argument(
        "--organisation", nargs=2, metavar=("NAME", "URL"), help="that the authors belong to and that publishes"
    )
    crate.add_argument("--pack", type=Path, metavar="OUT.zip", help="write what the crate names, and nothing else")
    commands.add_parser("merge", help="append records that are not in the ledger yet")
    return parser


if __name__ == "__main__":
    sys.exit(main())
