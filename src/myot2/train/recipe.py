"""The training recipe: every parameter and seed of a model, read from one YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from myot2.core.errors import MyoT2Error
from myot2.core.labels import LabelTable
from myot2.segment.model import ModelConfiguration

Share = Annotated[float, Field(ge=0, le=1)]
Range = tuple[float, float]
Kind = TypeVar("Kind", bound=BaseModel)


class Section(BaseModel):
    """A part of the recipe; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Network(Section):
    """Architecture and field of the network; see `myot2.segment.model.ModelConfiguration`."""

    pixel_mm: float = Field(gt=0)
    crop_pixels: int = Field(gt=0)
    context: int = Field(ge=0)
    channels: tuple[int, ...]
    strides: tuple[int, ...]
    residual_units: int = Field(ge=0)


class AtlasPeople(Section):
    """People drawn between the atlas's training people.

    They reach `half_length_mm` above and below each person's slice position. A share of them has lost up to a fraction
    `atrophy_most` of their muscle.
    """

    seed: int
    count: int = Field(ge=0)
    half_length_mm: float = Field(gt=0)
    atrophy_share: Share
    atrophy_most: Share


class Variation(Section):
    """Ranges of the tissues that are drawn about a completed thigh: mm, shares."""

    fat_mm: Range = Field(description="mean thickness of subcutaneous fat")
    septum_mm: Range = Field(description="half the room between neighbouring muscles")
    cortex: Range = Field(description="thickness of the femur's cortex relative to the atlas's")
    pressed_share: Share = Field(description="share whose fat is pressed flat against the other leg")
    atrophy_share: Share
    atrophy_most: Share


class LabelMaps(Section):
    """Label maps of real thighs, each completed once and kept in some variants."""

    seed: int
    variants: int = Field(gt=0)
    variation: Variation


class Strangers(Section):
    """Limbs that are no thigh (see `myot2.train.strangers`)."""

    seed: int
    count: int = Field(gt=0)


class Population(Section):
    """The people whose anatomy is made once and kept, by the sampling of the kept volumes.

    `in_plane_mm` and `slice_mm` are their voxels, `width_mm` is their side in the plane.
    """

    in_plane_mm: float = Field(gt=0)
    slice_mm: float = Field(gt=0)
    width_mm: float = Field(gt=0)
    atlas: AtlasPeople
    maps: LabelMaps | None = None
    strangers: Strangers | None = None


class Geometry(Section):
    """How slabs are cut out of a kept volume: mm, degrees, relative scale."""

    slice_distance_mm: Range
    stratified: Share = Field(description="share of slabs that are laid about one muscle, each as likely")
    slice_fill: Range = Field(description="slice thickness as a share of the slice distance")
    rotate_degrees: float = Field(ge=0)
    scale: float = Field(ge=0, lt=1)
    shear: float = Field(ge=0, lt=1)
    tilt: float = Field(ge=0, lt=1, description="shift in the plane per millimetre along the leg")
    translate_mm: float = Field(ge=0)
    elastic_spacing_mm: float = Field(gt=0)
    elastic_mm: float = Field(ge=0)
    repeat_ends: Share = Field(description="share of slabs that are continued by their outermost slices")


class Kinds(Section):
    """Relative frequencies of the kinds of image; see `myot2.train.appearance`."""

    in_phase: float = Field(ge=0)
    opposed: float = Field(ge=0)
    water: float = Field(ge=0)
    fat: float = Field(ge=0)
    stir: float = Field(ge=0)
    random: float = Field(ge=0)


class Contrast(Section):
    """What images look like, and how they are degraded."""

    kinds: Kinds
    patient_share: Share = Field(description="share of slabs with oedema and fatty replacement beyond normal")
    infiltration: tuple[float, float] = Field(description="shape of the beta distribution of a muscle's fat fraction")
    swap_share: Share = Field(description="share of water and fat images in which a region has them swapped")
    bias: float = Field(ge=0, description="largest coefficient of the polynomial bias field")
    coil_share: Share = Field(description="share of slabs with the bright rim of a surface coil")
    coil_gain: float = Field(ge=0, description="most that a coil adds at its place, relative")
    gamma: Range
    blur_pixels: Range
    coarse_share: Share = Field(description="share of slabs that are acquired with larger pixels")
    coarsest: float = Field(gt=0, le=1, description="pixels kept per axis in the coarsest of these")
    ghost_share: Share
    void_share: Share = Field(description="share of slabs with a hole as metal leaves it")
    noise: Range = Field(description="standard deviation of the noise relative to the brightest tissue")
    cut_share: Share = Field(description="share of slabs whose field ends before the skin")


class Cycle(Section):
    """One rise and fall of the learning rate; its first part is the rise.

    A cycle with `stop_after` ends after that many steps, before its rate has fallen.
    """

    steps: int = Field(gt=0)
    slabs: int = Field(gt=0, description="slabs per batch")
    slices: int = Field(gt=0, description="neighbouring slices of a slab that are labelled")
    peak_learning_rate: float = Field(gt=0)
    warm_up_share: Share
    stop_after: int | None = Field(default=None, gt=0)

    @property
    def length(self) -> int:
        """Steps that are done."""
        return min(self.steps, self.stop_after or self.steps)


class Optimisation(Section):
    """Cycles of the learning rate and the optimiser; one network of the ensemble per seed."""

    seeds: tuple[int, ...] = Field(min_length=1)
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
        """The configuration of the model that this recipe trains, with the muscles of a label table and the femur."""
        return ModelConfiguration(name=self.name, structures=table.structures, **self.network.model_dump())


def read_recipe(path: str | Path) -> Recipe:
    """Read and validate a recipe of training; errors as of `read_validated`."""
    return read_validated(path, Recipe, "a training recipe as config/train/thigh.yaml shows it")


def read_validated(path: str | Path, kind: type[Kind], expected: str) -> Kind:
    """Read a YAML file that holds what a model of pydantic describes.

    Raises
    ------
    MyoT2Error
        A key is missing, unknown, or has a value out of range; all of them are named.
    """
    content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise MyoT2Error(expected=expected, found=found, where=path, do="Correct these keys.") from error
