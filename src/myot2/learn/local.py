"""What a site does in a federation with the corrections of its own run: learn, judge a candidate, keep a version."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from myot2.learn.attempt import Site, attempt
from myot2.learn.examples import Example
from myot2.learn.gate import ROUNDING, Change, Limits, Measured, Verdict, judge
from myot2.learn.messages import Measure, Order
from myot2.learn.recipe import LearningRecipe
from myot2.learn.site import Judged, Learned
from myot2.learn.tuning import Replay
from myot2.learn.updates import Tensors
from myot2.learn.validation import measure
from myot2.learn.versions import Attempt, add, current
from myot2.segment.model import ModelConfiguration


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

    def learn(self, weights: Tensors) -> Learned | None:
        """Learn from the site's corrections and hold the result against its own gate."""
        if self.site is None:
            return None
        made, tuned = attempt(
            as_torch(weights),
            self.configuration,
            self.site,
            self.general,
            self.recipe,
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
        """Hold a candidate against the weights of the round's beginning, on held-out people and synthetic ones.

        It need not be better here than before, for what was learned elsewhere may help others; it must not be worse.
        """
        limits = self.recipe.limits.model_copy(update={"local_gain": None})
        if self.site is None:
            verdict = judge(self._measured(before, only_general=True), self._measured(after, only_general=True), limits)
        else:
            verdict = judge(self._measured(before), self._measured(after), limits)
        for sentence in verdict.reasons:
            self.report(f"The candidate is refused: {sentence}")
        return judged(verdict, limits)

    def keep(self, order: Order, weights: bytes) -> None:
        """Add accepted weights to the site's versions, of which they become the current one."""
        from safetensors.torch import load

        parent = current(self.models)
        if parent.weights_sha256 == order.WeightsSha256:  # kept before, then interrupted
            return
        data = {"Federation": order.Federation, "Round": order.Round, "WeightsSha256": order.WeightsSha256}
        verdict = Verdict(True, (), ("Accepted by the federation.",), (), ())
        made = add(
            self.models,
            Attempt("federated", order.WeightsSha256, data, self.recipe.to_json(), verdict),
            self.configuration,
            load(weights),
            parent=parent,
            when=self.when(),
        )
        self.report(f"Version {made.number} was added to {self.models}. Runs that name another version keep it.")

    def _measured(self, weights: Tensors, *, only_general: bool = False) -> Measured:
        tensors, threads = as_torch(weights), self.recipe.tuning.threads
        general = measure(tensors, self.general, self.configuration, threads=threads).drawn
        if only_general or self.site is None:
            return Measured(general, general)
        local = measure(tensors, self.site.held_out, self.configuration, threads=threads)
        return Measured(local.drawn, general, local.kept)


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
        generality=change if math.isfinite(change) else None,
    )


def measures_of(changes: Iterable[Change]) -> dict[str, Measure]:
    """Mean Dice per structure as it may leave the site; what is no number is left out."""
    return {
        one.structure: Measure(People=one.people, Before=one.before, After=one.after)
        for one in changes
        if math.isfinite(one.before) and math.isfinite(one.after)
    }


def as_torch(weights: Tensors) -> dict[str, torch.Tensor]:
    """The same numbers as tensors, in memory of their own."""
    return {name: torch.from_numpy(np.array(values, np.float32)) for name, values in weights.items()}
