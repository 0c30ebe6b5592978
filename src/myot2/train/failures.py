"""Labels that failed, and labels that did not, with what is known of each: what a risk is calibrated on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.core.fat_fraction import from_water_fat
from myot2.core.images import array_of, image_like
from myot2.core.labels import LabelTable
from myot2.segment.inference import Segmentation, segment_image
from myot2.segment.model import Model
from myot2.segment.overlap import dice
from myot2.segment.quality import Evidence, describe
from myot2.train.corruption import CORRUPTIONS
from myot2.train.spoiling import SPOILINGS
from myot2.train.trials import Trial, draw_trial

AS_THEY_ARE = ("in", "opp", "water")
"""Dixon images that are labelled without being spoiled."""

REPLACED = "replaced by fat"
CORRUPTIONS_EACH = 4
"""Of each person's in-phase labels so many are made wrong, each in another way: a quarter of all label maps. Networks
mostly show their doubt when they fail, so what hides it is the smaller part."""


@dataclass(frozen=True)
class Judged:
    """A label map of a simulated person: how it came about, its figures, and how right it is.

    Attributes
    ----------
    person : int
    way : str
        Name of the image, of its spoiling, or of the corruption of its labels.
    by_image : bool
        Whether the network labelled an image, rather than its labels having been corrupted.
    muscles : sequence of mapping
        `Muscles` of `myot2.segment.quality.describe`; empty where no thigh was found.
    dice : sequence of float or None
        Of each of them; None where neither truth nor labels have the muscle.
    """

    person: int
    way: str
    by_image: bool
    muscles: Sequence[Mapping[str, Any]]
    dice: Sequence[float | None]


def judge_person(seed: int, person: int, model: Model, table: LabelTable, *, threads: int = 1) -> list[Judged]:
    """Label a simulated person's images, spoiled in every way, corrupt some of the labels, and judge them all.

    The same seed and number give the same person and the same spoilings. An image that is refused gives nothing.
    """
    rng = np.random.default_rng([seed, person, 1])
    judged = []
    for way, image, trial in _images(seed, person, table, rng):
        try:
            found = segment_image(image, model, table, threads=threads)
        except MyoT2Error:  # of a leg alone, in the middle of the field, nobody can tell which it is
            continue
        evidence = _evidence(found, trial)
        judged.append(_judge(person, way, True, found.labels, found, evidence, trial, table))
        labels = array_of(found.labels)
        if way == "in" and np.isin(labels, table.muscle_indices()).any():
            spacing = found.labels.GetSpacing()[::-1]
            for name in rng.permutation([*CORRUPTIONS])[:CORRUPTIONS_EACH]:
                wrong = CORRUPTIONS[name](labels, spacing, table, rng.random(), rng)
                changed = image_like(wrong, found.labels)
                judged.append(_judge(person, str(name), False, changed, found, evidence, trial, table))
    return judged


def _images(
    seed: int, person: int, table: LabelTable, rng: np.random.Generator
) -> Iterator[tuple[str, sitk.Image, Trial]]:
    trial = draw_trial(seed, person, table)
    for name in AS_THEY_ARE:
        yield name, trial.images[name], trial
    replaced = draw_trial(seed, person, table, replaced_share=rng.random())
    yield REPLACED, replaced.images["in"], replaced
    for name, spoil in SPOILINGS.items():
        yield name, *spoil(trial, rng.random(), rng)


def _evidence(found: Segmentation, trial: Trial) -> Evidence:
    fraction = from_water_fat(*(array_of(trial.images[name]) for name in ("water", "fat", "in"))).fraction
    return Evidence(
        confidence=found.confidence,
        entropy=found.entropy,
        agreement=found.agreement,
        cropped_sides=found.cropped_sides,
        foreign_sides=found.foreign_sides,
        fat_fraction=image_like(fraction, trial.truth),
    )


def _judge(
    person: int,
    way: str,
    by_image: bool,
    labels: sitk.Image,
    found: Segmentation,
    evidence: Evidence,
    trial: Trial,
    table: LabelTable,
) -> Judged:
    muscles = describe(labels, table, sides=found.sides, evidence=evidence)["Muscles"]
    values, truth = array_of(labels), array_of(trial.truth)
    scores = [dice(values == row["index"], truth == row["index"]) for row in muscles]
    return Judged(person, way, by_image, muscles, scores)
