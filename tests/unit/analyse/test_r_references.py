"""Every statistic against R to 1e-10; reference/make_references.R cites the data and made reference/references.json."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from myot2.analyse.adjusted import adjusted_ratio, rank_ancova
from myot2.analyse.delong import compare_areas
from myot2.analyse.effect_sizes import hodges_lehmann
from myot2.analyse.mann_whitney import mann_whitney
from myot2.analyse.multiplicity import adjust
from myot2.analyse.roc import area
from myot2.analyse.roc_intervals import area_interval
from myot2.analyse.spearman import spearman

R = json.loads((Path(__file__).parent / "reference/references.json").read_text())


def exactly(value):
    return pytest.approx(value, rel=1e-10, abs=1e-10)


def examples(section):
    return [pytest.param(R[section][name], id=name) for name in R[section]]


def arrays(entry, *names):
    return [np.array(entry[name], dtype=float) for name in names]


@pytest.mark.parametrize("r", examples("delong"))
def test_area_delongs_error_and_interval_are_those_of_proc(r):
    groups = arrays(r, "positives", "negatives")
    found, ends = area(*groups), area_interval(*groups, "delong")
    assert (found.area, found.se_delong) == exactly((r["auc"], r["se"]))
    assert (ends.low, ends.high) == exactly(tuple(r["ci"]))


@pytest.mark.parametrize("r", examples("paired"))
def test_delongs_paired_test_is_that_of_proc(r):
    found = compare_areas(*arrays(r, "first", "second", "positive"))
    assert [found.area_first, found.area_second] == exactly(r["areas"])
    assert (found.z, found.p, found.se) == exactly((r["z"], r["p"], r["se"]))


def test_delongs_ovarian_cancer_example_prints_as_in_the_sas_manual():
    """SAS/STAT User's Guide, LOGISTIC, "Comparing Receiver Operating Characteristic Curves"."""
    printed = {"albumin": (0.7366, 0.0927), "score": (0.7258, 0.1028), "protein": (0.6478, 0.1000)}
    for marker, figures in printed.items():
        found = area(*arrays(R["delong"][marker], "positives", "negatives"))
        assert (round(found.area, 4), round(found.se_delong, 4)) == figures
    found = compare_areas(*arrays(R["paired"]["albumin_score"], "first", "second", "positive"))
    assert [round(value, 4) for value in (found.difference, found.se, *found.ci)] == [0.0108, 0.0953, -0.1761, 0.1976]
    assert (round(found.z**2, 4), round(found.p, 4)) == (0.0127, 0.9102)


@pytest.mark.parametrize("r", examples("ranks"))
def test_mann_whitneys_u_and_p_with_ties_are_those_of_r(r):
    found = mann_whitney(*arrays(r, "first", "second"))
    assert (found.u, found.p) == exactly((r["u"], r["p"]))
    if r["p_exact"] is not None:
        assert found.p_exact == exactly(r["p_exact"])


def test_the_examples_of_the_r_manual_print_as_there():
    """?wilcox.test: p = 0.1272 one-sided (Hollander and Wolfe), p = 0.0001208 with continuity correction (ozone)."""
    assert round(R["ranks"]["placenta"]["p_exact"] / 2, 4) == 0.1272
    assert round(R["ranks"]["ozone"]["p_corrected"], 7) == 0.0001208


@pytest.mark.parametrize("r", examples("ranks"))
def test_the_shift_and_mosess_interval_are_those_of_wilcox_test(r):
    exact = "exact" in r["method"]
    found = hodges_lehmann(*arrays(r, "first", "second"), exact=exact)
    assert (found.shift, found.ci) == (exactly(r["median_difference"]), exactly(tuple(r["ci"])))


def test_r_and_we_choose_the_exact_interval_for_the_same_examples():
    for name in ("placenta", "sleep", "ozone", "cohort"):
        r = R["ranks"][name]
        assert hodges_lehmann(*arrays(r, "first", "second")).exact == ("exact" in r["method"])


@pytest.mark.parametrize("r", examples("spearman"))
def test_spearman_with_ties_is_that_of_cor_test(r):
    found = spearman(*arrays(r, "first", "second"))
    assert (found.rs, found.p) == exactly((r["rs"], r["p"]))


@pytest.mark.parametrize("r", examples("hc3"))
def test_the_adjusted_ratio_is_that_of_lm_with_sandwichs_hc3(r):
    values, first = arrays(r, "values", "group")
    found = adjusted_ratio(values, first == 1, pd.DataFrame(r["covariates"]))
    assert (found.coefficient, found.se, found.t, found.p) == exactly((r["coefficient"], r["se"], r["t"], r["p"]))
    assert (found.ratio, found.df) == (exactly(r["ratio"]), r["df"])
    assert found.ci == exactly(tuple(np.exp(r["ci"])))


@pytest.mark.parametrize("name", list(R["quade"]))
def test_quades_test_is_the_analysis_of_variance_of_rank_residuals_in_r(name):
    r, data = R["quade"][name], R["hc3"][name]
    values, first = arrays(data, "values", "group")
    found = rank_ancova(values, first == 1, pd.DataFrame(data["covariates"]))
    assert (found.f, found.p, list(found.df)) == (exactly(r["f"]), exactly(r["p"]), r["df"])


@pytest.mark.parametrize("method", ["holm", "bh"])
def test_adjusted_p_values_are_those_of_p_adjust_missing_ones_included(method):
    found = adjust(R["adjusted_p"]["p"], method)
    for ours, theirs in zip(found.p, R["adjusted_p"][method], strict=True):
        assert ours == (theirs if theirs is None else exactly(theirs))
