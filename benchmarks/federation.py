"""Three simulated hospitals: no sharing against federation against pooled data; a poisoned site; a site that drops out.

The hospitals differ in scanner (which Dixon image is labelled), patients (share of muscle that fat has replaced) and
annotator: north draws all muscles, east leaves out five of them, west draws one pixel wide of the outline. Each has
some people with corrected masks and others who are held out, whose masks are the truth without anybody's habit.
Learning is `myot2.learn.tuning.fine_tune` with the shipped recipe; a federation's rounds are played by the functions
that the programs play them by (`myot2.learn.rounds`, `myot2.learn.site`), with signatures, gates and ledger, without
the network.

    .venv-federation/bin/python benchmarks/federation.py --work FOLDER [--rounds 3] [--learned 2] [--held-out 3]

Every site alone, and all data pooled, get as many steps as a site gets in all rounds. The table is Markdown: mean Dice
in points on each hospital's held-out people and on the recipe's synthetic people.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from myot2.core.labels import LabelTable, read_labels
from myot2.learn import messages
from myot2.learn.aggregate import head_axes
from myot2.learn.examples import Example, counts_of, limbs_of
from myot2.learn.federation import Member, Rules, Settings
from myot2.learn.gate import Limits
from myot2.learn.local import as_torch
from myot2.learn.recipe import LearningRecipe, Tuning, read_learning_recipe, replay_recipe
from myot2.learn.round import open_round
from myot2.learn.rounds import close, propose, take_report, take_update
from myot2.learn.signing import make_key, public_of, read_key
from myot2.learn.site import Answer, Identity, Judged, Learned, answer
from myot2.learn.tuning import Weights, fine_tune
from myot2.learn.updates import Tensors, difference_of, model_digest, norm_of
from myot2.learn.validation import measure, synthetic_people
from myot2.learn.versions import current, start
from myot2.segment.model import WEIGHTS, ModelConfiguration, load_model, state_of
from myot2.train.loop import Batches
from myot2.train.population import keep_population
from myot2.train.recipe import read_recipe
from myot2.train.trials import draw_trial

ROOT = Path(__file__).parents[1]
SEED = 20261211
NOT_DRAWN = ("sartorius", "gracilis", "adductor magnus", "adductor longus", "adductor brevis")
WHEN = "2026-01-01T00:00:00Z"


@dataclass(frozen=True)
class Kind:
    """What is special of a hospital."""

    image: str
    replaced: float
    habit: str


KINDS = {
    "north": Kind("water", 0.9, "all"),
    "east": Kind("in", 0.5, "five not drawn"),
    "west": Kind("opp", 0.7, "one pixel wide"),
}


@dataclass(frozen=True)
class Hospital:
    """Its people; `held_out` have true masks."""

    learned: tuple[Example, ...]
    held_out: tuple[Example, ...]


@dataclass(frozen=True)
class Study:
    """All that the protocols share."""

    hospitals: Mapping[str, Hospital]
    general: tuple[Example, ...]
    recipe: LearningRecipe
    replayed: Batches
    configuration: ModelConfiguration
    weights: Weights
    folder: Path
    model: Path
    rounds: int

    def tuned(self, weights: Weights, examples: tuple[Example, ...], steps: int, seed: int = 0) -> Weights:
        """Learned from these examples; a later round draws other slices."""
        tuning: Tuning = self.recipe.tuning
        tuning = tuning.model_copy(update={"steps": steps, "seed": tuning.seed + seed})
        return fine_tune(weights, examples, tuning, configuration=self.configuration, replay=self.replayed)

    def examine(self, weights: Tensors):
        """Dice on the synthetic people."""
        return measure(as_torch(weights), self.general, self.configuration, threads=self.recipe.tuning.threads).drawn

    def row(self, weights: Weights) -> list[float]:
        """Mean Dice at each hospital and on synthetic people."""
        threads = self.recipe.tuning.threads
        parts = [one.held_out for one in self.hospitals.values()] + [self.general]
        return [mean_of(measure(weights, part, self.configuration, threads=threads).drawn) for part in parts]


@dataclass
class BenchmarkWork:
    """A hospital's work in the benchmark; `poison` permutes the muscles of its masks."""

    study: Study
    examples: tuple[Example, ...]

    def model_sha256(self) -> str:
        """Of the networks."""
        return model_digest(self.study.configuration)

    def learn(self, order: messages.Order, weights: Tensors) -> Learned:
        """Learn a round's steps; the site's own gate is not asked, for a poisoned site would not ask it."""
        study = self.study
        tuned = study.tuned(as_torch(weights), self.examples, study.recipe.tuning.steps, seed=order.Round)
        after = {name: values.numpy() for name, values in tuned.items()}
        say(f"    norm of the difference: {norm_of(difference_of(weights, after)):.3f}")
        counts = counts_of(self.examples, study.configuration.structures)
        people_of = {name: counts[name]["People"] for name in study.configuration.structures}
        return Learned(after, len({one.person for one in self.examples}), people_of, {}, "0" * 64)

    def judge(self, before: Tensors, after: Tensors) -> Judged:
        """The benchmark measures afterwards; here every candidate passes."""
        return Judged(True, (), {}, None)

    def keep(self, order: messages.Order, weights: bytes) -> None:
        """Nothing is kept."""


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parser().parse_args(argv)
    study = prepare(options)
    steps = study.recipe.tuning.steps * study.rounds
    rows: dict[str, list[float]] = {"the shipped model": study.row(study.weights)}
    show("the shipped model", rows)
    for name, hospital in study.hospitals.items():
        rows[f"{name} alone"] = study.row(study.tuned(study.weights, hospital.learned, steps))
        show(f"{name} alone", rows)
    everybody = tuple(one for hospital in study.hospitals.values() for one in hospital.learned)
    rows["pooled data"] = study.row(study.tuned(study.weights, everybody, steps))
    show("pooled data", rows)
    learned = {name: hospital.learned for name, hospital in study.hospitals.items()}
    poisoned = {**learned, "west": tuple(permuted(one, study.configuration) for one in learned["west"])}
    dropped = {name: examples for name, examples in learned.items() if name != "west"}
    for name, sites, rules in (
        ("federation", learned, {}),
        ("federation, trimmed mean", learned, {"trim": 1}),
        ("west poisoned, gate on", poisoned, {}),
        ("west poisoned, gate off", poisoned, {"update_loss": Limits(generality_loss=1, generality_structure_loss=1)}),
        ("west drops out", dropped, {}),
    ):
        if not options.only or name in options.only:
            rows[name] = study.row(federated(study, name, sites, rules))
            show(name, rows)
    print(table_of(rows, list(study.hospitals)))
    if options.picture:
        draw(rows, list(study.hospitals), options.picture)
    print(f"\nPeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB.")
    return 0


