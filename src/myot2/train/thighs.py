"""Real thighs from label maps that lack slices and muscles, completed by the atlas.

A label map of a real thigh may show eleven muscles every 25 mm. The template of `myot2.simulate.atlas`, which has all
muscles, the femur and the fascia lata, is bent onto it (`myot2.simulate.atlas_fit`). Between the slices, each muscle's
signed distance is that of the bent template, corrected by what it lacks on the slices on either side:

    d(z) = t(z) + (1 - w) (d(z0) - t(z0)) + w (d(z1) - t(z1)),    w = (z - z0) / (z1 - z0)

so a real slice is kept as it is, and between two of them the shape changes as anatomy does: shape-based interpolation
(Raya and Udupa, IEEE Trans Med Imaging 1990;9:32) about a model. What the map lacks comes from the bent template, where
the map has left room for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from myot2.core.images import array_of
from myot2.core.labels import LabelTable
from myot2.simulate.atlas import FEMUR, GLUTEUS, Atlas, Field, smooth_distance
from myot2.simulate.atlas_fit import (
    SHARED,
    Cloud,
    FittedThigh,
    cloud_of,
    control_grid,
    fit_thigh,
    full_slices,
    shared_codes,
    split,
)
from myot2.simulate.atlas_template import CLOSING_MM, Template, close_slices
from myot2.simulate.person import fat_angle

FARTHEST_MM = 20.0
"""Distances are clipped to this: beyond it a border says nothing about the place."""

SLIP_MM = 12.0
"""A part of a muscle that lies farther than this from the bent template's muscle is a slip of the network's."""

FADING_MM = 40.0
"""Beyond a map's outermost slices its corrections fade over this distance."""

ROOM_MM = 3.0
"""Muscles that a map lacks fill unlabelled room up to this far outside the template's border."""

LOWEST_MM, HIGHEST_MM = -185.0, 205.0
"""Heights in the template between which a thigh is made."""

FEMUR_SHIFT_MM = 8.0
"""The femur is moved in the plane by up to this, to where a map has left it room."""


@dataclass(frozen=True)
class Sampling:
    """Voxels of a made thigh: millimetres in the plane and between slices, and the width of its square field."""

    in_plane_mm: float
    slice_mm: float
    width_mm: float

    @property
    def offsets(self) -> np.ndarray:
        """Pixel centres along a row or column, mm from the middle."""
        return np.arange(-self.width_mm / 2, self.width_mm / 2, self.in_plane_mm) + self.in_plane_mm / 2


@dataclass(frozen=True)
class CompleteThigh:
    """A right thigh or a mirrored left one: slices towards the head, rows to the back, columns towards the middle.

    Attributes
    ----------
    muscle : ndarray of uint8, shape (slices, rows, columns)
        The nearest muscle of the label table (channel number, from 1 on), 0 where a neighbour such as gluteus or tensor
        fasciae latae is nearer.
    depth : ndarray of float16, same shape
        Signed distance to that muscle's border, mm, negative inside.
    femur, fascia : ndarray of float16, same shape
        Signed distance to the femur and to the fascia lata, mm.
    angle : ndarray of float16, same shape
        Angle (rad) about the thigh's middle, from medial (0) to posterior (pi / 2).
    height : ndarray of float32, shape (slices,)
        Height above mid-thigh in the template, mm.
    vessel : ndarray of uint8, same shape as `muscle`
        1 artery, 2 vein, 0 elsewhere.
    real : slice
        The slices between the outermost real ones.
    """

    muscle: np.ndarray
    depth: np.ndarray
    femur: np.ndarray
    fascia: np.ndarray
    angle: np.ndarray
    height: np.ndarray
    vessel: np.ndarray
    real: slice


def neighbours_field(image: sitk.Image, template: Template, own: set[int]) -> Field:
    """Signed distance to the muscles of a whole-leg label map that are not the thigh's own.

    Parameters
    ----------
    image : SimpleITK.Image
        The map that `template` was cut from.
    template : Template
    own : set of int
        Numbers in that map of the thigh's muscles and the femur.
    """
    codes = array_of(sitk.DICOMOrient(image, "LPS"))[template.box]
    right = (codes > 0) & (codes % 10 == 2) & ~np.isin(codes, sorted(own))
    return Field(smooth_distance(right, template.spacing, 1.2), template.origin, template.spacing)


