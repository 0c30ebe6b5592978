"""A copy of the project in which tests may change code, and a cohort of four that the workflow runs on once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

PARTS = ("Snakefile", "rules", "scripts", "src", "config", "envs", "report", "resources", "profiles")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SOFTWARE_GL = ["--no-sandbox", "--enable-unsafe-swiftshader", "--use-gl=angle", "--use-angle=swiftshader"]
PEOPLE = ("P01", "P02", "C01", "C02")


@dataclass(frozen=True)
class Project:
    """A copy of the project and the way to run its workflow."""

    folder: Path

    def configure(self, name: str, content: dict, participants: str) -> str:
        """Write a configuration and its participants table; return the configuration's path."""
        table = self.folder / "config" / f"{name}.tsv"
        table.write_text(participants, encoding="utf-8")
        content = {"results": f"results/{name}", "participants": {"table": f"config/{name}.tsv"}, **content}
        (self.folder / "config" / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        return f"config/{name}.yaml"

    def snakemake(self, configuration: str, *arguments: str, status: int = 0) -> str:
        """Run the workflow; return what it printed."""
        run = subprocess.run(
            [sys.executable, "-m", "snakemake", "-c2", *arguments, "--configfile", configuration],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
        )
        assert run.returncode == status, run.stdout + run.stderr
        return run.stdout + run.stderr

    def environment(self) -> dict[str, str]:
        """The copy's own modules; coverage is not measured there, for it makes Snakemake 1.7 times as slow."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "COVERAGE_"))}
        return {**kept, "PYTHONPATH": str(self.folder / "src")}

    def planned(self, configuration: str) -> set[str]:
        """The rules that a run would execute."""
        lines = self.snakemake(configuration, "--dry-run").splitlines()
        return {line.split()[1].rstrip(":") for line in lines if line.startswith(("rule ", "localrule "))} - {"all"}


def copy_of(root: Path, folder: Path) -> Project:
    """The project's files without results, in a new folder."""
    folder.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (root / part).is_dir() else shutil.copy
        copy(root / part, folder / part)
    return Project(folder)


@pytest.fixture(scope="session")
def project(root, tmp_path_factory) -> Project:
    """A copy of the project's files without results."""
    return copy_of(root, tmp_path_factory.mktemp("workflow") / "project")


@pytest.fixture(scope="session")
def four_people(root) -> str:
    """The participants table of two patients and two controls of the demo cohort."""
    header, *rows = (root / "config/demo/participants.tsv").read_text().splitlines()
    kept = [row.replace("results/demo/", "results/four/") for row in rows if row.split("\t")[0] in PEOPLE]
    return "\n".join([header, *kept, ""])


@pytest.fixture(scope="session")
def examined(project, four_people) -> str:
    """The configuration of the four, after their examination has been simulated and ingested."""
    configuration = project.configure("four", {"simulate": {"preset": "demo", "seed": 20230}}, four_people)
    project.snakemake(configuration, "--until", "ingest")
    return configuration


@pytest.fixture(scope="session")
def finished(project, examined) -> str:
    """The configuration of the four, after the workflow has run to the report."""
    project.snakemake(examined)
    return examined


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium, with WebGL in software."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with api.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=SOFTWARE_GL)
        yield chromium
        chromium.close()
