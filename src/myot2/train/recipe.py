"""The training recipe: every parameter and seed of a model, read from one YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from myot2.core.errors import MyoT2Error
from myot2.core.labels import LabelTable
from myot2.segment.model import ModelConfiguration

Share = Annotated[float, Field(ge=0, le=1)]
Range = tuple[float, float]


class Section(BaseModel):
    """A part of the recipe; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Network(Section):
    """Architecture and field of the network; see `myot2.segment.model.ModelConfiguration`."""

    pixel_mm: float = Field(gt=0)
    crop_pixels: int = Field(gt=0)
    slab_slices: int = Field(gt=0)
    channels: tuple[int, ...]
    strides: tuple[tuple[int, int, int], ...]
    residual_units: int = Field(ge=0)


class Population(Section):
    """The people whose anatomy is rendered once and kept.

    `in_plane_mm` and `slice_mm` are the sampling of the kept volumes, `half_length_mm` how far they reach above and
    below each person's slice position, `width_mm` their side in the plane. A share of the people has lost up to a
    fraction `atrophy_most` of their muscle.
    """

    seed: int
    count: int = Field(gt=0)
    in_plane_mm: float = Field(gt=0)
    slice_mm: float = Field(gt=0)
    half_length_mm: float = Field(gt=0)
    width_mm: float = Field(gt=0)
    atrophy_share: Share
    atrophy_most: Share


class Geometry(Section):
    """How slabs are cut out of a kept volume: mm, degrees, relative scale."""

    slice_distance_mm: Range
    slice_fill: Range = Field(description="slice thickness as a share of the slice distance")
    rotate_degrees: float = Field(ge=0)
    scale: float = Field(ge=0, lt=1)
    shear: float = Field(ge=0, lt=1)
    translate_mm: float = Field(ge=0)
    elastic_spacing_mm: float = Field(gt=0)
    elastic_mm: float = Field(ge=0)
    repeat_ends: Share = Field(description="share of slabs that are continued by their outermost slices")


class Contrast(Section):
    """Which kinds of image are made, as relative frequencies, and how they are degraded."""

    dixon: float = Field(ge=0, description="T2-weighted in-phase: muscle dark grey, fat bright")
    water: float = Field(ge=0, description="water or fat-suppressed: muscle bright, fat dark")
    opposed: float = Field(ge=0, description="opposed-phase: fat and water cancel where they meet")
    random: float = Field(ge=0, description="any brightness of any tissue")
    patient_share: Share = Field(description="share of slabs with oedema and fatty replacement beyond normal")
    bias: float = Field(ge=0)
    gamma: Range
    blur_pixels: Range
    noise: Range = Field(description="standard deviation of the noise relative to the brightest tissue")
    cut_share: Share = Field(description="share of slabs whose field ends before the skin")


class Cycle(Section):
    """One rise and fall of the learning rate; its first part is the rise.

    A cycle with `stop_after` ends after that many steps, before its rate has fallen.
    """

    steps: int = Field(gt=0)
    batch: int = Field(gt=0)
    peak_learning_rate: float = Field(gt=0)
    warm_up_share: Share
    stop_after: int | None = Field(default=None, gt=0)

    @property
    def length(self) -> int:
        """Steps that are done."""
        return min(self.steps, self.stop_after or self.steps)


class Optimisation(Section):
    """Cycles of the learning rate and the optimiser."""

    seed: int
    cycles: tuple[Cycle, ...] = Field(min_length=1)
    weight_decay: float = Field(ge=0)
    gradient_clip: float = Field(gt=0)
    ema_decay: Share
    checkpoint_every: int = Field(gt=0)

    @property
    def steps(self) -> int:
        """Steps of all cycles."""
        return sum(cycle.length for cycle in self.cycles)

    def place(self, step: int) -> tuple[Cycle, int]:
        """The cycle that a step belongs to, and its number within."""
        for cycle in self.cycles:
            if step < cycle.length:
                return cycle, step
            step -= cycle.length
        raise IndexError("the step lies beyond the last cycle")


class Recipe(Section):
    """All of it."""

    name: str
    network: Network
    population: Population
    geometry: Geometry
    contrast: Contrast
    optimisation: Optimisation

    def configuration(self, table: LabelTable) -> ModelConfiguration:
        """The configuration of the model that this recipe trains, with the muscles of a label table."""
        return ModelConfiguration(name=self.name, muscles=table.muscles, **self.network.model_dump())


def read_recipe(path: str | Path) -> Recipe:
    """Read and validate a recipe.

    Raises
    ------
    MyoT2Error
        A key is missing, unknown, or has a value out of range; all of them are named.
    """
    content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise MyoT2Error(
            expected="a training recipe as config/train/thigh.yaml shows it",
            found=found,
            where=path,
            do="Correct these keys.",
        ) from error
