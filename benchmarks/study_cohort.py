"""The whole study on this machine: 74 simulated people at the protocol's matrix, DICOM to report, and what it costs.

    python benchmarks/study_cohort.py --work results/study-cohort

The DICOM files are simulated first. Then it prints the CPU time of everything from them to the report (Snakemake and
all that it starts, as the kernel counts it) beside the time inside the science: what each program used after it had
been started and had imported its modules, which the interpreter itself measures (PYTHONPROFILEIMPORTTIME). Then the
cohort is asked for twice more: with nothing to do, and with one corrected label map. Each takes up where an earlier
call was stopped, but the ratio is then of no use and is not printed.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from growth import PARTS, ROOT
from stage_costs import costs, table

CONFIGURATION = """\
results: results/study
participants: {table: participants.tsv}
simulate: {preset: study, seed: 20230}
review: {folder: corrections}
"""
RESULTS = Path("results/study")
IMPORT = re.compile(r"^import time: +(\d+) \|", re.MULTILINE)
START_S = 0.01
"""CPU seconds of the interpreter before its first import; `python -S -c ''` takes about that."""


@dataclass(frozen=True)
class Took:
    """What a run of Snakemake took, with all that it started."""

    cpu_s: float
    wall_s: float
    jobs: int

    def __str__(self) -> str:
        return f"{self.jobs} jobs, {self.cpu_s:.1f} CPU seconds, {self.wall_s:.0f} s on the clock"


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for the project's copy and 4 GB of results")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--preset", default="study", help="demo: the same for the small cohort")
    options = parser.parse_args()
    project = options.work.resolve()
    fresh = not (project / RESULTS / "ingest").exists()
    prepare(project, options.preset)
    print(f"simulated: {run(project, options.cores, '--until', 'simulate')}")
    took = run(project, options.cores)
    os.chdir(project)
    print(f"DICOM to report: {took}")
    if fresh:
        inside = science_seconds(project / RESULTS / "logs")
        print(f"inside the science: {inside:.1f} CPU seconds; all of it is {took.cpu_s / inside:.3f} times as much")
    print("\n".join(["", *table(costs(RESULTS)), ""]))
    print(f"nothing to do: {run(project, options.cores)}")
    correct_one(project)
    print(f"one corrected label map: {run(project, options.cores)}")


def prepare(project: Path, preset: str) -> None:
    """A project of links to this one, with the cohort's table and configuration."""
    project.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        if not (project / part).exists():
            (project / part).symlink_to(ROOT / part)
    (project / "study.yaml").write_text(CONFIGURATION.replace("preset: study", f"preset: {preset}"))
    draw = [sys.executable, "scripts/simulate_participants_table.py", "--preset", preset, "--seed", "20230"]
    where = ["--dicom-root", f"{RESULTS}/simulate", "--out", "participants.tsv"]
    subprocess.run([*draw, *where], cwd=project, env=environment(), check=True)


def environment() -> dict[str, str]:
    """In which every interpreter prints what its imports take."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONPROFILEIMPORTTIME": "1"}


def run(project: Path, cores: int, *options: str) -> Took:
    """Ask for the report; stop where it fails."""
    log = project / "run.log"
    command = [sys.executable, "-m", "snakemake", f"-c{cores}", "--configfile", "study.yaml", *options]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with open(log, "w") as told:
        done = subprocess.run(command, cwd=project, env=environment(), stdout=told, stderr=told)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began
    if done.returncode:
        sys.exit(f"the run failed; see {log}")
    jobs = re.search(r"^(\d+) jobs? to do", log.read_text(), re.MULTILINE)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Took(cpu, wall, int(jobs[1]) if jobs else 0)


def science_seconds(logs: Path) -> float:
    """CPU seconds of all programs but the simulator, less what the interpreter measured of its imports."""
    total = 0.0
    for log in set(logs.rglob("*.log")) - set(logs.glob("simulate/**/*.log")):
        text = log.read_text(encoding="utf-8", errors="replace")
        used = re.findall(r"^\w+: ([\d.]+) CPU seconds, at most", text, re.MULTILINE)
        imports = sum(map(int, IMPORT.findall(text))) / 1e6
        total += max(0.0, float(used[-1]) - imports - START_S) if used else 0.0
    return total


def correct_one(project: Path) -> None:
    """Take the outermost voxels of one muscle out of one person's label map, as a reader may."""
    made = sorted((project / RESULTS / "segment").rglob("*_dseg.nii.gz"))[0]
    image = nib.load(made)
    labels = np.asanyarray(image.dataobj).copy()
    labels[(labels == 1) & (np.roll(labels, 1, axis=0) != 1)] = 0
    corrected = project / "corrections" / made.name
    corrected.parent.mkdir(exist_ok=True)
    nib.save(nib.Nifti1Image(labels, image.affine, image.header), corrected)


if __name__ == "__main__":
    main()
