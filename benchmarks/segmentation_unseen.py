"""The network on people it has never seen, in six contrasts: Dice and HD95 per contrast and per muscle.

The muscles are those of the five people of data/thigh-label-maps who are kept out of every training. Adductor longus
and brevis and the femur, which no such map has, are the atlas's, and between slices 9-26 mm apart the shape is
interpolated (`unseen/anatomy.py`). Fat, skin, atrophy, fatty replacement and oedema are drawn here, and the images are
made from T1, T2 and proton densities (`unseen/contrasts.py`, `unseen/scanner.py`): no code is shared with the training
images. Both thighs, over the heights that the real label maps cover, in three protocols; every person is healthy in
one or two of them and a patient in the others. The truth is muscle tissue, where it fills at least half of a voxel; a
second truth takes the septum between two muscles, which is fat, as half of either. A muscle counts where the image
holds at least 1 ml of it; whole muscle is all muscles of both thighs together. Outside the means over the six stand a
Dixon fat image, and the in-phase image with the Dixon water image asked at borders.

    .venv/bin/python benchmarks/segmentation_unseen.py --work FOLDER [--model FOLDER] [--table OUT.tsv] [--markdown]

FOLDER/held-out receives the completed label maps (10 min of CPU), which later runs find there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from myot2.core.files import atomic
from myot2.core.labels import LabelTable, read_labels
from myot2.train.recipe import read_recipe

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(Path(__file__).parent))

from unseen.anatomy import Build, Thighs, held_out_people  # noqa: E402
from unseen.contrasts import CONTRASTS, IN_PHASE, WATER  # noqa: E402
from unseen.scanner import Patient, Protocol, Scan, scan  # noqa: E402
from unseen.scores import WHOLE, compare, markdown  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
PROTOCOLS = (Protocol(0.8, 20.0, 8.0), Protocol(1.25, 6.0, 5.0), Protocol(1.75, 6.0, 6.0))
SEED = 20261129
WITH_WATER = f"{IN_PHASE}, water asked"


@dataclass(frozen=True)
class Case:
    """One person in one protocol."""

    person: str
    protocol: Protocol
    patient: bool
    scan: Scan


def cases(
    people: dict[str, dict], population, table: LabelTable, protocols: tuple[Protocol, ...] = PROTOCOLS
) -> Iterator[Case]:
    """Every person in every protocol, every second time as a patient; each time with other fat and other lesions."""
    for number, (person, kept) in enumerate(sorted(people.items())):
        for place, protocol in enumerate(protocols):
            rng = np.random.default_rng([SEED, number, place])
            sick = (number + place) % 2 == 1
            chronicity = float(rng.uniform(0.3, 0.9)) if sick else 0.0
            patient = Patient(float(rng.uniform(4, 25)), chronicity) if sick else Patient()
            body = Thighs.of(kept, population, table, Build.draw(rng, atrophy=0.25 * chronicity))
            seed = int(rng.integers(2**31))
            yield Case(
                person, protocol, sick, scan(body, protocol, CONTRASTS.values(), table, patient=patient, seed=seed)
            )


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parser(__doc__).parse_args(argv)
    table = read_labels(ROOT / "config" / "labels.tsv")
    population = read_recipe(options.recipe).population
    people = held_out_people(options.work, options.maps, options.whole_leg, population, table, options.processes)
    # after the label maps, for these are completed in other processes
    from myot2.segment.inference import segment_image
    from myot2.segment.model import load_model

    model = load_model(options.model)
    chosen = {person: people[person] for person in sorted(people)[: options.people]}
    scores = []
    for case in cases(chosen, population, table):
        images = {name: case.scan.image(name, seed=len(scores) // 2 + place) for place, name in enumerate(CONTRASTS)}
        for name in (*CONTRASTS, WITH_WATER):
            image, water = (images[IN_PHASE], images[WATER]) if name == WITH_WATER else (images[name], None)
            labels = segment_image(image, model, table, threads=options.threads, water=water).labels
            names = {"person": case.person, "protocol": str(case.protocol), "patient": case.patient, "contrast": name}
            for septa, truth in ((False, case.scan.truth), (True, case.scan.with_septa)):
                scores.append(compare(labels, truth, table).assign(septa=septa, **names))
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    joined = pd.concat(scores, ignore_index=True)
    if options.table:
        with atomic(options.table) as temporary:
            joined.to_csv(temporary, sep="\t", index=False, float_format="%.4f")
    print(report(joined, table, as_markdown=options.markdown))
    return 0


def parser(description: str) -> argparse.ArgumentParser:
    """The options that the benchmarks on unseen people share."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--work", type=Path, required=True, help="folder whose subfolder held-out keeps the label maps")
    made.add_argument("--maps", type=Path, default=DATA / "thigh-label-maps", help="thigh label maps")
    made.add_argument("--whole-leg", type=Path, default=DATA / "pelvis-to-knee-label-map" / "dseg.nii.gz")
    made.add_argument("--recipe", type=Path, default=ROOT / "config" / "train" / "thigh.yaml", help="its population")
    made.add_argument("--model", type=Path, default=ROOT / "resources" / "models" / "thigh", help="model folder")
    made.add_argument("--people", type=int, default=5, help="how many of the held-out people (default all five)")
    made.add_argument("--processes", type=int, default=2, help="label maps completed at a time")
    made.add_argument("--threads", type=int, default=1, help="threads of the network")
    made.add_argument("--table", type=Path, help="all scores, as TSV")
    made.add_argument("--markdown", action="store_true", help="print tables as Markdown")
    return made


