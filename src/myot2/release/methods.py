"""How a statistic is released: a new entry made of what its rule lets through, never a copy of the old one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from myot2.core.rounding import print_number
from myot2.release import precision, rules
from myot2.release.disclosure import REDACTED, Disclosure, share

Entry = Mapping[str, Any]
_SIZES = (("n_first", "n_second"), ("n_positive", "n_negative"))
_DECIMALS_OF_R = 2
_DECIMALS_OF_RATIO = 2
FEW = "it rests on too few people"
DOMINATED = "one person makes up most of it"
EQUAL = "all have the same value"
NO_SIZES = "it does not say how many people each group has"
NO_QUARTILES = "it does not say its quartiles"


class Redacted(Exception):
    """A number that may not be shown; the message says by which rule, and names no value."""


@dataclass(frozen=True)
class Context:
    """What else is known of an entry: its key, all statistics, and the rules."""

    key: str
    statistics: Mapping[str, Entry]
    how: Disclosure

    def sibling(self, name: str) -> Any:
        """The value beside this one under another last part of the key; None where there is none."""
        return self.statistics.get(f"{self.key.rpartition('.')[0]}.{name}", {}).get("value")

    def refuse_equal(self) -> None:
        """Raise `Redacted` where all people have one value: what is said of the group is then said of each."""
        low, high = self.sibling("min"), self.sibling("max")
        if low is None or low == high:
            raise Redacted(EQUAL)

    def people(self, entry: Entry, times: int = 1) -> int:
        """Rounded n; raises `Redacted` where fewer than `times` the least number of people stand behind it."""
        n = entry.get("n")
        rounded = None if n is None or n < times * self.how.least else self.how.count(n)
        if rounded is None:
            raise Redacted(FEW)
        return rounded

    def sizes(self, entry: Entry) -> tuple[int, int]:
        """How many people two groups have; raises `Redacted` where one is small or the entry does not say it."""
        found = next(((entry[one], entry[other]) for one, other in _SIZES if one in entry and other in entry), None)
        if found is None:
            raise Redacted(NO_SIZES)
        if None in map(self.how.count, found):
            raise Redacted(FEW)
        return found


def released(entry: Entry, method: str, context: Context) -> dict[str, Any]:
    """The entry as it may be shown.

    Raises
    ------
    Redacted
        It may not be shown.
    KeyError
        No such method.
    """
    return METHODS[method](entry, context)


def redacted(entry: Entry) -> dict[str, Any]:
    """An entry that says only that there is one."""
    nothing = dict.fromkeys(("value", "n", "ci", "test", "p", "unit"))
    counts = {name: REDACTED for name in ("numerator", "denominator") if name in entry}
    reason = "a count of few people, or one that would give such a count away"
    return {**nothing, **counts, "printed": REDACTED, "reason": reason}


def counted(people: int | None, of: int | None) -> dict[str, Any]:
    """A rounded count of people, of a rounded total where it is part of one."""
    if people is None:
        return redacted({})
    percent = f"{print_number(100 * people / of, 0)} %" if of else None
    return _entry(people, str(people), n=of, **({"percent_printed": percent} if percent else {}))


def _count(entry: Entry, context: Context) -> dict[str, Any]:
    people = context.how.count(entry["value"])
    if people is None:
        raise Redacted(FEW)
    return counted(people, None)


def _mean(entry: Entry, context: Context) -> dict[str, Any]:
    """The interval is that of rounded n: the true one would give n away."""
    n, mean, sd = context.people(entry), entry["value"], context.sibling("sd")
    context.refuse_equal()
    low, high = context.sibling("min"), context.sibling("max")
    if None in (low, high) or precision.dominates_mean(low, high, mean, entry["n"]):
        raise Redacted(DOMINATED)
    decimals = _decimals(entry, n)
    parts: dict[str, Any] = {}
    if sd is not None and not precision.dominates_spread(low, high, mean, sd, entry["n"]):
        from scipy import stats  # only here: the workflow imports this module at each start, and scipy takes a second

        half = float(stats.t.ppf(0.975, n - 1)) * sd / math.sqrt(n)
        parts = _interval((mean - half, mean + half), lambda end: print_number(end, decimals))
    return _entry(mean, print_number(mean, decimals), n=n, unit=entry["unit"], **parts)


def _spread(entry: Entry, context: Context) -> dict[str, Any]:
    n, (mean, low, high) = context.people(entry), map(context.sibling, ("mean", "min", "max"))
    context.refuse_equal()
    if None in (mean, low, high) or precision.dominates_spread(low, high, mean, entry["value"], entry["n"]):
        raise Redacted(DOMINATED)
    return _entry(entry["value"], print_number(entry["value"], _decimals(entry, n)), n=n, unit=entry["unit"])


def _quantile(entry: Entry, context: Context) -> dict[str, Any]:
    """Of so many people that each side of it has the least number: a half, or of a quartile a fourth."""
    sides = 2 if context.key.endswith(".median") else 4
    n, (q1, q3) = context.people(entry, sides), map(context.sibling, ("q1", "q3"))
    context.refuse_equal()
    if None in (q1, q3):
        raise Redacted(NO_QUARTILES)
    step = precision.quantile_step(q1, q3, entry["n"], context.how.least)
    printed = entry["printed"] if step is None else precision.to_step(entry["value"], step)
    return _entry(float(printed), printed, n=n, unit=entry["unit"])


def _between(entry: Entry, context: Context) -> dict[str, Any]:
    n, ci = _both(entry, context), entry.get("ci")
    parts = _interval(ci, precision.significant) if ci else {}
    told = {name: entry[name] for name in ("rule", "note", "method") if name in entry}
    return _entry(entry["value"], precision.significant(entry["value"]), n=n, unit=entry["unit"], **parts, **told)


def _test(entry: Entry, context: Context) -> dict[str, Any]:
    """p alone; `value` is p too, so that whoever asks whether there is a result finds one."""
    n = _both(entry, context)
    parts = _p(entry)
    return {**_entry(entry["p"], parts["p_printed"], n=n), "test": entry["test"], **parts}


def _effect(entry: Entry, context: Context) -> dict[str, Any]:
    n, unit = _both(entry, context), entry["unit"]
    decimals = _decimals_of(entry["printed"]) if unit else _DECIMALS_OF_RATIO
    parts = _interval(entry["ci"], lambda end: print_number(end, decimals)) if entry.get("ci") else {}
    told = {name: entry[name] for name in ("covariates", "among", "ratio", "method") if name in entry}
    shown = _entry(entry["value"], print_number(entry["value"], decimals), n=n, unit=unit, **parts, **told)
    return {**shown, "test": entry["test"], **_p(entry)}


def _correlation(entry: Entry, context: Context) -> dict[str, Any]:
    n = context.people(entry, 2)
    parts = _interval(entry["ci"], lambda end: print_number(end, _DECIMALS_OF_R)) if entry.get("ci") else {}
    shown = _entry(entry["value"], print_number(entry["value"], _DECIMALS_OF_R), n=n, **parts)
    return {**shown, "test": entry["test"], **_p(entry)}


def _area(entry: Entry, context: Context, stretched: int = 1) -> dict[str, Any]:
    n = _both(entry, context)
    step = precision.nice_step(stretched * precision.area_step(*context.sizes(entry), context.how.least))
    parts = _interval(entry["ci"], lambda end: precision.to_step(end, step)) if entry.get("ci") else {}
    told = {name: entry[name] for name in ("ci_method", "method") if name in entry}
    shown = _entry(entry["value"], precision.to_step(entry["value"], step), n=n, **parts, **told)
    return {**shown, **(_p(entry) if entry.get("p") is not None else {})}


def _delta(entry: Entry, context: Context) -> dict[str, Any]:
    """Twice the area less one: steps twice as large."""
    return _area(entry, context, stretched=2)


def _share(entry: Entry, context: Context) -> dict[str, Any]:
    found = share(entry["numerator"], entry["denominator"], context.how)
    if found is None:
        raise Redacted(FEW)
    part, whole = found
    printed = f"{print_number(100 * part / whole, 0)} %"
    told = {name: entry[name] for name in ("among", "ck_upper_limit", "ck_unit") if name in entry}
    shown = _entry(None, printed, n=whole, numerator=part, denominator=whole, **told)
    return {**shown, "value": part / whole}


METHODS: Mapping[str, Callable[[Entry, Context], dict[str, Any]]] = {
    rules.COUNT: _count,
    rules.MEAN: _mean,
    rules.SPREAD: _spread,
    rules.QUANTILE: _quantile,
    rules.BETWEEN: _between,
    rules.TEST: _test,
    rules.EFFECT: _effect,
    rules.CORRELATION: _correlation,
    rules.AREA: _area,
    rules.DELTA: _delta,
    rules.SHARE: _share,
}
"""Each method of a single entry; parts and totals are of several (`myot2.release.statistics`)."""


def _both(entry: Entry, context: Context) -> int:
    """n of two groups: the sum of the rounded ones."""
    return sum(context.how.count(size) or 0 for size in context.sizes(entry))


def _entry(value: float | None, printed: str, *, n: int | None, unit: str | None = None, **more: Any) -> dict[str, Any]:
    """An entry of statistics.json whose value is what is printed."""
    number = None if value is None else _number(printed)
    number = int(number) if isinstance(value, int) and number is not None else number
    return {"value": number, "n": n, "ci": None, "test": None, "p": None, "unit": unit, "printed": printed, **more}


def _number(printed: str) -> float:
    """What is printed as a number; of '<0.001' the 0 that it is to three decimals."""
    return 0.0 if printed.startswith("<") else float(printed)


def _interval(ci: tuple[float, float], printing: Callable[[float], str]) -> dict[str, Any]:
    ends = [printing(end) for end in ci]
    return {"ci": [float(end) for end in ends], "ci_printed": " to ".join(ends)}


def _p(entry: Entry) -> dict[str, Any]:
    """p and corrected p as printed; for how many tests would tell which of them had nobody."""
    parts: dict[str, Any] = {}
    for name in ("p", "p_adjusted"):
        if entry.get(name) is not None:
            printed = precision.print_p(entry[name])
            parts[name] = _number(printed)
            parts[f"{name}_printed"] = printed
    if "p_printed" not in parts:
        raise Redacted("it has no p value")
    return parts | {name: entry[name] for name in ("family", "family_method") if name in entry}


def _decimals(entry: Entry, n: int) -> int:
    return precision.mean_decimals(n, _decimals_of(entry["printed"]))


def _decimals_of(printed: str) -> int:
    return len(printed.partition(".")[2])