def read_thighs(image: sitk.Image) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Cleaned labels (slices, rows, columns) of both thighs and the affine from their indices x, y, z to mm.

    The frame is that of the voxels, columns towards the subject's left; an oblique map is taken as if it were axial,
    which the fit to the template makes up for.
    """
    image = sitk.DICOMOrient(image, "LPS")
    affine = np.diag([*image.GetSpacing(), 1.0])
    return {side: (labels, affine) for side, labels in split(array_of(image).astype(np.int64)).items()}


class Completion:
    """Completes thighs by one template.

    Parameters
    ----------
    atlas : Atlas
        Made from `template`.
    template : Template
    neighbours : Field
        As `neighbours_field` gives it.
    table : LabelTable
        The order of the muscles is that of the channels.
    """

    def __init__(self, atlas: Atlas, template: Template, neighbours: Field, table: LabelTable):
        self.atlas, self.template, self.neighbours = atlas, template, neighbours
        self.channel = {name: number for number, name in enumerate(table.muscles, 1)}
        self.codes, self.grid = shared_codes(table), control_grid(template)

    def complete(self, labels: np.ndarray, affine: np.ndarray, *, mirror: bool, sampling: Sampling) -> CompleteThigh:
        """Make a whole thigh of cleaned labels (slices, rows, columns); `mirror` for a left one."""
        cloud = cloud_of(labels, affine, mirror=mirror)
        fitted = fit_thigh(cloud, self.template, self.codes, self.grid)
        frame = _Frame(labels, affine, cloud, fitted, mirror, sampling)
        points = self._template_points(fitted, frame.points())
        scale = float(np.sqrt(abs(np.linalg.det(fitted.matrix[:2, :2]))))
        shape = frame.shape

        around = (self.atlas.envelope.sample(points) / scale).clip(-FARTHEST_MM, FARTHEST_MM)
        near = np.flatnonzero(around < SLIP_MM)

        def bent(field: Field) -> np.ndarray:
            values = np.full(len(points), FARTHEST_MM, np.float32)
            values[near] = (field.sample(points[near]) / scale).clip(-FARTHEST_MM, FARTHEST_MM)
            return values.reshape(shape)

        models = [bent(self.atlas.fields[name]) for name in SHARED]
        slices, planes = _real_slices(frame, models)
        union = np.full(shape, FARTHEST_MM, np.float32)
        muscle = np.zeros(shape, np.uint8)
        for number, (name, model) in enumerate(zip(SHARED, models, strict=True), 1):
            distance = model + frame.between(slices, _plane_distances(planes == number, sampling) - model[slices])
            muscle[distance < union] = self.channel[name]
            union = np.minimum(union, distance)
        outline = _plane_distances(close_slices(planes > 0, CLOSING_MM / sampling.in_plane_mm), sampling)
        model = around.reshape(shape).astype(np.float32)
        fascia = model + frame.between(slices, outline - model[slices])
        self._fill_room(muscle, union, fascia, bent)
        femur = self._place_femur(bent(self.atlas.fields[FEMUR]), union, slices, frame)
        fascia = np.minimum(fascia, np.where(fascia < 6, union - 0.5, fascia))
        height = points[:, 2].reshape(shape)[:, shape[1] // 2, shape[2] // 2].astype(np.float32)
        return CompleteThigh(
            muscle=muscle,
            depth=union.astype(np.float16),
            femur=femur.astype(np.float16),
            fascia=fascia.astype(np.float16),
            angle=fat_angle(points).reshape(shape).astype(np.float16),
            height=height,
            vessel=self._vessels(points, scale).reshape(shape),
            real=slice(int(slices[0]), int(slices[-1]) + 1),
        )

    def _template_points(self, fitted: FittedThigh, points: np.ndarray) -> np.ndarray:
        affine = points @ fitted.matrix.astype(float).T + fitted.offset
        return self.grid.displace(fitted.controls.astype(float), affine)

    def _fill_room(self, muscle: np.ndarray, union: np.ndarray, fascia: np.ndarray, bent) -> None:
        """Enter the muscles that the maps lack, and the thigh's neighbours, where there is room for them."""
        room = (union > 0) & (fascia < ROOM_MM)
        for name in [name for name in self.channel if name not in SHARED]:
            # The more room a map has left beyond the template's border, the less it counts.
            distance = bent(self.atlas.fields[name]) - ROOM_MM
            own = room & (distance < union)
            muscle[own] = self.channel[name]
            union[own] = np.maximum(distance, -union)[own]
        for field in (self.neighbours, self.atlas.fields[GLUTEUS]):
            distance = bent(field)
            own = room & (distance < union) & (union > 0)
            muscle[own] = 0
            union[own] = distance[own]

    def _place_femur(self, femur: np.ndarray, union: np.ndarray, slices: np.ndarray, frame: _Frame) -> np.ndarray:
        """Move the femur, slice by slice, to where it overlaps least with muscle."""
        step = frame.sampling.in_plane_mm
        reach = np.arange(-FEMUR_SHIFT_MM, FEMUR_SHIFT_MM + 1, 2.0)
        shifts = []
        for index in slices:
            bone = np.argwhere(femur[index] < 0)
            if not len(bone):
                shifts.append((0.0, 0.0))
                continue
            inside = np.minimum(union[index], 0)
            costs = {}
            for down in reach:
                for across in reach:
                    moved = np.round(bone + np.array([down, across]) / step).astype(int).clip(0, union.shape[1] - 1)
                    costs[down, across] = -inside[moved[:, 0], moved[:, 1]].mean() + 0.02 * np.hypot(down, across)
            shifts.append(min(costs, key=costs.get))
        smooth = frame.between(slices, np.array(shifts)[:, :, None])[:, :, 0]
        return np.stack(
            [
                ndimage.shift(plane, shift / step, order=1, mode="nearest")
                for plane, shift in zip(femur, smooth, strict=True)
            ]
        )

    def _vessels(self, points: np.ndarray, scale: float) -> np.ndarray:
        vessels = np.zeros(len(points), np.uint8)
        for number, line, radius in ((1, self.atlas.artery, 3.5), (2, self.atlas.vein, 4.5)):
            x, y = (np.interp(points[:, 2], line[:, 2], line[:, axis], left=1e3, right=1e3) for axis in (0, 1))
            vessels[np.hypot(points[:, 0] - x, points[:, 1] - y) < radius * scale] = number
        return vessels


