"""The template of the thigh atlas: the right thigh of a whole-leg label map, with fascia lata and vessels added."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from myot2.core.images import array_of
from myot2.core.labels import Label, LabelTable

FEMUR_RIGHT, GLUTEUS_RIGHT = 6172, 6122
"""The right femur and gluteus maximus in MuscleMap's numbering; config/labels.tsv has the thigh's own muscles only."""
MARGIN_MM = 15.0
CLOSING_MM = 80.0
"""The fascia lata bridges the hollows of the muscles' outline that a disc of this radius cannot enter."""


@dataclass(frozen=True)
class Template:
    """Codes (z, y, x) as in `atlas.Atlas.template`, the first `muscles` of which are muscles of the thigh, and where
    they lie (origin and spacing of the grid, mm; `box` is their place in the LPS-oriented source)."""

    codes: np.ndarray
    muscles: int
    origin: np.ndarray
    spacing: float
    box: tuple[slice, ...]

    def positions(self, index: np.ndarray) -> np.ndarray:
        """Positions (n, 3) as x, y, z in mm of voxel indices (n, 3) ordered z, y, x."""
        return self.origin + np.asarray(index, dtype=float)[:, ::-1] * self.spacing


def build_template(image: sitk.Image, table: LabelTable) -> Template:
    """Cut the right thigh out of a label map in MuscleMap's numbering.

    Parameters
    ----------
    image : SimpleITK.Image
        Label map with cubic voxels that holds all muscles of `table` and the femur on the right side.
    table : LabelTable
        Gives the muscles their order: code k + 1 is muscle k; then follow the femur, the gluteus maximus and the
        space between the muscles.

    Returns
    -------
    Template
        Its origin is the centre of the femur in the middle of the thigh, half-way between the lowest and the highest
        slice that holds vastus lateralis.
    """
    image = sitk.DICOMOrient(image, "LPS")
    spacing = float(image.GetSpacing()[0])
    source = array_of(image)
    numbers = [int(_right(table, muscle).musclemap) for muscle in table.muscles] + [FEMUR_RIGHT, GLUTEUS_RIGHT]
    masks = [_largest_part(source == number) for number in numbers]
    muscles = np.any(masks[:-2], axis=0)
    box = _box(muscles, round(MARGIN_MM / spacing))
    codes = np.zeros(muscles.shape, dtype=np.uint8)
    for code, mask in enumerate(masks, 1):
        codes[mask] = code
    codes = codes[box]
    codes[(codes == 0) & close_slices(codes > 0, CLOSING_MM / spacing)] = len(numbers) + 1
    rows = np.nonzero(masks[0][box].any(axis=(1, 2)))[0]
    middle = int(rows.min() + rows.max()) // 2
    centre = np.array([middle, *ndimage.center_of_mass(masks[-2][box][middle])])
    return Template(codes, len(table.muscles), -centre[::-1] * spacing, spacing, box)


def close_slices(mask: np.ndarray, radius: float) -> np.ndarray:
    """Close each slice of a mask (z, y, x) by a disc of `radius` voxels, then smooth the outline in 3D."""
    pad = int(radius) + 2
    wide = np.pad(mask, ((0, 0), (pad, pad), (pad, pad)))
    signed = np.empty(wide.shape, dtype=np.float32)
    for z, plane in enumerate(wide):
        if not plane.any():
            signed[z] = radius
            continue
        closed = ndimage.distance_transform_edt(ndimage.distance_transform_edt(~plane) <= radius) > radius
        signed[z] = ndimage.distance_transform_edt(~closed) - ndimage.distance_transform_edt(closed)
    smooth = ndimage.gaussian_filter(signed, (3, 1.5, 1.5)) < 0
    return smooth[:, pad:-pad, pad:-pad] | mask


def trace_vessels(template: Template, table: LabelTable) -> tuple[np.ndarray, np.ndarray]:
    """Centre lines (points, 3) of the femoral artery and vein in the template, mm, one point per slice.

    The vessels run deep to the sartorius down the adductor canal and, below the adductor hiatus, behind the femur
    (Gray's Anatomy). In each slice they take the widest gap between the muscles near that course;
    the vein lies behind the artery, and lateral to it below the hiatus.
    """
    codes = template.codes
    sartorius, femur = table.muscles.index("sartorius") + 1, template.muscles + 1
    hiatus = np.nonzero((codes == table.muscles.index("adductor magnus") + 1).any(axis=(1, 2)))[0].min() + 12
    path = []
    for z, plane in enumerate(codes):
        if (plane == sartorius).any() and (plane == femur).any():
            expected = _expected_artery(plane == sartorius, plane == femur, (z - hiatus) * template.spacing, template)
            path.append((z, *_widest_gap(plane, femur, expected, template.spacing)))
    path = ndimage.gaussian_filter1d(np.array(path, dtype=float), 6.0, axis=0, mode="nearest")
    artery = template.positions(path)
    turn = 1 / (1 + np.exp(-(path[:, 0] - hiatus) / 6))
    beside = np.stack([-5.5 * (1 - turn), 3.0 + 3.5 * turn, np.zeros(len(path))], axis=1)
    return artery, artery + beside


def _expected_artery(sartorius: np.ndarray, femur: np.ndarray, above: float, template: Template) -> np.ndarray:
    """Expected (row, column) of the artery `above` mm over the adductor hiatus."""
    superficial, bone = np.array(ndimage.center_of_mass(sartorius)), np.array(ndimage.center_of_mass(femur))
    canal = superficial + 0.30 * (bone - superficial)
    behind = np.array([np.nonzero(femur)[0].max() + 14 / template.spacing, bone[1]])
    weight = np.clip(0.5 + above / 50, 0, 1)
    return weight * canal + (1 - weight) * behind


def _widest_gap(plane: np.ndarray, femur: int, expected: np.ndarray, spacing: float) -> np.ndarray:
    """(row, column) near the expected place that is farthest from muscle and bone; 5 mm of room are enough."""
    room = np.minimum(ndimage.distance_transform_edt((plane == 0) | (plane == femur + 2)) * spacing, 5.0)
    rows, columns = np.indices(plane.shape)
    away = np.hypot(rows - expected[0], columns - expected[1]) * spacing
    return np.array(np.unravel_index(np.argmin(0.25 * away - room), plane.shape))


def _right(table: LabelTable, muscle: str) -> Label:
    return next(label for label in table.labels if (label.name, label.side) == (muscle, "right"))


def _largest_part(mask: np.ndarray) -> np.ndarray:
    parts, count = ndimage.label(mask)
    if count < 2:
        return mask
    return parts == 1 + np.argmax(ndimage.sum_labels(mask, parts, range(1, count + 1)))


def _box(mask: np.ndarray, margin: int) -> tuple[slice, ...]:
    found = ndimage.find_objects(mask.astype(np.uint8))[0]
    return tuple(slice(max(s.start - margin, 0), s.stop + margin) for s in found)
