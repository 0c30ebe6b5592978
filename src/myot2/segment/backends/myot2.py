"""The shipped network."""

from __future__ import annotations

from pathlib import Path

import SimpleITK as sitk

from myot2.core.labels import LabelTable
from myot2.segment.backends.result import Labelled, Options


def segment(image: sitk.Image, table: LabelTable, options: Options, where: str | Path) -> Labelled:
    """Label an axial volume; errors are those of `myot2.segment.inference.segment_image` and `load_model`."""
    # torch takes seconds to import
    from myot2.segment.inference import segment_image
    from myot2.segment.model import load_model

    model = load_model(options.model)
    result = segment_image(image, model, table, threads=options.threads, side=options.side, where=where)
    return Labelled(
        labels=result.labels,
        sides=result.sides,
        record={"Model": model.configuration.name, "ModelSha256": model.weights_sha256},
        confidence=result.confidence,
        flags=tuple(f"{side} leg: muscle reaches the edge of the network's field" for side in result.cropped_sides),
    )
