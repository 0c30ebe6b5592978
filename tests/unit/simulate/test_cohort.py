"""The clinical table against the published figures that it is drawn from."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import ndtri
from scipy.stats import spearmanr

from myot2.core.tables import read_table
from myot2.simulate import cohort
from myot2.simulate.cohort import draw_cohort, patient_t2, stream, with_dicom_folders


@pytest.fixture(scope="module")
def many() -> cohort.Cohort:
    return draw_cohort(5, patients=6000, controls=1500)


@pytest.fixture(scope="module")
def study() -> cohort.Cohort:
    return draw_cohort(20230, patients=64, controls=10)


def test_patients_distribution_has_the_published_mean_sd_and_share_below_the_cutoff():
    """Solve the three equations of the shifted log-normal anew."""

    def shape(sd):
        mean = np.log(9.0 / np.sqrt((np.exp(sd**2) - 1) * np.exp(sd**2)))
        return 47.4 - np.exp(mean + sd**2 / 2), mean

    def excess(sd):
        shift, mean = shape(sd)
        return shift + np.exp(mean + sd * ndtri(2 / 64)) - 36.4

    sd = brentq(excess, 0.1, 1.2)
    found = (cohort.PATIENT_T2_SHIFT_MS, cohort.PATIENT_T2_LOG_MEAN, cohort.PATIENT_T2_LOG_SD)
    assert found == pytest.approx((*shape(sd), sd), abs=1e-5)
    assert patient_t2(ndtri(2 / 64)) == pytest.approx(36.4, abs=1e-4)


def test_large_cohort_has_the_published_t2_of_both_groups(many):
    sick = (many.table["group"] == "patient").to_numpy()
    assert many.target_t2_ms[sick].mean() == pytest.approx(47.4, abs=0.3)
    assert many.target_t2_ms[sick].std() == pytest.approx(9.0, abs=0.6)
    assert many.target_t2_ms[~sick].mean() == pytest.approx(33.9, abs=0.1)
    assert many.target_t2_ms[~sick].std() == pytest.approx(0.9, abs=0.06)
    assert many.target_t2_ms[~sick].max() < 36.4


def test_study_cohort_has_exactly_two_patients_below_the_cutoff(study):
    assert (study.target_t2_ms[:64] < 36.4).sum() == 2
    assert (study.target_t2_ms[64:] < 36.4).all()


@pytest.mark.parametrize("enzyme, rho", list(zip(cohort.ENZYMES, cohort.ENZYME_SPEARMAN, strict=True)))
def test_enzymes_follow_t2_with_the_published_rank_correlation(many, enzyme, rho):
    patients = many.table["group"] == "patient"
    found = spearmanr(many.target_t2_ms[patients], many.table.loc[patients, enzyme])[0]
    assert found == pytest.approx(rho, abs=0.04)


def test_ild_score_falls_with_t2_as_published(many):
    known = many.table["ild_severity"].notna().to_numpy()
    score = (many.table["ild_severity"] + many.table["ild_extent"])[known].astype(int)
    assert spearmanr(many.target_t2_ms[known], score)[0] == pytest.approx(-0.226, abs=0.06)
    present = score[score > 0]
    assert len(present) / len(score) == pytest.approx(0.51, abs=0.01)
    assert present.mean() == pytest.approx(4.8, abs=0.3)
    assert present.std() == pytest.approx(1.6, abs=0.3)


def test_patients_with_antisynthetase_syndrome_have_higher_ild_scores(many):
    score = many.table["ild_severity"] + many.table["ild_extent"]
    by_diagnosis = score.groupby(many.table["diagnosis"]).mean()
    assert by_diagnosis["ASS"] > by_diagnosis[["DM", "PM"]].max() + 1


def test_study_cohort_has_the_published_numbers_of_people(study):
    patients = study.table[study.table["group"] == "patient"]
    assert patients["diagnosis"].value_counts().to_dict() == {"PM": 29, "DM": 27, "ASS": 8}
    assert patients["sex"].value_counts().to_dict() == {"F": 38, "M": 26}
    assert patients["treatment"].value_counts().to_dict() == {"untreated": 37, "relapsed": 27}
    assert patients["ild_severity"].isna().sum() == 3
    assert (patients["ild_severity"] > 0).sum() == 31
    controls = study.table[study.table["group"] == "control"]
    assert controls["sex"].value_counts().to_dict() == {"F": 9, "M": 1}
    assert controls["ild_severity"].isna().all()


def test_values_lie_in_the_published_ranges(many):
    patients = many.table[many.table["group"] == "patient"]
    controls = many.table[many.table["group"] == "control"]
    assert patients["age"].between(19, 72).all()
    assert controls["age"].between(25, 63).all()
    assert controls["age"].mean() == pytest.approx(36.6, abs=1.5)
    assert patients["disease_duration_months"].between(1, 144).all()
    assert patients["disease_duration_months"].mean() == pytest.approx(22.2, abs=2)
    for grade in ("ild_severity", "ild_extent"):
        assert patients[grade].dropna().between(0, 4).all()
    zero = patients["ild_severity"] == 0
    assert (patients.loc[zero.fillna(False), "ild_extent"] == 0).all()


def test_controls_have_normal_enzymes(many):
    controls = many.table[many.table["group"] == "control"]
    assert (controls["ck"] < 310).mean() > 0.99
    assert (controls["ldh"] < 250).mean() > 0.95


def test_ids_are_unique_and_fit_for_paths(study):
    ids = study.table["participant_id"]
    assert ids.is_unique
    assert all(re.fullmatch(r"[A-Za-z0-9]+", name) for name in ids)
    assert (ids.iloc[0], ids.iloc[-1]) == ("P01", "C10")


def test_table_does_not_tell_the_t2(study):
    table = with_dicom_folders(study.table, "somewhere/")
    assert tuple(table.columns) == cohort.COLUMNS
    assert table["dicom"].iloc[1] == "somewhere/sub-P02/dicom"
    assert not [name for name in table.columns if "t2" in name.lower()]


def test_unknown_participant_is_named(study):
    with pytest.raises(KeyError, match="P65"):
        study.row("P65")
    row, t2 = study.row("P64")
    assert row["participant_id"] == "P64"
    assert t2 == study.target_t2_ms[63]


def test_random_streams_are_repeatable_and_differ_by_person_purpose_and_seed():
    first = stream(1, "P01", "scan").random(4)
    assert np.array_equal(first, stream(1, "P01", "scan").random(4))
    for other in (stream(2, "P01", "scan"), stream(1, "P02", "scan"), stream(1, "P01", "body")):
        assert not np.isin(other.random(4), first).any()


def test_committed_demo_table_is_what_the_script_makes(root, program, tmp_path):
    main = program("simulate_participants_table")
    out = tmp_path / "participants.tsv"
    options = ["--preset", "demo", "--seed", "20230", "--dicom-root", "results/demo/simulate", "--out", str(out)]
    assert main(options) == 0
    assert out.read_bytes() == (root / "config" / "demo" / "participants.tsv").read_bytes()
    table = read_table(out)
    assert table["group"].value_counts().to_dict() == {"patient": 8, "control": 4}
    assert table["ild_severity"].isna().sum() == 5
