"""The containers hold the locked environment, and nothing that the lock does not say."""

from __future__ import annotations

import re
import tomllib

import pytest


@pytest.fixture(scope="module", params=["Dockerfile", "apptainer.def"])
def recipe(root, request) -> str:
    text = (root / "containers" / request.param).read_text(encoding="utf-8")
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def test_its_python_is_the_one_that_the_project_asks_for(root, recipe):
    asked = tomllib.loads((root / "pyproject.toml").read_text())["project"]["requires-python"]
    (minor,) = re.findall(r"[Ff][Rr][Oo][Mm]:? python:(3\.\d+)-", recipe)
    assert asked.startswith(f">={minor},")


def test_it_installs_the_lock_file_and_no_version_of_its_own(root, recipe):
    assert (root / "envs/run.lock").exists() and "envs/run.lock /opt/run.lock" in recipe
    installs = re.findall(r"pip install (.*)", recipe)
    assert len(installs) == 2
    assert "$(grep '^torch==' /opt/run.lock)" in installs[0]
    assert "--requirement /opt/run.lock" in installs[1]
    assert not re.search(r"[A-Za-z0-9_-]+==\d", recipe)


def test_both_take_the_same_steps(root):
    steps = []
    for name in ("Dockerfile", "apptainer.def"):
        text = (root / "containers" / name).read_text(encoding="utf-8")
        commands = re.findall(r"pip (?:install|check).*", text.replace("{{ TORCH_INDEX }}", "$TORCH_INDEX"))
        steps.append([command.removesuffix(" \\") for command in commands])
    assert steps[0] == steps[1] and len(steps[0]) == 3
