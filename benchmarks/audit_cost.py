"""What bookkeeping costs: CPU of records, ledger and table against that of the jobs; the time of verify and why.

    python benchmarks/audit_cost.py --configfile config/demo/config.yaml

needs a finished run. Every job of its ledger is recorded once more around no work, with the same inputs and outputs,
into a folder of its own; its CPU time is set against the sum of what Snakemake measured of the jobs. The lineage is
traced in a cohort of 74, whose records are copies of the run's under other names.
"""

from __future__ import annotations

import argparse
import csv
import json
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
from myot2.audit.recording import LOCK_FILE, Job, Recorder
from myot2.audit.verify import verify

PEOPLE = 74


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configfile", type=Path, default=Path("config/demo/config.yaml"))
    options = parser.parse_args()
    results = Path(yaml.safe_load(options.configfile.read_text())["results"])
    history = read_history(places_of(results, Path.cwd()))
    jobs = sum(_cpu_seconds(path) for path in (results / "benchmarks").rglob("*.tsv"))
    with TemporaryDirectory() as folder:
        books = bookkeeping(history, Path(folder))
    share = 100 * books / jobs
    print(f"jobs: {jobs:.1f} s CPU; bookkeeping of {len(history.records)} jobs: {books:.2f} s ({share:.2f} %)")
    began = time.perf_counter()
    found = verify(history)
    print(f"verify: {time.perf_counter() - began:.1f} s, {len(history.contents)} files, {len(found)} findings")
    with TemporaryDirectory() as folder:
        trace(history, Path(folder))


def bookkeeping(history: History, folder: Path) -> float:
    """CPU seconds of recording every job anew and of what is done at a run's end."""
    recorder = _Elsewhere(history.places, folder)
    began = time.process_time()
    for record in {one["job"]: one for one in history.makers.values()}.values():
        code = json.loads((history.places.audit / f"code/{record['code']}.json").read_text())
        inputs = [str(history.places.path(entry["path"])) for entry in record["inputs"]]
        outputs = [str(history.places.path(entry["path"])) for entry in record["outputs"]]
        with recorder.recording(
            Job(record["rule"], [*inputs, *code, LOCK_FILE], outputs, [], record["wildcards"], record["params"])
        ):
            pass
    conclude(recorder.places)
    return time.process_time() - began


class _Elsewhere(Recorder):
    """Records into another folder, of the same files."""

    def __init__(self, places: Places, folder: Path):
        super().__init__(places.results, places.project)
        self.places = _Copy(places.results, places.project, folder)
        self.digests.places = self.places


class _Copy(Places):
    def __init__(self, results: Path, project: Path, folder: Path):
        super().__init__(results, project)
        object.__setattr__(self, "_folder", folder)

    @property
    def audit(self) -> Path:
        return self._folder


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
    merge(results / "audit")
    began = time.perf_counter()
    lines = list(why(read_history(places_of(results, folder)), "roc.auc"))
    files = sum(line.endswith(".dcm") or "/dicom/" in line for line in lines)
    print(f"why roc.auc of {PEOPLE}: {time.perf_counter() - began:.2f} s, {len(lines)} lines, {files} DICOM files")


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
