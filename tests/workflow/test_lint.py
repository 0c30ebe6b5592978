"""The checks of `make lint`, so that they are part of the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check"],
        ["ruff", "format", "--check"],
        ["snakefmt", "--check", "Snakefile", "rules"],
        ["snakemake", "--lint", "--configfile", "config/demo/config.yaml"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_the_project_is_clean_for(root, command):
    if not (BIN / command[0]).exists():
        pytest.skip(f"{command[0]} is not installed beside the running Python (make venv installs it)")
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    run = subprocess.run(command, cwd=root, env={**os.environ, "PATH": path}, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
