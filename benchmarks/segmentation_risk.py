"""The risk that labels have failed: calibrated on simulated failures, and tried on people it has not seen.

Simulated people that no training draws are labelled on images that are spoiled in many ways, and some of the labels are
made wrong on purpose (`myot2.train.failures`). A muscle has failed where its Dice with the truth is below
--muscle-dice, a case where the mean Dice of its muscles is below --case-dice. Half of the people give the coefficients
of the two logistic models (scikit-learn), the other half the figures: the area under the ROC curve with a 95 % interval
from a bootstrap of people, and what share of the failures a person finds who looks at the fifth of all labels with the
highest risk. A feature that would lower the risk where it is worse is left out, for it only makes up for another.

With --write the models go into risk.json beside the weights, with a line in SHA256SUMS.

    .venv/bin/python benchmarks/segmentation_risk.py --model resources/models/thigh --write
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from myot2.core.labels import read_labels
from myot2.segment.model import load_model
from myot2.segment.risk import ANY, Logistic, Risk, case_features, muscle_features, save_risk
from myot2.train.failures import Judged, judge_person

ROOT = Path(__file__).parents[1]
OWN = ("slice_change", "slice_break", "roughness", "medial", "back", "size")
"""What depends on a muscle's own shape and place is compared with what is typical of that muscle."""

LEAST_TYPICAL = 20
"""Right labels of a muscle that tell what is typical of it."""

NARROWEST = 0.02
"""No standard deviation is taken to be smaller: most figures lie between 0 and 1."""

DRAWS = 2000


@dataclass(frozen=True)
class Sample:
    """What a model is fitted to or tried on: features, whose they are, and whether that failed."""

    features: Mapping[str, float | None]
    who: str
    person: int
    by_image: bool
    failed: bool


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "resources" / "models" / "thigh", help="model folder")
    parser.add_argument("--label-table", type=Path, default=ROOT / "config" / "labels.tsv", help="label table")
    parser.add_argument("--people", type=int, default=20, help="simulated people, half of them to try (default 20)")
    parser.add_argument("--seed", type=int, default=20261128, help="seed of people, spoilings and bootstrap")
    parser.add_argument("--muscle-dice", type=float, default=0.8, help="a muscle below it has failed (default 0.8)")
    parser.add_argument("--case-dice", type=float, default=0.85, help="a case below it has failed (default 0.85)")
    parser.add_argument("--threads", type=int, default=1, help="threads of the network (default 1)")
    parser.add_argument("--write", action="store_true", help="write risk.json into the model folder")
    options = parser.parse_args(argv)
    table, model = read_labels(options.label_table), load_model(options.model)
    judged: list[Judged] = []
    for person in range(options.people):
        judged += judge_person(options.seed, person, model, table, threads=options.threads)
        print(f"person {person + 1} of {options.people}", file=sys.stderr)
    risk = calibrate(judged, model.weights_sha256, options)
    print_ways(judged, options)
    for name in ("Muscle", "Case"):
        print_result(name, risk.calibration[name])
    if options.write:
        save_risk(options.model, risk)
    return 0


def calibrate(judged: Sequence[Judged], weights_sha256: str, options: argparse.Namespace) -> Risk:
    """Fit both models to the even people, try them on the odd ones."""
    muscles = muscle_samples(judged, options.muscle_dice)
    muscle = fit([sample for sample in muscles if sample.person % 2 == 0])
    cases = case_samples(judged, options.case_dice, muscle)
    case = fit([sample for sample in cases if sample.person % 2 == 0])
    calibration = {
        "Script": "benchmarks/segmentation_risk.py",
        "Seed": options.seed,
        "People": "simulated, shapes of people held out of training",
        "FittedTo": (options.people + 1) // 2,
        "TriedOn": options.people // 2,
        "Muscle": {"Failure": f"Dice below {options.muscle_dice:g}", **try_on(muscle, muscles, options.seed)},
        "Case": {
            "Failure": f"mean Dice of the muscles below {options.case_dice:g}",
            **try_on(case, cases, options.seed),
        },
    }
    return Risk(weights_sha256, muscle, case, calibration)


def muscle_samples(judged: Sequence[Judged], limit: float) -> list[Sample]:
    """All muscles that have a voxel."""
    return [
        Sample(muscle_features(row, one.muscles), row["name"], one.person, one.by_image, score < limit)
        for one in judged
        for row, score in zip(one.muscles, one.dice, strict=True)
        if row["voxels"]
    ]


def case_samples(judged: Sequence[Judged], limit: float, muscle: Logistic) -> list[Sample]:
    """All label maps with a muscle."""
    return [
        Sample(features, ANY, one.person, one.by_image, mean_dice(one) < limit)
        for one in judged
        if (features := case_features(one.muscles, muscle))
    ]


def mean_dice(judged: Judged) -> float:
    """Mean over the muscles that truth or labels have."""
    return float(np.mean([score for score in judged.dice if score is not None]))


