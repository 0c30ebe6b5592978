"""What an alignment reads: label maps, volumes, how thick their slices truly are, and transforms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of, image_like, read_sidecar, read_volume
from myot2.core.stopnote import raise_if_stopped


def read_label_map(path: str | Path) -> sitk.Image:
    """Read a label map as 16-bit unsigned whole numbers.

    Raises
    ------
    Stopped
        The file holds a stop note.
    MyoT2Error
        The file is no volume, or holds other values than whole numbers from 0 to 65535.
    """
    image = read_volume(path)
    values = array_of(image)
    whole = np.nan_to_num(values, nan=-1.0).astype(np.int64)
    if whole.min() < 0 or whole.max() > np.iinfo(np.uint16).max or np.any(whole != values):
        raise MyoT2Error(
            expected="a label map of whole numbers from 0 to 65535",
            found=f"values from {values.min():g} to {values.max():g}, or fractions",
            where=path,
            do="Give the label map itself, not an image or a probability.",
        )
    return image_like(whole.astype(np.uint16), image)


def slice_thickness_mm(option: float | None, *paths: str | Path) -> float | None:
    """Slice thickness without gap: the option, else `SliceThickness` of the first sidecar that has it, else None.

    Raises
    ------
    MyoT2Error
        The thickness is no positive number.
    """
    candidates = [option, *(read_sidecar(path).get("SliceThickness") for path in paths)]
    thickness = next((value for value in candidates if value is not None), None)
    if thickness is not None and not (isinstance(thickness, int | float) and 0 < thickness < float("inf")):
        raise MyoT2Error(
            expected="a slice thickness in mm",
            found=repr(thickness),
            where=paths[0],
            do="Correct SliceThickness in the sidecar, or give the thickness as an option.",
        )
    return thickness


def read_transform(path: str | Path) -> sitk.Transform:
    """A rigid or affine transform in ITK's own form.

    Raises
    ------
    Stopped
        The file holds a stop note.
    MyoT2Error
        It is missing, not readable, or bends space.
    """
    raise_if_stopped(path)
    try:
        transform = sitk.ReadTransform(str(path))
    except RuntimeError:
        transform = None
    if transform is None or not transform.IsLinear():
        raise MyoT2Error(
            expected="a transform that scripts/resample_labels.py wrote",
            found="no such file, one that ITK cannot read, or one that bends space",
            where=path,
            do="Run the alignment again.",
        )
    return transform
