"""Fitting the thigh atlas to label maps of real thighs. Needs torch; used by scripts/fit_atlas.py only.

A thigh is a cloud of voxels on its real slices, each with its muscle. The template is pulled back to them (see
`atlas`), first by an affine map from several starts, then by a B-spline displacement, so that the soft Dice overlap
(Milletari et al., 3DV 2016) of the shared muscles grows while the bending of the displacement stays small.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import SimpleITK as sitk
import torch
from scipy import ndimage
from torch.nn import functional

from myot2.core.images import affine_of, array_of
from myot2.core.labels import LabelTable
from myot2.simulate.atlas import ENVELOPE, FEMUR, GLUTEUS, ControlGrid
from myot2.simulate.atlas_template import Template, trace_vessels

PLANE_STEP_MM = 3.0
SLICE_STEP_MM = 20.0
"""Voxels are thinned in plane, and slices in denser stacks left out, to about these distances."""
LEAST_AREA = 0.35
"""Slices with less muscle than this part of the fullest slice are left out: the network's labels end raggedly there."""
SHARED = (
    "sartorius",
    "rectus femoris",
    "vastus lateralis",
    "vastus intermedius",
    "vastus medialis",
    "adductor magnus",
    "gracilis",
    "biceps femoris long head",
    "semitendinosus",
    "semimembranosus",
    "biceps femoris short head",
)
"""The muscles 1 to 11 of the thigh label maps, by their names in config/labels.tsv."""
CONTROLS = (11, 11, 12)
MODES = 40
HELD_OUT_EVERY = 5
STARTS = [(shift, scale) for scale in (0.92, 1.08) for shift in (-60.0, -30.0, 0.0, 30.0, 60.0)]
BENDING = 5e-4
STRETCHING = 1e-4


@dataclass(frozen=True)
class Cloud:
    """Voxels of a real thigh, mirrored to a right one: `points` (n, 3) in mm about its middle `centre` (3,), `muscles`
    (n,) with k + 1 for the k-th shared muscle and 0 for all else."""

    points: np.ndarray
    muscles: np.ndarray
    centre: np.ndarray


@dataclass(frozen=True)
class FittedThigh:
    """Pull-back of one thigh: `matrix` (3, 3), `offset` (3,) mm, `controls` (3, z, y, x) mm; the soft Dice reached."""

    matrix: np.ndarray
    offset: np.ndarray
    controls: np.ndarray
    overlap: float


def thigh_clouds(image: sitk.Image) -> dict[str, Cloud]:
    """Both thighs of an axial label map (left and right alike, 0 elsewhere), by side."""
    image = sitk.DICOMOrient(image, "LPS")
    affine = affine_of(image)
    halves = split(array_of(image).astype(np.int64))
    return {side: cloud_of(labels, affine, mirror=side == "left") for side, labels in halves.items()}


def split(labels: np.ndarray) -> dict[str, np.ndarray]:
    """Cleaned labels (z, y, x) of each thigh, by side; columns of `labels` go to the subject's left."""
    middle = _midline(labels > 0)
    halves = {}
    for side, keep in (("left", slice(middle, None)), ("right", slice(None, middle))):
        half = np.zeros_like(labels)
        half[:, :, keep] = labels[:, :, keep]
        halves[side] = clean(half)
    return halves


def clean(labels: np.ndarray) -> np.ndarray:
    """Keep of each label in each slice (z, y, x) its largest part and the parts with at least a third of its area."""
    result = np.zeros_like(labels)
    for number in np.unique(labels[labels > 0]):
        for z in np.nonzero((labels == number).any(axis=(1, 2)))[0]:
            parts, count = ndimage.label(labels[z] == number)
            sizes = ndimage.sum_labels(parts > 0, parts, range(1, count + 1))
            result[z][np.isin(parts, 1 + np.nonzero(sizes >= sizes.max() / 3)[0])] = number
    return result


class Occupancy:
    """Smoothed occupancy of the template by muscles, on a grid twice as coarse.

    Parameters
    ----------
    template : Template
    codes : list of int
        The template's codes of the muscles.
    """

    def __init__(self, template: Template, codes: list[int]):
        layers = [ndimage.gaussian_filter((template.codes == c).astype(np.float32), 1.0)[::2, ::2, ::2] for c in codes]
        self.volume = torch.from_numpy(np.stack(layers))[None]
        self.low = torch.tensor(template.origin, dtype=torch.float32)
        counts = torch.tensor(self.volume.shape[:1:-1], dtype=torch.float32)
        self.extent = (counts - 1) * 2 * template.spacing

    def __call__(self, points: torch.Tensor) -> torch.Tensor:
        """Occupancy (muscles, n), 0-1, at points (n, 3) of the template's frame, mm."""
        where = 2 * (points - self.low) / self.extent - 1
        return functional.grid_sample(self.volume, where[None, :, None, None], align_corners=True)[0, :, :, 0, 0]