def _real_slices(frame: _Frame, models: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the made slices nearest to the real ones, and the real labels there, without slips.

    `models` are the signed distances of the bent template's shared muscles.
    """
    slices, planes = frame.real_slices()
    for number, model in enumerate(models, 1):
        parts, count = ndimage.label(planes == number, structure=_IN_PLANE)
        if count:
            nearest = ndimage.minimum(model[slices], parts, range(1, count + 1))
            planes[np.isin(parts, 1 + np.flatnonzero(nearest > SLIP_MM))] = 0
    return slices, planes


_IN_PLANE = np.zeros((3, 3, 3), bool)
_IN_PLANE[1] = True


def _plane_distances(masks: np.ndarray, sampling: Sampling) -> np.ndarray:
    """Signed distance (mm, negative inside) to the border of a mask in each slice."""
    result = np.full(masks.shape, FARTHEST_MM, np.float32)
    for plane, mask in zip(result, masks, strict=True):
        if mask.any():
            plane[:] = smooth_distance(mask, sampling.in_plane_mm, 0.7).clip(-FARTHEST_MM, FARTHEST_MM)
    return result


@dataclass(frozen=True)
class _Frame:
    """The grid of a made thigh, about the middle of its cloud."""

    labels: np.ndarray
    affine: np.ndarray
    cloud: Cloud
    fitted: FittedThigh
    mirror: bool
    sampling: Sampling

    @property
    def heights(self) -> np.ndarray:
        """Of the made slices above the cloud's middle, mm."""
        low, high = ((z - self.fitted.offset[2]) / self.fitted.matrix[2, 2] for z in (LOWEST_MM, HIGHEST_MM))
        return np.arange(low, high, self.sampling.slice_mm, dtype=np.float32)

    @property
    def shape(self) -> tuple[int, int, int]:
        side = len(self.sampling.offsets)
        return len(self.heights), side, side

    def points(self) -> np.ndarray:
        """Points (n, 3) of all voxels, mm."""
        offsets = self.sampling.offsets
        z, y, x = np.meshgrid(self.heights, offsets, offsets, indexing="ij")
        return np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1).astype(np.float32)

    def real_slices(self) -> tuple[np.ndarray, np.ndarray]:
        """Indices of the made slices nearest to the well-filled real ones, and those ones' labels on the made grid."""
        full = full_slices(self.labels)
        z = full * self.affine[2, 2] + self.affine[2, 3] - self.cloud.centre[2]
        nearest = np.round((z - self.heights[0]) / self.sampling.slice_mm).astype(int)
        kept, first = np.unique(nearest, return_index=True)
        inside = (kept >= 0) & (kept < len(self.heights))
        sign = -1 if self.mirror else 1
        columns = (sign * (self.sampling.offsets + self.cloud.centre[0]) - self.affine[0, 3]) / self.affine[0, 0]
        rows = (self.sampling.offsets + self.cloud.centre[1] - self.affine[1, 3]) / self.affine[1, 1]
        grid = np.meshgrid(rows, columns, indexing="ij")
        planes = [ndimage.map_coordinates(self.labels[k], grid, order=0, mode="constant") for k in full[first[inside]]]
        return kept[inside], np.stack(planes)

    def between(self, slices: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Values of some slices, interpolated linearly to all of them; beyond the outermost they fade to zero."""
        every = np.arange(len(self.heights))
        after = np.clip(np.searchsorted(slices, every), 1, max(len(slices) - 1, 1))
        before, after = np.minimum(after - 1, len(slices) - 1), np.minimum(after, len(slices) - 1)
        gap = np.maximum(slices[after] - slices[before], 1)
        weight = np.clip((every - slices[before]) / gap, 0, 1)[:, None, None].astype(np.float32)
        outside = np.maximum(slices[0] - every, 0) + np.maximum(every - slices[-1], 0)
        fade = np.clip(1 - outside * self.sampling.slice_mm / FADING_MM, 0, 1)[:, None, None].astype(np.float32)
        return ((1 - weight) * values[before] + weight * values[after]) * fade
