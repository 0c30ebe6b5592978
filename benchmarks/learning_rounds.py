"""Five rounds of corrections at one site: each brings one more patient of a new kind, and the model learns once more.

Patients, held-out people and rules are those of benchmarks/learning.py. MyoT2 learns from all corrections so far, and
begins with the last version that its gate accepted. DAFNE's rule learns from the new patient alone, from what it made
before, and has no gate.

    .venv/bin/python benchmarks/learning_rounds.py --work FOLDER [--rounds 5] [options of benchmarks/learning.py]

The table is Markdown: mean Dice in points on held-out patients of the site and on synthetic people.
"""

from __future__ import annotations

import sys

from learning import HELD_OUT, ROOT, Weights, dafne_rule, parser, patients, say

from myot2.core.labels import read_labels
from myot2.learn.gate import Measured, Verdict, judge
from myot2.learn.recipe import read_learning_recipe, replay_recipe
from myot2.learn.tuning import fine_tune
from myot2.learn.validation import measure, synthetic_people
from myot2.segment.model import load_model, state_of
from myot2.train.loop import Batches
from myot2.train.population import keep_population
from myot2.train.recipe import read_recipe


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    made = parser(__doc__)
    made.add_argument("--rounds", type=int, default=5)
    options = made.parse_args(argv)
    table, model = read_labels(ROOT / "config" / "labels.tsv"), load_model(options.model)
    configuration, recipe = model.configuration, read_learning_recipe(options.recipe)
    validation = recipe.validation.model_copy(update={"people": options.general})
    training = replay_recipe(read_recipe(options.training), recipe)
    volumes = keep_population(training, table, options.work, processes=1, report=say)
    seed = recipe.tuning.seed
    replayed = Batches(training, configuration.structures, volumes, seed=seed, muscles=table.muscles)
    held_out = patients(range(HELD_OUT), 0, configuration, table)
    corrected = patients(range(HELD_OUT, HELD_OUT + options.rounds), 0, configuration, table)
    general = synthetic_people(validation, configuration, table)

    def measured(weights: Weights) -> Measured:
        parts = (measure(weights, part, configuration, threads=options.threads).drawn for part in (held_out, general))
        return Measured(*parts)

    ours = theirs = state_of(model.networks)
    first = known = measured(ours)
    same = judge(first, first, recipe.limits)
    rows = [line("before", same, "", same)]
    per_patient = len(corrected) // options.rounds
    for number in range(1, options.rounds + 1):
        so_far = corrected[: number * per_patient]
        after = fine_tune(ours, so_far, recipe.tuning, configuration=configuration, replay=replayed)
        verdict = judge(known, found := measured(after), recipe.limits)
        if verdict.accepted:
            ours, known = after, found
        theirs = dafne_rule(theirs, so_far[-per_patient:], configuration, seed + number)
        gate = "accepted" if verdict.accepted else "refused"
        rows.append(line(str(number), verdict, gate, judge(first, measured(theirs), recipe.limits)))
        say(f"{rows[-1]} {' '.join(verdict.reasons)}")
    head = "| round | MyoT2: local | generality | gate | DAFNE's rule: local | generality |"
    print("\n".join([head, "|---" * 6 + "|", *rows]))
    return 0


def line(name: str, ours: Verdict, gate: str, theirs: Verdict) -> str:
    """A row of the table."""
    figures = [f"{100 * part[0].after:.1f}" for one in (ours, theirs) for part in (one.local, one.general)]
    return f"| {name} | {figures[0]} | {figures[1]} | {gate} | {figures[2]} | {figures[3]} |"


if __name__ == "__main__":
    sys.exit(main())
