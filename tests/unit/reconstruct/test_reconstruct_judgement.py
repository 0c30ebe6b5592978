"""Status of voxels, flags of scans and comparisons, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from myot2.core.stopnote import StopNote
from myot2.core.voxel_status import Status
from myot2.reconstruct.cohort import SCAN_COLUMNS, compare, scans_table
from myot2.reconstruct.judgement import UNKNOWN_FAT, fat_flags, scan_flags, scan_misfit, statuses
from myot2.reconstruct.slices import SliceResult


def result(t2=40.0, m0=100.0, misfit=0.88, b1_source="given", warnings=()):
    """One slice of two voxels."""
    t2, m0 = (np.broadcast_to(np.float32(value), (1, 2)) for value in (t2, m0))
    return SliceResult(t2, t2, m0, t2, t2, b1_source, np.zeros(3), misfit, (), tuple(warnings))


@pytest.mark.parametrize(
    ("t2", "m0", "status"),
    [
        (40, 100, Status.OK),
        (np.nan, 100, Status.NOT_FITTED),
        (40, 0, Status.NOT_FITTED),
        # 3 at the first echo: M0 exp(-10 / 40) = 3
        (40, 3 * np.exp(0.25) + 0.01, Status.OK),
        (40, 3 * np.exp(0.25) - 0.01, Status.LOW_SIGNAL),
        (301, 100, Status.AT_BOUND),
        (9, 100, Status.AT_BOUND),
        (9, 3, Status.LOW_SIGNAL),
    ],
)
def test_a_voxels_status_is_the_first_reason_against_it(t2, m0, status):
    codes = statuses(result(t2, m0), 10.0, (10.0, 300.0))
    assert codes.dtype == np.uint8 and (codes == status).all()


def test_chi_square_is_flagged_outside_its_usual_range_for_the_scan_or_for_single_slices():
    usual = [result(misfit=value) for value in (0.85, 0.9, 0.95)]
    assert scan_misfit(usual) == pytest.approx(0.9) and scan_flags(usual) == []
    assert scan_flags([result(misfit=0.9), result(misfit=1.05)]) == ["chi-square of slice 2 outside 0.8 to 1"]
    assert scan_flags([result(misfit=1.2), result(misfit=1.3)]) == ["chi-square outside 0.8 to 1"]
    assert scan_flags([result(misfit=0.7)]) == ["chi-square outside 0.8 to 1"]


def test_an_estimated_b1_and_slices_that_did_not_settle_are_flagged():
    slices = [result(b1_source="estimated"), result(warnings=["The inversion had not settled after 8 steps."])]
    assert scan_flags(slices) == ["B1 estimated, not measured", "slice 2 not settled"]


@pytest.mark.parametrize(
    ("model", "left", "suppressed", "times_ms", "flagged"),
    [
        ("epg", None, None, (50, 100), True),
        # the echoes were looked at, and fat was suppressed
        ("epg", None, True, (50, 100), False),
        ("epg", 1.0, False, (50, 100), False),
        ("epg", None, None, (40, 90), False),
        ("epg", None, None, (), False),
        ("mono", None, None, (50, 100), False),
    ],
)
def test_fat_that_nobody_knows_of_is_flagged_where_only_late_echoes_have_the_middle(
    model, left, suppressed, times_ms, flagged
):
    told = {"FatLeft": left, "FatSuppressed": suppressed}
    assert fat_flags(model, told, times_ms) == ([UNKNOWN_FAT] if flagged else [])


def test_maps_are_compared_where_both_know_a_labelled_voxel():
    full = np.full(100, 40.0)
    t2 = np.concatenate([np.full(50, 42.0), np.full(40, 38.0), np.full(10, 80.0)])
    labels = np.repeat([1, 2, 0], [50, 40, 10])
    status = np.full(100, Status.OK)
    status[:10] = Status.LOW_SIGNAL
    found = compare(t2, full, status, labels)
    assert found.voxels == 80
    assert found.difference == pytest.approx(0.0)
    assert found.largest == pytest.approx(0.05)
    assert found.rms == pytest.approx(0.05)


def test_a_muscle_of_few_voxels_is_no_furthest_muscle():
    full = np.full(119, 40.0)
    t2 = np.where(np.arange(119) < 100, 40.4, 60.0)
    labels = np.repeat([1, 2], [100, 19])
    assert compare(t2, full, np.ones(119), labels).largest == pytest.approx(0.01)


def test_nothing_in_common_is_no_comparison():
    assert compare(np.full(5, 40.0), np.full(5, np.nan), np.ones(5), np.ones(5)) is None


def test_the_table_of_scans_has_a_row_for_those_that_stopped():
    told = {
        "OddEvenPhaseDeg": [6.0, 1.0, 2.0],
        "ReducedChiSquare": 0.88,
        "Acceleration": 10.0,
        "Pattern": "Five blocks.",
        "B1Source": "given",
        "FatLeft": None,
        "Flags": ["one", "two"],
    }
    stopped = StopNote("reconstruct", "a file", "none", "raw.h5", "Look.")
    table = scans_table([("P01", None), ("P02", "1")], [told, stopped], [None, None])
    assert list(table) == list(SCAN_COLUMNS)
    assert table["status"].tolist() == ["reconstructed", "stopped"]
    assert table.loc[0, "flags"] == "one; two" and table.loc[0, "phase_deg"] == 6.0
    assert pd.isna(table.loc[1, "chi_square"]) and pd.isna(table.loc[0, "voxels"])
