"""What came of each check, and the findings among it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from myot2.analyse.claims.check import Check, Ledger, Severity

Status = Literal["consistent", "inconsistent", "not checked", "compared"]


@dataclass(frozen=True)
class Outcome:
    """One check and what came of it.

    Parameters
    ----------
    source : str
        What was checked: the name of the file of claims, `statistics` or `page`.
    topic, id, rule : str
        Outcomes of one topic are about one thing; `id` is the check's own name.
    status : str
        consistent, inconsistent (then it is a finding), not checked (something is missing), or compared (set side by
        side without a judgement).
    severity : str
        error: a number is wrong; warning: two statements contradict each other, or a number flatters; info: a reader
        should know.
    claims : tuple of str
        The claims or keys involved.
    n : int or None
        The number of people it rests on; None where it is about no people.
    printed, expected, sentence : str
        What is printed, what would be consistent, and both in a sentence.
    """

    source: str
    topic: str
    id: str
    rule: str
    status: Status
    severity: Severity
    claims: tuple[str, ...]
    n: int | None
    printed: str
    expected: str
    sentence: str

    @property
    def is_finding(self) -> bool:
        """Whether a person has to look at it."""
        return self.status == "inconsistent"

    def to_json(self) -> dict[str, Any]:
        """The outcome as a JSON object."""
        return {**asdict(self), "claims": list(self.claims)}


def outcome_of(source: str, check: Check, ledger: Ledger, *, judge: bool = True) -> Outcome:
    """Run one check; without `judge` what it finds is set side by side only."""
    verdict = check.judge(ledger)
    status: Status = "consistent" if verdict.consistent else "inconsistent"
    if verdict.consistent is None:
        status = "not checked"
    elif not judge:
        status = "compared"
    return Outcome(
        source=source,
        topic=check.topic or check.id,
        id=check.id,
        rule=check.rule,  # every rule's class has it
        status=status,
        severity=check.severity,
        claims=tuple(check.claims()),
        n=verdict.n,
        printed=verdict.printed,
        expected=verdict.expected,
        sentence=_sentence(verdict.sentence),
    )


def findings_of(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """The outcomes that a person has to look at, in their order."""
    return [outcome for outcome in outcomes if outcome.is_finding]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
