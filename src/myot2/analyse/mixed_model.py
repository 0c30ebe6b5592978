"""Patients against controls in every muscle at once: a mixed model, and a cluster bootstrap where it cannot be had."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy import stats

from myot2.analyse.defaults import RESAMPLES
from myot2.analyse.muscle_design import Design, design_of, means_weighting
from myot2.analyse.sample import CONFIDENCE

if TYPE_CHECKING:
    from statsmodels.regression.mixed_linear_model import MixedLM, MixedLMResults

OPTIMISERS = ("bfgs", "powell", "nm")
"""In the order of trial. Those by gradient fail where a variance is 0; the others need no gradient."""
TAIL = (1 - CONFIDENCE) / 2
SINGULAR = 1e-4
"""A variance component below this share of the residual variance lies on its bound of 0."""
Method = Literal["auto", "model", "bootstrap"]
Weighting = Literal["muscle", "volume", "voxels"]


@dataclass(frozen=True)
class Effect:
    """Patients minus controls (ms), or patients over controls where the model is of logarithms, with its 95 % `ci`.

    `se` is of the difference, or of the logarithm of the ratio; `p` is two-sided, not corrected for the number of
    muscles. `n_patients` and `n_controls` are the people with a value of that muscle.
    """

    name: str
    n_patients: int
    n_controls: int
    effect: float
    ci: tuple[float, float]
    se: float
    p: float


@dataclass(frozen=True)
class MuscleModel:
    """The group effect in every muscle.

    Parameters
    ----------
    method : str
        ``model`` or ``bootstrap``.
    fallback : str or None
        Why the bootstrap stands in for the model that was asked for.
    ratio : bool
        Whether effects are ratios (logarithms were modelled) or differences in ms.
    weighting : str
        What each muscle counts for in `average`: all the same (``muscle``), or its mean ``volume`` or number of
        ``voxels``. The study's whole-thigh value pools voxels, so ``voxels`` is its like.
    muscles : tuple of Effect
        One for each muscle, in sorted order.
    average : Effect
        The mean of the muscles' effects by `weighting`.
    interaction, interaction_df, interaction_p : float, (int, float or None), float
        The test that the effect is the same in all muscles: F with its degrees of freedom, or the bootstrap's sum of
        squared deviations from the mean effect (`interaction_df` has None then).
    components : dict
        Variances by name: ``person``, ``side`` and ``muscle`` within person as far as they are in the model, and
        ``residual``; empty for the bootstrap.
    converged : bool or None
        Of the model's fit; None where it was not tried.
    spread : dict
        SD of the people's means, ``patient`` and ``control``: the model takes them for equal, the bootstrap does not.
    covariates, rows, patients, controls, left_out_people, left_out_muscles
        What was adjusted for; rows and people that were used; people left out for an unknown covariate; muscles left
        out for fewer than two people in a group.
    resamples, seed : int or None
        Of the bootstrap; samples in which a muscle was nobody's are not counted.
    """

    method: str
    fallback: str | None
    ratio: bool
    weighting: str
    muscles: tuple[Effect, ...]
    average: Effect
    interaction: float
    interaction_df: tuple[int, float | None]
    interaction_p: float
    components: dict[str, float]
    converged: bool | None
    spread: dict[str, float]
    covariates: tuple[str, ...]
    rows: int
    patients: int
    controls: int
    left_out_people: tuple[str, ...]
    left_out_muscles: tuple[str, ...]
    resamples: int | None
    seed: int | None


@dataclass(frozen=True)
class _Fit:
    """Coefficients' estimates and covariance, and how they were had."""

    effects: np.ndarray
    covariance: np.ndarray
    components: dict[str, float]
    converged: bool
    trouble: str | None


