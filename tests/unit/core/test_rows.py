"""Rows written without pandas have the bytes of pandas, and programs of one scan do without it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from myot2.core.rows import write_rows
from myot2.core.tables import read_table, write_tsv

TEXTS = st.text(st.characters(blacklist_categories=("Cs",)), max_size=6) | st.sampled_from(
    ["=1+1", "-", "'=a", "+3.5", "@x", 'say "so"', "a\tb", "two\nlines", "n/a"]
)
NUMBERS = (
    st.integers(-(10**6), 10**6) | st.floats(allow_infinity=False) | st.floats(-300, 300, width=32).map(np.float32)
)


@st.composite
def tables(draw):
    kinds = {"name": TEXTS | st.none(), "t2_ms": NUMBERS | st.none(), "voxels": st.integers(), "=odd": st.booleans()}
    count = draw(st.integers(1, 4))
    return [{column: draw(kind) for column, kind in kinds.items()} for _ in range(count)]


@given(rows=tables())
def test_the_bytes_are_those_of_pandas(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("rows")
    write_rows(rows, rows[0], folder / "ours.tsv")
    columns = {"t2_ms": pd.Series([row["t2_ms"] for row in rows], dtype=float)}
    write_tsv(pd.DataFrame(rows).assign(**columns), folder / "theirs.tsv")
    assert (folder / "ours.tsv").read_bytes() == (folder / "theirs.tsv").read_bytes()


def test_what_a_row_lacks_is_unknown_and_what_is_not_asked_for_is_left_out(tmp_path):
    write_rows([{"a": 1, "c": 3}, {"b": float("nan")}], ["a", "b"], tmp_path / "table.tsv")
    assert (tmp_path / "table.tsv").read_text() == "a\tb\n1\tn/a\nn/a\tn/a\n"


def test_no_rows_leave_the_header(tmp_path):
    write_rows([], ["a", "b"], tmp_path / "table.tsv")
    assert list(read_table(tmp_path / "table.tsv").columns) == ["a", "b"]


@pytest.mark.parametrize("program", ["ingest_dicom", "cross_check", "measure_muscles", "measure_variants"])
def test_a_program_of_every_scan_does_not_wait_for_pandas(root, program):
    asked = f"import sys; sys.path.insert(0, 'scripts'); import {program}; print('pandas' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", asked], cwd=root, capture_output=True, text=True)
    assert told.stdout == "False\n", told.stderr
