"""The thigh atlas: one labelled template and the ways in which real thighs differ from it.

The atlas describes a *right* thigh in LPS millimetres; a left thigh is its mirror image in x. Its origin lies in the
femur at mid-thigh. A thigh is told from the template by a pull-back map

    q(p) = a + u(a),    a = M p

from a point p of the thigh to the point q of the template that has the same tissue: M is a (3, 3) matrix and u a cubic
B-spline displacement (Rueckert et al., IEEE Trans Med Imaging 1999;18:712) whose control points are mean + modes @
coefficients (principal components over the training people). `scripts/fit_atlas.py` makes the file that is read here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from scipy import ndimage

ATLAS_FILE = Path(__file__).parent / "data" / "atlas.npz"
FEMUR = "femur"
GLUTEUS = "gluteus maximus"
ENVELOPE = "fascia lata"
DENSE_STEP_MM = 8.0
SMOOTHING_VOXELS = 1.2
"""Standard deviation of the Gaussian that takes the voxel steps out of the template's borders."""


@dataclass(frozen=True)
class ControlGrid:
    """Uniform cubic B-spline control points over a box of the template frame.

    Attributes
    ----------
    low, high : tuple of float
        Corners of the box (x, y, z), mm.
    counts : tuple of int
        Number of control points along x, y and z, each at least 4.
    """

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    counts: tuple[int, int, int]

    @cached_property
    def dense_counts(self) -> tuple[int, int, int]:
        """Nodes along x, y, z of the grid on which the spline is tabulated, about `DENSE_STEP_MM` apart."""
        return tuple(round((high - low) / DENSE_STEP_MM) + 1 for low, high in zip(self.low, self.high, strict=True))

    @cached_property
    def matrices(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Per axis (x, y, z) the (nodes, controls) matrix from control points to tabulated values."""
        return tuple(spline_matrix(n, m) for n, m in zip(self.counts, self.dense_counts, strict=True))

    def tabulate(self, controls: np.ndarray) -> np.ndarray:
        """Spline values at the nodes, (3, z, y, x), from control points (3, z, y, x)."""
        along_x, along_y, along_z = self.matrices
        return np.einsum("czyx,Zz,Yy,Xx->cZYX", controls, along_z, along_y, along_x, optimize=True)

    def displace(self, controls: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Points (n, 3), mm, moved by the displacement that control points (3, z, y, x) tell."""
        index, moved = self.node_coordinates(points), points.copy()
        for axis, values in enumerate(self.tabulate(controls)):
            moved[:, axis] += ndimage.map_coordinates(values, index, order=1, mode="nearest")
        return moved

    def node_coordinates(self, points: np.ndarray) -> np.ndarray:
        """Fractional node indices (3, n), ordered z, y, x, of points (n, 3), mm; clamped to the box."""
        low, high = np.array(self.low), np.array(self.high)
        last = np.array(self.dense_counts) - 1
        index = (points - low) * (last / (high - low))
        return np.clip(index, 0, last).T[::-1]


def spline_matrix(controls: int, nodes: int) -> np.ndarray:
    """Weights (nodes, controls) of uniform cubic B-splines at equally spaced nodes over the whole domain."""
    position = np.linspace(0, controls - 3, nodes)
    first = np.minimum(position.astype(int), controls - 4)
    t = position - first
    weights = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]) / 6
    matrix = np.zeros((nodes, controls))
    for k in range(4):
        matrix[np.arange(nodes), first + k] = weights[k]
    return matrix


@dataclass(frozen=True)
class Field:
    """A signed distance (mm, negative inside) on a part of the template grid.

    Attributes
    ----------
    values : numpy.ndarray
        (z, y, x), float32.
    origin : numpy.ndarray
        Position (x, y, z) of the first voxel, mm.
    spacing : float
        mm, the same along all axes.
    """

    values: np.ndarray
    origin: np.ndarray
    spacing: float

    def covers(self, points: np.ndarray) -> np.ndarray:
        """Which of the points (n, 3) lie on the grid of the field."""
        last = self.origin + (np.array(self.values.shape[::-1]) - 1) * self.spacing
        return np.all((points >= self.origin) & (points <= last), axis=1)

    def sample(self, points: np.ndarray) -> np.ndarray:
        """Trilinear values (n,) at points (n, 3); beyond the grid the value of its border."""
        index = ((points - self.origin) / self.spacing).T[::-1]
        return ndimage.map_coordinates(self.values, index, order=1, mode="nearest")


@dataclass(frozen=True)
class Thigh:
    """What tells a thigh from the template: `matrix` (3, 3) and `coefficients` (modes,) in standard deviations."""

    matrix: np.ndarray
    coefficients: np.ndarray


