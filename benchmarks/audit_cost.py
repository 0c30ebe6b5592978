"""What bookkeeping costs: CPU of records, ledger and table against that of the jobs; the time of verify and why.

    python benchmarks/audit_cost.py --configfile config/demo/config.yaml

needs a finished run. Each record says what CPU it took within the run (`bookkeeping_s`: digests of inputs, code and
outputs, the record of the start). Added to it is the record of the end, written once more to be measured, and what is
done at the run's end, done once more on a copy of the records. It is set against the CPU that Snakemake's benchmarks
measured of the jobs, without Snakemake's own: of the whole workflow the share is less.

The lineage is traced in a cohort of 74, whose records are copies of the run's under other names and whose DICOM folders
are links to the run's: with --instances each file is read.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from myot2.audit.conclusion import conclude
from myot2.audit.history import History, places_of, read_history
from myot2.audit.ledger import merge
from myot2.audit.lineage import why
from myot2.audit.places import Places
from myot2.audit.verify import verify
from myot2.core.files import write_json

PEOPLE = 74


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configfile", type=Path, default=Path("config/demo/config.yaml"))
    options = parser.parse_args()
    results = Path(yaml.safe_load(options.configfile.read_text())["results"])
    history = read_history(places_of(results, Path.cwd()))
    cost(history)
    began = time.perf_counter()
    found = verify(history)
    print(f"verify: {time.perf_counter() - began:.1f} s, {len(history.contents)} files, {len(found)} findings")
    with TemporaryDirectory() as folder:
        trace(history, Path(folder))


def cost(history: History) -> None:
    """Bookkeeping within the run against the jobs that made the results."""
    made = {one["job"]: one for one in history.makers.values()}
    within = sum(record["bookkeeping_s"] for record in made.values())
    with TemporaryDirectory() as folder:
        ends, conclusion = _ends(list(made.values()), Path(folder)), _conclusion(history, Path(folder))
    jobs = sum(_cpu_seconds(path) for path in (history.places.results / "benchmarks").rglob("*.tsv"))
    books = within + ends + conclusion
    print(f"records within the run: {within:.2f} s CPU; their ends: {ends:.2f} s; the run's end: {conclusion:.2f} s")
    print(f"bookkeeping of {len(made)} jobs: {books:.2f} s of {jobs:.1f} s CPU of the jobs: {100 * books / jobs:.2f} %")


def _ends(records: list[dict], folder: Path) -> float:
    began = time.process_time()
    for record in records:
        write_json(folder / "ends" / f"{record['job']}.json", record)
    return time.process_time() - began


def _conclusion(history: History, folder: Path) -> float:
    """What is done at a run's end, with all records new, as after a first run."""
    shutil.copytree(history.places.audit / "records", folder / "audit/records")
    shutil.copytree(history.places.audit / "code", folder / "audit/code")
    began = time.process_time()
    conclude(Places(folder, history.places.project))
    return time.process_time() - began


def trace(history: History, folder: Path) -> None:
    """Trace a number in a cohort of 74."""
    results = folder / "results"
    records, people = results / "audit/records", sorted({_person(one) for one in history.records} - {""})
    records.mkdir(parents=True)
    for kept in ("folders", "private"):
        if (history.places.audit / kept).exists():
            shutil.copytree(history.places.audit / kept, results / "audit" / kept)
    (results / "analyse").mkdir()
    shutil.copy(history.places.results / "analyse/statistics.json", results / "analyse")
    for record in history.records:
        text, person = json.dumps(record), _person(record)
        if not person:
            (records / f"{record['job']}.json").write_text(_of_all(record, people))
            continue
        for number in range(people.index(person), PEOPLE, len(people)):
            name = f"{record['job']}-{number}"
            renamed = text.replace(person, f"sub-N{number:02}").replace(record["job"], name)
            (records / f"{name}.json").write_text(renamed)
    for number in range(PEOPLE):
        link = results / f"simulate/sub-N{number:02}"
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(history.places.results / "simulate" / people[number % len(people)])
    merge(results / "audit")
    for instances in (False, True):
        began = time.perf_counter()
        lines = list(why(read_history(places_of(results, folder)), "roc.auc", instances=instances))
        files = sum("/dicom/" in line for line in lines)
        read = sum(bool(re.search(r"/dicom/.*  [0-2]\.[0-9.]+$", line)) for line in lines)
        words = f", {read} SOP Instance UIDs read" if instances else ""
        spent = time.perf_counter() - began
        print(f"why roc.auc of {PEOPLE}: {spent:.2f} s, {len(lines)} lines, {files} DICOM files{words}")


def _of_all(record: dict, people: list[str]) -> str:
    """A cohort's job whose inputs are those of 74."""
    inputs = []
    for entry in record["inputs"]:
        whose = next((person for person in people if person in entry["path"]), None)
        numbers = range(people.index(whose), PEOPLE, len(people)) if whose else [None]
        for number in numbers:
            path = entry["path"] if whose is None else entry["path"].replace(whose, f"sub-N{number:02}")
            inputs.append(entry | {"path": path})
    return json.dumps(record | {"inputs": inputs})


def _person(record: dict) -> str:
    wildcards = record["wildcards"]
    return wildcards.get("scan") or (f"sub-{wildcards['person']}" if "person" in wildcards else "")


def _cpu_seconds(path: Path) -> float:
    with open(path, newline="") as handle:
        return sum(float(row["cpu_time"]) for row in csv.DictReader(handle, delimiter="\t") if row["cpu_time"] != "NA")


if __name__ == "__main__":
    main()
