"""A site's work from its run: the corrections that people made, the synthetic people, the versions of its model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from myot2.core.config import Configuration, read_configuration
from myot2.core.errors import MyoT2Error
from myot2.core.labels import LabelTable
from myot2.learn.attempt import Site
from myot2.learn.corrections import Seen, take_corrections
from myot2.learn.local import LocalWork
from myot2.learn.people import assign, read_roles, write_roles
from myot2.learn.recipe import LearningRecipe, read_learning_recipe, replay_recipe
from myot2.learn.validation import synthetic_people
from myot2.learn.versions import current, start, versions
from myot2.review.run import read_review
from myot2.segment.model import ModelConfiguration, load_model
from myot2.train.loop import Batches
from myot2.train.population import keep_population
from myot2.train.recipe import read_recipe


def work_of_run(configfile: str | Path, *, report: Callable[[str], None] = print) -> LocalWork:
    """What a site can do with the corrections of a run.

    Parameters
    ----------
    configfile : str or Path
        Of the run, whose section `learn` names the folder of versions and the recipes.
    report : callable
        Takes lines of text.

    Raises
    ------
    MyoT2Error
        The configuration, a recipe or a table is not valid.
    """
    settings = read_configuration(configfile)
    recipe, training = read_learning_recipe(settings.learn.recipe), read_recipe(settings.learn.training)
    folder = Path(settings.learn.models)
    start(folder, settings.learn.start, when=now())
    configuration = load_model(current(folder).folder).configuration
    site, table = _site(configfile, settings, configuration, recipe, report)
    replayed = replay_recipe(training, recipe)
    place = folder / "replay" / hashlib.sha256(replayed.population.model_dump_json().encode()).hexdigest()[:16]
    volumes = keep_population(replayed, table, place, processes=recipe.tuning.threads, report=report)
    return LocalWork(
        configuration=configuration,
        site=site,
        general=synthetic_people(recipe.validation, configuration, table),
        recipe=recipe,
        recipe_sha256=recipe.digest(training),
        replay=Batches(replayed, configuration.structures, volumes, seed=recipe.tuning.seed),
        models=folder,
        when=now,
        report=report,
    )


def _site(
    configfile: str | Path,
    settings: Configuration,
    configuration: ModelConfiguration,
    recipe: LearningRecipe,
    report: Callable[[str], None],
) -> tuple[Site | None, LabelTable]:
    """Who is learned from and who is held out; None where there are too few."""
    run = read_review(configfile)
    seen = [Seen(case.scan, case.image, case.own_labels) for case in run.cases if not case.repeat]
    own = {one.weights_sha256 for one in versions(settings.learn.models)}
    taken = take_corrections(run.folder, seen, run.raters, configuration, run.table, versions=own)
    for name, reason in sorted(taken.left_out.items()):
        report(f"Left out: {name}: {reason}")
    try:
        people = {one.person for one in taken.examples}
        judges = {one.person for one in taken.examples if one.judges}
        roles = assign(read_roles(settings.learn.models), people, judges, recipe.validation.local_share)
        site = Site.of(taken.examples, roles)
    except MyoT2Error as error:
        report(f"This site judges and does not learn: expected {error.expected}; found {error.found}.")
        return None, run.table
    write_roles(settings.learn.models, roles)
    counts = site.counts(configuration.structures)
    report(f"Learned from: {counts['Slices']} slices of {counts['People']} people; {counts['HeldOutPeople']} held out.")
    return site, run.table


def now() -> str:
    """Time in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