def parser(description: str = __doc__) -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--work", type=Path, required=True, help="folder for replayed people and federations")
    made.add_argument("--model", type=Path, default=ROOT / "resources" / "models" / "thigh")
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--learned", type=int, default=2, help="people per hospital who are learned from")
    made.add_argument("--held-out", type=int, default=3, help="people per hospital by whom is judged")
    made.add_argument("--general", type=int, default=4, help="synthetic people")
    made.add_argument("--steps", type=int, help="of a site in a round; those of the recipe by default")
    made.add_argument("--threads", type=int, default=1)
    made.add_argument("--picture", type=Path, help="PNG to write")
    made.add_argument("--only", nargs="*", help="names of federations; all by default")
    return made


def prepare(options: argparse.Namespace, names: Collection[str] = tuple(KINDS)) -> Study:
    """These hospitals, synthetic people, the model."""
    table, model = read_labels(ROOT / "config" / "labels.tsv"), load_model(options.model)
    recipe = read_learning_recipe(ROOT / "config" / "learn" / "thigh.yaml")
    tuning = {"threads": options.threads, "steps": options.steps or recipe.tuning.steps}
    recipe = recipe.model_copy(
        update={
            "tuning": recipe.tuning.model_copy(update=tuning),
            "validation": recipe.validation.model_copy(update={"people": options.general}),
        }
    )
    longest = recipe.tuning.model_copy(update={"steps": recipe.tuning.steps * options.rounds})
    training = replay_recipe(
        read_recipe(ROOT / "config" / "train" / "thigh.yaml"), recipe.model_copy(update={"tuning": longest})
    )
    volumes = keep_population(training, table, options.work / "people", processes=1, report=say)
    configuration = model.configuration
    return Study(
        hospitals={
            name: hospital(number, kind, options, configuration, table)
            for number, (name, kind) in enumerate(KINDS.items())
            if name in names
        },
        general=synthetic_people(recipe.validation, configuration, table),
        recipe=recipe,
        replayed=Batches(training, configuration.structures, volumes, seed=recipe.tuning.seed, muscles=table.muscles),
        configuration=configuration,
        weights=state_of(model.networks),
        folder=options.work,
        model=options.model,
        rounds=options.rounds,
    )


def hospital(
    number: int, kind: Kind, options: argparse.Namespace, configuration: ModelConfiguration, table: LabelTable
) -> Hospital:
    """The people of a hospital, and its annotator's masks of those who are learned from."""
    parts: list[list[Example]] = [[], []]
    for person in range(options.learned + options.held_out):
        trial = draw_trial(SEED + number, person, table, replaced_share=kind.replaced, people="training")
        who = f"hospital-{number}-{person}"
        limbs = limbs_of(trial.images[kind.image], trial.truth, configuration, table, person=who, name=who)
        drawn = [by_habit(limb, kind.habit, configuration) for limb in limbs] if person < options.learned else limbs
        parts[person >= options.learned] += drawn
    return Hospital(tuple(parts[0]), tuple(parts[1]))


