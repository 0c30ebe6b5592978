"""Maps that say more about the voxels of a T2 map: the status of their fit, and their fat fraction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of, read_image, read_map, require_same_grid
from myot2.core.voxel_status import Status


def read_status(path: str | Path, t2: sitk.Image) -> np.ndarray:
    """The codes of a status map, which lies on the grid of the T2 map.

    Raises
    ------
    MyoT2Error
        The file is not readable, lies on another grid, or holds a code that no `Status` has.
    """
    image = read_image(path)
    require_same_grid(t2, image, where=path, what="T2 map and status map")
    codes = array_of(image)
    if not np.isin(codes, list(Status)).all():
        raise MyoT2Error(
            expected=f"codes from {min(Status)} to {max(Status)} in the status map",
            found=f"{codes.max():g}",
            where=path,
            do="Give the status map that scripts/fit_t2.py wrote.",
        )
    return codes


def read_fraction(path: str | Path, t2: sitk.Image) -> np.ndarray:
    """A map of the fat fraction on the grid of the T2 map, NaN where it is unknown.

    Raises
    ------
    MyoT2Error
        The file is not readable, or lies on another grid.
    """
    image, fraction = read_map(path)
    require_same_grid(t2, image, where=path, what="T2 map and fat fraction")
    return fraction
