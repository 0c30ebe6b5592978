"""What a site brings into a federation: the corrections of its run, the synthetic people, the versions of its model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from myot2.core.errors import MyoT2Error
from myot2.learn.attempt import Site
from myot2.learn.ledger import now_in_utc
from myot2.learn.local import LocalWork
from myot2.learn.messages import Order
from myot2.learn.people import write_roles
from myot2.learn.run import LearningRun, Tell
from myot2.learn.site import Judged, Learned
from myot2.learn.updates import Tensors
from myot2.learn.versions import current, start, versions
from myot2.segment.model import ModelConfiguration, load_model


class RenewedWork:
    """The work of `myot2.learn.site.Work`, read anew at each order to learn: people correct masks meanwhile.

    Parameters
    ----------
    read : callable
        Gives the work as it is now, such as `work_of_run`.
    """

    def __init__(self, read: Callable[[], LocalWork]):
        self._read = read
        self._work = read()

    def model_sha256(self) -> str:
        """Of the model that was read last."""
        return self._work.model_sha256()

    def learn(self, order: Order, weights: Tensors) -> Learned | None:
        """Learn from the corrections that there are now."""
        self._work = self._read()
        return self._work.learn(order, weights)

    def judge(self, before: Tensors, after: Tensors) -> Judged:
        """Judge by the people of the last order to learn."""
        return self._work.judge(before, after)

    def keep(self, order: Order, weights: bytes) -> None:
        """Keep."""
        self._work.keep(order, weights)


def work_of_run(configfile: str | Path, *, report: Tell = print) -> LocalWork:
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
    run = LearningRun.read(configfile)
    start(run.models, run.settings.learn.start, when=now_in_utc())
    configuration = load_model(current(run.models).folder).configuration
    return LocalWork(
        configuration=configuration,
        site=_site(run, configuration, report),
        general=run.general(configuration),
        recipe=run.recipe,
        recipe_sha256=run.recipe_sha256,
        replay=run.replay(configuration, report),
        models=run.models,
        when=now_in_utc,
        report=report,
    )


def _site(run: LearningRun, configuration: ModelConfiguration, report: Tell) -> Site | None:
    """Who is learned from and who is held out; None where there are too few."""
    taken = run.corrections(configuration, {one.weights_sha256 for one in versions(run.models)}, report)
    try:
        site, roles = run.divided(taken)
    except MyoT2Error as error:
        report(f"This site judges and does not learn: expected {error.expected}; found {error.found}.")
        return None
    write_roles(run.models, roles)
    counts = site.counts(configuration.structures)
    report(f"Learned from: {counts['Slices']} slices of {counts['People']} people; {counts['HeldOutPeople']} held out.")
    return site
