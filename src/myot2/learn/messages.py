"""What sites and their coordinator tell each other beside tensors: every field, its form and its range.

A field that is not named here cannot be sent, and no field takes free text: names are those of the settings and of the
model's structures, all else is numbers and digests. This file is what a data officer reads to know what leaves a site.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
"""Of a federation or a site, from its settings."""

Structure = Annotated[str, Field(pattern=r"^[a-z][a-z ]{0,39}$")]
"""A muscle or bone of the model; which ones is checked against the model."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Version = Annotated[str, Field(pattern=r"^\d{1,4}\.\d{1,4}\.\d{1,4}$")]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=1_000_000, strict=True)]

LEARN, JUDGE, KEEP = "learn", "judge", "keep"
Decline = Literal["no corrections", "its own gate refuses what it learned"]
NO_CORRECTIONS, OWN_GATE = DECLINES = get_args(Decline)


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _OfRound(_Message):
    """What every message of a round begins with."""

    Federation: Name
    Site: Name
    Round: Annotated[int, Field(ge=1, le=100_000, strict=True)]
    Nonce: Digest
    """Drawn by chance for each round: what was signed for another round does not fit."""


class Order(_OfRound):
    """What the coordinator asks of a site; it comes with weights.

    `learn`: learn from your corrections, beginning with these weights, and send the difference. `judge`: measure these
    candidate weights against those of the round's beginning and report. `keep`: these weights were accepted.
    """

    Kind: Literal["learn", "judge", "keep"]
    ParentSha256: Digest
    """Of the weights that the round begins with."""
    WeightsSha256: Digest
    """Of the weights that come with this order."""
    ModelSha256: Digest
    """Of what the networks are (`myot2.learn.updates.model_digest`): to others the same weights mean something else."""
    ClipNorm: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    """Largest L2 norm of an update; the site scales its own down to it."""


class Measure(_Message):
    """Mean Dice of one structure over the site's held-out people, before and after, and how many people these are."""

    People: Count
    Before: Share
    After: Share


class Manifest(_OfRound):
    """What goes with the tensors of an update."""

    Kind: Literal["update"] = "update"
    ParentSha256: Digest
    UpdateSha256: Digest
    UpdateBytes: Annotated[int, Field(gt=0, le=2**33, strict=True)]
    Norm: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    People: Count
    PeopleOf: dict[Structure, Count]
    """People per structure who were learned from; structures without any are left out."""
    Measured: dict[Structure, Measure]
    RecipeSha256: Digest
    Software: Version


class Declined(_OfRound):
    """A site's word that it sends no update in this round; it still judges."""

    Kind: Literal["declined"] = "declined"
    ParentSha256: Digest
    Reason: Decline


class Report(_OfRound):
    """A site's verdict on a candidate."""

    Kind: Literal["report"] = "report"
    ParentSha256: Digest
    CandidateSha256: Digest
    Accepted: bool
    Lost: tuple[Structure, ...]
    """Structures that lose more than the site's limit."""
    Measured: dict[Structure, Measure]
    Generality: Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)] | None
    """Change of mean Dice on the site's synthetic people; None where it has none."""


class Receipt(_OfRound):
    """A site's word that it has kept accepted weights."""

    Kind: Literal["kept"] = "kept"
    WeightsSha256: Digest
