"""Label maps that a person gives instead of the network's: checked, never changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of, image_like, read_image
from myot2.core.labels import LabelTable


def read_given_labels(path: str | Path, table: LabelTable) -> sitk.Image:
    """Read a label map and check that each of its values is a number of the label table.

    Returns
    -------
    sitk.Image
        The label map as 8- or 16-bit whole numbers, whichever holds the table's largest number, on its own grid.

    Raises
    ------
    MyoT2Error
        The file is not readable, holds no muscle at all, or a value that the table does not know.
    """
    image = read_image(path)
    values = array_of(image)
    known = [0, *table.indices()]
    unknown = np.setdiff1d(values, known)
    if unknown.size or not np.isin(values, table.muscle_indices()).any():
        nothing = "only bone" if values.any() else "no label at all"
        shown = ", ".join(f"{value:g}" for value in unknown[:5])
        raise MyoT2Error(
            expected="a label map with muscles by the numbers of the label table, and 0 for the background",
            found=f"{unknown.size} other values ({shown})" if unknown.size else nothing,
            where=path,
            do="Translate the label map to the numbers of config/labels.tsv.",
        )
    return image_like(values.astype(np.uint8 if max(known) < 256 else np.uint16), image)
