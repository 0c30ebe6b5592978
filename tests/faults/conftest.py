"""A cohort of three that is prepared up to the measurement, and the results of its undisturbed run."""

from __future__ import annotations

import pytest
from cohort import write_cohort
from small_run import SmallRun, copy_project

PEOPLE = {"P01": "patient", "P02": "patient", "C01": "control"}


@pytest.fixture(scope="session")
def prepared(root, tmp_path_factory) -> SmallRun:
    """Everything before the stage measure is made."""
    folder = tmp_path_factory.mktemp("faults") / "prepared"
    copy_project(root, folder)
    run = SmallRun(folder, write_cohort(folder, PEOPLE))
    run.run("--until", "align", "take_vendor_map")
    return run


@pytest.fixture(scope="session")
def undisturbed(prepared) -> SmallRun:
    """The run went on, to the table of everybody's measures."""
    run = prepared.copy(prepared.folder.parent / "undisturbed")
    run.run("measures")
    return run


@pytest.fixture
def disturbed(prepared, tmp_path) -> SmallRun:
    """A copy of the prepared run, for a fault."""
    return prepared.copy(tmp_path / "run")
