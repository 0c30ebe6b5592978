"""Every muscle against the same muscle of the other scans."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri

from myot2.core.stopnote import StopNote
from myot2.segment.cohort import FEWEST_SCANS, MUSCLE_COLUMNS, MUSCLE_FIGURES, SCAN_COLUMNS, compare, robust_z

NAMES = ("sartorius", "gracilis")


def sidecar(volumes, *, whole=True, risk=0.1, flags=()):
    """Of a scan with two muscles; `volumes` are (left, right) in ml per muscle, 0 where it is missing."""
    rows = []
    for name, pair in zip(NAMES, volumes, strict=True):
        for side, volume in zip(("left", "right"), pair, strict=True):
            figures = dict.fromkeys(MUSCLE_FIGURES)
            figures |= {"voxels": round(volume * 20), "volume_ml": volume, "area_cm2": volume / 5 if volume else None}
            rows.append({"index": 1, "name": name, "side": side, **figures, "whole": whole, "risk": risk})
    sums = {side: sum(row["volume_ml"] for row in rows if row["side"] == side) for side in ("left", "right")}
    case = {"MeanConfidence": 0.9, "MeanEntropy": 0.1, "Agreement": 0.95, "Risk": risk, "Flags": list(flags)}
    return {"Muscles": rows, "VolumeMl": sums, **case}


def spread(middle, count, rng, **more):
    steps = 0.1 * ndtri((np.arange(count) + 0.5) / count)
    drawn = np.stack([rng.permutation(steps) for _ in range(4)], axis=1).reshape(count, 2, 2)
    return [sidecar(np.array(middle) * np.exp(part), **more) for part in drawn]


def scans(count):
    return [(f"P{number:02}", None) for number in range(count)]


@pytest.fixture
def cohort():
    """Thirty scans of muscles whose sizes are quantiles of a normal distribution about 10 and 5 ml, in any order."""
    return spread([[10, 10], [5, 5]], 30, np.random.default_rng(1))


def test_z_is_that_of_the_median_and_its_absolute_deviation():
    values = np.array([*range(20), 1000.0])
    # median 10, absolute deviations 10 9 8 ... 0 ... 8 9 990: their median is 5
    np.testing.assert_allclose(robust_z(values), 0.6745 * (values - 10) / 5)


@given(st.lists(st.integers(-1000, 1000), min_size=FEWEST_SCANS, max_size=40, unique=True), st.floats(0.1, 10))
def test_z_knows_neither_unit_nor_origin(values, factor):
    values = np.array(values, float)
    np.testing.assert_allclose(robust_z(factor * values + 3), robust_z(values), rtol=1e-3, atol=1e-6)


def test_z_of_normal_values_is_that_of_the_standard_deviation():
    values = np.random.default_rng(2).standard_normal(20_000)
    np.testing.assert_allclose(robust_z(values), values, atol=0.1)


def test_few_or_equal_values_have_no_z():
    assert np.isnan(robust_z(np.arange(FEWEST_SCANS - 1.0))).all()
    assert np.isnan(robust_z([5.0] * 2 * FEWEST_SCANS)).all()
    unknown = robust_z([*range(FEWEST_SCANS), np.nan])
    assert np.isnan(unknown[-1]) and np.isfinite(unknown[:-1]).all()


def test_a_muscle_too_small_for_the_cohort_is_an_outlier_of_its_scan(cohort):
    cohort[3]["Muscles"][0] |= {"volume_ml": 4.0, "area_cm2": 0.8, "voxels": 80}
    muscles, table = compare(cohort, scans(30))
    own = muscles[(muscles["participant_id"] == "P03") & (muscles["muscle"] == "sartorius")].set_index("side")
    assert own.loc["left", "volume_z"] < -5 and abs(own.loc["right", "volume_z"]) < 3
    assert own.loc["left", "asymmetry_z"] < -5 and own.loc["left", "asymmetry_z"] == own.loc["right", "asymmetry_z"]
    assert own.loc["left", "compared_by"] == "volume"
    flags = table.loc[3, "flags"].split("; ")
    assert flags[0].startswith("sartorius, left: volume below the cohort's (z -")
    assert flags[1].startswith("sartorius: right larger against left than in the cohort (z -") and len(flags) == 2
    assert table["outliers"].tolist() == [0, 0, 0, 2, *[0] * 26]


def test_what_the_field_cuts_off_is_compared_by_cross_section_with_what_it_cuts_off_elsewhere(cohort):
    cut = spread([[3, 3], [2, 2]], 20, np.random.default_rng(3), whole=False)
    muscles, _ = compare(cohort + cut, scans(50))
    assert (muscles["volume_z"].abs() < 3).all()
    kinds = muscles.groupby("participant_id")["compared_by"].first()
    assert kinds.tolist() == ["volume"] * 30 + ["cross-section"] * 20
    alone, _ = compare([*cohort, cut[0]], scans(31))
    assert alone["volume_z"][-4:].isna().all()


def test_a_missing_muscle_keeps_its_row_and_is_compared_with_nothing(cohort):
    cohort[0] = sidecar([[10, 0], [5, 5]])
    muscles, table = compare(cohort, scans(30))
    missing = muscles.iloc[1]
    assert missing["voxels"] == 0 and pd.isna(missing["compared_by"])
    assert np.isnan([missing["volume_z"], missing["asymmetry"], missing["asymmetry_z"]]).all()
    assert table.loc[0, "muscles"] == 3


def test_nobody_is_dropped(cohort):
    note = StopNote("ingest", "a", "b", "c", "d")
    muscles, table = compare([note, {"Source": "given"}, *cohort], scans(32))
    assert table["status"].tolist() == ["stopped", "not judged", *["judged"] * 30]
    assert set(muscles["participant_id"]) == {f"P{n:02}" for n in range(2, 32)}
    assert list(muscles) == list(MUSCLE_COLUMNS) and list(table) == list(SCAN_COLUMNS)


def test_sessions_of_one_person_are_scans_of_their_own(cohort):
    visits = [("P01", f"{number}") for number in range(30)]
    muscles, table = compare(cohort, visits)
    assert table["session"].tolist() == [visit for _, visit in visits]
    assert len(muscles) == 30 * 4 and muscles["asymmetry_z"].notna().all()


def test_an_empty_cohort_has_empty_tables():
    muscles, table = compare([StopNote("ingest", "a", "b", "c", "d")], scans(1))
    assert muscles.empty and len(table) == 1


def test_the_program_writes_both_tables_with_their_dictionaries(program, tmp_path, cohort):
    paths = []
    for number, content in enumerate(cohort):
        paths.append(tmp_path / f"{number}.json")
        paths[-1].write_text(json.dumps(content), encoding="utf-8")
    StopNote("ingest", "a", "b", "c", "d").write(paths[5])
    people = [participant for participant, _ in scans(30)]
    arguments = ["--sidecars", *map(str, paths), "--participants", *people, "--sessions", *["n/a"] * 30]
    for folder in ("one", "two"):
        outputs = ["--muscles", f"{tmp_path}/{folder}/quality.tsv", "--scans", f"{tmp_path}/{folder}/quality_scans.tsv"]
        assert program("collect_segment_quality")([*arguments, *outputs]) == 0
    for name in ("quality.tsv", "quality.json", "quality_scans.tsv", "quality_scans.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    table = pd.read_csv(tmp_path / "one/quality_scans.tsv", sep="\t")
    assert table["status"].value_counts().to_dict() == {"judged": 29, "stopped": 1}
    dictionary = json.loads((tmp_path / "one/quality.json").read_text(encoding="utf-8"))
    assert list(dictionary) == list(pd.read_csv(tmp_path / "one/quality.tsv", sep="\t")) == list(MUSCLE_COLUMNS)
    with pytest.raises(SystemExit):
        program("collect_segment_quality")([*arguments[:-1], "--muscles", "a", "--scans", "b"])