def by_habit(example: Example, habit: str, configuration: ModelConfiguration) -> Example:
    """The mask as an annotator of this habit draws it."""
    if habit == "five not drawn":
        absent = [configuration.structures.index(name) + 1 for name in NOT_DRAWN]
        annotated = example.annotated.copy()
        annotated[:, absent] = False
        labels = np.where(np.isin(example.labels, absent), np.uint8(0), example.labels)
        return replace(example, labels=labels, annotated=annotated, labelled=labels.any(axis=(1, 2)))
    if habit == "one pixel wide":
        cross = ndimage.generate_binary_structure(2, 1)[None]
        wider = ndimage.grey_dilation(example.labels, footprint=cross)
        return replace(example, labels=np.where(example.labels == 0, wider, example.labels))
    return example


def permuted(example: Example, configuration: ModelConfiguration) -> Example:
    """A poisoned mask: every muscle has the next one's name."""
    count = len(configuration.structures)
    turned = np.where(example.labels > 0, example.labels % count + 1, 0).astype(np.uint8)
    return replace(example, labels=turned, annotated=np.ones_like(example.annotated))


def federated(study: Study, name: str, sites: Mapping[str, tuple[Example, ...]], rules: dict) -> Weights:
    """Play the rounds; the weights of the last version."""
    from safetensors.torch import load_file

    folder = study.folder / name.replace(" ", "-").replace(",", "") / str(int(time.time()))
    key, members, who = coordinator(folder, sites)
    settings = Settings(name="benchmark", sites=members, rules=Rules(**rules))
    start(folder / "coordinator" / "models", study.model, when=WHEN)
    works = {site: BenchmarkWork(study, examples) for site, examples in sites.items()}
    head = head_axes(study.configuration, len({name.split(".")[0] for name in study.weights}))
    known = {"structures": study.configuration.structures, "when": WHEN}
    for _ in range(study.rounds):
        this = open_round(folder / "coordinator", settings, when=WHEN)

        def ask(site: str, kind: str, weights: bytes, this=this) -> Answer:
            order = this.order(site, kind, weights, key)
            return answer(folder / site, order, weights, who=who[site], work=works[site], when=WHEN)

        for site in sites:
            sent = ask(site, messages.LEARN, this.parent_weights())
            outcome = take_update(this, site, sent.message, sent.tensors, examine=study.examine, **known)
            size = len(sent.message) + len(sent.tensors)
            say(f"  round {this.number}, {site}: {size:,} bytes, {outcome.reason or 'accepted'}")
        candidate = propose(this, head=head, examine=study.examine, **known)
        for site in sites if candidate else ():
            take_report(this, site, ask(site, messages.JUDGE, candidate).message, **known)
        made = close(this, study.configuration, when=WHEN)
        say(f"  round {this.number}: {made.number if made else 'no new version'}")
    return load_file(current(folder / "coordinator" / "models").folder / WEIGHTS)


def coordinator(folder: Path, sites: Mapping[str, object]):
    """Keys of all."""
    public = make_key(folder / "signing.key")
    members, who = {}, {}
    for site in sites:
        make_key(folder / site / "signing.key")
        key = read_key(folder / site / "signing.key")
        members[site] = Member(key=public_of(key), node=site)
        who[site] = Identity("benchmark", site, key, public)
    return read_key(folder / "signing.key"), members, who


def mean_of(scores: Mapping[str, Mapping[str, float]]) -> float:
    """Mean over people of the mean over their structures, in points."""
    return 100 * float(np.mean([np.mean(list(own.values())) for own in scores.values()]))


def show(name: str, rows: Mapping[str, list[float]]) -> None:
    """A row while the program runs."""
    say(f"{name}: {' '.join(f'{value:.2f}' for value in rows[name])}")


def table_of(rows: Mapping[str, list[float]], hospitals: list[str]) -> str:
    """Markdown."""
    lines = [f"| | {' | '.join(f'{name} held out' for name in hospitals)} | synthetic |", "|---" * 5 + "|"]
    lines += [f"| {name} | {' | '.join(f'{value:.1f}' for value in row)} |" for name, row in rows.items()]
    return "\n".join(lines)


def draw(rows: Mapping[str, list[float]], hospitals: list[str], path: Path) -> None:
    """What each protocol changes, in points of Dice: a panel for each hospital's held-out people, and the synthetic."""
    import matplotlib.pyplot as plt

    names, before = list(rows)[1:], rows["the shipped model"]
    figure, panels = plt.subplots(1, len(before), figsize=(9, 0.33 * len(names) + 1.2), sharex=True, sharey=True)
    for place, (panel, title) in enumerate(zip(panels, [*hospitals, "synthetic people"], strict=True)):
        changes = [rows[name][place] - before[place] for name in names]
        panel.axvline(0, color="0.6", linewidth=0.8)
        panel.scatter(changes, names, color=["#1f4e79" if name == "federation" else "0.4" for name in names], zorder=2)
        panel.set_title(title, fontsize=10)
        panel.grid(axis="y", color="0.9")
        panel.tick_params(length=0)
        for side in ("top", "right", "left"):
            panel.spines[side].set_visible(False)
    panels[0].invert_yaxis()
    figure.supxlabel("change of mean Dice on held-out people (points)", fontsize=10)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def say(text: str) -> None:
    """Progress on standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    torch.set_num_interop_threads(1)
    sys.exit(main())