def fit_thigh(cloud: Cloud, template: Template, shared: list[int], grid: ControlGrid) -> FittedThigh:
    """Find the pull-back of a thigh. Deterministic for one thread."""
    occupancy = Occupancy(template, shared)
    points = torch.from_numpy(cloud.points.astype(np.float32))
    truth = functional.one_hot(torch.from_numpy(cloud.muscles), len(shared) + 1)[:, 1:].T.float()
    muscles = template.positions(np.argwhere((template.codes > 0) & (template.codes <= template.muscles)))
    matrix, offset = _fit_affine(occupancy, points, truth, muscles)
    affine = points @ matrix.T + offset
    controls, overlap = _fit_displacement(occupancy, affine, truth, grid)
    return FittedThigh(matrix.numpy(), offset.numpy(), controls.numpy(), overlap)


def hard_dice(
    fitted: FittedThigh, controls: np.ndarray, cloud: Cloud, occupancy: Occupancy, grid: ControlGrid
) -> np.ndarray:
    """Dice (muscles,) of a fitted thigh with its labels, moved by `controls`; NaN where a muscle is absent."""
    affine = torch.from_numpy((cloud.points @ fitted.matrix.T + fitted.offset).astype(np.float32))
    moved = affine + _displacement(torch.from_numpy(controls.astype(np.float32)), affine, grid)
    filled = occupancy(moved).numpy()
    found = np.where(filled.max(axis=0) > 0.5, 1 + filled.argmax(axis=0), 0)
    dice = []
    for muscle in range(1, len(filled) + 1):
        first, second = found == muscle, cloud.muscles == muscle
        dice.append(2 * (first & second).sum() / (first.sum() + second.sum()) if second.any() else np.nan)
    return np.array(dice)


@dataclass(frozen=True)
class FittedMap:
    """Both thighs of one label map, by side: their pull-backs and clouds."""

    person: str
    thighs: dict[str, FittedThigh]
    clouds: dict[str, Cloud]


def fit_map(person: str, image: sitk.Image, template: Template, table: LabelTable) -> FittedMap:
    """Fit both thighs of one person's label map, on one thread."""
    torch.set_num_threads(1)
    clouds = thigh_clouds(image)
    shared, grid = shared_codes(table), control_grid(template)
    thighs = {side: fit_thigh(cloud, template, shared, grid) for side, cloud in clouds.items()}
    return FittedMap(person, thighs, clouds)


def shared_codes(table: LabelTable) -> list[int]:
    """The template's codes of the muscles 1 to 11 of the thigh label maps."""
    return [table.muscles.index(name) + 1 for name in SHARED]


def control_grid(template: Template) -> ControlGrid:
    """Control points over the template's box."""
    high = template.origin + (np.array(template.codes.shape[::-1]) - 1) * template.spacing
    return ControlGrid(tuple(template.origin.tolist()), tuple(high.tolist()), CONTROLS)


def person_of(path: Path) -> str:
    """Whose thighs a label map shows: maps named THIGH_nnn_* or HVnnn_* are of person THIGH_nnn or HVnnn."""
    parts = path.name.split("_")
    return "_".join(parts[:2]) if parts[0] == "THIGH" else parts[0]


def held_out(people: list[str]) -> set[str]:
    """Every fifth person in alphabetical order."""
    return set(sorted(set(people))[HELD_OUT_EVERY - 1 :: HELD_OUT_EVERY])


