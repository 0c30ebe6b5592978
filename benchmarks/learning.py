"""One site learns from 20 corrected slices of a new kind of patient: MyoT2's way and DAFNE's rule in the same run.

The patients are simulated: fat has replaced most of their muscles, and the site labels the Dixon water image, in which
such muscles are dark. Two of them, ten slices each with both thighs, have corrected masks (the truth); four others are
held out. Their shapes are those of the atlas's training people. Generality is measured on the recipe's synthetic
people: shapes of the atlas's held-out people, ordinary patients. DAFNE's rule is that of its client (dafne_dl,
incremental learning): 5 epochs, batches of 5, Adam (amsgrad) at 1e-3, no replay, and what is missing is background; its
loss is ours here, so that the rules and not the losses are compared.

    .venv/bin/python benchmarks/learning.py --work FOLDER [--model FOLDER] [--repeats 1] [--general 8] [--threads 1]

FOLDER receives the replayed people (80 MB). The table is Markdown: Dice in points, and what the gate says.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from myot2.core.labels import LabelTable, read_labels
from myot2.learn.examples import Example, limbs_of
from myot2.learn.gate import Measured, Verdict, judge
from myot2.learn.marginal import marginal_loss
from myot2.learn.recipe import Tuning, read_learning_recipe, replay_recipe
from myot2.learn.tuning import Weights, fine_tune
from myot2.learn.validation import measure, synthetic_people
from myot2.segment.model import ModelConfiguration, load_model, networks_of, state_of
from myot2.train.loop import Batches
from myot2.train.population import keep_population
from myot2.train.recipe import read_recipe
from myot2.train.trials import draw_trial

ROOT = Path(__file__).parents[1]
IMAGE = "water"
REPLACED = 0.9
LEARNED, HELD_OUT = 2, 4
SEED = 20261210
NOT_DRAWN = ("sartorius", "gracilis", "adductor magnus", "adductor longus", "adductor brevis")
"""What nobody draws where annotation is partial."""

Learner = Callable[[Weights, tuple[Example, ...]], Weights]


@dataclass(frozen=True)
class Row:
    """A protocol and what came of it."""

    name: str
    verdict: Verdict
    seconds: float


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parser().parse_args(argv)
    table, model = read_labels(ROOT / "config" / "labels.tsv"), load_model(options.model)
    recipe = read_learning_recipe(options.recipe)
    recipe = recipe.model_copy(
        update={
            "tuning": recipe.tuning.model_copy(update={"threads": options.threads}),
            "validation": recipe.validation.model_copy(update={"people": options.general}),
        }
    )
    training = replay_recipe(read_recipe(options.training), recipe)
    volumes = keep_population(training, table, options.work, processes=1, report=say)
    replayed = Batches(
        training, model.configuration.structures, volumes, seed=recipe.tuning.seed, muscles=table.muscles
    )
    general = synthetic_people(recipe.validation, model.configuration, table)
    learners = protocols(recipe.tuning, model.configuration, replayed)
    weights = state_of(model.networks)
    known = measure(weights, general, model.configuration, threads=options.threads).drawn
    rows: list[Row] = []
    for repeat in range(options.repeats):
        learned = patients(range(LEARNED), repeat, model.configuration, table)
        local = patients(range(LEARNED, LEARNED + HELD_OUT), repeat, model.configuration, table)
        before = Measured(measure(weights, local, model.configuration, threads=options.threads).drawn, known)
        for name, (partial, learn) in learners.items():
            began = time.process_time()
            after = learn(weights, partly(learned, model.configuration) if partial else learned)
            seconds = time.process_time() - began
            measured = (
                measure(after, part, model.configuration, threads=options.threads).drawn for part in (local, general)
            )
            rows.append(Row(name, judge(before, Measured(*measured), recipe.limits), seconds))
            say(f"repeat {repeat + 1}: {line(rows[-1])}")
    print(report(rows))
    return 0


def parser(description: str = __doc__) -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--work", type=Path, required=True, help="folder for the replayed people")
    made.add_argument("--model", type=Path, default=ROOT / "resources" / "models" / "thigh")
    made.add_argument("--recipe", type=Path, default=ROOT / "config" / "learn" / "thigh.yaml")
    made.add_argument("--training", type=Path, default=ROOT / "config" / "train" / "thigh.yaml")
    made.add_argument("--repeats", type=int, default=1, help="sites, each with patients of its own")
    made.add_argument("--general", type=int, default=8, help="synthetic people by whom generality is measured")
    made.add_argument("--threads", type=int, default=1)
    return made


def patients(numbers: range, repeat: int, configuration: ModelConfiguration, table: LabelTable) -> tuple[Example, ...]:
    """Both thighs of patients of the new kind, ten slices each, with their true labels."""
    examples = []
    for number in numbers:
        trial = draw_trial(SEED + repeat, number, table, replaced_share=REPLACED, people="training")
        who = f"patient-{number}"
        examples += limbs_of(trial.images[IMAGE], trial.truth, configuration, table, person=who, name=who)
    return tuple(examples)


def partly(examples: tuple[Example, ...], configuration: ModelConfiguration) -> tuple[Example, ...]:
    """The same masks without the muscles that nobody drew."""
    absent = [configuration.structures.index(name) + 1 for name in NOT_DRAWN]
    found = []
    for example in examples:
        annotated = example.annotated.copy()
        annotated[:, absent] = False
        labels = np.where(np.isin(example.labels, absent), np.uint8(0), example.labels)
        found.append(replace(example, labels=labels, annotated=annotated, labelled=labels.any(axis=(1, 2))))
    return tuple(found)


def protocols(tuning: Tuning, configuration: ModelConfiguration, replayed: Batches) -> dict[str, tuple[bool, Learner]]:
    """Name to whether annotation is partial, and what learns."""
    alone = tuning.model_copy(update={"replay_slabs": 0})

    def ours(weights: Weights, examples: tuple[Example, ...]) -> Weights:
        return fine_tune(weights, examples, tuning, configuration=configuration, replay=replayed, report=say)

    def without_replay(weights: Weights, examples: tuple[Example, ...]) -> Weights:
        return fine_tune(weights, examples, alone, configuration=configuration, replay=None)

    def dafne(weights: Weights, examples: tuple[Example, ...]) -> Weights:
        return dafne_rule(weights, examples, configuration, tuning.seed)

    return {
        "MyoT2": (False, ours),
        "MyoT2 without replay": (False, without_replay),
        "DAFNE's rule": (False, dafne),
        "MyoT2, 5 of 13 muscles not drawn": (True, ours),
        "DAFNE's rule, 5 of 13 muscles not drawn": (True, dafne),
    }


def dafne_rule(
    weights: Weights, examples: tuple[Example, ...], configuration: ModelConfiguration, seed: int
) -> Weights:
    """5 epochs, batches of 5, Adam (amsgrad) at 1e-3; no replay, missing muscles are background."""
    pairs = [(one, int(number)) for one in examples for number in np.flatnonzero(one.labelled)]
    rng = np.random.default_rng(seed)
    networks = networks_of(configuration, weights)
    for network in networks:
        network.train()
        optimiser = torch.optim.Adam(network.parameters(), lr=1e-3, amsgrad=True)
        for _ in range(5):
            order = rng.permutation(len(pairs))
            for first in range(0, len(order), 5):
                batch = [pairs[index] for index in order[first : first + 5]]
                images = torch.stack([torch.from_numpy(one.stack(at, configuration.context)) for one, at in batch])
                labels = torch.stack([torch.from_numpy(one.labels[at][None].astype(np.int64)) for one, at in batch])
                whole = torch.ones((len(batch), len(configuration.structures) + 1), dtype=torch.bool)
                optimiser.zero_grad()
                marginal_loss(network(images), labels, whole).backward()
                optimiser.step()
    return state_of(networks)


def report(rows: list[Row]) -> str:
    """The table, means over the repeats."""
    head = "| protocol | local before | after | change | generality before | after | change | lowest structure "
    head += "(local) | lowest structure (generality) | accepted | CPU s |"
    names = list(dict.fromkeys(row.name for row in rows))
    lines = [head, "|---" * 11 + "|"]
    for name in names:
        own = [row for row in rows if row.name == name]
        lines.append(f"| {name} | {cells(own)} |")
    return "\n".join(lines)


def cells(rows: list[Row]) -> str:
    """What the table says of one protocol."""
    found = []
    for part in ("local", "general"):
        means = [getattr(row.verdict, part)[0] for row in rows]
        found += [
            f"{100 * np.mean([one.before for one in means]):.1f}",
            f"{100 * np.mean([one.after for one in means]):.1f}",
        ]
        found.append(f"{100 * np.mean([one.change for one in means]):+.1f}")
    for part in ("local", "general"):
        lowest = min((change for row in rows for change in getattr(row.verdict, part)[1:]), key=lambda one: one.change)
        found.append(f"{lowest.structure} {100 * lowest.change:+.1f}")
    found.append(f"{sum(row.verdict.accepted for row in rows)} of {len(rows)}")
    found.append(f"{np.mean([row.seconds for row in rows]):.0f}")
    return " | ".join(found)


def line(row: Row) -> str:
    """One row in plain words, while the program runs."""
    return f"{row.name}: {cells([row])}; {' '.join(row.verdict.reasons)}"


def say(text: str) -> None:
    """Progress on standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
