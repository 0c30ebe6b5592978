"""What the network bears: Dice of whole muscle in 48 orientations, with coarse, thin, noisy and cut images.

Each condition changes one thing about an in-phase image of a held-out person (see `segmentation_unseen.py` for people
and images), every second of them a patient. The labels of all 48 orders and directions of the axes must be the same
voxels. Dice is taken over what the smaller field shows. An image without a thigh must give no label, or be flagged.

    .venv/bin/python benchmarks/segmentation_robustness.py --work FOLDER [--model FOLDER] [--table OUT.tsv] [--markdown]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.core.files import atomic
from myot2.core.images import array_of
from myot2.core.labels import LabelTable, read_labels
from myot2.train.recipe import read_recipe

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(Path(__file__).parent))

from segmentation_unseen import DATA, SEED, parser  # noqa: E402
from unseen.anatomy import Build, held_out_people  # noqa: E402
from unseen.hardships import USUAL, Subject, conditions, orientations, without_thigh  # noqa: E402
from unseen.scanner import Patient  # noqa: E402
from unseen.scores import WHOLE, compare, markdown  # noqa: E402

TURNED_SLICES = 8
"""Slices of the image that is stored in 48 ways."""


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parser(__doc__).parse_args(argv)
    table = read_labels(ROOT / "config" / "labels.tsv")
    population = read_recipe(options.recipe).population
    people = held_out_people(options.work, options.maps, options.whole_leg, population, table, options.processes)
    from myot2.segment.inference import Segmentation, segment_image
    from myot2.segment.model import load_model

    model = load_model(options.model)

    def segment(image: sitk.Image) -> Segmentation:
        return segment_image(image, model, table, threads=options.threads)

    chosen = sorted(people)[: options.people]
    subjects = [_subject(people[person], population, table, number) for number, person in enumerate(chosen)]
    first = subjects[0]
    usual, _ = first.seen(first.scan(first.body(), USUAL, TURNED_SLICES))
    equal, turned = _same_in_all_orientations(usual, segment)
    print(f"{equal} of {turned} orientations give the same labels, voxel by voxel\n", flush=True)
    scores = pd.concat([_scores(subject, person, segment) for person, subject in zip(chosen, subjects, strict=True)])
    if options.table:
        with atomic(options.table) as temporary:
            scores.to_csv(temporary, sep="\t", index=False, float_format="%.4f")
    beside = pd.DataFrame(
        [_without_thigh(name, image, segment) for name, image in without_thigh(DATA, usual)]
    ).set_index("image")
    for part in (summary(scores, table), beside):
        decimals = {name: 1 if name.endswith("(ml)") else 3 for name in part.select_dtypes(float).columns}
        print(markdown(part, decimals) if options.markdown else part.round(3).to_string(), end="\n\n")
    return 0


def _subject(kept: dict, population, table: LabelTable, number: int) -> Subject:
    rng = np.random.default_rng([SEED, number, 99])
    patient = Patient(float(rng.uniform(4, 25)), float(rng.uniform(0.3, 0.9))) if number % 2 else Patient()
    return Subject(kept, population, table, Build.draw(rng), patient, int(rng.integers(2**31)))


def _same_in_all_orientations(image: sitk.Image, segment) -> tuple[int, int]:
    """How many orientations give the labels of the first one, and how many there are."""
    reference, same = None, []
    for turned in orientations(image):
        labels = segment(turned).labels
        straight = array_of(sitk.DICOMOrient(labels, "LPS"))
        reference = straight if reference is None else reference
        on_grid = labels.GetSize() == turned.GetSize() and labels.GetDirection() == turned.GetDirection()
        same.append(on_grid and np.array_equal(straight, reference) and bool(straight.any()))
    return sum(same), len(same)


def _scores(subject: Subject, person: str, segment) -> pd.DataFrame:
    rows = []
    for name, (image, truth) in conditions(subject):
        names = {"person": person, "condition": name}
        try:
            rows.append(compare(segment(image).labels, truth, subject.table).assign(**names, refused=""))
        except MyoT2Error as error:
            nothing = {"structure": WHOLE, "side": "both", "dice": 0.0, "refused": error.found}
            rows.append(pd.DataFrame([{**names, **nothing}]))
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return pd.concat(rows)


def summary(scores: pd.DataFrame, table: LabelTable) -> pd.DataFrame:
    """Per condition."""
    whole = scores[scores.structure == WHOLE].groupby("condition", sort=False)
    single = scores[scores.structure.isin(table.muscles)].groupby("condition", sort=False)
    columns = {
        "whole muscle": whole.dice.mean(),
        "lowest person": whole.dice.min(),
        "mean of muscles": single.dice.mean(),
        "refused": whole.refused.agg(lambda found: "; ".join(sorted(set(filter(None, found))))),
    }
    return pd.DataFrame(columns)


def _without_thigh(name: str, image: sitk.Image, segment) -> dict[str, object]:
    """What an image without a thigh gives: millilitres labelled, and what is said of it."""
    try:
        found = segment(image)
    except MyoT2Error as error:
        return {"image": name, "labelled (ml)": 0.0, "said": f"refused: {error.found}"}
    labelled = array_of(found.labels) > 0
    said = [f"{side}: no thigh" for side in found.foreign_sides] + [f"{side}: a thigh" for side in found.sides]
    if labelled.any():
        said.append(f"mean probability {array_of(found.confidence)[labelled].mean():.2f}")
    millilitres = float(labelled.sum() * np.prod(image.GetSpacing())) / 1000
    return {"image": name, "labelled (ml)": millilitres, "said": ", ".join(said) or "no limb"}


if __name__ == "__main__":
    sys.exit(main())
