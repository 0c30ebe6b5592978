"""The shipped network."""

from __future__ import annotations

from pathlib import Path

import SimpleITK as sitk

from myot2.core.labels import LabelTable
from myot2.segment.backends.result import Labelled, Options
from myot2.segment.quality import Evidence
from myot2.segment.risk import load_risk


def segment(image: sitk.Image, table: LabelTable, options: Options, where: str | Path) -> Labelled:
    """Label an axial volume; errors are those of `segment_image`, `load_model` and `load_risk`."""
    # torch takes seconds to import
    from myot2.segment.inference import segment_image
    from myot2.segment.model import load_model

    model = load_model(options.model)
    risk = load_risk(options.model, model.weights_sha256)
    result = segment_image(
        image, model, table, threads=options.threads, side=options.side, water=options.water, where=where
    )
    return Labelled(
        labels=result.labels,
        sides=result.sides,
        record={
            "Model": model.configuration.name,
            "ModelSha256": model.weights_sha256,
            "Borders": {"Image": "labelled" if options.water is None else "water", **result.borders.to_json()},
        },
        evidence=Evidence(
            confidence=result.confidence,
            entropy=result.entropy,
            agreement=result.agreement,
            cropped_sides=result.cropped_sides,
            foreign_sides=result.foreign_sides,
        ),
        risk=risk,
    )