@dataclass(frozen=True)
class Atlas:
    """Template, modes and the fitted thighs.

    Attributes
    ----------
    template : numpy.ndarray
        uint8 (z, y, x): k + 1 for `regions[k]`, 0 outside the fascia lata.
    regions : tuple of str
        The muscles by their names in config/labels.tsv, then `FEMUR`, `GLUTEUS` (no muscle of the thigh, but
        seen on its upper slices) and `ENVELOPE` (fat between the muscles).
    origin, spacing
        Position (x, y, z) of the template's first voxel and voxel size, mm.
    artery, vein : numpy.ndarray
        Centre lines (points, 3) in the template, mm, ordered by z.
    grid : ControlGrid
        Where the control points lie.
    mean, modes : numpy.ndarray
        Control points (3, z, y, x) and (modes, 3, z, y, x), mm; a mode is one standard deviation.
    matrices, coefficients : numpy.ndarray
        Of the fitted thighs: (thighs, 3, 3) and (thighs, modes).
    people, sides, training : tuple
        Of the fitted thighs: whose, "left" or "right", and whether the modes were made from that person.
    """

    template: np.ndarray
    regions: tuple[str, ...]
    origin: np.ndarray
    spacing: float
    artery: np.ndarray
    vein: np.ndarray
    grid: ControlGrid
    mean: np.ndarray
    modes: np.ndarray
    matrices: np.ndarray
    coefficients: np.ndarray
    people: tuple[str, ...]
    sides: tuple[str, ...]
    training: tuple[bool, ...]

    @property
    def muscles(self) -> tuple[str, ...]:
        """Names of the muscles, in the order of the template's codes."""
        return self.regions[:-3]

    def people_of(self, subset: str) -> tuple[str, ...]:
        """People of the 'training' or the 'held-out' subset, sorted."""
        if subset not in ("training", "held-out"):
            raise ValueError(f"expected 'training' or 'held-out', found {subset!r}")
        wanted = subset == "training"
        return tuple(sorted({who for who, used in zip(self.people, self.training, strict=True) if used == wanted}))

    def thigh(self, person: str, side: str) -> Thigh:
        """The fitted thigh of a person, the first one where a person was scanned more than once."""
        index = next(i for i, key in enumerate(zip(self.people, self.sides, strict=True)) if key == (person, side))
        return Thigh(self.matrices[index], self.coefficients[index])

    def controls(self, coefficients: np.ndarray) -> np.ndarray:
        """Control points (3, z, y, x), mm, of a thigh."""
        return self.mean + np.tensordot(coefficients, self.modes, axes=1)

    def pull_back(self, thigh: Thigh, points: np.ndarray) -> np.ndarray:
        """Template positions (n, 3) of points (n, 3) of a right thigh, both mm."""
        affine = points @ np.asarray(thigh.matrix, dtype=float).T
        return self.grid.displace(self.controls(thigh.coefficients), affine)

    @cached_property
    def fields(self) -> dict[str, Field]:
        """Signed distance of each muscle, the femur and the gluteus maximus to its border."""
        return {name: self._field(self.template == code, margin=3) for code, name in enumerate(self.regions[:-1], 1)}

    @cached_property
    def envelope(self) -> Field:
        """Signed distance to the fascia lata, on a coarser and wider grid: the skin lies up to 50 mm outside it."""
        coarse = self.template[::2, ::2, ::2] > 0
        pad = round(60 / (2 * self.spacing))
        wide = np.pad(coarse, ((0, 0), (pad, pad), (pad, pad)))
        origin = self.origin - 2 * self.spacing * np.array([pad, pad, 0])
        return Field(smooth_distance(wide, 2 * self.spacing, SMOOTHING_VOXELS), origin, 2 * self.spacing)

    def erosion_depth(self, muscle: str, fraction: float) -> float:
        """Depth (mm, >= 0) below its border at which a muscle of the template has lost `fraction` of its volume."""
        values = self.fields[muscle].values
        inside = -values[values < 0]
        return float(np.quantile(inside, np.clip(fraction, 0, 1)))

    def _field(self, mask: np.ndarray, margin: int) -> Field:
        box = ndimage.find_objects(mask.astype(np.uint8))[0]
        box = tuple(
            slice(max(s.start - margin, 0), min(s.stop + margin, n)) for s, n in zip(box, mask.shape, strict=True)
        )
        first = np.array([s.start for s in box[::-1]])
        values = smooth_distance(mask[box], self.spacing, SMOOTHING_VOXELS)
        return Field(values, self.origin + first * self.spacing, self.spacing)


def smooth_distance(mask: np.ndarray, spacing: float, sigma: float) -> np.ndarray:
    """Signed distance (mm, negative inside) to the border of a mask, smoothed by a Gaussian of `sigma` voxels."""
    outside = ndimage.distance_transform_edt(~mask).astype(np.float32)
    inside = ndimage.distance_transform_edt(mask).astype(np.float32)
    signed = np.where(mask, 0.5 - inside, outside - 0.5) * np.float32(spacing)
    return ndimage.gaussian_filter(signed, sigma, mode="nearest")


@lru_cache(maxsize=1)
def load_atlas() -> Atlas:
    """The atlas that comes with the package."""
    return read_atlas(ATLAS_FILE)


def read_atlas(path: str | Path) -> Atlas:
    """Read an atlas file (npz without pickles), as `scripts/fit_atlas.py` writes it."""
    with np.load(path, allow_pickle=False) as stored:
        box = stored["box"]
        return Atlas(
            template=stored["template"],
            regions=tuple(str(name) for name in stored["regions"]),
            origin=stored["origin"],
            spacing=float(stored["spacing"]),
            artery=stored["artery"].astype(float),
            vein=stored["vein"].astype(float),
            grid=ControlGrid(tuple(box[0].tolist()), tuple(box[1].tolist()), tuple(stored["mean"].shape[:0:-1])),
            mean=stored["mean"].astype(float),
            modes=stored["modes"].astype(float),
            matrices=stored["matrices"].astype(float),
            coefficients=stored["coefficients"].astype(float),
            people=tuple(str(who) for who in stored["people"]),
            sides=tuple(str(side) for side in stored["sides"]),
            training=tuple(bool(used) for used in stored["training"]),
        )
