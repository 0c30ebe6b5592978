"""What a site does in a federation with the corrections of its own run: learn, judge a candidate, keep a version."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from myot2.core.errors import MyoT2Error
from myot2.learn.attempt import Site, attempt
from myot2.learn.examples import Example
from myot2.learn.gate import ROUNDING, Change, Limits, Measured, Verdict, judge, judge_generality
from myot2.learn.messages import Measure, Order
from myot2.learn.recipe import LearningRecipe
from myot2.learn.site import Judged, Learned
from myot2.learn.tuning import Replay
from myot2.learn.updates import Tensors, digest, model_digest, to_bytes, weights_of
from myot2.learn.validation import measure
from myot2.learn.versions import Attempt, add, current, versions
from myot2.segment.model import WEIGHTS, ModelConfiguration


@dataclass(frozen=True)
class LocalWork:
    """The work of `myot2.learn.site.Work` with what lies at a site.

    Attributes
    ----------
    configuration : ModelConfiguration
        Of the networks; that of the federation's model.
    site : Site or None
        Examples to learn from and to judge by; None where there are no corrections (or of one person only).
    general : sequence of Example
        Synthetic people.
    recipe : LearningRecipe
    recipe_sha256 : str
        Of the recipe and of the training recipe (`LearningRecipe.digest`).
    replay : Replay or None
    models : Path
        The site's versions, to which accepted weights are added.
    when : callable
        Gives the time in UTC (ISO 8601).
    report : callable
        Takes lines of text.
    """

    configuration: ModelConfiguration
    site: Site | None
    general: Sequence[Example]
    recipe: LearningRecipe
    recipe_sha256: str
    replay: Replay | None
    models: Path
    when: Callable[[], str]
    report: Callable[[str], None] = print
    measured: dict[str, Measured] = field(default_factory=dict)
    """By the digest of weights: those of a round are asked for several times."""

    def model_sha256(self) -> str:
        """Of the configuration."""
        return model_digest(self.configuration)

    def learn(self, order: Order, weights: Tensors) -> Learned | None:
        """Learn from the site's corrections and hold the result against its own gate; each round draws other slices."""
        if self.site is None:
            return None
        tuning = self.recipe.tuning.model_copy(update={"seed": self.recipe.tuning.seed + order.Round})
        made, tuned = attempt(
            as_torch(weights),
            self.configuration,
            self.site,
            self.general,
            self.recipe.model_copy(update={"tuning": tuning}),
            self.replay,
            key="",
            report=self.report,
        )
        for sentence in made.verdict.reasons:
            self.report(sentence)
        return Learned(
            weights={name: values.numpy() for name, values in tuned.items()},
            people=made.data["People"],
            people_of={one["Structure"]: one["People"] for one in made.data["Structures"]},
            measured=measures_of(made.verdict.local[1:]),
            recipe_sha256=self.recipe_sha256,
            accepted=made.verdict.accepted,
        )

    def judge(self, before: Tensors, after: Tensors) -> Judged:
        """Hold a candidate against the weights of the round's beginning, on held-out people and synthetic ones."""
        verdict = self._verdict(before, after)
        for sentence in verdict.reasons:
            self.report(f"The candidate is refused: {sentence}")
        return judged(verdict, self.recipe.limits)

    def keep(self, order: Order, weights: bytes) -> None:
        """Add accepted weights to the site's versions.

        They become the current version where this site too finds them no worse than its current one, and lie beside it
        otherwise.

        Raises
        ------
        MyoT2Error
            A number is not finite.
        """
        if any(one.weights_sha256 == order.WeightsSha256 for one in versions(self.models)):  # kept, then interrupted
            return
        after, parent = weights_of(weights), current(self.models)
        if not all(np.isfinite(values).all() for values in after.values()):
            raise MyoT2Error(
                expected="finite weights",
                found="NaN or infinity",
                where="the coordinator's order",
                do="Nothing was kept. Ask the coordinator.",
            )
        names = ("Federation", "Round", "Nonce", "ParentSha256", "WeightsSha256")
        data = {name: getattr(order, name) for name in names}
        verdict = self._verdict(weights_of((parent.folder / WEIGHTS).read_bytes()), after)
        made = add(
            self.models,
            Attempt("federated", order.WeightsSha256, data, self.recipe.to_json(), verdict),
            self.configuration,
            as_torch(after),
            parent=parent,
            when=self.when(),
            elsewhere=order.ParentSha256,
        )
        self.report(f"Version {made.number} was added to {self.models}. Runs that name another version keep it.")
        if not verdict.accepted:
            self.report(f"Version {parent.number} stays the current one, for here {made.number} is worse:")
            for sentence in verdict.reasons:
                self.report(f"  {sentence}")
            self.report(f"To use it all the same: segment.version: {made.number}.")

    def _verdict(self, before: Tensors, after: Tensors) -> Verdict:
        """It need not be better here, for what was learned elsewhere may help others; it must not be worse."""
        limits = self.recipe.limits.model_copy(update={"local_gain": None})
        one, other = self._measured(before), self._measured(after)
        if self.site is None:  # synthetic people are no people of this site
            return judge_generality(one.general, other.general, limits)
        return judge(one, other, limits)

    def _measured(self, weights: Tensors) -> Measured:
        key = digest(to_bytes(weights))
        if key not in self.measured:
            tensors, threads = as_torch(weights), self.recipe.tuning.threads
            held_out = self.site.held_out if self.site else ()
            local = measure(tensors, held_out, self.configuration, threads=threads)
            general = measure(tensors, self.general, self.configuration, threads=threads).drawn
            self.measured[key] = Measured(local.drawn, general, local.kept)
        return self.measured[key]


def judged(verdict: Verdict, limits: Limits) -> Judged:
    """A verdict as it is reported: names of muscles and numbers, not sentences."""
    parts = (
        (verdict.local, limits.local_loss),
        (verdict.kept, limits.kept_loss),
        (verdict.general, limits.generality_structure_loss),
    )
    lost = [one.structure for part, limit in parts for one in part[1:] if not one.change >= -limit - ROUNDING]
    change = verdict.general[0].change if verdict.general else math.nan
    return Judged(
        accepted=verdict.accepted,
        lost=tuple(dict.fromkeys(lost)),
        measured=measures_of(verdict.local[1:]),
        generality=round(change, 3) if math.isfinite(change) else None,
    )


def measures_of(changes: Iterable[Change]) -> dict[str, Measure]:
    """Mean Dice per structure as it may leave the site, to three decimals; what is no number is left out."""
    return {
        one.structure: Measure(People=one.people, Before=round(one.before, 3), After=round(one.after, 3))
        for one in changes
        if math.isfinite(one.before) and math.isfinite(one.after)
    }


def as_torch(weights: Tensors) -> dict[str, torch.Tensor]:
    """The same numbers as tensors, in memory of their own."""
    return {name: torch.from_numpy(np.array(values, np.float32)) for name, values in weights.items()}
