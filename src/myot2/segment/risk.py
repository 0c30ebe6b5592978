"""The risk that a label map, or one muscle of it, has failed: logistic models of the quality figures.

The coefficients belong to the weights of a network and lie beside them, in `risk.json`. They come from simulated
failures (benchmarks/segmentation_risk.py), and the file says what counts as one and how well failures are told.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from myot2.core.errors import MyoT2Error
from myot2.core.files import sha256, write_json, write_text
from myot2.segment.weights import CHECKSUMS, read_checksums

FILE = "risk.json"
FARTHEST = 6.0
"""Standard deviations beyond which a figure counts no more: one wild figure is not to outweigh all others."""

LARGEST_ASYMMETRY = 1.5
"""Logarithm of a ratio of 4.5: a muscle that much larger than its fellow is as odd as one whose fellow is missing."""

TWO_SIDED = ("medial", "back", "size")
"""Features of which too little is as odd as too much: their distance from what is typical counts."""

ANY = "any"
"""In place of a muscle's name: figures that are typical of all."""


@dataclass(frozen=True)
class Logistic:
    """A logistic model of figures that are standardised by what is typical.

    Attributes
    ----------
    intercept : float
    coefficients : dict
        Feature to its coefficient, per standard deviation.
    typical : dict
        Muscle, or `ANY`, to feature to (mean, standard deviation) among labels that are right. What a muscle lacks is
        that of `ANY`, which has all.
    """

    intercept: float
    coefficients: Mapping[str, float]
    typical: Mapping[str, Mapping[str, tuple[float, float]]]

    def standardise(self, features: Mapping[str, float | None], who: str = ANY) -> dict[str, float]:
        """(value - mean) / standard deviation of each feature of the model; 0, as typical, where it is not known."""
        scales = {name: {**self.typical[ANY], **self.typical.get(who, {})}[name] for name in self.coefficients}
        known = {name: features[name] for name in self.coefficients if features.get(name) is not None}
        standard = {
            name: max(-FARTHEST, min((known[name] - mean) / deviation, FARTHEST)) if name in known else 0.0
            for name, (mean, deviation) in scales.items()
        }
        return {name: abs(value) if name in TWO_SIDED else value for name, value in standard.items()}

    def score(self, features: Mapping[str, float | None], who: str = ANY) -> float:
        """The logit of the probability."""
        standard = self.standardise(features, who)
        return self.intercept + math.fsum(weight * standard[name] for name, weight in self.coefficients.items())

    def probability(self, features: Mapping[str, float | None], who: str = ANY) -> float:
        """1 / (1 + exp(-score)), four decimals."""
        return round(0.5 * (1 + math.tanh(self.score(features, who) / 2)), 4)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Logistic:
        """Read what `to_json` gave."""
        typical = {
            who: {name: tuple(scale) for name, scale in scales.items()} for who, scales in content["Typical"].items()
        }
        return cls(content["Intercept"], dict(content["Coefficients"]), typical)

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        typical = {who: {name: list(scale) for name, scale in scales.items()} for who, scales in self.typical.items()}
        return {"Intercept": self.intercept, "Coefficients": dict(self.coefficients), "Typical": typical}


@dataclass(frozen=True)
class Risk:
    """The risk models of one network.

    Attributes
    ----------
    model_sha256 : str
        SHA-256 of the weights whose figures they were calibrated on.
    muscle, case : Logistic
    calibration : dict
        What counts as a failure, on whom it was calibrated and how well it tells them; for the reader.
    """

    model_sha256: str
    muscle: Logistic
    case: Logistic
    calibration: Mapping[str, Any]

    def of_muscle(self, row: Mapping[str, Any], muscles: Sequence[Mapping[str, Any]]) -> float | None:
        """The risk (0-1) of a muscle among those of its case, rows of `myot2.segment.quality.describe`.

        None where it has no voxel, or where the labels are not a network's: its doubt is what tells most.
        """
        if not row["voxels"] or row["mean_entropy"] is None:
            return None
        return self.muscle.probability(muscle_features(row, muscles), row["name"])

    def of_case(self, muscles: Sequence[Mapping[str, Any]]) -> float | None:
        """The risk (0-1) of a case by its muscles; None where none has a risk."""
        features = case_features(muscles, self.muscle)
        return None if features is None else self.case.probability(features)


