"""What the study should have done, on the golden cohort: the figures of ../shared/notes/statistics.md, 1.3.

Those of the bootstrap were found with other code and another seed, so they are met within Monte-Carlo error.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from myot2.analyse.adjusted import adjusted_ratio, ratio_within
from myot2.analyse.cutoff import cutoff_stability, leave_one_out
from myot2.analyse.roc_intervals import area_interval


@pytest.fixture(scope="module")
def table(shared_data):
    return pd.read_csv(shared_data / "golden-cohort/participants.csv")


@pytest.fixture(scope="module")
def groups(table):
    patient = table["group"] == "IIM"
    return table.loc[patient, "t2_ms"].to_numpy(), table.loc[~patient, "t2_ms"].to_numpy()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_cutoff_and_its_rates_are_as_unsure_as_the_notes_say(groups, seed):
    found = cutoff_stability(*groups, seed=seed)
    assert (round(found.cutoff, 2), [round(end, 2) for end in found.ci]) == (36.4, [34.75, 36.66])
    assert found.sensitivity.optimism == pytest.approx(0.0005, abs=0.0025)  # SD of a resample 0.02 to 0.03, of 2,000
    assert found.specificity.optimism == pytest.approx(0.0155, abs=0.003)
    assert found.specificity.corrected == pytest.approx(0.985, abs=0.003)
    assert found.specificity.out_of_bag == pytest.approx(0.960, abs=0.008)


def test_the_area_has_an_interval_that_is_not_cut_off_at_one(groups):
    found = area_interval(*groups)
    assert found.area == 631 / 640 and 0.9 < found.low < 0.986 < found.high < 1


def test_the_adjusted_ratio_is_that_of_the_notes_and_holds_among_women(table):
    patient, covariates = (table["group"] == "IIM").to_numpy(), table[["age", "sex"]]
    found = adjusted_ratio(table["t2_ms"].to_numpy(), patient, covariates)
    assert (round(found.ratio, 3), found.n_first, found.n_second) == (1.339, 64, 10)
    women = ratio_within(table["t2_ms"].to_numpy(), patient, covariates, "sex", "F")
    assert (women.n_first, women.n_second) == (38, 9) and women.ci[0] > 1.2


def test_normal_ck_patients_are_found_by_cutoffs_that_others_gave(table, groups):
    normal = table.loc[table["group"] == "IIM", "ck"].to_numpy() <= 200
    found = leave_one_out(*groups)
    assert (int((found.found & normal).sum()), int(normal.sum())) == (21, 22)
    assert np.ptp(found.cutoffs_positive) < 2 and stats.mode(found.cutoffs_positive).mode == pytest.approx(36.4)
