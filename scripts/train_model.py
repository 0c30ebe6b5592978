"""Train the segmentation network on simulated people and write it as a model folder.

The same recipe, thread count and machine give the same weights; an interrupted training goes on when it is started
again with the same work folder.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from myot2.core.errors import MyoT2Error
from myot2.core.labels import read_labels
from myot2.core.usage import print_usage

ROOT = Path(__file__).parents[1]


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=ROOT / "config" / "train" / "thigh.yaml", help="training recipe")
    parser.add_argument("--label-table", type=Path, default=ROOT / "config" / "labels.tsv", help="label table")
    parser.add_argument("--work", required=True, type=Path, help="folder for rendered people and the checkpoint")
    parser.add_argument("--model", required=True, type=Path, help="model folder to write")
    parser.add_argument("--maps", type=Path, help="folder of thigh label maps, where the recipe learns from them")
    parser.add_argument("--whole-leg", type=Path, help="label map of a whole leg in MuscleMap's numbering")
    parser.add_argument("--threads", type=int, default=2, help="threads of the arithmetic (default 2)")
    options = parser.parse_args(argv)
    try:
        train_model(options)
    except MyoT2Error as error:
        print(f"train: {error}", file=sys.stderr)
        return 1
    print_usage("train")
    return 0


def train_model(options: argparse.Namespace) -> None:
    """Render the people, train, write the model; its folder is renewed at every checkpoint, and made again if lost."""
    from safetensors.torch import save

    from myot2.segment.model import WEIGHTS, save_model, state_of
    from myot2.train.loop import train
    from myot2.train.population import keep_population
    from myot2.train.recipe import read_recipe

    recipe, table = read_recipe(options.recipe), read_labels(options.label_table)
    configuration = recipe.configuration(table)
    volumes = keep_population(
        recipe,
        table,
        options.work,
        maps=options.maps,
        whole_leg=options.whole_leg,
        processes=options.threads,
        report=_say,
    )
    networks = []
    for seed in recipe.optimisation.seeds:
        networks.append(
            train(
                recipe,
                configuration,
                volumes,
                options.work / f"seed-{seed}",
                seed=seed,
                threads=options.threads,
                report=_say,
                on_checkpoint=lambda step, network: save_model(options.model, configuration, [*networks, network]),
            )
        )
    written = options.model / WEIGHTS
    if not written.is_file() or written.read_bytes() != save(state_of(networks)):
        # no checkpoint wrote it, for all was trained before; a folder with these weights keeps what was added, its risk
        save_model(options.model, configuration, networks)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
