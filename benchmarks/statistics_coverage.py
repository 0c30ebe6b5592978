"""How often each 95 % interval of `myot2.analyse` holds the truth, in simulated cohorts whose truth is known.

`python benchmarks/statistics_coverage.py --markdown` prints the tables of docs/stages/analyse-inference.md: coverage in
per cent of 1,000 cohorts per kind (Monte-Carlo error 0.7 points). Truths come from numerical integration, not from
samples. "Skewed" is like the study: patients are 25 ms plus a lognormal (mean 47.4, SD 9.0 ms), controls normal (SD 0.9
ms), their mean set to give the area. "Normal" has equal SDs. Where an interval cannot be had of a cohort, the cohort
counts as not covered; their number stands beside it.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import integrate, optimize, stats

from myot2.analyse.adjusted import adjusted_ratio
from myot2.analyse.cutoff import CutoffStability, cutoff_stability
from myot2.analyse.delong import compare_areas
from myot2.analyse.effect_sizes import hodges_lehmann
from myot2.analyse.roc import win_matrix
from myot2.analyse.roc_intervals import METHODS, area_interval
from myot2.analyse.spearman import spearman

SKEWED = stats.lognorm(s=0.387, loc=25, scale=math.exp(3.034))
NORMAL = stats.norm(45, 4)


@dataclass(frozen=True)
class Kind:
    """Cohorts of one kind: both groups' distributions and sizes."""

    name: str
    patients: stats.rv_continuous
    controls: stats.rv_continuous
    n1: int
    n0: int


@dataclass
class Tally:
    """Cohorts seen, covered, and refused by an interval."""

    seen: int = 0
    covered: int = 0
    refused: int = 0

    def add(self, ends: tuple[float, float] | None, truth: float) -> None:
        """Count one cohort."""
        self.seen += 1
        if ends is None:
            self.refused += 1
        else:
            self.covered += ends[0] <= truth <= ends[1]

    def __str__(self) -> str:
        text = f"{100 * self.covered / self.seen:.1f}"
        return f"{text} ({self.refused} refused)" if self.refused else text


