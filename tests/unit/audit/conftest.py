"""What the tests of the audit share."""

from __future__ import annotations

import pytest
from recorded_run import Run, make_run


@pytest.fixture
def run(tmp_path) -> Run:
    """A recorded run of two people."""
    return make_run(tmp_path)