def report(scores: pd.DataFrame, table: LabelTable, *, as_markdown: bool) -> str:
    """The tables: per contrast, per protocol, per muscle, and the figures of the requirement."""
    required = scores[scores.contrast.isin([name for name, contrast in CONTRASTS.items() if contrast.required])]
    with_septa, scores = required[required.septa], scores[~scores.septa]
    required = required[~required.septa]
    muscles = required[required.structure.isin(table.muscles)]
    per_muscle = summary(required[required.structure != WHOLE], "structure").loc[list(table.structures)]
    per_muscle.insert(2, "with septa", with_septa.groupby("structure").dice.mean())
    shares = {
        "per contrast": both(scores, table, "contrast").loc[[*CONTRASTS, WITH_WATER]],
        "per protocol (mm), the six contrasts": both(required, table, "protocol"),
        "healthy people (False) and patients (True), the six contrasts": both(required, table, "patient"),
        "per muscle, the six contrasts": per_muscle,
        "Dice of muscles by contrast": muscles.pivot_table(
            index="structure", columns="contrast", values="dice", sort=False
        ),
    }
    lines = [
        headline("muscle tissue", required, table),
        headline("with septa, half as either muscle", with_septa, table),
    ]
    for title, part in shares.items():
        decimals = {column: 1 if "HD95" in str(column) else 0 if column == "n" else 3 for column in part.columns}
        text = markdown(part, decimals) if as_markdown else part.round(3).to_string()
        lines.append(f"{title}\n\n{text}")
    return "\n\n".join(lines)


def headline(truth: str, scores: pd.DataFrame, table: LabelTable) -> str:
    """The figures of the requirement, against one of the truths."""
    whole, muscles = scores[scores.structure == WHOLE], scores[scores.structure.isin(table.muscles)]
    lowest = muscles.groupby("structure").dice.mean()
    volume = (whole.found_ml / whole.truth_ml).median()
    return (
        f"{truth}, {len(whole)} images of {scores.person.nunique()} people: Dice of whole muscle "
        f"{whole.dice.mean():.3f} (lowest image {whole.dice.min():.3f}), volume found to true {volume:.3f} (median); "
        f"mean of muscles {muscles.dice.mean():.3f}, worst muscle {lowest.min():.3f} ({lowest.idxmin()}), "
        f"HD95 median {muscles.hd95_mm.median():.1f} mm"
    )


def both(scores: pd.DataFrame, table: LabelTable, by: str) -> pd.DataFrame:
    """Whole muscle, single muscles and the femur by one column."""
    whole = scores[scores.structure == WHOLE].groupby(by).dice.agg(["mean", "min"])
    single = scores[scores.structure.isin(table.muscles)].groupby(by)
    bone = scores[scores.structure == "femur"].groupby(by).dice.mean()
    columns = {
        "whole muscle": whole["mean"],
        "lowest image": whole["min"],
        "mean of muscles": single.dice.mean(),
        "HD95 median": single.hd95_mm.median(),
        "NSD": single.nsd.mean(),
        "femur": bone,
    }
    return pd.DataFrame(columns)


def summary(scores: pd.DataFrame, by: str) -> pd.DataFrame:
    """Mean, 10th percentile and lowest Dice, and HD95."""
    groups = scores.groupby(by, sort=False)
    columns = {
        "n": groups.size(),
        "Dice": groups.dice.mean(),
        "p10": groups.dice.quantile(0.1),
        "lowest": groups.dice.min(),
        "HD95 median": groups.hd95_mm.median(),
        "NSD": groups.nsd.mean(),
    }
    return pd.DataFrame(columns)


if __name__ == "__main__":
    sys.exit(main())
