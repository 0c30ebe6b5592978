"""What the cohort's own jobs cost in a large cohort: tables, statistics, figures, seal and report of 2,000 scans.

    python benchmarks/growth_aggregates.py --project . --configfile config/demo/config.yaml --people 2000

needs a finished run. Its people are multiplied in a copy: images and panels are linked, and T2 in tables of measures
is scaled by a factor of each person's own. Then the workflow runs what is missing, which is what reads everybody.
Printed are CPU seconds and peak memory of each rule, and the sizes of the report.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import yaml

PARTS = ("Snakefile", "rules", "scripts", "src", "config", "envs", "report", "resources", "profiles")
ROOT = Path(__file__).resolve().parents[1]
STAGES = ("ingest", "reconstruct", "segment", "align", "fit", "measure", "report", "simulate")


def main() -> None:
    """Multiply, run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, default=ROOT, help="where the finished run is")
    parser.add_argument("--configfile", type=Path, default=Path("config/demo/config.yaml"))
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--target", default="all")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="myot2-growth-", dir=options.project.resolve().parent) as folder:
        project = Path(folder)
        for part in PARTS:
            (project / part).symlink_to(ROOT / part)
        content = yaml.safe_load((options.project / options.configfile).read_text())
        for given in ("given", "corrections"):
            if (options.project / given).exists():
                (project / given).symlink_to((options.project / given).resolve())
        results = multiply(options.project.resolve(), project, content, options.people)
        run(project, content, options.target)
        report(results)


def multiply(source: Path, project: Path, content: dict, people: int) -> Path:
    """Write the table of participants and everybody's files; return the folder of results."""
    table = pd.read_csv(source / content["participants"]["table"], sep="\t", dtype=str, keep_default_na=False)
    results, former = project / "results/growth", source / content["results"]
    drawn = np.random.default_rng(0)
    rows = []
    for number in range(people):
        like = table.iloc[number % len(table)]
        name = f"N{number:04}"
        rows.append({**like, "participant_id": name, "ck": str(int(drawn.lognormal(5.5, 1)))})
        copy_person(former, results, like["participant_id"], name, factor=1 + drawn.normal(0, 0.05))
    pd.DataFrame(rows).to_csv(project / "participants.tsv", sep="\t", index=False)
    content |= {"results": "results/growth", "participants": {**content["participants"], "table": "participants.tsv"}}
    if content.get("ingest", {}).get("source") == "bids":
        content["ingest"]["dataset"] = "results/growth/ingest"
    (project / "growth.yaml").write_text(yaml.safe_dump(content))
    return results


def copy_person(former: Path, results: Path, like: str, name: str, *, factor: float) -> None:
    """All files of a person under another name, T2 in tables scaled."""
    for stage in STAGES:
        for path in (former / stage).glob(f"sub-{like}/**/*"):
            if not path.is_file():
                continue
            target = results / str(path.relative_to(former)).replace(f"sub-{like}", f"sub-{name}")
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix != ".tsv":
                os.link(path, target)
                continue
            table = pd.read_csv(path, sep="\t", keep_default_na=False, dtype=str)
            if "participant_id" in table:
                table["participant_id"] = name
            for column in table:
                if column.startswith("t2_") and column.endswith("_ms"):
                    numbers = pd.to_numeric(table[column], errors="coerce")
                    table[column] = (numbers * factor).map("{:.10g}".format).where(numbers.notna(), table[column])
            table.to_csv(target, sep="\t", index=False)


def run(project: Path, content: dict, target: str) -> None:
    """Let the workflow make what is missing."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "snakemake", target, "-c1", "--quiet", "rules", "progress"]
    command += ["--rerun-triggers", "input", "--configfile", "growth.yaml"]
    for stage in STAGES:  # nothing that was multiplied is older than what it was made of
        for path in (project / "results/growth" / stage).rglob("*"):
            os.utime(path)
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    print((done.stdout + done.stderr)[-6000:])


def report(results: Path) -> None:
    """The figures of each rule, and how large the report is."""
    for path in sorted(results.glob("benchmarks/**/*.tsv")):
        with open(path, newline="") as handle:
            (row,) = csv.DictReader(handle, delimiter="\t")
        print(f"{path.relative_to(results / 'benchmarks')}: {row['cpu_time']} s CPU, {row['max_rss']} MB")
    for path in sorted((results / "report").glob("report.*")):
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
