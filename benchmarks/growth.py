"""What planning costs in a large cohort: CPU seconds and memory of a dry run, and of a run with nothing to do.

    python benchmarks/growth.py --people 2000
    python benchmarks/growth.py --people 74 --finished

The first plans a cohort of which nothing is made yet, from DICOM folders of one small file each. The second marks all
outputs as made (`snakemake --touch`, on files of a few bytes) and asks for another run. Nothing of the science runs.
--profile writes where the time goes, for `python -m pstats`.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

PARTS = ("Snakefile", "rules", "scripts", "src", "config", "envs", "report", "resources", "profiles")
ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument(
        "--finished", action="store_true", help="all outputs are there; measure the run that does nothing"
    )
    parser.add_argument("--profile", type=Path, metavar="OUT", help="write the profile of the planning")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="myot2-growth-") as folder:
        project = Path(folder)
        for part in PARTS:
            (project / part).symlink_to(ROOT / part)
        configuration = write_cohort(project, options.people)
        if options.finished:
            mark_as_made(project, configuration)
        measure(project, configuration, options)


def write_cohort(project: Path, people: int) -> str:
    """A participants table, a DICOM folder of one file for each, and the configuration; return the last's path."""
    names = [f"N{number:04}" for number in range(people)]
    rows = [f"{name}\tdicom/{name}\t{'patient' if place % 2 else 'control'}" for place, name in enumerate(names)]
    (project / "participants.tsv").write_text("\n".join(["participant_id\tdicom\tgroup", *rows, ""]))
    for name in names:
        (project / "dicom" / name).mkdir(parents=True)
        (project / "dicom" / name / "IM0001").write_text("a stand-in")
    text = "results: results/growth\nparticipants: {table: participants.tsv}\n"
    (project / "growth.yaml").write_text(text)
    return "growth.yaml"


def mark_as_made(project: Path, configuration: str) -> None:
    """Make every output of the plan a file of a few bytes, and let Snakemake record it as made."""
    planned = snakemake(project, configuration, "--dry-run").stdout
    for line in planned.splitlines():
        if found := re.fullmatch(r"    output: (.*)", line):
            for output in found[1].split(", "):
                path = project / output
                if output.endswith("/report/participants"):
                    path.mkdir(parents=True, exist_ok=True)
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("made")
    snakemake(project, configuration, "--touch", "--quiet", "all")


def measure(project: Path, configuration: str, options: argparse.Namespace) -> None:
    """Run the planning once and print what it took."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    mode = [] if options.finished else ["--dry-run"]
    run = snakemake(project, configuration, *mode, "--quiet", "rules", profile=options.profile)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told = re.findall(r"^total +(\d+)", run.stdout + run.stderr, re.MULTILINE)
    jobs = f"{told[0]} jobs" if told else "nothing to be done"
    print(
        f"{options.people} people, {jobs}: {cpu:.1f} s CPU, {wall:.1f} s wall, {after.ru_maxrss / 1024:.0f} MB at most"
    )


def snakemake(project: Path, configuration: str, *arguments: str, profile: Path | None = None):
    """Run Snakemake in the project; its output as text."""
    profiler = ["-m", "cProfile", "-o", str(profile.resolve())] if profile else []
    command = [sys.executable, *profiler, "-m", "snakemake", "-c1", "--configfile", configuration, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    run = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    if run.returncode:
        sys.exit(run.stdout + run.stderr)
    return run


if __name__ == "__main__":
    main()
