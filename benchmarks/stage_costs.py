"""What each rule of finished runs took: jobs, CPU seconds and peak memory, as a table in Markdown.

    python benchmarks/stage_costs.py results/demo results/study

Every program says at the end of its log what it used (getrusage: exact, where Snakemake's benchmarks are samples), and
every job's record says which log is its own, and how long it took. Jobs of which no log tells it (killed, stopped by
bad input, without a program) are left out.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median

from myot2.audit.history import places_of, read_history, stage_of

USAGE = re.compile(r"^\w+: ([\d.]+) CPU seconds, at most (\d+) MiB of memory$", re.MULTILINE)


@dataclass(frozen=True)
class Cost:
    """What one job took."""

    cpu_s: float
    peak_mib: int
    wall_s: float


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="+", help="folders of results")
    for results in parser.parse_args().results:
        print("\n".join([f"{results}:", "", *table(costs(results)), ""]))


def costs(results: Path) -> dict[tuple[str, str], list[Cost]]:
    """The costs of the jobs that made the results, by stage and rule in the order in which they first began."""
    history = read_history(places_of(results, Path.cwd()))
    found = defaultdict(list)
    for record in sorted({one["job"]: one for one in history.makers.values()}.values(), key=lambda one: one["started"]):
        log = history.places.path(record["log"][0]) if record["log"] else None
        told = USAGE.findall(Path(log).read_text(encoding="utf-8", errors="replace")) if log else []
        if told:
            cpu, peak = told[-1]
            wall = datetime.fromisoformat(record["ended"]) - datetime.fromisoformat(record["started"])
            found[stage_of(record), record["rule"]].append(Cost(float(cpu), int(peak), wall.total_seconds()))
    return dict(found)


def table(found: dict[tuple[str, str], list[Cost]]) -> list[str]:
    """Lines of Markdown: a row for each rule, and the sum."""
    lines = [
        "| stage | rule | jobs | CPU s of a job, median | largest | CPU s of all | peak MiB |",
        "|---|---|---|---|---|---|---|",
    ]
    for (stage, rule), jobs in found.items():
        seconds = [job.cpu_s for job in jobs]
        figures = f"{median(seconds):.1f} | {max(seconds):.1f} | {sum(seconds):.1f}"
        lines.append(f"| {stage} | {rule} | {len(jobs)} | {figures} | {max(job.peak_mib for job in jobs)} |")
    every = [job for jobs in found.values() for job in jobs]
    total = f"{sum(job.cpu_s for job in every):.1f}"
    return [*lines, f"| all | | {len(every)} | | | {total} | {max((job.peak_mib for job in every), default=0)} |"]


if __name__ == "__main__":
    main()
