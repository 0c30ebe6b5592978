"""The shipped network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import SimpleITK as sitk

from myot2.core.labels import LabelTable
from myot2.segment.backends.result import Labelled, Options

if TYPE_CHECKING:
    from myot2.segment.inference import Segmentation


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
        flags=_flags(result),
    )


def _flags(result: Segmentation) -> tuple[str, ...]:
    """What the network's field and votes say, in words."""
    flags = [] if result.sides else ["no thigh found in the image: nothing is labelled"]
    flags += [f"{side} limb: it does not look like a thigh, nothing is labelled" for side in result.foreign_sides]
    flags += [f"{side} leg: muscle reaches the edge of the network's field" for side in result.cropped_sides]
    return tuple(flags)
