"""A run as learning sees it: the corrections that people made, who is held out, the synthetic people beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from myot2.core.config import Configuration, read_configuration_file
from myot2.learn.attempt import Site
from myot2.learn.corrections import Seen, Taken, take_corrections
from myot2.learn.examples import Example
from myot2.learn.people import assign, read_roles
from myot2.learn.recipe import LearningRecipe, read_learning_recipe, replay_recipe
from myot2.learn.updates import digest
from myot2.learn.validation import synthetic_people
from myot2.review.run import ReviewedRun, read_review
from myot2.segment.model import ModelConfiguration
from myot2.train.loop import Batches
from myot2.train.population import keep_population
from myot2.train.recipe import Recipe, read_recipe

Tell = Callable[[str], None]
"""Takes lines of text."""


@dataclass(frozen=True)
class LearningRun:
    """What the section `learn` of a run's configuration names, read."""

    settings: Configuration
    reviewed: ReviewedRun
    recipe: LearningRecipe
    training: Recipe

    @classmethod
    def read(cls, configfile: str | Path) -> LearningRun:
        """Read a run.

        Raises
        ------
        MyoT2Error
            The configuration, a recipe or a table is not valid, or no scan has labels yet.
        """
        settings = read_configuration_file(configfile)
        recipe, training = read_learning_recipe(settings.learn.recipe), read_recipe(settings.learn.training)
        return cls(settings, read_review(configfile), recipe, training)

    @property
    def models(self) -> Path:
        """The folder of versions."""
        return Path(self.settings.learn.models)

    @property
    def recipe_sha256(self) -> str:
        """Of both recipes (`LearningRecipe.digest`)."""
        return self.recipe.digest(self.training)

    def corrections(self, configuration: ModelConfiguration, own: Iterable[str], report: Tell) -> Taken:
        """Accepted and corrected masks; `own` are digests of all weights whose masks may be learned from."""
        run = self.reviewed
        seen = [Seen(case.scan, case.image, case.own_labels) for case in run.cases if not case.repeat]
        taken = take_corrections(run.folder, seen, run.raters, configuration, run.table, versions={*own})
        for name, reason in sorted(taken.left_out.items()):
            report(f"Left out: {name}: {reason}")
        return taken

    def divided(self, taken: Taken) -> tuple[Site, dict[str, str]]:
        """Who is learned from and who is held out, and everybody's role, which is to be kept (`write_roles`).

        Raises
        ------
        MyoT2Error
            There are too few people (`myot2.learn.people.assign`).
        """
        people = {one.person for one in taken.examples}
        judges = {one.person for one in taken.examples if one.judges}
        roles = assign(read_roles(self.models), people, judges, self.recipe.validation.local_share)
        return Site.of(taken.examples, roles), roles

    def general(self, configuration: ModelConfiguration) -> Sequence[Example]:
        """Synthetic people, by whom generality is measured."""
        return synthetic_people(self.recipe.validation, configuration, self.reviewed.table)

    def replay(self, configuration: ModelConfiguration, report: Tell) -> Batches:
        """Batches of other synthetic people, who are kept beside the versions; each population has its own folder."""
        table, replayed = self.reviewed.table, replay_recipe(self.training, self.recipe)
        name = digest(replayed.population.model_dump_json().encode())[:16]
        volumes = keep_population(
            replayed, table, self.models / "replay" / name, processes=self.recipe.tuning.threads, report=report
        )
        seed = self.recipe.tuning.seed
        return Batches(replayed, configuration.structures, volumes, seed=seed, muscles=table.muscles)
