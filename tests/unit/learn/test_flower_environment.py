"""Tests that need Flower in their own process, run by the environment that has it; the others' environment has not."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PYTHON = ROOT / ".venv-federation" / "bin" / "python"
NEED_FLOWER = (
    "test_flower_rounds.py",
    "test_federation_programs.py::test_a_transport_key_that_others_can_read_is_refused",
    "test_federation_programs.py::test_with_too_few_sites_the_rounds_do_not_begin",
)


def test_what_needs_flower_passes_where_flower_is():
    if not PYTHON.exists():
        pytest.skip("the federation's environment (make federation) is not here")
    command = [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(str(HERE / name) for name in NEED_FLOWER)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-5000:]
    assert "skipped" not in done.stdout
