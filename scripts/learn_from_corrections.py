"""Learn from the masks of a run that people accepted or corrected; list the versions of a model, or go back to one.

Nothing leaves this machine. A new version is kept only if the gate accepts it; an attempt that it refuses is recorded
with its reasons, and the model stays as it was. Runs use a version when segment.model and segment.version name it.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from myot2.core.command import run_stage
from myot2.core.config import Configuration, read_configuration_file
from myot2.core.dictionary import write_dictionary
from myot2.core.errors import MyoT2Error
from myot2.core.files import write_json
from myot2.core.tables import write_tsv
from myot2.learn.ledger import LEDGER, now_in_utc
from myot2.learn.versions import (
    FIRST,
    add,
    attempt_key,
    current,
    model_folder,
    refuse,
    roll_back,
    start,
    tried,
    versions,
)

CONFIGURATION = "config/config.yaml"


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--configfile", default=CONFIGURATION, metavar="YAML", help="the run's configuration")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--dry-run", action="store_true", help="say what would be learned from, and write nothing")
    what.add_argument("--show", action="store_true", help="say what became of the run's last attempt")
    what.add_argument("--list", action="store_true", help="list the versions of learn.models")
    what.add_argument("--roll-back", metavar="VERSION", help="make an earlier version the current one again")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why one goes back")
    parser.add_argument("--attempt", type=Path, metavar="JSON", help="to write: what was learned from, and the verdict")
    parser.add_argument("--table", type=Path, metavar="TSV", help="to write: Dice of each structure before and after")
    options = parser.parse_args(argv)
    if options.roll_back and not options.reason.strip():
        parser.error("--roll-back needs a --reason, which the ledger keeps")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parse(argv)
    asked = ((options.list, list_versions), (options.roll_back, go_back), (options.show, show), (True, learn))
    work = next(function for wanted, function in asked if wanted)
    return run_stage("learn", lambda: work(options), outputs=[], leave_stop_notes=False)


def list_versions(options: argparse.Namespace) -> None:
    """Print number, parent and weights of each version, and which one is current."""
    folder = read_configuration_file(options.configfile).learn.models
    now = current(folder).number
    for one in versions(folder):
        mark = "  (current)" if one.number == now else ""
        origin = one.parent or ("learn.start" if one.number == FIRST else "elsewhere")
        print(f"{one.number}  from {origin}  weights {one.weights_sha256[:12]}{mark}")


def go_back(options: argparse.Namespace) -> None:
    """Make an earlier version the current one."""
    folder = read_configuration_file(options.configfile).learn.models
    roll_back(folder, options.roll_back, reason=options.reason, when=now_in_utc())
    print(f"Version {options.roll_back} is the current one. Runs that name another with segment.version keep it.")


def show(options: argparse.Namespace) -> None:
    """Print what the workflow's rule wrote of the last attempt."""
    settings = read_configuration_file(options.configfile)
    path = Path(settings.results) / "learn" / "attempt.json"
    if not path.is_file():
        raise MyoT2Error(expected="what an attempt left", found="no such file", where=path, do="Run make learn.")
    print_outcome(json.loads(path.read_text(encoding="utf-8")), settings)


@dataclass(frozen=True)
class Base:
    """The model that learning begins with; `number` is None where no version of it was made yet."""

    folder: Path
    number: str | None
    made: tuple[str, ...] = ()
    """SHA-256 of the weights of all versions."""

    @classmethod
    def of(cls, settings: Configuration) -> Base:
        """The current version, or before there is any the model of learn.start."""
        if (Path(settings.learn.models) / LEDGER).is_file():
            now = current(settings.learn.models)
            return cls(now.folder, now.number, tuple(one.weights_sha256 for one in versions(settings.learn.models)))
        return cls(model_folder(settings.learn.start, None), None)


def learn(options: argparse.Namespace) -> None:
    """Take the corrections, learn, judge, and keep or record."""
    from myot2.learn.run import LearningRun
    from myot2.segment.model import load_model

    run = LearningRun.read(options.configfile)
    base = Base.of(run.settings)
    model = load_model(base.folder)
    taken = run.corrections(model.configuration, {model.weights_sha256, *base.made}, say)
    site, roles = run.divided(taken)
    print_plan(base, site, model.configuration.structures)
    if options.dry_run:
        print("Nothing was written. Nothing would leave this machine.")
        return
    record = keep(run, site, roles)
    print_outcome(record, run.settings)
    write_outcome(record, options)


def keep(run, site, roles: dict[str, str]) -> dict[str, Any]:
    """Make the attempt, unless it is known what comes of it, and return what the ledger says of it."""
    from myot2.learn.attempt import attempt
    from myot2.learn.people import write_roles
    from myot2.segment.model import load_model, state_of

    folder = run.models
    parent = start(folder, run.settings.learn.start, when=now_in_utc())
    write_roles(folder, roles)
    key = attempt_key(site.digest(), run.recipe_sha256)
    if known := tried(folder, key):
        print("These corrections were learned from before; nothing is done anew.")
        return known
    model = load_model(parent.folder)
    made, weights = attempt(
        state_of(model.networks),
        model.configuration,
        site,
        run.general(model.configuration),
        run.recipe,
        run.replay(model.configuration, say),
        key=key,
        report=say,
    )
    if made.verdict.accepted:
        add(folder, made, model.configuration, weights, parent=parent, when=now_in_utc())
    else:
        refuse(folder, made, parent=parent, when=now_in_utc())
    return tried(folder, key)


def print_plan(base: Base, site, structures: tuple[str, ...]) -> None:
    """Say what is learned from, and who is held out."""
    counts = site.counts(structures)
    print(f"Learning begins with {f'version {base.number}' if base.number else f'the model in {base.folder}'}.")
    print(f"Learned from: people {counts['People']}, slices of limbs {counts['Slices']}.")
    print(f"Held out, to judge by: people {counts['HeldOutPeople']}.")
    for one in counts["Structures"]:
        print(f"  {one['Structure']}: people {one['People']}, slices of limbs {one['Slices']}")


def print_outcome(record: dict[str, Any], settings: Configuration) -> None:
    """Say what the gate said."""
    verdict, parent = record["Verdict"], record["Parent"]
    for part, where in (("Local", "on held-out people of the site"), ("Generality", "on synthetic people")):
        mean = verdict[part][0]
        print(f"Dice {where}: {mean['before']:.3f} before, {mean['after']:.3f} after (n = {mean['people']}).")
    for sentence in (*verdict["Reasons"], *verdict["Notes"]):
        print(sentence)
    if verdict["Accepted"]:
        print(f"Accepted: version {record['Version']}, made from {parent}. To use it:")
        print(f"  segment: {{model: {settings.learn.models}, version: {record['Version']}}}")
    else:
        print(f"Refused: the model stays version {parent}, and the attempt is in its ledger.")


def write_outcome(record: dict[str, Any], options: argparse.Namespace) -> None:
    """Write what the ledger says of the attempt, without times, and its table."""
    from myot2.learn.outcome import COLUMNS, outcome_table

    if options.attempt:
        write_json(options.attempt, {key: value for key, value in record.items() if key not in ("When", "Files")})
    if options.table:
        write_tsv(outcome_table(record), options.table)
        write_dictionary(options.table, COLUMNS)


def say(line: str) -> None:
    """Progress, line by line."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