def assemble(maps: list[FittedMap], template: Template, table: LabelTable) -> tuple[dict[str, np.ndarray], Modes]:
    """The arrays of the atlas file (see `atlas.read_atlas`) and the modes, made from the training people only."""
    rows = [(fit.person, side, thigh) for fit in maps for side, thigh in fit.thighs.items()]
    values = np.array([thigh.controls.ravel() for _, _, thigh in rows], dtype=float)
    apart = held_out([person for person, _, _ in rows])
    training = np.array([person not in apart for person, _, _ in rows])
    modes = principal_modes(values[training], MODES)
    grid = control_grid(template)
    shape = (3, *grid.counts[::-1])
    artery, vein = trace_vessels(template, table)
    arrays = {
        "template": template.codes,
        "regions": np.array([*table.muscles, FEMUR, GLUTEUS, ENVELOPE]),
        "origin": template.origin,
        "spacing": np.array(template.spacing),
        "artery": artery.astype(np.float32),
        "vein": vein.astype(np.float32),
        "box": np.array([grid.low, grid.high]),
        "mean": modes.mean.reshape(shape).astype(np.float32),
        "modes": modes.modes.reshape(-1, *shape).astype(np.float16),
        "matrices": np.array([thigh.matrix for _, _, thigh in rows], dtype=np.float32),
        "coefficients": modes.coefficients(values).astype(np.float32),
        "people": np.array([person for person, _, _ in rows]),
        "sides": np.array([side for _, side, _ in rows]),
        "training": training,
    }
    return arrays, modes


def dice_table(maps: list[FittedMap], modes: Modes, template: Template, table: LabelTable) -> pd.DataFrame:
    """Dice of every muscle of every thigh, as fitted and as the modes tell it.

    Columns: person, subset, side, muscle, dice_fitted, dice_modes.
    """
    occupancy, grid = Occupancy(template, shared_codes(table)), control_grid(template)
    apart = held_out([fit.person for fit in maps])
    rows = []
    for fit in maps:
        for side, thigh in fit.thighs.items():
            flat = thigh.controls.ravel()[None]
            told = (modes.mean + modes.coefficients(flat) @ modes.modes).reshape(thigh.controls.shape)
            both = [hard_dice(thigh, c, fit.clouds[side], occupancy, grid) for c in (thigh.controls, told)]
            subset = "held-out" if fit.person in apart else "training"
            rows += [(fit.person, subset, side, *row) for row in zip(SHARED, *both, strict=True)]
    return pd.DataFrame(rows, columns=["person", "subset", "side", "muscle", "dice_fitted", "dice_modes"])


@dataclass(frozen=True)
class Modes:
    """Principal components: `mean` (values,), `modes` (count, values) scaled to one standard deviation, and the
    `share` of the training variance that each one holds."""

    mean: np.ndarray
    modes: np.ndarray
    share: np.ndarray

    def coefficients(self, values: np.ndarray) -> np.ndarray:
        """Least-squares coefficients (n, count) of rows (n, values), in standard deviations."""
        norms = np.sum(self.modes**2, axis=1)
        return (values - self.mean) @ self.modes.T / norms


def principal_modes(values: np.ndarray, count: int) -> Modes:
    """The first `count` principal components of rows (n, values); signs fixed by the largest entry."""
    mean = values.mean(axis=0)
    _, spread, directions = np.linalg.svd(values - mean, full_matrices=False)
    directions = directions[:count]
    peak = np.argmax(np.abs(directions), axis=1)
    directions = directions * np.sign(directions[np.arange(len(directions)), peak])[:, None]
    deviations = spread[:count] / np.sqrt(len(values) - 1)
    return Modes(mean, directions * deviations[:, None], spread[:count] ** 2 / np.sum(spread**2))


