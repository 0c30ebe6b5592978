"""Corrected label maps: read from any program that writes NIfTI, checked for geometry and labels, never resampled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of, image_like, read_volume, same_grid
from myot2.core.labels import LabelTable, require_known

GRIDS = ("labelled", "T2")
"""The grid that the run's own labels were drawn on, and that of the T2 map."""


def read_corrected(
    path: str | Path, table: LabelTable, labelled: sitk.Image, t2: sitk.Image | None = None
) -> tuple[sitk.Image, str]:
    """Read a corrected label map onto the grid it was drawn on.

    Axes in another order or direction, as ITK-SNAP and 3D Slicer may write them, are turned; that moves no voxel.

    Parameters
    ----------
    path : str or Path
        NIfTI with numbers of the label table, of any number type.
    table : LabelTable
    labelled, t2 : SimpleITK.Image
        The grids that it may have: that of the run's own labels, or that of the T2 map.

    Returns
    -------
    image, grid
        16-bit label map, and which of `GRIDS` it is on (the first where both are one).

    Raises
    ------
    Stopped
        The file holds a stop note.
    MyoT2Error
        It is not readable, lies on another grid, has numbers that the table does not know, or no muscle.
    """
    image = read_volume(path)
    references = {name: grid for name, grid in zip(GRIDS, (labelled, t2), strict=True) if grid is not None}
    for name, reference in references.items():
        turned = _turned_to(image, reference)
        if turned is not None:
            return image_like(_numbers(array_of(turned), table, path), reference), name
    allowed = ", or on ".join(f"the {name} grid ({_size(grid)})" for name, grid in references.items())
    raise MyoT2Error(
        expected=f"a label map on {allowed}",
        found=_size(image),
        where=path,
        do="Save it on the grid of the image it was drawn on (3D Slicer: export with that image as reference volume).",
    )


def without_muscles(labels: sitk.Image, names: list[str], table: LabelTable, where: str | Path) -> sitk.Image:
    """The label map without the muscles that a rater rejected ("left sartorius").

    Raises
    ------
    MyoT2Error
        The table has no such muscle.
    """
    known = {f"{label.side} {label.name}": label.index for label in table.muscle_labels}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise MyoT2Error(
            expected="side and name of muscles in the label table, such as 'left sartorius'",
            found=", ".join(map(repr, unknown)),
            where=where,
            do="Correct the column muscles of that row.",
        )
    numbers = array_of(labels)
    numbers[np.isin(numbers, [known[name] for name in names])] = 0
    return image_like(numbers, labels)


def _turned_to(image: sitk.Image, reference: sitk.Image) -> sitk.Image | None:
    """The image with its axes turned to those of the reference; None where its voxels are others."""
    if same_grid(image, reference):
        return image
    wanted = sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(reference.GetDirection())
    turned = sitk.DICOMOrient(image, wanted)
    return turned if same_grid(turned, reference) else None


def _numbers(values: np.ndarray, table: LabelTable, path: str | Path) -> np.ndarray:
    require_known(values, table, path)
    if not np.isin(values, table.muscle_indices()).any():
        raise MyoT2Error(
            expected="at least one voxel of muscle", found="none", where=path, do="Reject the scan, or save the labels."
        )
    return values.astype(np.uint16)


def _size(image: sitk.Image) -> str:
    spacing = " x ".join(f"{mm:.4g}" for mm in image.GetSpacing())
    origin = ", ".join(f"{mm:.1f}" for mm in image.GetOrigin())
    return f"{' x '.join(map(str, image.GetSize()))} voxels of {spacing} mm from ({origin}) mm"
