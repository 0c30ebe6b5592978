"""Fixtures that all tests share."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's top folder."""
    return ROOT


@pytest.fixture(scope="session")
def program() -> Callable[[str], Callable[[list[str]], int]]:
    """What gives the `main` of a program of scripts/ by its name; each is loaded once."""
    return cache(lambda name: runpy.run_path(str(ROOT / "scripts" / f"{name}.py"))["main"])


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data with known answers, beside the project; tests that need it are skipped without it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real data (../shared/data beside the project) is not here")
    return folder


def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """Where tests run in several processes, those of a folder run in one: they share fixtures."""

    class ByFolder(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return nodeid.partition("::")[0].rpartition("/")[0]

    return ByFolder(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests that take longest begin."""
    items.sort(key=lambda item: item.path.parent.name not in ("workflow", "faults"))
