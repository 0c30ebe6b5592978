"""Images of a small examination with headers that a test can damage, in classic and in enhanced form."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ingest_zoo_examination import IDENTITY
from pydicom.dataset import Dataset

from myot2.simulate.encoding import EXPLICIT
from myot2.simulate.scanners.siemens import SIEMENS
from myot2.simulate.scanners.siemens_xa import SIEMENS_XA_WHOLE
from myot2.simulate.series import Series

_GROUPS = {
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "PixelSpacing": "PixelMeasuresSequence",
    "SpacingBetweenSlices": "PixelMeasuresSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
    "EchoTime": "MREchoSequence",
    "RepetitionTime": "MRTimingAndRelatedParametersSequence",
}
_NAMES = {"EchoTime": "EffectiveEchoTime"}


@dataclass
class Image:
    """One plane: `header` is a classic object or the functional groups of a frame, `whole` the object that holds it."""

    header: Dataset
    whole: Dataset
    pixels: np.ndarray
    enhanced: bool

    def set(self, **facts: object) -> Image:
        """Change elements of this image; None takes an element away."""
        for keyword, value in facts.items():
            place, name = self._place(keyword)
            if value is None:
                if name in place:
                    delattr(place, name)
            else:
                setattr(place, name, value)
        return self

    def get(self, keyword: str) -> object:
        """An element of this image."""
        place, name = self._place(keyword)
        return getattr(place, name)

    def moved(self, x: float = 0, y: float = 0, z: float = 0) -> Image:
        """Change the position."""
        position = np.array(self.get("ImagePositionPatient"), dtype=float) + (x, y, z)
        return self.set(ImagePositionPatient=[f"{value:.8g}" for value in position])

    def _place(self, keyword: str) -> tuple[Dataset, str]:
        if not self.enhanced or keyword not in _GROUPS:
            return (self.whole if self.enhanced else self.header), keyword
        if _GROUPS[keyword] not in self.header:
            setattr(self.header, _GROUPS[keyword], [Dataset()])
        return self.header[_GROUPS[keyword]].value[0], _NAMES.get(keyword, keyword)


def images_of(series: Series, *, enhanced: bool) -> list[Image]:
    """All images of a series, echo by echo and slice by slice."""
    if not enhanced:
        # The objects of a series share elements: a copy of each, so that one can be damaged alone.
        objects = [copy.deepcopy(one) for one in SIEMENS.objects([series], IDENTITY, "faults")]
        return [Image(one, one, _pixels(one)[0], enhanced=False) for one in objects]
    (whole,) = SIEMENS_XA_WHOLE.objects([series], IDENTITY, "faults")
    frames = zip(whole.PerFrameFunctionalGroupsSequence, _pixels(whole), strict=True)
    return [Image(groups, whole, pixels, enhanced=True) for groups, pixels in frames]


def write_images(folder: Path, images: Sequence[Image]) -> list[Path]:
    """Write classic objects, or the enhanced object of which the images are frames."""
    folder.mkdir(parents=True, exist_ok=True)
    start = len(list(folder.iterdir()))
    objects = [_assembled(images)] if images[0].enhanced else [_with_pixels(image.header, image) for image in images]
    paths = [folder / f"F{start + number:05d}" for number in range(len(objects))]
    for one, path in zip(objects, paths, strict=True):
        EXPLICIT(one, path)
    return paths


def _with_pixels(whole: Dataset, image: Image) -> Dataset:
    whole.PixelData = image.pixels.astype("<u2").tobytes()
    return whole


def _assembled(images: Sequence[Image]) -> Dataset:
    whole = images[0].whole
    whole.PerFrameFunctionalGroupsSequence = [image.header for image in images]
    whole.NumberOfFrames = len(images)
    whole.PixelData = np.stack([image.pixels for image in images]).astype("<u2").tobytes()
    return whole


def _pixels(whole: Dataset) -> np.ndarray:
    return np.frombuffer(whole.PixelData, "<u2").reshape(-1, whole.Rows, whole.Columns)