def muscle_model(
    table: pd.DataFrame,
    *,
    log: bool = False,
    covariates: Sequence[str] = ("age", "sex"),
    weighting: Weighting = "muscle",
    method: Method = "auto",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> MuscleModel:
    """Fit T2 ~ group x muscle (+ covariates) with the rows of each person depending on each other.

    The person, the side within the person, and the muscle within the person (both sides of one muscle are alike) have
    normal random effects; side and muscle as far as the rows tell them apart. Restricted likelihood by statsmodels'
    MixedLM. Effects of the group are tested with Student's t on as many degrees of freedom as people less coefficients
    between people, the interaction by Wald's F on those within people (Schluchter and Elashoff, J Stat Comput Simul
    1990;37:69): normal quantiles are too short for ten controls.

    The cluster bootstrap draws people, of each group one fewer than there are (Rao and Wu, J Am Stat Assoc 1988;83:231:
    the variance is then unbiased in small groups), and fits least squares. Intervals and p values are Student's with
    the samples' SD and Welch's degrees of freedom, from samples in which one group alone was drawn; percentiles are too
    short for ten controls. The interaction is tested by the sum of squared deviations of the effects from their mean,
    against that of the samples' deviations from the observed effects. No equal spread in both groups is assumed.

    Parameters
    ----------
    table
        One row per person, muscle and side: participant_id, group (patient or control), muscle, side, t2_ms, the
        covariates, and volume_ml or voxels if weighted by them. Rows with an unknown T2 are left out. Covariates are
        numbers, or text of two or more categories.
    log
        Model logarithms; effects are then ratios. T2 of patients is skewed and spreads more than that of controls.
    method
        ``auto`` takes the bootstrap where the model does not converge or is singular (a variance on its bound of 0).

    Raises
    ------
    ValueError
        A column is missing, a group or muscle has too few people, a covariate does not vary or follows from the
        others, a T2 has no logarithm, or ``model`` was asked for and failed.
    """
    design = design_of(table, log=log, covariates=tuple(covariates))
    weights = means_weighting(design, weighting)
    fit = None if method == "bootstrap" else _mixed(design)
    if fit is not None and fit.trouble is None:
        return _from_model(design, fit, weights, weighting)
    if method == "model":
        raise ValueError(f"the mixed model failed: {fit.trouble}")
    return _from_bootstrap(design, fit, weights, weighting, resamples, seed)


def _mixed(design: Design) -> _Fit:
    found, hessian = _maximum(_likelihood(design))
    if found is None:
        return _Fit(np.empty(0), np.empty(0), {}, False, "singular: no likelihood could be computed")
    # statsmodels' own note of a variance at its bound is not asked: it compares with 0.01 of whatever unit, squared.
    components = {"person": float(np.asarray(found.cov_re)[0, 0])}
    components |= {name: float(value) for name, value in zip(design.nested, found.vcomp, strict=True)}
    residual = float(found.scale)
    k = len(design.muscles)
    covariance = np.asarray(found.cov_params())[k : 2 * k, k : 2 * k]
    low = [name for name, value in components.items() if not value > SINGULAR * residual]
    trouble, converged = None, bool(found.converged)
    if low:
        trouble = f"singular: the variance of {' and '.join(low)} is 0"
    elif not converged:
        trouble = "the fit did not converge"
    elif not hessian or not (np.diag(covariance) > 0).all():
        trouble = "singular: the coefficients have no standard errors"
    effects = np.asarray(found.fe_params)[k : 2 * k]
    return _Fit(effects, covariance, components | {"residual": residual}, converged, trouble)


def _maximum(model: MixedLM) -> tuple[MixedLMResults | None, bool]:
    """The fit of the first optimiser that converges, else of the last; and whether its Hessian is that of a maximum."""
    found, hessian = None, False
    for optimiser in OPTIMISERS:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                found = model.fit(reml=True, method=optimiser)
            except np.linalg.LinAlgError:  # a step too wide
                continue
        hessian = not any("Hessian" in str(one.message) for one in caught)
        if found.converged:
            break
    return found, hessian


def _likelihood(design: Design) -> MixedLM:
    from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec

    order = np.argsort(design.person, kind="stable")  # MixedLM takes the blocks of people in the order of their rows
    members = np.split(order, np.flatnonzero(np.diff(design.person[order])) + 1)
    names = list(design.nested)
    blocks = [[_indicators(design.nested[name][rows]) for rows in members] for name in names]
    columns = [
        [[f"{name}{place}" for place in range(block.shape[1])] for block in of]
        for name, of in zip(names, blocks, strict=True)
    ]
    return MixedLM(
        design.y[order],
        design.x[order],
        groups=design.person[order],
        exog_re=np.ones((len(order), 1)),
        exog_vc=VCSpec(names, columns, blocks) if names else None,
    )


def _indicators(labels: np.ndarray) -> np.ndarray:
    return (labels[:, None] == np.unique(labels)[None, :]).astype(float)


def _from_model(design: Design, fit: _Fit, weights: np.ndarray, weighting: str) -> MuscleModel:
    between = len(design.people) - 2 - design.covariate_columns
    law = stats.t(between)
    margin = float(law.ppf(1 - TAIL))

    def effect(name: str, contrast: np.ndarray, n: tuple[int, int]) -> Effect:
        value, se = float(contrast @ fit.effects), float(np.sqrt(contrast @ fit.covariance @ contrast))
        ci = (design.turn(value - margin * se), design.turn(value + margin * se))
        return Effect(name, *n, design.turn(value), ci, se, float(2 * law.sf(abs(value) / se)))

    k = len(design.muscles)
    difference = np.eye(k)[1:] - np.eye(k)[:1]
    deviation, spread = difference @ fit.effects, difference @ fit.covariance @ difference.T
    within = design.cells_within_people() - 2 * (k - 1)
    f = float(deviation @ np.linalg.solve(spread, deviation)) / (k - 1)
    return _result(
        design,
        weighting,
        tuple(effect(name, row, design.counts[name]) for name, row in zip(design.muscles, np.eye(k), strict=True)),
        effect("average", weights, design.group_sizes),
        (f, (k - 1, float(within)), float(stats.f.sf(f, k - 1, within))),
        fit=fit,
    )


def _from_bootstrap(
    design: Design, fit: _Fit | None, weights: np.ndarray, weighting: str, resamples: int, seed: int
) -> MuscleModel:
    observed = design.least_squares(np.ones((1, len(design.people))))[0]
    counts = _draws(design.patient, resamples, np.random.default_rng(seed))
    drawn = _usable(design.least_squares(counts), resamples)
    groups = (design.patient, ~design.patient)
    alone = [_usable(design.least_squares(np.where(group, counts, 1.0)), resamples) for group in groups]
    sizes = np.array(design.group_sizes)

    def effect(name: str, contrast: np.ndarray, n: tuple[int, int]) -> Effect:
        value, se = float(contrast @ observed), float((drawn @ contrast).std(ddof=1))
        parts = np.array([(samples @ contrast).var(ddof=1) for samples in alone])
        law = stats.t(float(parts.sum() ** 2 / (parts**2 / (sizes - 1)).sum()))
        margin = float(law.ppf(1 - TAIL)) * se
        ci = (design.turn(value - margin), design.turn(value + margin))
        return Effect(name, *n, design.turn(value), ci, se, float(2 * law.sf(abs(value) / se)))

    def scatter(effects: np.ndarray) -> np.ndarray:
        return ((effects - effects.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1)

    k = len(design.muscles)
    statistic = float(scatter(observed))
    p = (1 + int((scatter(drawn - observed) >= statistic).sum())) / (len(drawn) + 1)
    return _result(
        design,
        weighting,
        tuple(effect(name, row, design.counts[name]) for name, row in zip(design.muscles, np.eye(k), strict=True)),
        effect("average", weights, design.group_sizes),
        (statistic, (k - 1, None), p),
        fit=fit,
        bootstrap=(len(drawn), seed),
    )


def _usable(effects: np.ndarray, resamples: int) -> np.ndarray:
    usable = effects[np.isfinite(effects).all(axis=1)]
    if len(usable) < resamples / 2:
        raise ValueError("in most bootstrap samples a muscle was nobody's of a group")
    return usable


def _draws(patient: np.ndarray, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """How often each person is drawn, shape (resamples, people), of each group one fewer than it has."""
    counts = np.zeros((resamples, len(patient)))
    for inside in (np.flatnonzero(patient), np.flatnonzero(~patient)):
        size = len(inside)
        counts[:, inside] = rng.multinomial(size - 1, np.full(size, 1 / size), size=resamples)
    return counts


def _result(
    design: Design,
    weighting: str,
    muscles: tuple[Effect, ...],
    average: Effect,
    interaction: tuple[float, tuple[int, float | None], float],
    *,
    fit: _Fit | None,
    bootstrap: tuple[int, int] | None = None,
) -> MuscleModel:
    return MuscleModel(
        method="model" if bootstrap is None else "bootstrap",
        fallback=None if bootstrap is None or fit is None else fit.trouble,
        ratio=design.log,
        weighting=weighting,
        muscles=muscles,
        average=average,
        interaction=interaction[0],
        interaction_df=interaction[1],
        interaction_p=interaction[2],
        components=fit.components if bootstrap is None and fit is not None else {},
        converged=None if fit is None else fit.converged,
        spread=design.spread(),
        covariates=design.covariates,
        rows=len(design.y),
        patients=design.group_sizes[0],
        controls=design.group_sizes[1],
        left_out_people=design.left_out_people,
        left_out_muscles=design.left_out_muscles,
        resamples=None if bootstrap is None else bootstrap[0],
        seed=None if bootstrap is None else bootstrap[1],
    )
