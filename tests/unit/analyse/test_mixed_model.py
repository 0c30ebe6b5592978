"""Groups compared in all muscles at once, against the exact tests of balanced tables, statsmodels and simulation."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from myot2.analyse.mixed_model import muscle_model


def simulate(
    seed, *, patients=12, controls=8, muscles=4, effects=(3.0, 3.0, 3.0, 3.0), sd=(2.0, 1.0, 1.5, 1.0), wider=1.0
):
    """A balanced table; `sd` of person, side, muscle and residual, times `wider` in patients."""
    rng, rows = np.random.default_rng(seed), []
    for place in range(patients + controls):
        patient = place < patients
        person, side, muscle, noise = np.array(sd) * (wider if patient else 1.0)
        base, sides, own = 40 + rng.normal(0, person), rng.normal(0, side, 2), rng.normal(0, muscle, muscles)
        age, sex = rng.normal(45, 10), "MF"[rng.integers(2)]
        for j in range(muscles):
            for s in range(2):
                t2 = base + 2 * j + patient * effects[j] + sides[s] + own[j] + rng.normal(0, noise)
                group = "patient" if patient else "control"
                rows.append((f"p{place:02d}", group, f"m{j}", "LR"[s], t2, age, sex, 10.0 * (j + 1), 100 - 10 * j))
    names = ["participant_id", "group", "muscle", "side", "t2_ms", "age", "sex", "volume_ml", "voxels"]
    return pd.DataFrame(rows, columns=names)


def squares(table):
    """Values as (people, muscles, sides), patients first, and who is one."""
    wide = table.pivot(index="participant_id", columns=["muscle", "side"], values="t2_ms")
    return wide.to_numpy().reshape(len(wide), -1, 2), table.groupby("participant_id")["group"].first() == "patient"


@pytest.fixture(scope="module")
def table():
    return simulate(1)


@pytest.fixture(scope="module")
def found(table):
    return muscle_model(table, covariates=())


def test_in_a_balanced_table_the_average_effect_is_students_t_test_of_the_people_s_means(table, found):
    values, patient = squares(table)
    means = values.mean(axis=(1, 2))
    test = stats.ttest_ind(means[patient], means[~patient])
    low, high = test.confidence_interval(0.95)
    assert found.method == "model" and found.fallback is None and found.converged
    assert found.average.effect == pytest.approx(means[patient].mean() - means[~patient].mean(), abs=1e-6)
    assert found.average.p == pytest.approx(test.pvalue, rel=2e-3)
    assert found.average.ci == pytest.approx((low, high), rel=1e-3)


def test_in_a_balanced_table_the_interaction_is_the_f_test_of_the_split_plot_analysis_of_variance(table, found):
    values, patient = squares(table)
    profiles = values.mean(axis=2)
    profiles -= profiles.mean(axis=1, keepdims=True)
    groups = [profiles[patient], profiles[~patient]]
    error = sum(((group - group.mean(axis=0)) ** 2).sum() for group in groups)
    between = sum(len(group) * ((group.mean(axis=0) - profiles.mean(axis=0)) ** 2).sum() for group in groups)
    f, df = (between / 3) / (error / (18 * 3)), (3, 18 * 3)
    assert found.interaction_df == df and found.interaction == pytest.approx(f, rel=1e-3)
    assert found.interaction_p == pytest.approx(stats.f.sf(f, *df), rel=1e-2)


def test_in_a_balanced_table_the_variances_are_those_of_the_analysis_of_variance(table, found):
    values, patient = squares(table)
    n, muscles, _ = values.shape
    centred = values - np.where(
        patient.to_numpy()[:, None, None],
        *[values[who].mean(axis=(0, 2))[None, :, None] for who in (patient, ~patient)],
    )
    person, side, muscle = centred.mean(axis=(1, 2)), centred.mean(axis=1), centred.mean(axis=2)
    ms_side = muscles * ((side - person[:, None]) ** 2).sum() / n
    ms_muscle = 2 * ((muscle - person[:, None]) ** 2).sum() / ((n - 2) * (muscles - 1))
    rest = centred - side[:, None, :] - muscle[:, :, None] + person[:, None, None]
    ms_rest = (rest**2).sum() / (n * (muscles - 1))
    ms_person = 2 * muscles * (person**2).sum() / (n - 2)
    expected = {
        "person": (ms_person - ms_side - ms_muscle + ms_rest) / (2 * muscles),
        "side": (ms_side - ms_rest) / muscles,
        "muscle": (ms_muscle - ms_rest) / 2,
        "residual": ms_rest,
    }
    assert found.components == pytest.approx(expected, rel=5e-3)


def test_effects_and_errors_are_those_of_statsmodels_own_formula(table):
    shuffled = table.sample(frac=1, random_state=3)
    ours = muscle_model(shuffled)
    data = table.assign(patient=(table["group"] == "patient").astype(float))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = smf.mixedlm(
            "t2_ms ~ 0 + C(muscle) + C(muscle):patient + age + C(sex)",
            data,
            groups="participant_id",
            re_formula="1",  # left out, statsmodels drops the person as soon as there is a vc_formula
            vc_formula={"side": "0 + C(side)", "muscle": "0 + C(muscle)"},
        ).fit()
    names = [f"C(muscle)[m{place}]:patient" for place in range(4)]
    assert [one.effect for one in ours.muscles] == pytest.approx(peer.params[names].tolist(), rel=1e-3)
    assert [one.se for one in ours.muscles] == pytest.approx(peer.bse[names].tolist(), rel=1e-3)
    assert ours.covariates == ("age", "sex") and [one.name for one in ours.muscles] == ["m0", "m1", "m2", "m3"]


def test_logarithms_give_ratios_that_do_not_depend_on_the_unit(table):
    ms = muscle_model(table, log=True, covariates=())
    seconds = muscle_model(table.assign(t2_ms=table["t2_ms"] / 1000), log=True, covariates=())
    assert ms.ratio and 1 < ms.average.effect < 1.3
    assert seconds.average.effect == pytest.approx(ms.average.effect) and seconds.average.ci == pytest.approx(
        ms.average.ci, rel=1e-4
    )
    values, patient = squares(table)
    expected = np.log(values).mean(axis=(1, 2))
    assert np.log(ms.average.effect) == pytest.approx(expected[patient].mean() - expected[~patient].mean(), abs=1e-6)


def test_a_variance_of_zero_is_seen_and_the_bootstrap_stands_in():
    flat = simulate(2, sd=(2.0, 0.0, 1.5, 1.0))
    values, _ = squares(flat)
    # Take the sides' difference out of every person: no variance is left between sides.
    level = values - values.mean(axis=1, keepdims=True) + values.mean(axis=(1, 2), keepdims=True)
    wide = flat.pivot(index="participant_id", columns=["muscle", "side"], values="t2_ms")
    flattened = pd.DataFrame(level.reshape(len(wide), -1), wide.index, wide.columns)
    long = flattened.stack(["muscle", "side"]).rename("t2_ms")
    flat = flat.drop(columns="t2_ms").merge(long.reset_index(), on=["participant_id", "muscle", "side"])
    found = muscle_model(flat, covariates=(), resamples=500, seed=4)
    assert found.method == "bootstrap" and "side" in found.fallback and found.components == {}
    assert found.resamples == 500 and found.seed == 4 and found.interaction_df == (3, None)
    with pytest.raises(ValueError, match="singular"):
        muscle_model(flat, covariates=(), method="model")


def test_the_bootstrap_is_welchs_test_without_covariates_and_repeats_itself(table):
    once, again = (muscle_model(table, covariates=(), method="bootstrap", resamples=4000, seed=1) for _ in range(2))
    assert once == again and once.fallback is None and once.converged is None
    values, patient = squares(table)
    for place, effect in enumerate(once.muscles):
        mine = values[:, place].mean(axis=1)
        first, second = mine[patient], mine[~patient]
        assert effect.effect == pytest.approx(first.mean() - second.mean())
        test = stats.ttest_ind(first, second, equal_var=False)
        assert effect.se == pytest.approx((first.mean() - second.mean()) / test.statistic, rel=0.05)
        assert effect.ci == pytest.approx(tuple(test.confidence_interval(0.95)), abs=0.1 * effect.se)
    assert muscle_model(table, covariates=(), method="bootstrap", resamples=400, seed=2).average != once.average


@pytest.mark.parametrize("method", ["auto", "bootstrap"])
def test_a_difference_between_muscles_is_found_and_none_is_not(method):
    even = [muscle_model(simulate(seed), covariates=(), method=method, resamples=300) for seed in range(12)]
    uneven = muscle_model(simulate(9, effects=(0, 2, 5, 9)), covariates=(), method=method, resamples=300)
    assert uneven.interaction_p < 0.01 and np.median([one.interaction_p for one in even]) > 0.1
    assert sum(one.interaction_p < 0.05 for one in even) <= 3


def test_with_unequal_spread_the_bootstrap_covers_and_holds_its_level():
    covered, rejected, runs = 0, 0, 100
    for seed in range(runs):
        found = muscle_model(
            simulate(seed, patients=30, controls=10, wider=3),
            covariates=(),
            method="bootstrap",
            resamples=300,
            seed=seed,
        )
        covered += found.muscles[0].ci[0] <= 3 <= found.muscles[0].ci[1]
        rejected += found.interaction_p < 0.05
        assert found.spread["patient"] > found.spread["control"]
    assert covered / runs >= 0.9 and rejected / runs <= 0.1


def test_the_average_follows_the_weighting_that_the_caller_names(table):
    effects = np.array([one.effect for one in muscle_model(table, covariates=()).muscles])
    for weighting, weights in (("muscle", [1, 1, 1, 1]), ("volume", [1, 2, 3, 4]), ("voxels", [10, 9, 8, 7])):
        found = muscle_model(table, covariates=(), weighting=weighting)
        assert found.average.effect == pytest.approx(np.average(effects, weights=weights), abs=1e-9)
        assert found.weighting == weighting


def test_what_is_left_out_is_named(table):
    rows = table.copy()
    rows.loc[rows["participant_id"] == "p03", "sex"] = None
    rows.loc[(rows["muscle"] == "m2") & (rows["group"] == "control") & (rows["participant_id"] != "p12"), "t2_ms"] = (
        np.nan
    )
    rows.loc[(rows["muscle"] == "m1") & (rows["participant_id"] == "p00"), "t2_ms"] = np.nan
    found = muscle_model(rows, covariates=("sex",))
    assert found.left_out_people == ("p03",) and found.left_out_muscles == ("m2",)
    assert (found.patients, found.controls) == (11, 8)
    assert [(one.name, one.n_patients, one.n_controls) for one in found.muscles] == [
        ("m0", 11, 8),
        ("m1", 10, 8),
        ("m3", 11, 8),
    ]


def test_with_one_side_only_the_person_alone_is_random(table):
    found = muscle_model(table[table["side"] == "L"], covariates=())
    assert (
        found.fallback is None
        and set(found.components) == {"person", "residual"}
        and found.interaction_df == (3, 18 * 3)
    )


@pytest.mark.parametrize(
    ("change", "options", "why"),
    [
        (lambda rows: rows.drop(columns="side"), {}, "no column side"),
        (lambda rows: rows.assign(group="patient"), {}, "fewer than two muscles"),
        (lambda rows: rows.assign(sex="F"), {}, "does not vary"),
        (lambda rows: rows.assign(age=(rows["group"] == "patient") * 9.0), {}, "follows from the group"),
        (lambda rows: rows.assign(t2_ms=0.0), {"log": True}, "not positive"),
        (lambda rows: pd.concat([rows, rows[:1]]), {}, "two values of one muscle"),
        (lambda rows: rows.assign(age=np.arange(len(rows))), {}, "rows disagree"),
        (lambda rows: rows.drop(columns="voxels"), {"weighting": "voxels"}, "no column voxels"),
        (lambda rows: rows, {"weighting": "slice"}, "no weighting 'slice'"),
    ],
)
def test_what_cannot_be_modelled_is_refused_with_the_reason(table, change, options, why):
    with pytest.raises(ValueError, match=why):
        muscle_model(change(table), **options)
