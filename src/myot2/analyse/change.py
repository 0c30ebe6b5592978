"""Follow-up: whether one person's T2 has changed beyond the error of repetition, and how much of a fall is chance.

A lower T2 is an improvement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special, stats

from myot2.analyse.cohort import T2, natural_order
from myot2.analyse.sample import CONFIDENCE

TAIL = (1 - CONFIDENCE) / 2
Z = float(stats.norm.ppf(1 - TAIL))
IMPROVED, STABLE, WORSE = "improved", "stable", "worse"


@dataclass(frozen=True)
class Change:
    """One person's change from `first` to `second`: `change` is second - first, or second / first where `ratio`.

    `verdict` is improved, stable or worse. `ci` is the 95 % interval of the true change. `probability_lower` and
    `probability_higher` (0-1) are those that the true value has fallen, or risen, by more than the relevant amount,
    given this measurement, if beforehand any true change was as likely as any other. They are no p values, and they do
    not know of regression to the mean: see `regression_to_the_mean` for people chosen by their first value.
    """

    first: float
    second: float
    ratio: bool
    change: float
    ci: tuple[float, float]
    verdict: str
    probability_lower: float
    probability_higher: float


@dataclass(frozen=True)
class Regression:
    """What the choice of people by their first value does to their mean change.

    Of `n` pairs, `selected` were at or above `cutoff` at first. Their mean change was `observed`; without any true
    change it would be `expected` (at most 0); `beyond` is the difference, `observed_ci` the 95 % interval of the mean
    change by Student's t (None for one person). `reliability` (0-1) is the share of the variance that is between
    people. `warning` is a sentence for the report, None where the observed mean has not fallen.
    """

    n: int
    selected: int
    cutoff: float
    expected: float
    observed: float
    observed_ci: tuple[float, float] | None
    beyond: float
    reliability: float
    warning: str | None


def change_of(
    first: float,
    second: float,
    coefficient: float,
    *,
    df: int | None = None,
    relevant: float = 0.0,
    ratio: bool = False,
) -> Change:
    """Judge one person's change by the repeatability coefficient.

    Parameters
    ----------
    first, second
        The two measurements, in order.
    coefficient
        The repeatability coefficient 1.96 sqrt(2) wSD in the same unit (`Repeatability.rc`), or, with `ratio`, the
        factor `Repeatability.rc_ratio`. A change of at least so much is called one (Bland and Altman, BMJ
        1996;313:744; QIBA).
    df
        The degrees of freedom that the coefficient was estimated with: interval and probabilities then use Student's
        t. None takes it for known.
    relevant
        A true change of no more than this does not matter; as a factor of at least 1 with `ratio`, where 0 means 1.
    ratio
        Judge second / first instead of second - first.

    Raises
    ------
    ValueError
        A measurement is unknown, the coefficient is not above 0 (1 with `ratio`), or a value has no logarithm.
    """
    if not (math.isfinite(first) and math.isfinite(second)):
        raise ValueError("a measurement is unknown")
    turn = math.exp if ratio else float
    if ratio:
        if min(first, second) <= 0:
            raise ValueError("a value is not positive, so it has no logarithm")
        delta = math.log(second / first)
        coefficient = math.log(coefficient) if coefficient > 0 else 0.0
        relevant = math.log(relevant) if relevant > 0 else 0.0
    else:
        delta = second - first
    if not (coefficient > 0 and math.isfinite(coefficient)):
        raise ValueError("the repeatability coefficient allows for no error")
    if relevant < 0:
        raise ValueError("the relevant change is below none")
    error = coefficient / Z
    margin = (Z if df is None else float(special.stdtrit(df, 1 - TAIL))) * error
    # "at least": a change of the coefficient itself is one, in either direction, whatever the last bit of a logarithm
    stable = abs(delta) < coefficient and not math.isclose(abs(delta), coefficient, rel_tol=1e-12)
    verdict = STABLE if stable else IMPROVED if delta < 0 else WORSE
    return Change(
        first=float(first),
        second=float(second),
        ratio=ratio,
        change=turn(delta),
        ci=(turn(delta - margin), turn(delta + margin)),
        verdict=verdict,
        probability_lower=_probability((-relevant - delta) / error, df),
        probability_higher=_probability((delta - relevant) / error, df),
    )


def _probability(quantile: float, df: int | None) -> float:
    """The normal distribution function, or Student's with `df` degrees of freedom."""
    return float(special.ndtr(quantile) if df is None else special.stdtr(df, quantile))


def expected_regression(cutoff: float, *, mean: float, sd: float, wsd: float) -> float:
    """The mean change to expect without any true change in those whose first value was at or above `cutoff`; <= 0.

    -(wsd^2 / sd) phi(z) / (1 - Phi(z)) with z = (cutoff - mean) / sd, for normal values of the given `mean` and (total)
    `sd` in all from whom the people were chosen, measured with the error `wsd` (Barnett, van der Pols and Dobson, Int J
    Epidemiol 2005;34:215, equation 1).

    Raises
    ------
    ValueError
        `sd` is not above 0, or the error exceeds it.
    """
    if not sd > 0:
        raise ValueError("the values do not vary")
    if not 0 <= wsd <= sd:
        raise ValueError("the error of repetition exceeds the spread of the values")
    z = (cutoff - mean) / sd
    return -(wsd**2) / sd * math.exp(float(stats.norm.logpdf(z) - stats.norm.logsf(z)))