def muscle_features(row: Mapping[str, Any], muscles: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """What the risk of a muscle is judged by; more is worse, None is unknown.

    `doubt` 1 - mean confidence; `entropy`; `disagreement` 1 - agreement of the votes (1 where no vote has the muscle);
    `slice_change` and `slice_break` 1 - mean and lowest Dice of neighbouring slices; `roughness`; `fat` its share;
    `asymmetry` |log(L / R)|, at most `LARGEST_ASYMMETRY`; `other_leg` the share beyond the middle.
    """
    fellows = [other for other in muscles if other["name"] == row["name"] and other["side"] != row["side"]]
    asymmetry = None
    if fellows:
        voxels = fellows[0]["voxels"]
        ratio = abs(math.log(row["voxels"] / voxels)) if voxels else LARGEST_ASYMMETRY
        asymmetry = min(ratio, LARGEST_ASYMMETRY)
    return {
        "doubt": _less_than_one(row["mean_confidence"]),
        "entropy": row["mean_entropy"],
        "disagreement": _less_than_one(row["agreement"] or 0.0),
        "slice_change": _less_than_one(row["slice_dice_mean"]),
        "slice_break": _less_than_one(row["slice_dice_lowest"]),
        "roughness": row["roughness"],
        "fat": row["fat_share"],
        "asymmetry": asymmetry,
        "medial": row["medial"],
        "back": row["back"],
        "size": math.log(row["share"]) if row["share"] else None,
        "other_leg": row["other_leg"],
    }


def case_features(muscles: Sequence[Mapping[str, Any]], model: Logistic) -> dict[str, float] | None:
    """What the risk of a case is judged by; None where no muscle can be judged.

    `mean_score` is the mean score of its muscles by their model, `worst_score` the mean of the worst quarter,
    `one_sided` the share of muscles that are labelled in one leg only, of those that are labelled at all.
    """
    present = [row for row in muscles if row["voxels"] and row["mean_entropy"] is not None]
    if not present:
        return None
    scores = sorted((model.score(muscle_features(row, muscles), row["name"]) for row in present), reverse=True)
    worst = scores[: max(len(scores) // 4, 1)]
    names = {row["name"] for row in present}
    judged = {(row["name"], row["voxels"] > 0) for row in muscles}
    one_sided = sum((name, False) in judged for name in names)
    return {
        "mean_score": math.fsum(scores) / len(scores),
        "worst_score": math.fsum(worst) / len(worst),
        "one_sided": one_sided / len(names),
    }


def load_risk(folder: str | Path, weights_sha256: str) -> Risk | None:
    """The risk models beside a network's weights; None where the folder has none.

    Raises
    ------
    MyoT2Error
        The file differs from its checksum in SHA256SUMS, has none there, or belongs to other weights.
    """
    path = Path(folder) / FILE
    sums = read_checksums(Path(folder) / CHECKSUMS)
    if not path.is_file() and FILE not in sums:
        return None
    found = sha256(path) if path.is_file() else "no such file"
    if sums.get(FILE) != found:
        raise MyoT2Error(
            expected=f"SHA-256 {sums.get(FILE, 'listed in ' + CHECKSUMS)}",
            found=found,
            where=path,
            do="Restore the file from its source, or make it anew with benchmarks/segmentation_risk.py.",
        )
    content = json.loads(path.read_text(encoding="utf-8"))
    if content["ModelSha256"] != weights_sha256:
        raise MyoT2Error(
            expected=f"the risk of the weights with SHA-256 {weights_sha256}",
            found=f"that of {content['ModelSha256']}",
            where=path,
            do="Run benchmarks/segmentation_risk.py with this model, or remove the file and its line in SHA256SUMS.",
        )
    muscle, case = (Logistic.from_json(content[key]) for key in ("Muscle", "Case"))
    return Risk(content["ModelSha256"], muscle, case, content["Calibration"])


def save_risk(folder: str | Path, risk: Risk) -> None:
    """Write `risk.json` into a model's folder, and its checksum into SHA256SUMS."""
    folder = Path(folder)
    content = {
        "ModelSha256": risk.model_sha256,
        "Calibration": dict(risk.calibration),
        "Muscle": risk.muscle.to_json(),
        "Case": risk.case.to_json(),
    }
    write_json(folder / FILE, content)
    sums = {**read_checksums(folder / CHECKSUMS), FILE: sha256(folder / FILE)}
    write_text(folder / CHECKSUMS, "".join(f"{digest}  {name}\n" for name, digest in sums.items()))


def _less_than_one(value: float | None) -> float | None:
    return None if value is None else 1 - value
