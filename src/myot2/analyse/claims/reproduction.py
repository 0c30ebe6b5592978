"""Printed numbers against statistics.json: does the number come out again, to its last digit?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from myot2.analyse.claims.check import Claim
from myot2.analyse.claims.claims_file import ClaimsFile
from myot2.analyse.claims.outcome import Outcome, Status

Statistics = Mapping[str, Mapping[str, Any]]


def reproduce(source: str, file: ClaimsFile, statistics: Statistics, *, judge: bool) -> Iterator[Outcome]:
    """One outcome for each claim with a key.

    Parameters
    ----------
    source : str
        What the outcomes are of.
    file : ClaimsFile
        The claims.
    statistics : mapping
        The content of statistics.json.
    judge : bool
        Whether a difference is a finding (the statistics are of the paper's own people) or only told.
    """
    for name, claim in file.claims.items():
        if claim.key is not None:
            yield _outcome(source, name, claim, statistics, judge)


def value_at(statistics: Statistics, address: str) -> float | None:
    """The number under `key` or `key:part` of statistics.json; None where there is none."""
    key, _, part = address.partition(":")
    value = statistics.get(key, {}).get(part or "value")
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def n_at(statistics: Statistics, address: str) -> int | None:
    """The number of people that a statistic rests on; None where it does not say."""
    n = statistics.get(address.partition(":")[0], {}).get("n")
    return n if isinstance(n, int) else None


def _outcome(source: str, name: str, claim: Claim, statistics: Statistics, judged: bool) -> Outcome:
    printed, value = claim.printed, value_at(statistics, claim.key)
    status: Status
    if value is None:
        status, came = "not checked", "no number"
    else:
        value = abs(value) if claim.magnitude else value
        same = printed.is_what_prints(value)
        status = ("consistent" if same else "inconsistent") if judged else "compared"
        came = claim.value if same else _like(claim, value)
    return Outcome(
        source=source,
        topic=f"reproduction of {name}",
        id=name,
        rule="reproduction",
        status=status,
        severity="error",
        claims=(name,),
        n=n_at(statistics, claim.key),
        printed=claim.value,
        expected=came,
        sentence=f"{claim.what[:1].upper()}{claim.what[1:]}: {claim.value} is printed; {claim.key} of the statistics "
        f"gives {came}.",
    )


def _like(claim: Claim, value: float) -> str:
    printed = claim.printed
    if printed.form == "bound":
        return f"{value:.3g}"
    digits = printed.like_this(value)
    return {
        "percent": f"{digits} %",
        "ratio": f"{printed.text.partition(':')[0]}:{digits}",
        "duration": f"{digits} s",
    }.get(printed.form, digits)
