"""The gate: whether a changed model may follow the one it came from, judged on people that neither learned from.

A muscle's Dice is first averaged within each person, so that a person counts once however many thighs or images there
are of them, and the two models are compared person by person. Every condition must hold for a model to be accepted, so
that no correction for the number of muscles is needed (an intersection-union test; Berger, Technometrics 1982;24:295).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import Field

from myot2.core.config_section import Section
from myot2.core.errors import MyoT2Error

Scores = Mapping[str, Mapping[str, float]]
"""Person to structure (muscle or bone) to Dice (0-1); a structure that a person lacks or nobody drew is left out."""

ROUNDING = 1e-9
"""A loss that equals its limit passes: 0.90 - 0.89 is a little more than 0.01 in floating point."""


class Limits(Section):
    """How much a new version may lose and must gain; Dice, where 0.01 is one point."""

    local_loss: float = Field(0.01, ge=0, le=1, description="Most that a structure may lose on held-out local people.")
    local_gain: float | None = Field(
        0.0, ge=0, le=1, description="The mean of local structures must rise by more than this; null: need not rise."
    )
    kept_loss: float = Field(
        0.05,
        ge=0,
        le=1,
        description="Most by which a structure may depart from outlines that readers left as they were.",
    )
    generality_loss: float = Field(0.01, ge=0, le=1, description="Most that the mean of structures may lose on others.")
    generality_structure_loss: float = Field(0.03, ge=0, le=1, description="Most that a structure may lose on others.")
    confidence: float | None = Field(
        None,
        gt=0.5,
        lt=1,
        description="Losses are judged by the lower end of a one-sided interval (Student's t over people) of this "
        "confidence, which shows non-inferiority; null: by the mean loss.",
    )


@dataclass(frozen=True)
class Measured:
    """What a model achieves.

    Attributes
    ----------
    local : Scores
        On held-out people of the site: structures that a person drew there.
    general : Scores
        On the frozen synthetic people, whom no training knows.
    kept : Scores
        On the same people of the site: structures that readers left as a version of this model had drawn them. They are
        no truth (the model that drew them reaches 1), but a large departure from them is a change nobody asked for.
    """

    local: Scores
    general: Scores
    kept: Scores = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """How one structure, or the mean of them, changed.

    Attributes
    ----------
    structure : str
    people : int
        Who have it.
    before, after : float
        Mean Dice over these people.
    change : float
        Mean of their paired differences.
    lowest : float
        The most unfavourable difference of one person.
    bound : float or None
        Lower end of the interval of the mean difference; None where no confidence is asked for or it is one person.
    """

    structure: str
    people: int
    before: float
    after: float
    change: float
    lowest: float
    bound: float | None


@dataclass(frozen=True)
class Verdict:
    """What the gate says.

    Attributes
    ----------
    accepted : bool
    reasons : tuple of str
        Sentences: each condition that does not hold; none where the model is accepted.
    notes : tuple of str
        Sentences: what the gate could not see.
    local, general, kept : tuple of Change
        The mean of structures first, then each structure.
    """

    accepted: bool
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    local: tuple[Change, ...]
    general: tuple[Change, ...]
    kept: tuple[Change, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A JSON object; what is not a number becomes None."""
        return {
            "Accepted": self.accepted,
            "Reasons": list(self.reasons),
            "Notes": list(self.notes),
            "Local": [_json(change) for change in self.local],
            "Generality": [_json(change) for change in self.general],
            "Kept": [_json(change) for change in self.kept],
        }


MEAN = "mean of structures"


def judge(before: Measured, after: Measured, limits: Limits) -> Verdict:
    """Hold a changed model against the one it came from.

    Parameters
    ----------
    before, after : Measured
        Of the same people and structures.
    limits : Limits

    Returns
    -------
    Verdict
        A score that is not finite, and a set of people that is empty, are reasons to refuse.

    Raises
    ------
    MyoT2Error
        The two were not measured on the same people and structures.
    """
    _require_same(before.local, after.local, "local")
    _require_same(before.kept, after.kept, "local")
    _require_same(before.general, after.general, "synthetic")
    local = _changes(_dice(before.local), _dice(after.local), limits.confidence)
    general = _changes(_dice(before.general), _dice(after.general), limits.confidence)
    kept = _changes(_dice(before.kept), _dice(after.kept), None)
    reasons = [
        f"There is no held-out person {where}, so nothing is known of the model there."
        for changes, where in ((local, "of the site"), (general, "among the synthetic people"))
        if not changes
    ]
    reasons += _losses(local[1:], limits.local_loss, "on held-out people of the site", limits.confidence)
    if limits.local_gain is not None and local and not local[0].change > limits.local_gain:
        reasons.append(
            f"{MEAN} changes by {_points(local[0].change)} on held-out people of the site; it must rise by more than "
            f"{_points(limits.local_gain, '')}."
        )
    reasons += _losses(kept[1:], limits.kept_loss, "from outlines that readers left as they were", None)
    reasons += _losses(general[:1], limits.generality_loss, "on synthetic people", limits.confidence)
    reasons += _losses(general[1:], limits.generality_structure_loss, "on synthetic people", limits.confidence)
    return Verdict(not reasons, tuple(reasons), _unseen(local, general), local, general, kept)


