"""The configuration of learning: where a model's versions lie, and by which recipes a site learns."""

from __future__ import annotations

from pydantic import Field

from myot2.core.config_section import Section


class Learn(Section):
    """Learning from accepted and corrected masks (make learn); docs/how-to/learn.md."""

    models: str = Field("models", description="Folder of the versions of the site's model, outside of the results.")
    start: str = Field("resources/models/thigh", description="The model that version 1.0.0 is a copy of.")
    recipe: str = Field(
        "config/learn/thigh.yaml", description="Every parameter and seed of learning, and the limits of the gate."
    )
    training: str = Field(
        "config/train/thigh.yaml", description="Recipe of training: how the synthetic people look that are replayed."
    )
