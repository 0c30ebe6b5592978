"""The configuration of the stage segment, and which of its settings exclude each other."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import Field

from myot2.core.config_section import Section

Fold = Annotated[int, Field(ge=0)] | Literal["all"]


class LabelFat(Section):
    """What is done about fat inside muscle labels, where a Dixon scan or a given map tells it (fit.fat.fraction)."""

    limit: float = Field(0.5, gt=0, le=1, description="Voxels of a muscle with a larger fat fraction count as fat.")
    action: Literal["flag", "cut", "keep"] = Field(
        "flag",
        description="Count them and flag muscles with many; take their label off them; or do not look. Disease "
        "replaces muscle by fat, so cutting may cut muscle. Where water and fat images are looked at, the shipped "
        "network asks the water image where muscles end.",
    )


class Segment(Section):
    """Where the muscle labels come from; docs/how-to/other-models.md describes what is not MyoT2's own."""

    backend: Literal["myot2", "monai-bundle", "nnunet", "totalsegmentator", "musclemap", "labels"] = Field(
        "myot2",
        description="Who labels the muscles: the shipped network, a MONAI bundle, a trained model of nnU-Net, "
        "TotalSegmentator, MuscleMap's network, or label maps you give (from DAFNE or a hand).",
    )
    image: Literal["in", "opp", "water", "fat"] = Field("in", description="The Dixon image that is labelled.")
    model: str = Field(
        "resources/models/thigh",
        description="The model: a folder, or for musclemap the file of its weights with its JSON beside it.",
    )
    version: str | None = Field(
        None,
        pattern=r"^(\d+\.\d+\.\d+|current)$",
        description="Where model is a folder of versions (learn.models): a number such as 1.1.0, which later learning "
        "does not change, or current; null for a model folder.",
    )
    weights_sha256: str | None = Field(
        None,
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 of the weights of monai-bundle or musclemap, where no SHA256SUMS beside them lists it.",
    )
    overlap: float = Field(
        0.9, ge=0, lt=1, description="Part of its window by which musclemap's windows overlap; less is faster."
    )
    folds: list[Fold] = Field([], description="Folds of the model that nnunet uses; empty: all that it has.")
    task: str = Field("thigh_shoulder_muscles_mr", description="Task of totalsegmentator.")
    given: str | None = Field(
        None,
        description="Path of the given label maps, or of folders with a mask per muscle, with {participant_id} and "
        "{session} in it where they differ.",
    )
    numbering: Literal["myot2", "musclemap", "qmritools", "dafne"] = Field(
        "myot2",
        description="Whose numbers or names stand in the label maps, the bundle or the nnU-Net model: the column of "
        "the label table. Full names of muscles are known under each.",
    )
    ignore: list[str | int] = Field(
        [],
        description="Structures of the model or label map that become background; patterns such as 'gluteus*' or '*'. "
        "Any other that the label table does not know is refused.",
    )
    fat: LabelFat = Field(LabelFat(), description=LabelFat.__doc__)


_MODELS = ("myot2", "monai-bundle", "nnunet", "totalsegmentator", "musclemap")
_ONLY = {
    "image": _MODELS,
    "model": _MODELS,
    "version": ("myot2",),
    "weights_sha256": ("monai-bundle", "musclemap"),
    "overlap": ("musclemap",),
    "folds": ("nnunet",),
    "task": ("totalsegmentator",),
    "given": ("labels",),
    "numbering": ("monai-bundle", "nnunet", "labels"),
    "fat": _MODELS,
    "ignore": ("monai-bundle", "nnunet", "totalsegmentator", "musclemap", "labels"),
}
"""The settings that go with some backends only."""


def contradictions_of_segment(segment: Segment, dixon: Collection[str]) -> list[tuple[bool, str, str]]:
    """What a backend needs, and what goes with some only: whether it is amiss, and the two settings.

    `dixon` names the Dixon images that there are.
    """
    defaults = Segment()
    backend, own = f"segment.backend: {segment.backend}", segment.backend in ("myot2", "labels")
    return [
        (segment.backend != "labels" and segment.image not in dixon, backend, f"no {segment.image!r} in ingest.dixon"),
        (segment.backend == "labels" and not segment.given, backend, "segment.given: null"),
        (not own and segment.model == defaults.model, backend, f"segment.model: {segment.model}"),
        *(
            (
                segment.backend not in backends and getattr(segment, key) != getattr(defaults, key),
                backend,
                f"segment.{key}",
            )
            for key, backends in _ONLY.items()
        ),
    ]
