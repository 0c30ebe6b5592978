"""One attempt at a better model, from examples to the gate's verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from myot2.core.errors import MyoT2Error
from myot2.learn.examples import Example, counts_of, digest_of
from myot2.learn.gate import Measured, judge
from myot2.learn.people import HELD_OUT, LEARNED
from myot2.learn.recipe import LearningRecipe
from myot2.learn.tuning import Replay, Weights, fine_tune
from myot2.learn.validation import measure
from myot2.learn.versions import Attempt
from myot2.segment.model import ModelConfiguration


@dataclass(frozen=True)
class Site:
    """What a site has: examples to learn from and examples to be judged on, of other people."""

    learned: tuple[Example, ...]
    held_out: tuple[Example, ...]

    @classmethod
    def of(cls, examples: Sequence[Example], roles: dict[str, str]) -> Site:
        """Divide examples by their people's roles.

        Raises
        ------
        MyoT2Error
            Nobody is there for one of the two.
        """
        site = cls(*(tuple(one for one in examples if roles[one.person] == role) for role in (LEARNED, HELD_OUT)))
        for part, role in ((site.learned, LEARNED), (site.held_out, HELD_OUT)):
            if not any(one.judges for one in part):
                raise MyoT2Error(
                    expected=f"masks that somebody drew in, of at least one person who is {role}",
                    found="none",
                    where="the corrections",
                    do="Correct the masks of more people (make review).",
                )
        return site

    def digest(self) -> str:
        """SHA-256 of the examples of both parts."""
        return f"{digest_of(self.learned)} {digest_of(self.held_out)}"

    def counts(self, structures: Sequence[str]) -> dict[str, object]:
        """How many people and slices of limbs there are to learn from, in all and per structure; nobody is named."""
        return {
            "People": len({one.person for one in self.learned}),
            "Slices": sum(int(one.labelled.sum()) for one in self.learned),
            "HeldOutPeople": len({one.person for one in self.held_out}),
            # a list, for the ledger sorts the keys of objects
            "Structures": [{"Structure": name, **count} for name, count in counts_of(self.learned, structures).items()],
        }


def attempt(
    weights: Weights,
    configuration: ModelConfiguration,
    site: Site,
    general: Sequence[Example],
    recipe: LearningRecipe,
    replay: Replay,
    *,
    key: str,
    report: Callable[[str], None] = lambda line: None,
) -> tuple[Attempt, dict[str, torch.Tensor]]:
    """Learn, measure before and after, and judge.

    Parameters
    ----------
    weights : Weights
        Of the current version.
    configuration : ModelConfiguration
    site : Site
    general : sequence of Example
        As `myot2.learn.validation.synthetic_people` gives them.
    recipe : LearningRecipe
    replay : Replay
        As `myot2.train.loop.Batches` gives them.
    key : str
        As `myot2.learn.versions.attempt_key` gives it.
    report : callable
        Takes lines of text.

    Returns
    -------
    attempt : Attempt
        With the verdict.
    weights : dict of str to torch.Tensor
        What was learned; to be kept only where the verdict accepts it.
    """

    def measured(those: Weights, when: str) -> Measured:
        report(f"measuring {when}: {len(site.held_out)} limbs of the site, {len(general)} of synthetic people")
        local, others = (
            measure(those, examples, configuration, threads=recipe.tuning.threads)
            for examples in (site.held_out, general)
        )
        return Measured(local.drawn, others.drawn, local.kept)

    before = measured(weights, "before")
    tuned = fine_tune(weights, site.learned, recipe.tuning, configuration=configuration, replay=replay, report=report)
    verdict = judge(before, measured(tuned, "after"), recipe.limits)
    data = site.counts(configuration.structures)
    return Attempt("learned", key, data, recipe.to_json(), verdict), tuned
