"""Real headers, damaged at random: each outcome is the image that pydicom reads in the same bytes, or a refusal."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_fuzz_cases import BUILT, DAMAGES, REAL, originals, outcome, write_damaged

NAMES = (*REAL, *BUILT)


@pytest.fixture(scope="module")
def undamaged(shared_data, tmp_path_factory):
    return originals(shared_data, tmp_path_factory.mktemp("built"))


@pytest.mark.parametrize("name", NAMES)
def test_an_undamaged_file_gives_the_image_that_pydicom_reads(undamaged, tmp_path, name):
    (tmp_path / "image").write_bytes(undamaged[name].raw)
    assert outcome(tmp_path / "image", undamaged[name], "none") == "image"


@settings(max_examples=400, deadline=5000, derandomize=True)
@given(name=st.sampled_from(NAMES), damage=st.sampled_from(sorted(DAMAGES)), seed=st.integers(0, 2**32 - 1))
def test_a_damaged_file_gives_an_image_true_to_its_header_or_a_refusal(undamaged, tmp_path_factory, name, damage, seed):
    folder = tmp_path_factory.getbasetemp() / "damaged"
    path = write_damaged(folder, undamaged[name], damage, seed)
    assert outcome(path, undamaged[name], damage) in ("image", "image, stream damaged", "refused")