def fit(samples: Sequence[Sample]) -> Logistic:
    """The logistic model without the features whose coefficient is not positive, the most negative left out first."""
    typical = typical_of([sample for sample in samples if not sample.failed])
    names = list(typical[ANY])
    failed = np.array([sample.failed for sample in samples])
    while True:
        model = Logistic(0.0, dict.fromkeys(names, 1.0), typical)
        standard = [list(model.standardise(sample.features, sample.who).values()) for sample in samples]
        fitted = LogisticRegression(C=1.0, max_iter=5000).fit(np.array(standard), failed)
        (weights,) = fitted.coef_
        if weights.min() > 0 or len(names) == 1:
            break
        names.pop(int(weights.argmin()))
    coefficients = {name: round(float(weight), 4) for name, weight in zip(names, weights, strict=True)}
    scales = {who: {name: scale[name] for name in names if name in scale} for who, scale in typical.items()}
    return Logistic(round(float(fitted.intercept_[0]), 4), coefficients, scales)


def typical_of(right: Sequence[Sample]) -> dict[str, dict[str, tuple[float, float]]]:
    """Mean and standard deviation of each feature among right labels: of all, and of each muscle's own."""
    names = list(right[0].features)
    typical = {ANY: {name: scale_of([sample.features[name] for sample in right]) for name in names}}
    for who in sorted({sample.who for sample in right} - {ANY}):
        own = [sample.features for sample in right if sample.who == who]
        if len(own) >= LEAST_TYPICAL:
            typical[who] = {name: scale_of([features[name] for features in own]) for name in OWN}
    return typical


def scale_of(values: Sequence[float | None]) -> tuple[float, float]:
    """Mean and standard deviation of the known values."""
    known = np.array([value for value in values if value is not None])
    return round(float(known.mean()), 4), round(max(float(known.std()), NARROWEST), 4)


def try_on(model: Logistic, samples: Sequence[Sample], seed: int) -> dict[str, Any]:
    """How well the model tells failures among the people it was not fitted to."""
    unseen = [sample for sample in samples if sample.person % 2]
    scores = np.array([model.score(sample.features, sample.who) for sample in unseen])
    failed = np.array([sample.failed for sample in unseen])
    people = np.array([sample.person for sample in unseen])
    images = np.array([sample.by_image for sample in unseen])
    worst = np.argsort(-scores, kind="stable")[: round(0.2 * len(scores))]
    return {
        "Labels": len(unseen),
        "Failures": int(failed.sum()),
        "Auc": rounded(roc_auc_score(failed, scores)),
        "AucInterval": interval(failed, scores, people, seed),
        "AucOfImages": rounded(roc_auc_score(failed[images], scores[images])),
        "AucOfCorruptedLabels": rounded(roc_auc_score(failed[~images], scores[~images])),
        "FoundInWorstFifth": rounded(failed[worst].sum() / failed.sum()),
        "MostThatCouldBe": rounded(min(len(worst) / failed.sum(), 1)),
        "FoundAtHalf": rounded((scores[failed] > 0).mean()),
        "FalseAtHalf": rounded((scores[~failed] > 0).mean()),
    }


def interval(failed: np.ndarray, scores: np.ndarray, people: np.ndarray, seed: int) -> list[float]:
    """95 % interval of the area by a bootstrap of people: labels of one person are no independent samples."""
    rng = np.random.default_rng(seed)
    places = [np.flatnonzero(people == person) for person in np.unique(people)]
    areas = []
    while len(areas) < DRAWS:
        drawn = np.concatenate([places[number] for number in rng.integers(len(places), size=len(places))])
        if 0 < failed[drawn].sum() < len(drawn):
            areas.append(roc_auc_score(failed[drawn], scores[drawn]))
    return [rounded(value) for value in np.percentile(areas, [2.5, 97.5])]


def rounded(value: float) -> float:
    """Three decimals."""
    return round(float(value), 3)


def print_ways(judged: Sequence[Judged], options: argparse.Namespace) -> None:
    """How often each way to fail did fail."""
    print(f"{'way':24} {'label maps':>10} {'no thigh':>9} {'mean Dice':>10} {'failed':>7}")
    for way in dict.fromkeys(one.way for one in judged):
        found = [mean_dice(one) for one in judged if one.way == way and any(row["voxels"] for row in one.muscles)]
        count = sum(one.way == way for one in judged)
        failed = sum(score < options.case_dice for score in found)
        print(f"{way:24} {count:10} {count - len(found):9} {np.mean(found) if found else 0:10.3f} {failed:7}")


def print_result(name: str, result: Mapping[str, Any]) -> None:
    """The figures of one model, as text."""
    low, high = result["AucInterval"]
    print(
        f"\n{name}: failure is {result['Failure']}; {result['Failures']} of {result['Labels']} failed.\n"
        f"AUC {result['Auc']:.3f} ({low:.3f} to {high:.3f}); images {result['AucOfImages']:.3f}, "
        f"corrupted labels {result['AucOfCorruptedLabels']:.3f}.\n"
        f"The worst fifth by risk holds {result['FoundInWorstFifth']:.0%} of the failures, where "
        f"{result['MostThatCouldBe']:.0%} is the most that could be.\n"
        f"Risk of at least 0.5: {result['FoundAtHalf']:.0%} of the failures, {result['FalseAtHalf']:.0%} of the others."
    )


if __name__ == "__main__":
    sys.exit(main())
