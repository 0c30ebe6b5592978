"""Audit a run: whether all is as it was recorded, of what a number is made, and why two runs differ.

    audit.py verify                 check ledger and files; status 1 where anything is wrong
    audit.py why roc.auc            the lineage of a file or of a number of the report, down to the DICOM files
    audit.py diff RUN_A RUN_B       results that differ between two folders of results, and why
    audit.py crate                  make the results a Workflow Run RO-Crate
    audit.py merge                  add to the ledger what a run that was killed left

The run is that of --configfile; the program is to be called where the workflow runs. docs/stages/audit.md tells more.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import yaml

from myot2.audit.cohort import cohort_table, write_cohort_table
from myot2.audit.compare import differences
from myot2.audit.crate import write_crate
from myot2.audit.findings import Finding
from myot2.audit.history import places_of, read_history
from myot2.audit.ledger import merge, read_head
from myot2.audit.lineage import why
from myot2.audit.verify import verify
from myot2.core.config import Configuration, read_configuration
from myot2.core.errors import MyoT2Error
from myot2.core.labels import read_labels
from myot2.core.participants import read_participants


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status: 0, 1 where an audit found something, 2 where it could not be made."""
    options = _parser().parse_args(argv)
    try:
        if options.command == "diff":
            return _diff(options.first, options.second)
        settings = _settings(options.configfile)
        places = places_of(Path(settings.results), Path.cwd())
        if options.command == "merge":
            print(f"{merge(places.audit)} records joined the ledger")
            return 0
        if options.command == "crate":
            crate = write_crate(read_history(places), licence=options.licence, engine_version=version("snakemake"))
            print(crate.relative_to(Path.cwd()))
            return 0
        if options.command == "why":
            for line in why(read_history(places), options.what, instances=options.instances):
                print(line)
            return 0
        return _verify(settings, options.table)
    except MyoT2Error as error:
        print(f"audit: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader has seen enough
        sys.stderr.close()
        return 0


def _verify(settings: Configuration, write_table: bool) -> int:
    places = places_of(Path(settings.results), Path.cwd())
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
    findings = verify(history, settings=settings.model_dump(mode="json"), scans=scans, labels=set(labels.indices()))
    if write_table:
        write_cohort_table(cohort_table(history, findings, scans), places.audit / "cohort.tsv")
    for line in _told(findings):
        print(line)
    lines, head = read_head(places.audit)
    print(f"{len(history.contents)} files and folders of {len(history.records)} jobs; ledger of {lines} lines, {head}")
    return 1 if findings else 0


def _told(findings: list[Finding]) -> Iterator[str]:
    yield from map(str, findings)
    yield f"{len(findings)} findings" if findings else "Nothing is wrong."


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


def _settings(path: Path) -> Configuration:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise MyoT2Error(
            expected="a configuration file",
            found="no such file" if not path.exists() else f"no YAML ({type(error).__name__})",
            where=path,
            do="Name the file that the workflow is run with: --configfile.",
        ) from error
    return read_configuration(content, where=path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument(
        "--configfile", type=Path, default=Path("config/config.yaml"), metavar="YAML", help="the run's configuration"
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
    commands.add_parser("merge", help="append records that are not in the ledger yet")
    return parser


if __name__ == "__main__":
    sys.exit(main())