def regression_to_the_mean(
    first: np.ndarray,
    second: np.ndarray,
    *,
    cutoff: float,
    wsd: float,
    mean: float | None = None,
    sd: float | None = None,
) -> Regression:
    """Compare the mean change of those at or above `cutoff` at first with what regression alone would do.

    Parameters
    ----------
    first, second
        Paired values, shapes (n,); pairs with a NaN are left out.
    wsd
        The within-person SD of repeated measurements (`Repeatability.wsd`).
    mean, sd
        Of the first values in all from whom the people were chosen; those of `first` where not given, which must then
        hold people below the cutoff too.

    Raises
    ------
    ValueError
        Nobody is at or above the cutoff; everybody is and `mean` or `sd` is not given; as `expected_regression`.
    """
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    known = np.isfinite(first) & np.isfinite(second)
    chosen = known & (first >= cutoff)
    if not chosen.any():
        raise ValueError("nobody is at or above the cutoff")
    if mean is None or sd is None:
        everybody = first[np.isfinite(first)]
        if (everybody >= cutoff).all():
            raise ValueError("nobody is below the cutoff: give mean and SD of all from whom the people were chosen")
        mean = float(everybody.mean()) if mean is None else mean
        sd = float(everybody.std(ddof=1)) if sd is None else sd
    expected = expected_regression(cutoff, mean=mean, sd=sd, wsd=wsd)
    changes = (second - first)[chosen]
    observed, ci = float(changes.mean()), None
    if len(changes) > 1:
        margin = float(stats.t.ppf(1 - TAIL, len(changes) - 1) * changes.std(ddof=1) / math.sqrt(len(changes)))
        ci = (observed - margin, observed + margin)
    warning = None
    if observed < 0:
        warning = (
            f"Chosen for a first value of at least {cutoff:g}, people fall by {-expected:.2g} on average without any "
            f"true change (regression to the mean); {-observed:.2g} was observed."
        )
    reliability = 1 - wsd**2 / sd**2
    beyond = observed - expected
    return Regression(
        int(known.sum()), len(changes), float(cutoff), expected, observed, ci, beyond, reliability, warning
    )


def sessions_of(measures: pd.DataFrame, *, region: str = "thigh", side: str = "both", column: str = T2) -> pd.DataFrame:
    """All sessions of everybody, one row each, in natural order of their names (2 before 10).

    Parameters
    ----------
    measures
        Columns participant_id, session (missing where there is none), region, side and `column`; several rows of one
        scan and region must agree.

    Returns
    -------
    pd.DataFrame
        participant_id, session, position (1, 2, ... within the person) and t2 (NaN where not measured), the people
        in the order of their first row.

    Raises
    ------
    ValueError
        `measures` has no such column, or two values for one session.
    """
    needed = ["participant_id", "session", "region", "side", column]
    missing = [name for name in needed if name not in measures.columns]
    if missing:
        raise ValueError(f"the measures have no column {', '.join(missing)}")
    rows = measures[(measures["region"] == region) & (measures["side"] == side)]
    rows = rows[["participant_id", "session", column]].drop_duplicates()
    names = [None if pd.isna(name) else str(name) for name in rows["session"]]
    rows = rows.assign(session=pd.Series(names, index=rows.index, dtype=object))
    twice = rows.duplicated(["participant_id", "session"])
    if twice.any():
        row = rows[twice].iloc[0]
        raise ValueError(f"two values of {region} for session {row['session'] or 'n/a'} of {row['participant_id']}")
    people = {person: place for place, person in enumerate(dict.fromkeys(rows["participant_id"]))}
    order = sorted(
        range(len(rows)), key=lambda place: (people[rows["participant_id"].iloc[place]], natural_order(names[place]))
    )
    found = rows.iloc[order].reset_index(drop=True).rename(columns={column: "t2"})
    found.insert(2, "position", found.groupby("participant_id", sort=False).cumcount() + 1)
    return found


def session_pairs(sessions: pd.DataFrame, *, consecutive: bool = False) -> pd.DataFrame:
    """Pairs of measured sessions of each person, from the table of `sessions_of`.

    One pair for each person, the first and the last measured session; with `consecutive` one for each session and the
    next. Sessions without a value are passed over, people with one measured session have no pair.

    Returns
    -------
    pd.DataFrame
        participant_id, session_first, session_second, first, second (the values).
    """
    pairs = []
    for person, rows in sessions[sessions["t2"].notna()].groupby("participant_id", sort=False):
        cells = list(zip(rows["session"], rows["t2"], strict=True))
        steps = zip(cells[:-1], cells[1:], strict=True) if consecutive else [(cells[0], cells[-1])][: len(cells) - 1]
        pairs += [(person, before[0], after[0], before[1], after[1]) for before, after in steps]
    return pd.DataFrame(pairs, columns=["participant_id", "session_first", "session_second", "first", "second"])
