"""Write the lock files and the conda environments from pins.toml.

`python envs/lock.py` (or `make lock`) installs the pins into a fresh virtual environment, torch first so that no other
package chooses its build, checks that all agree, and writes down what came of it:

- run.lock      everything that running the workflow needs
- develop.lock  what tests and checks need on top
- federation.lock  what a federation needs on top of run.lock, some of it at other versions
- <family>.yaml one conda environment per family of stages, from the same versions
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
import venv
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ENVS = Path(__file__).parent
FIRST = "torch"
NOT_LOCKED = {"pip", "wheel", "myot2"}
OWN_VERSION = {"starlette", "uvicorn"}
"""Packages of run.lock of which Flower wants another version."""

LEFT_OUT = {"uv"}
"""By this Flower would install what an app asks for while it runs; without it, nothing can."""


def main() -> int:
    """Resolve the pins and write all files."""
    pins = read_pins()
    running = pins["families"] | pins["workflow"]
    with tempfile.TemporaryDirectory() as folder:
        python = _fresh_python(Path(folder))
        _install(python, {FIRST: running[FIRST]})
        # all at once: what two tools need in common must suit both
        _install(python, running | pins["develop"])
        versions = _installed(python)
        site = [str(path) for path in Path(folder).glob("lib/*/site-packages")]
        needed = _closure(running, versions, site)
        run = {name: version for name, version in versions.items() if name in needed}
        develop = {name: version for name, version in versions.items() if name not in needed}
        environments = conda_environments(pins["by_family"], run, site)
    write_lock(ENVS / "run.lock", run)
    write_lock(ENVS / "develop.lock", develop)
    write_lock(ENVS / "federation.lock", federation_versions(pins["federation"], run))
    for path, text in environments.items():
        path.write_text(text, encoding="utf-8")
    return 0


def federation_versions(pins: dict[str, str], run: dict[str, str]) -> dict[str, str]:
    """What a federation needs beside the packages of run.lock, or at another version than there."""
    with tempfile.TemporaryDirectory() as folder:
        python, constraints = _fresh_python(Path(folder) / "venv"), Path(folder) / "constraints.txt"
        write_lock(constraints, {name: version for name, version in run.items() if name not in OWN_VERSION})
        _install(python, pins, constraints)
        versions = _installed(python)
    return {
        name: version
        for name, version in versions.items()
        if run.get(name) != version and name not in LEFT_OUT | {"setuptools"}
    }


def read_pins(path: Path = ENVS / "pins.toml") -> dict[str, dict]:
    """The pins: 'families' (all in one), 'by_family', 'workflow', 'federation', 'develop', each name to version.

    Raises
    ------
    ValueError
        Two families pin one package at two versions.
    """
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    together: dict[str, str] = {}
    for family, packages in raw["families"].items():
        for name, version in packages.items():
            if together.setdefault(name, version) != version:
                raise ValueError(f"{path}: {family} pins {name} at {version}, another family at {together[name]}")
    return {
        "families": together,
        "by_family": raw["families"],
        "workflow": raw["workflow"],
        "develop": raw["develop"],
        "federation": raw["federation"],
    }


def read_lock(path: Path) -> dict[str, str]:
    """Package name to version, as a lock file holds them."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def write_lock(path: Path, versions: dict[str, str]) -> None:
    """Write a lock file that pip can install."""
    lines = [f"{name}=={version}" for name, version in sorted(versions.items())]
    text = "\n".join(["# Written by envs/lock.py from pins.toml; do not edit.", *lines, ""])
    path.write_text(text, encoding="utf-8")


def conda_environments(
    families: dict[str, dict[str, str]], versions: dict[str, str], site: list[str] | None = None
) -> dict[Path, str]:
    """The conda environment file of each family: its pins and all that they need, at the locked versions.

    What a package needs is read from the metadata under `site`, the running environment's by default.
    """
    return {
        ENVS / f"{family}.yaml": "\n".join(
            [
                "# Written by envs/lock.py from pins.toml and run.lock; do not edit.",
                "channels:",
                "  - conda-forge",
                "dependencies:",
                "  - python=3.11",
                "  - pip",
                "  - pip:",
                *(
                    f"      - {name}=={versions[name]}"
                    for name in sorted(_closure(packages, versions, site or sys.path))
                ),
                "",
            ]
        )
        for family, packages in families.items()
    }


def _closure(names: dict[str, str], versions: dict[str, str], site: list[str]) -> set[str]:
    """The locked packages among the given ones and all that they require, by the metadata under `site`."""
    requires = {
        canonicalize_name(distribution.name): distribution.requires or []
        for distribution in metadata.distributions(path=site)
    }
    wanted, found = [canonicalize_name(name) for name in names], set()
    while wanted:
        name = wanted.pop()
        if name in found or name not in versions:
            continue
        found.add(name)
        for line in requires[name]:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                wanted.append(canonicalize_name(requirement.name))
    return found


def _fresh_python(folder: Path) -> Path:
    venv.create(folder, with_pip=True)
    return folder / "bin" / "python"


def _install(python: Path, pins: dict[str, str], constraints: Path | None = None) -> None:
    requirements = [f"{name}=={version}" for name, version in pins.items()]
    bound = ["--constraint", str(constraints)] if constraints else []
    subprocess.run([python, "-m", "pip", "install", "--quiet", *bound, *requirements], check=True)
    subprocess.run([python, "-m", "pip", "check"], check=True)


def _installed(python: Path) -> dict[str, str]:
    listing = subprocess.run(
        [python, "-m", "pip", "list", "--format=freeze"], check=True, capture_output=True, text=True
    ).stdout
    pairs = (line.split("==") for line in listing.split())
    # a build's local version ("2.13.0+cpu") is not a version that an index offers
    versions = {canonicalize_name(name): version.partition("+")[0] for name, version in pairs}
    return {name: version for name, version in versions.items() if name not in NOT_LOCKED}


if __name__ == "__main__":
    sys.exit(main())