def main(argv: list[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohorts", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--markdown", action="store_true", help="tables for the documentation")
    args = parser.parse_args(argv)
    with ProcessPoolExecutor(args.jobs) as pool:
        jobs = [pool.submit(two_groups, kind, i, args.cohorts, args.seed) for i, kind in enumerate(kinds())]
        covered, rates = (pd.DataFrame(rows) for rows in zip(*(job.result() for job in jobs), strict=True))
    tables = {
        "Two groups: coverage (%)": covered,
        "A derived cutoff: mean rates (%) and coverage (%) of its true rates": rates,
        "Adjusted ratio, correlation, two markers: coverage (%)": others(args.cohorts, args.seed),
        "Clopper and Pearson: exact coverage (%)": proportions(),
    }
    for title, table in tables.items():
        print(f"\n**{title}**\n" if args.markdown else f"\n{title}")
        print(table.to_markdown(index=False) if args.markdown else table.to_string(index=False))
    return 0


def kinds() -> list[Kind]:
    """The study's kind and size first."""
    found = []
    for name, patients, spread, n1, n0, areas in (
        ("skewed", SKEWED, 0.9, 64, 10, (0.986, 0.95, 0.85)),
        ("normal", NORMAL, 4, 64, 10, (0.986, 0.85)),
        ("skewed", SKEWED, 0.9, 40, 40, (0.986, 0.85)),
        ("normal", NORMAL, 4, 40, 40, (0.986, 0.95, 0.7)),
    ):
        for area in areas:
            controls = controls_of(patients, spread, area)
            found.append(Kind(f"{name}, {n1} + {n0}, {area}", patients, controls, n1, n0))
    return found


def controls_of(patients: stats.rv_continuous, spread: float, area: float) -> stats.rv_continuous:
    """Normal controls whose mean gives the area."""

    def excess(mean: float) -> float:
        return true_share_above(patients, stats.norm(mean, spread), 0.0) - area

    return stats.norm(optimize.brentq(excess, 0, 60, xtol=1e-10), spread)


def true_share_above(patients: stats.rv_continuous, controls: stats.rv_continuous, shift: float) -> float:
    """P(patient - control > shift)."""
    low, high = controls.mean() - 9 * controls.std(), controls.mean() + 9 * controls.std()
    return integrate.quad(lambda x: controls.pdf(x) * patients.sf(x + shift), low, high, epsabs=1e-11, limit=200)[0]


def true_shift(kind: Kind) -> float:
    """The median of all differences patient - control."""
    return optimize.brentq(lambda shift: true_share_above(kind.patients, kind.controls, shift) - 0.5, -50, 50)


def true_cutoff(kind: Kind) -> float:
    """Youden's cutoff of the distributions: the highest of a fine grid, refined."""
    grid = np.linspace(kind.controls.ppf(1e-6), kind.controls.ppf(1 - 1e-6) + 10, 20001)
    index = kind.patients.sf(grid) + kind.controls.cdf(grid)
    return float(grid[index.argmax()])


def two_groups(kind: Kind, number: int, cohorts: int, seed: int) -> tuple[dict[str, str], dict[str, str]]:
    """One kind's rows: coverage of area, delta, shift and cutoff; and the rates of the derived cutoff."""
    rng = np.random.default_rng([seed, number])
    area = true_share_above(kind.patients, kind.controls, 0.0)
    truths = {**dict.fromkeys((*METHODS, "Feng-Cliff"), area), "shift, Moses": true_shift(kind)}
    truths |= {"shift, unequal": truths["shift, Moses"], "cutoff": true_cutoff(kind)}
    tallies: dict[str, Tally] = defaultdict(Tally)
    rates: dict[str, list[float]] = defaultdict(list)
    for cohort in range(cohorts):
        patients = kind.patients.rvs(kind.n1, random_state=rng)
        controls = kind.controls.rvs(kind.n0, random_state=rng)
        stability = cutoff_stability(patients, controls, seed=cohort)
        for name, ends in (_two_group_intervals(patients, controls, cohort) | {"cutoff": stability.ci}).items():
            tallies[name].add(ends, truths[name])
        _add_rates(kind, stability, rates, tallies)
    about = {"cohort, true area": kind.name}
    ours = {name: str(tallies[name]) for name in truths}
    derived = {name: f"{100 * np.nanmean(values):.1f}" for name, values in rates.items()}
    return about | ours, about | derived | {name: str(found) for name, found in tallies.items() if " CI" in name}


def _two_group_intervals(patients: np.ndarray, controls: np.ndarray, seed: int) -> dict[str, tuple | None]:
    found: dict[str, tuple | None] = {}
    for method in METHODS:
        interval = _or_none(lambda method=method: area_interval(patients, controls, method, seed=seed))
        found[method] = interval and (interval.low, interval.high)
    shift = hodges_lehmann(patients, controls)
    found |= {"shift, Moses": shift.ci, "shift, unequal": shift.ci_unequal}
    return found | {"Feng-Cliff": feng_cliff(patients, controls)}


def _add_rates(kind: Kind, found: CutoffStability, rates: dict[str, list[float]], tallies: dict[str, Tally]) -> None:
    """Compare sensitivity and specificity of the derived cutoff with what that cutoff truly has."""
    truths = {"Se": float(kind.patients.sf(found.cutoff)), "Sp": float(kind.controls.cdf(found.cutoff))}
    for name, rate, n in (("Se", found.sensitivity, kind.n1), ("Sp", found.specificity, kind.n0)):
        rates[f"{name} true"].append(truths[name])
        for column in ("apparent", "corrected", "out_of_bag"):
            value = getattr(rate, column)
            rates[f"{name} {column.replace('_', '-')}"].append(np.nan if value is None else value)
        tallies[f"{name} exact CI"].add(_clopper_pearson(round(rate.apparent * n), n), truths[name])
        tallies[f"{name} bootstrap CI"].add(rate.ci, truths[name])


def feng_cliff(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Feng and Cliff's interval (J Mod Appl Stat Methods 2004;3:322) of delta, as one of the area: a peer of ours."""
    signs = 2 * win_matrix(first, second) - 1
    (n1, n2), delta, z = signs.shape, float(signs.mean()), float(stats.norm.ppf(0.975))
    if abs(delta) == 1:
        bound = (min(n1, n2) - z * z) / (min(n1, n2) + z * z)
        return ((bound + 1) / 2, 1.0) if delta > 0 else (0.0, (1 - bound) / 2)
    centred = signs - delta
    by_row, by_column = ((centred.sum(axis=axis) ** 2).sum() for axis in (1, 0))
    variance = (by_row + by_column - (centred**2).sum()) / (n1 * n2 * (n1 - 1) * (n2 - 1))
    variance = max(float(variance), (1 - delta**2) / (n1 * n2 - 1))
    room = 1 - delta**2
    margin = z * math.sqrt(variance * (room**2 + z * z * variance))
    low, high = ((delta - delta**3 + sign * margin) / (room + z * z * variance) for sign in (-1, 1))
    return (low + 1) / 2, (high + 1) / 2


def others(cohorts: int, seed: int) -> pd.DataFrame:
    """The adjusted ratio, Spearman's correlation and DeLong's difference of two markers."""
    cases: list[tuple[str, Callable[[np.random.Generator], tuple[tuple | None, float]]]] = [
        (
            "HC3 ratio, 64 + 10, SDs of log T2 0.18 and 0.03, sex 59 % and 90 % female",
            lambda rng: ratio(rng, 64, 10, 0.03),
        ),
        ("HC3 ratio, 40 + 40, the same SDs", lambda rng: ratio(rng, 40, 40, 0.03)),
        ("HC3 ratio, 40 + 40, SDs 0.18 and 0.18", lambda rng: ratio(rng, 40, 40, 0.18)),
        *[
            (f"Spearman, n = {n}, true {rho}", lambda rng, n=n, rho=rho: correlation(rng, n, rho))
            for n, rho in ((64, 0.36), (64, 0.8), (20, 0.36))
        ],
        *[
            (
                f"{'DeLong' if end == 'ci' else 'score'} difference, {n1} + {n0}, areas {a} and {b}",
                lambda rng, s=(n1, n0, a, b), end=end: difference(rng, *s, end),
            )
            for n1, n0, a, b in ((64, 10, 0.986, 0.9), (64, 10, 0.95, 0.85), (40, 40, 0.986, 0.9), (40, 40, 0.85, 0.85))
            for end in ("ci", "ci_score")
        ],
    ]
    rows = []
    for number, (name, draw) in enumerate(cases):
        rng, tally = np.random.default_rng([seed, 200 + number]), Tally()
        for _ in range(cohorts):
            tally.add(*draw(rng))
        rows.append({"interval": name, "coverage": str(tally)})
    return pd.DataFrame(rows)


def ratio(rng: np.random.Generator, n1: int, n0: int, spread: float) -> tuple[tuple | None, float]:
    """Log T2 of a group effect, age and sex, its error skewed in patients and normal in controls."""
    first = np.arange(n1 + n0) < n1
    age = np.where(first, rng.uniform(19, 72, n1 + n0), rng.uniform(25, 63, n1 + n0))
    male = rng.random(n1 + n0) < np.where(first, 0.41, 0.1)
    skewed = (rng.gamma(4, 1, n1 + n0) - 4) / 2
    error = np.where(first, 0.18 * skewed, spread * rng.normal(size=n1 + n0))
    truth = math.log(1.34)
    values = np.exp(math.log(33) + truth * first + 0.001 * age + 0.02 * male + error)
    covariates = pd.DataFrame({"age": age, "sex": np.where(male, "M", "F")})
    if not male.any():
        covariates = covariates[["age"]]
    found = _or_none(lambda: adjusted_ratio(values, first, covariates))
    return found and found.ci, 1.34


def correlation(rng: np.random.Generator, n: int, rs: float) -> tuple[tuple | None, float]:
    """Lognormal pairs of a normal copula, whose rank correlation is 6 / pi arcsin(r / 2)."""
    r = 2 * math.sin(math.pi * rs / 6)
    pairs = np.exp(rng.multivariate_normal([0, 0], [[1, r], [r, 1]], n))
    return spearman(pairs[:, 0], pairs[:, 1]).ci, rs


def difference(
    rng: np.random.Generator, n1: int, n0: int, one: float, other: float, interval: str
) -> tuple[tuple | None, float]:
    """Two normal markers, correlated by 0.4 within each group."""
    positive = np.arange(n1 + n0) < n1
    noise = rng.multivariate_normal([0, 0], [[1, 0.4], [0.4, 1]], n1 + n0)
    gaps = [math.sqrt(2) * float(stats.norm.ppf(area)) for area in (one, other)]
    markers = [noise[:, i] + gap * positive for i, gap in enumerate(gaps)]
    found = _or_none(lambda: compare_areas(*markers, positive))
    return found and getattr(found, interval), one - other


def proportions() -> pd.DataFrame:
    """Exact coverage of exact intervals: at fixed numbers nothing needs to be drawn."""
    rows = []
    for n, p in ((64, 0.969), (22, 0.955), (10, 0.95), (61, 0.508)):
        counts = np.arange(n + 1)
        inside = [low <= p <= high for low, high in (_clopper_pearson(k, n) for k in counts)]
        rows.append(
            {"n": n, "true proportion": p, "coverage": f"{100 * stats.binom.pmf(counts, n, p)[inside].sum():.1f}"}
        )
    return pd.DataFrame(rows)


def _clopper_pearson(count: int, n: int) -> tuple[float, float]:
    ends = stats.binomtest(int(count), n).proportion_ci(method="exact")
    return ends.low, ends.high


def _or_none(make: Callable):
    try:
        return make()
    except ValueError:
        return None


if __name__ == "__main__":
    sys.exit(main())
