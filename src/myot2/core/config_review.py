"""The configuration of review: where a person's decisions and corrected masks lie, and how cases are shown."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from myot2.core.config_section import Section

Rater = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,32}$")]


class Review(Section):
    """Decisions about scans, and masks that a person corrected; docs/how-to/review.md."""

    folder: str = Field(
        "corrections",
        description="Folder of decisions.tsv and of the corrected label maps, <scan>_dseg.nii.gz, on the grid of the "
        "labelled image or of the T2 map.",
    )
    raters: list[Rater] | None = Field(
        None,
        min_length=1,
        description="Whose decisions count: of each scan that of the first of them who decided about it, such as "
        "[consensus, anna]; null: whose stands first in decisions.tsv. Others are compared only.",
    )
    apply: bool = Field(
        True, description="Whether decisions change the results; false: corrected masks are compared only."
    )
    repeats: float = Field(
        0.1, ge=0, le=1, description="Share of the cases that are shown a second time, for intra-rater agreement."
    )
    seed: int = Field(8, ge=0, description="Seed of the order in which cases of like risk are shown, and of repeats.")