def judge_generality(before: Scores, after: Scores, limits: Limits) -> Verdict:
    """Hold a changed model against the one it came from on synthetic people alone: a coordinator has no others.

    Raises
    ------
    MyoT2Error
        The two were not measured on the same people and structures.
    """
    _require_same(before, after, "synthetic")
    general = _changes(_dice(before), _dice(after), limits.confidence)
    reasons = [] if general else ["There is no synthetic person, so nothing is known of the model's generality."]
    reasons += _losses(general[:1], limits.generality_loss, "on synthetic people", limits.confidence)
    reasons += _losses(general[1:], limits.generality_structure_loss, "on synthetic people", limits.confidence)
    return Verdict(not reasons, tuple(reasons), (), (), general)


def _losses(changes: tuple[Change, ...], limit: float, where: str, confidence: float | None) -> list[str]:
    """A sentence for each loss that is greater than the limit, or of which nothing can be said."""
    found = []
    for change in changes:
        value = change.change if confidence is None else change.bound
        # not the other way round: what is not a number must not pass
        if value is not None and value >= -limit - ROUNDING:
            continue
        if math.isnan(change.change):
            says = "was not measured in numbers from 0 to 1"
        elif value is None:
            says = f"changes by {_points(change.change)}, of which one person gives no interval"
        elif confidence is None:
            says = f"changes by {_points(value)}"
        else:
            says = f"changes by {_points(change.change)}, which may be {_points(value)} ({confidence:.0%} confidence)"
        found.append(
            f"{change.structure} {says} {where} (n = {change.people}); at most {_points(limit, '')} may be lost."
        )
    return found


def _dice(scores: Scores) -> Scores:
    """The same, NaN in place of what can be no Dice."""
    return {
        who: {name: value if 0 <= value <= 1 else math.nan for name, value in own.items()}
        for who, own in scores.items()
    }


def _changes(before: Scores, after: Scores, confidence: float | None) -> tuple[Change, ...]:
    structures = list(dict.fromkeys(name for scores in before.values() for name in scores))
    single = [
        _change(name, [(before[who][name], after[who][name]) for who in before if name in before[who]], confidence)
        for name in structures
    ]
    if not single:
        return ()
    by_person = [
        (_mean(list(before[who].values())), _mean([after[who][name] for name in before[who]]))
        for who in before
        if before[who]
    ]
    return (_change(MEAN, by_person, confidence), *single)


def _change(structure: str, pairs: list[tuple[float, float]], confidence: float | None) -> Change:
    differences = [after - before for before, after in pairs]
    bound = None
    if confidence is not None and len(pairs) > 1:
        from scipy import stats  # takes half a second, which the workflow would wait for whenever it names a version

        mean = _mean(differences)
        spread = math.sqrt(math.fsum((one - mean) ** 2 for one in differences) / (len(pairs) - 1))
        bound = mean - float(stats.t.ppf(confidence, len(pairs) - 1)) * spread / math.sqrt(len(pairs))
    return Change(
        structure=structure,
        people=len(pairs),
        before=_mean([before for before, _ in pairs]),
        after=_mean([after for _, after in pairs]),
        change=_mean(differences),
        lowest=math.nan if any(map(math.isnan, differences)) else min(differences),  # min() may pass over a NaN
        bound=bound,
    )


def _unseen(local: tuple[Change, ...], general: tuple[Change, ...]) -> tuple[str, ...]:
    seen = {change.structure for change in local}
    absent = [change.structure for change in general if change.structure not in seen]
    alone = [change.structure for change in local[1:] if change.people == 1]
    return (
        *([f"Not measured on people of the site: {', '.join(absent)}."] if local and absent else []),
        *([f"Measured on one person of the site: {', '.join(alone)}."] if alone else []),
    )


def _require_same(before: Scores, after: Scores, name: str) -> None:
    one, other = ({who: set(scores) for who, scores in measured.items()} for measured in (before, after))
    if one != other:
        differing = sorted(who for who in {*one, *other} if one.get(who) != other.get(who))
        raise MyoT2Error(
            expected=f"both models measured on the same {name} people and structures",
            found=f"others of {', '.join(differing[:5])}",
            where="the gate",
            do="Measure both models on the frozen validation set.",
        )


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def _points(value: float, sign: str = "+") -> str:
    return f"{100 * value:{sign}.2f} points"


def _json(change: Change) -> dict[str, Any]:
    values = asdict(change).items()
    return {
        key: (round(value, 6) if math.isfinite(value) else None) if isinstance(value, float) else value
        for key, value in values
    }
