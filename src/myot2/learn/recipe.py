"""How a site learns: every parameter and seed, read from one YAML file (config/learn/thigh.yaml)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from myot2.core.config_section import Section
from myot2.learn.gate import Limits
from myot2.train.recipe import Cycle, Recipe, read_validated

Share = Annotated[float, Field(ge=0, le=1)]
LOCAL, GENERAL = "local", "general"


class Augmentation(Section):
    """How a corrected slice is varied each time it is shown; small, for what a person drew is to stay true."""

    rotate_degrees: float = Field(ge=0, le=45)
    scale: float = Field(ge=0, lt=0.5)
    translate_pixels: float = Field(ge=0)
    brightness: float = Field(ge=0, lt=0.5, description="most change of contrast and mean, in SD of the body")
    noise: float = Field(ge=0, lt=1, description="most SD of added noise, in SD of the body")


class Tuning(Section):
    """The steps by which weights change: AdamW, its rate rising and falling once (see `myot2.train.loop`)."""

    seed: int
    threads: int = Field(gt=0, description="of the arithmetic; sums depend on their number, so it is not the machine's")
    steps: int = Field(gt=0)
    peak_learning_rate: float = Field(gt=0)
    warm_up_share: Share
    weight_decay: float = Field(ge=0)
    gradient_clip: float = Field(gt=0)
    slices: int = Field(gt=0, description="corrected slices per step")
    replay_slabs: int = Field(ge=0, description="synthetic slabs per step; 0: no replay")
    replay_slices: int = Field(gt=0, description="neighbouring slices of such a slab that are labelled")
    replay_weight: Share = Field(description="weight of the synthetic slices in the loss; the rest is the corrections'")
    augmentation: Augmentation


class Replay(Section):
    """The synthetic people that are shown beside the corrections: so many of the atlas of a training recipe."""

    people: int = Field(gt=0)
    seed: int


class Validation(Section):
    """On whom a model is judged: frozen, and never learned from."""

    local_share: float = Field(gt=0, lt=1, description="share of the site's people who are held out, rounded up")
    people: int = Field(gt=0, description="synthetic people, of those whom no training draws")
    seed: int
    images: tuple[str, ...] = Field(min_length=1, description="the Dixon images of each: in, opp, water, fat")


class LearningRecipe(Section):
    """All of it."""

    tuning: Tuning
    replay: Replay
    validation: Validation
    limits: Limits

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return self.model_dump(mode="json")

    def digest(self, training: Recipe) -> str:
        """SHA-256 of this recipe and of the training recipe whose synthetic people it shows."""
        return hashlib.sha256(f"{self.model_dump_json()}\n{training.model_dump_json()}".encode()).hexdigest()


def replay_recipe(training: Recipe, recipe: LearningRecipe) -> Recipe:
    """The training recipe cut down to what is replayed: people of the atlas alone, and this tuning's steps.

    Label maps of real thighs are left out, which a site need not have.
    """
    population, tuning = training.population, recipe.tuning
    atlas = population.atlas.model_copy(update={"count": recipe.replay.people, "seed": recipe.replay.seed})
    strangers = population.strangers and population.strangers.model_copy(
        update={"count": min(population.strangers.count, max(recipe.replay.people // 4, 1))}
    )
    population = population.model_copy(update={"atlas": atlas, "maps": None, "strangers": strangers})
    cycle = tuning_cycle(tuning)
    optimisation = training.optimisation.model_copy(update={"seeds": (tuning.seed,), "cycles": (cycle,)})
    return training.model_copy(update={"population": population, "optimisation": optimisation})


def tuning_cycle(tuning: Tuning) -> Cycle:
    """The steps of a tuning as those of a training: one rise and fall of the learning rate."""
    return Cycle(
        steps=tuning.steps,
        slabs=max(tuning.replay_slabs, 1),
        slices=tuning.replay_slices,
        peak_learning_rate=tuning.peak_learning_rate,
        warm_up_share=tuning.warm_up_share,
    )


def read_learning_recipe(path: str | Path) -> LearningRecipe:
    """Read and validate a recipe of learning; errors as of `myot2.train.recipe.read_validated`."""
    return read_validated(path, LearningRecipe, "a recipe of learning as config/learn/thigh.yaml shows it")