def _midline(mask: np.ndarray) -> int:
    """Column between the thighs: the emptiest one in the middle fifth of the muscles' extent."""
    columns = mask.sum(axis=(0, 1))
    filled = np.nonzero(columns)[0]
    low, high = filled.min(), filled.max()
    span = np.arange(low + int(0.4 * (high - low)), low + int(0.6 * (high - low)) + 1)
    emptiest = span[columns[span] == columns[span].min()]
    return int(emptiest[len(emptiest) // 2])


def cloud_of(labels: np.ndarray, affine: np.ndarray, *, mirror: bool) -> Cloud:
    """The cloud of one thigh's cleaned labels (z, y, x); `affine` takes indices x, y, z to LPS mm."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    full = full_slices(labels)
    slices = full[:: max(1, round(SLICE_STEP_MM / spacing[2]))]
    rows, columns = (np.nonzero((labels > 0).any(axis=axes))[0] for axes in ((0, 2), (0, 1)))
    step, margin = max(1, round(PLANE_STEP_MM / spacing[0])), round(12 / spacing[0])
    row_range = np.arange(max(rows.min() - margin, 0), min(rows.max() + margin, labels.shape[1]), step)
    column_range = np.arange(max(columns.min() - margin, 0), min(columns.max() + margin, labels.shape[2]), step)
    z, y, x = (axis.ravel() for axis in np.meshgrid(slices, row_range, column_range, indexing="ij"))
    points = np.stack([x, y, z], axis=1) @ affine[:3, :3].T + affine[:3, 3]
    if mirror:
        points[:, 0] *= -1
    muscles = labels[z, y, x]
    inside = points[muscles > 0]
    centre = np.array([*inside[:, :2].mean(axis=0), (inside[:, 2].min() + inside[:, 2].max()) / 2])
    return Cloud(points - centre, muscles, centre)


def full_slices(labels: np.ndarray) -> np.ndarray:
    """Indices of the slices that hold at least `LEAST_AREA` of the fullest slice's muscle."""
    area = (labels > 0).sum(axis=(1, 2))
    return np.nonzero(area >= LEAST_AREA * area.max())[0]


def _soft_dice(found: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    return (2 * (found * truth).sum(1) + 1) / (found.sum(1) + truth.sum(1) + 1)


def _fit_affine(
    occupancy: Occupancy, points: torch.Tensor, truth: torch.Tensor, muscles: np.ndarray
) -> tuple[torch.Tensor, torch.Tensor]:
    """Matrix and offset; `muscles` (n, 3) are the positions of the template's muscles, mm."""
    centre = torch.tensor(muscles[np.abs(muscles[:, 2]) < 120].mean(axis=0), dtype=torch.float32)
    few, truth_few = points[::4], truth[:, ::4]
    best = (-1.0, None, None)
    for shift, scale in STARTS:
        matrix = torch.diag(torch.tensor([1.0, 1.0, scale]))
        offset = torch.tensor([centre[0], centre[1], shift])
        matrix, offset, overlap = _climb_affine(occupancy, few, truth_few, matrix, offset, steps=25)
        if overlap > best[0]:
            best = (overlap, matrix, offset)
    matrix, offset, _ = _climb_affine(occupancy, points, truth, best[1], best[2], steps=60)
    return matrix, offset


def _climb_affine(
    occupancy: Occupancy,
    points: torch.Tensor,
    truth: torch.Tensor,
    matrix: torch.Tensor,
    offset: torch.Tensor,
    *,
    steps: int,
) -> tuple[torch.Tensor, torch.Tensor, float]:
    matrix, offset = matrix.clone().requires_grad_(), offset.clone().requires_grad_()
    optimiser = torch.optim.Adam([{"params": [matrix], "lr": 0.01}, {"params": [offset], "lr": 2.0}])
    for _ in range(steps):
        optimiser.zero_grad()
        overlap = _soft_dice(occupancy(points @ matrix.T + offset), truth).mean()
        (-overlap).backward()
        optimiser.step()
    return matrix.detach(), offset.detach(), float(overlap.detach())


def _displacement(controls: torch.Tensor, points: torch.Tensor, grid: ControlGrid) -> torch.Tensor:
    along_x, along_y, along_z = (torch.from_numpy(m.astype(np.float32)) for m in grid.matrices)
    dense = torch.einsum("czyx,Xx->czyX", controls, along_x)
    dense = torch.einsum("czyX,Yy->czYX", dense, along_y)
    dense = torch.einsum("czYX,Zz->cZYX", dense, along_z)
    low, high = torch.tensor(grid.low), torch.tensor(grid.high)
    where = 2 * (points - low) / (high - low) - 1
    sampled = functional.grid_sample(dense[None], where[None, :, None, None], padding_mode="border", align_corners=True)
    return sampled[0, :, :, 0, 0].T


def _roughness(controls: torch.Tensor) -> torch.Tensor:
    """Bending (second differences) and stretching (first differences) of the control points, weighted."""
    cost = controls.new_zeros(())
    for axis in (1, 2, 3):
        first = torch.diff(controls, dim=axis)
        cost = cost + STRETCHING * (first**2).mean() + BENDING * (torch.diff(first, dim=axis) ** 2).mean()
    return cost


def _fit_displacement(
    occupancy: Occupancy, affine: torch.Tensor, truth: torch.Tensor, grid: ControlGrid
) -> tuple[torch.Tensor, float]:
    controls = torch.zeros(3, *grid.counts[::-1], requires_grad=True)
    optimiser = torch.optim.Adam([controls], lr=1.0)
    steps = 110
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        optimiser.zero_grad()
        overlap = _soft_dice(occupancy(affine + _displacement(controls, affine, grid)), truth).mean()
        (_roughness(controls) - overlap).backward()
        optimiser.step()
        schedule.step()
    return controls.detach(), float(overlap.detach())
