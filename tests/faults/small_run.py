"""A run of the small cohort in a folder of its own, whose results can be compared by their bytes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

MACHINE = Path(__file__).parent / "machine"
NOT_COMPARED = ("logs", "benchmarks", "audit")


@dataclass(frozen=True)
class SmallRun:
    """A copy of the project with the small cohort, and the folder for temporary files beside it."""

    folder: Path
    configuration: str

    @property
    def results(self) -> Path:
        return self.folder / "results/small"

    @property
    def temporary(self) -> Path:
        return self.folder.parent / f"{self.folder.name}-tmp"

    def of(self, person: str, stage: str, name: str) -> Path:
        """A file of one person."""
        return self.results / stage / f"sub-{person}/anat/sub-{person}_{name}"

    def copy(self, folder: Path) -> SmallRun:
        """The same, with all times, elsewhere."""
        subprocess.run(["cp", "-a", self.folder, folder], check=True)
        return SmallRun(folder, self.configuration)

    def environment(self) -> dict[str, str]:
        """The copy's own modules and temporary folder; coverage is not measured there, for it slows Snakemake."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "COVERAGE_"))}
        path = os.pathsep.join([str(self.folder / "src"), str(MACHINE)])
        return {**kept, "TMPDIR": str(self.temporary), "PYTHONPATH": path}

    def start(self, *targets: str, fault: dict | None = None, **environment: str) -> subprocess.Popen[str]:
        """Start Snakemake as the leader of a group; what it prints goes to the file `printed`."""
        self.temporary.mkdir(exist_ok=True)
        told = {"MYOT2_TEST_FAULT": json.dumps(fault)} if fault else {}
        cores = environment.pop("cores", "2")
        command = [sys.executable, "-m", "snakemake", *targets, f"-c{cores}", "--configfile", self.configuration]
        with open(self.printed, "w") as printed:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env={**self.environment(), **told, **environment},
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # a test run that was started in the background ignores SIGINT, and would hand that down
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
                text=True,
            )

    @property
    def printed(self) -> Path:
        return self.folder.parent / f"{self.folder.name}.txt"

    def run(self, *targets: str, status: int = 0, fault: dict | None = None, **environment: str) -> str:
        """Run to the end; return what was printed."""
        process = self.start(*targets, fault=fault, **environment)
        found = process.wait(timeout=600)
        printed = self.printed.read_text()
        assert found == status, printed
        return printed

    def manifest(self) -> dict[str, str]:
        """SHA-256 of every result by its path; logs and records, which hold times, aside."""
        files = sorted(path for path in self.results.rglob("*") if path.is_file())
        return {
            name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
            if (name := path.relative_to(self.results).as_posix()).split("/")[0] not in NOT_COMPARED
            and path.name != ".snakemake_timestamp"
        }

    def strays(self) -> list[str]:
        """What no rule declares: among the results, among temporary files, and in the working folder."""
        snakemake = self.folder / ".snakemake"
        found = [path for path in self.results.rglob("*") if path.name.startswith(".writing") or path.suffix == ".part"]
        # What Snakemake and its scheduler (pulp) leave of a killed run is not ours to remove.
        theirs = ("snakemake", "-pulp.")
        found += [path for path in self.temporary.iterdir() if not any(word in path.name for word in theirs)]
        found += [*(snakemake / "locks").glob("*"), *(snakemake / "incomplete").glob("*")]
        found += snakemake.glob("shell_tmp.*")
        own = {*PARTS, "given", "results", ".snakemake"}
        found += [path for path in self.folder.iterdir() if path.name not in own]
        return [str(path) for path in found]


PARTS = ("Snakefile", "rules", "scripts", "src", "config", "envs", "report", "resources", "profiles")


def copy_project(root: Path, folder: Path) -> None:
    """The project's files without results."""
    folder.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (root / part).is_dir() else shutil.copy2
        copy(root / part, folder / part)


def wait_for(path: Path, seconds: float = 90) -> None:
    """Wait until a file appears."""
    ends = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < ends, f"{path} did not appear"
        time.sleep(0.02)
