"""All checks of a file of claims, and of our own results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from myot2.analyse.claims.claims_file import ClaimsFile
from myot2.analyse.claims.outcome import Outcome, outcome_of
from myot2.analyse.claims.own_statistics import claims_of
from myot2.analyse.claims.protocol_checks import ProtocolVsDicom
from myot2.analyse.claims.reproduction import Statistics, reproduce


def check_claims(
    source: str,
    file: ClaimsFile,
    *,
    statistics: Statistics | None = None,
    sidecars: Iterable[Mapping[str, Any]] = (),
    same_people: bool | None = None,
) -> list[Outcome]:
    """Every check of a file, then every claim against the statistics.

    Parameters
    ----------
    source : str
        What the outcomes are of.
    file : ClaimsFile
        The claims and checks.
    statistics : mapping, optional
        The content of statistics.json; None: nothing is reproduced.
    sidecars : iterable of mapping
        The content of the images' sidecars (BIDS keys and units).
    same_people : bool, optional
        Whether statistics and sidecars are of the paper's own people, so that a difference is a finding; None: as the
        file says.
    """
    ledger = file.ledger(sidecars)
    ours = file.same_people if same_people is None else same_people
    outcomes = [
        outcome_of(source, check, ledger, judge=ours or not isinstance(check, ProtocolVsDicom)) for check in file.checks
    ]
    if statistics is not None:
        outcomes += reproduce(source, file, statistics, judge=ours)
    return outcomes


def check_statistics(statistics: Statistics) -> list[Outcome]:
    """Our own printed numbers, held against one another and against their values."""
    return check_claims("statistics", claims_of(statistics), statistics=statistics)
