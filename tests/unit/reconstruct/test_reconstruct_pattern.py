"""The sampling pattern as data have it: numbers, words and picture."""

from __future__ import annotations

import numpy as np
import pytest
import reconstruct_mrd_writer as writer
from hypothesis import given
from hypothesis import strategies as st

from myot2.reconstruct.mrd import read_mrd
from myot2.reconstruct.pattern import Pattern, pattern_of


def blocks_of(order, *, rows=130, blocks=5, spacing=2, partial=0):
    """Echoes that each take every `spacing`-th line of one block."""
    index = np.arange(rows)
    grid = ((index - rows // 2) % spacing == 0) & (index >= partial)
    repeats = np.array([grid & (index * blocks // rows == block) for block in order]).astype(int)
    return Pattern(repeats, 10.0 * np.arange(1, len(order) + 1))


def test_the_study_s_pattern_is_told():
    pattern = blocks_of([0, 1, 2, 3, 4] * 2)
    assert pattern.acceleration == 10
    assert pattern.spacing == 2
    assert pattern.blocks == (0, 1, 2, 3, 4) * 2
    assert pattern.central_echoes == (2, 7)
    assert pattern.sentence() == (
        "Each of 10 echoes has every second line of one of 5 blocks, in the order 1, 2, 3, 4, 5, 1, 2, 3, 4, 5: "
        "10.0-fold acceleration; the centre of k-space is sampled at TE 30 and 80 ms."
    )


@given(
    st.permutations(range(5)), st.sampled_from([1, 2, 3]), st.integers(80, 200), st.sampled_from([0, 8]), st.booleans()
)
def test_any_order_of_blocks_is_found(order, spacing, rows, partial, twice):
    order = list(order) * (2 if twice else 1)
    pattern = blocks_of(order, rows=rows, spacing=spacing, partial=partial)
    assert pattern.blocks == tuple(order)
    assert pattern.spacing == spacing
    assert pattern.central_echoes == tuple(np.flatnonzero(pattern.sampled[:, rows // 2]))


def test_a_full_scan_has_every_line_and_no_blocks():
    pattern = Pattern(np.ones((4, 30), int), np.array([10.0, 20, 30, 40]))
    assert (pattern.acceleration, pattern.blocks, pattern.central_echoes) == (1, (), (0, 1, 2, 3))
    assert pattern.sentence().startswith("Every echo has all 30 lines: 1.0-fold")


def test_scattered_lines_are_no_blocks():
    repeats = np.random.default_rng(0).random((6, 100)) < 0.2
    pattern = Pattern(repeats.astype(int), np.arange(1.0, 7))
    assert pattern.blocks == ()
    assert "of 100 lines" in pattern.sentence()
    assert pattern.acceleration == pytest.approx(600 / repeats.sum())


def test_averages_do_not_count_as_less_acceleration_but_are_said():
    pattern = Pattern(3 * np.ones((2, 10), int), np.array([10.0, 20]))
    assert pattern.acceleration == 1
    assert "up to 3 times" in pattern.sentence()


def test_embedded_calibration_lowers_the_acceleration(tmp_path):
    scan = writer.write(tmp_path / "scan.h5", writer.Scan(embedded=True))
    pattern = pattern_of(read_mrd(tmp_path / "scan.h5"))
    expected = np.zeros((5, 40), bool)
    for echo, lines in enumerate(scan.lines):
        expected[echo, lines] = True
    assert np.array_equal(pattern.sampled, expected)
    assert pattern.acceleration == pytest.approx(200 / expected.sum())
