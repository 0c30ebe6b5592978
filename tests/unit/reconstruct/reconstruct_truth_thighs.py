"""Two thighs of known T2 and their multi-coil k-space: the truth that the reconstruction is tested against.

Nothing is shared with `myot2`. The object is drawn on a grid four times finer than it is reconstructed on, its echoes
are sums of isochromats (`fit_truth_bloch`), the coils are loops of wire (Biot and Savart), and k-space is cropped from
that of the fine grid, so that Gibbs ringing and partial volumes are in the data. Rows are the phase-encode axis. Units:
ms, mm, radians; noise has a standard deviation of 1 in the real and the imaginary part of every sample.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import scipy.fft
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).parents[1] / "fit"))

from fit_truth_bloch import sinc_train  # noqa: E402
from fit_truth_voxels import Table  # noqa: E402

FINER = 4
FIELD_OF_VIEW_MM = (200.0, 400.0)
MUSCLES = ("VL", "RF", "VI", "VM", "SA", "GR", "AM", "SM", "ST", "BF")
MUSCLE_T2_MS = (33.0, 36.0, 34.0, 35.0, 31.0, 38.0, 32.0, 37.0, 40.0, 34.0)
FAT, BONE, MARROW, VESSEL, LARGE_LESION, SMALL_LESION = 1, 2, 3, 50, 60, 61
FIRST_LABEL, OTHER_LEG = 10, 20
FAT_T1_MS, FAT_T2_MS = 370.0, 110.0
T1_MS = 1400.0
INFILTRATED = (FIRST_LABEL + 8, FIRST_LABEL + 9)


@dataclass(frozen=True)
class Object:
    """What lies in the slice, on the fine grid; arrays of shape (rows, columns) times `FINER`.

    Attributes
    ----------
    labels : np.ndarray
        0 outside, `FAT` ... `SMALL_LESION`, or `FIRST_LABEL` plus the muscle, plus `OTHER_LEG` in the right leg.
    t2_ms, water, fat : np.ndarray
        T2 of the water, and how much water and fat there is.
    b1 : np.ndarray
        Relative to nominal, 0.62 to 1.15.
    phase : np.ndarray
        Of M0, complex of magnitude one.
    """

    labels: np.ndarray
    t2_ms: np.ndarray
    water: np.ndarray
    fat: np.ndarray
    b1: np.ndarray
    phase: np.ndarray


def draw(shape: tuple[int, int] = (130, 256), *, seed: int = 0, muscle_fat: float = 0.02) -> Object:
    """Two thighs: ten muscles each, septa, bone, vessels, oedema of 60 and of 50 ms, fatty hamstrings on the left."""
    rng = np.random.default_rng(seed)
    fine = shape[0] * FINER, shape[1] * FINER
    y, x = (
        ((np.arange(count) - count // 2) / count * extent).reshape(-1, 1)
        if axis == 0
        else (np.arange(count) - count // 2) / count * extent
        for axis, (count, extent) in enumerate(zip(fine, FIELD_OF_VIEW_MM, strict=True))
    )
    y, x = np.broadcast_arrays(y, x)
    bends = [2.2 * _smooth(fine, 5, rng) for _ in range(2)]
    texture, slow = _smooth(fine, 30, rng), _smooth(fine, 4, rng)
    labels = np.zeros(fine, np.int16)
    for leg, centre in enumerate((-95.0, 95.0)):
        _draw_leg(labels, leg, x - centre, y, bends)
    inside = (labels >= FIRST_LABEL) & (labels < VESSEL)
    for label, (cx, cy, rx, ry) in ((LARGE_LESION, (140, 12, 12, 8)), (SMALL_LESION, (-52, -20, 5, 5))):
        labels[inside & (((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1)] = label
    return _fill(labels, texture, slow, x, y, muscle_fat)


def _draw_leg(labels: np.ndarray, leg: int, x: np.ndarray, y: np.ndarray, bends: Sequence[np.ndarray]) -> None:
    """One thigh, x and y from its centre; the inner side is where the other leg is."""
    outward = -x if leg == 0 else x
    u, v = outward + bends[0], y + bends[1]
    skin = np.hypot(x / 84, y / 82)
    labels[skin < 1] = FAT
    muscle = (np.hypot(u / 72, v / 69) < 1) & (skin < 0.97)
    radius, angle = np.hypot(u - 6, v + 8), np.arctan2(v + 8, u - 6)
    edges = np.array([-np.pi, -2.5, -1.75, -1.05, -0.45, 0.15, 0.7, 1.35, 2.0, 2.6, np.pi])
    sector = np.digitize(angle, edges) - 1
    labels[muscle] = (FIRST_LABEL + OTHER_LEG * leg + sector)[muscle]
    septa = (np.abs(radius - 30 - 3 * np.cos(2 * angle)) < 0.6) & (angle < 0.2) & (angle > -2.6)
    for edge in edges[:-1]:
        septa |= (np.abs(np.sin(angle - edge)) * radius < 0.75) & (np.cos(angle - edge) > 0)
    labels[muscle & septa] = FAT
    labels[radius < 14], labels[radius < 8] = BONE, MARROW
    vessel = np.hypot(u + 22, v - 8)
    labels[vessel < 7.5], labels[vessel < 4.5] = FAT, VESSEL


def _fill(labels, texture, slow, x, y, muscle_fat) -> Object:
    """Tissue properties of the labels."""
    t2, water, fat = (np.zeros(labels.shape) for _ in range(3))
    for leg in range(2):
        for muscle, value in enumerate(MUSCLE_T2_MS):
            here = labels == FIRST_LABEL + OTHER_LEG * leg + muscle
            t2[here] = value * (1 + 0.03 * slow[here] + 0.02 * texture[here])
            water[here] = 0.8 * (1 + 0.04 * texture[here])
            fat[here] = muscle_fat
    fatty = np.isin(labels, INFILTRATED)
    fat[fatty] = np.clip(0.2 + 0.1 * texture[fatty], 0, 0.6)
    water *= 1 - fat
    fat *= 0.9
    for label, value, amount in ((BONE, 5, 0.05), (VESSEL, 130, 0.5), (LARGE_LESION, 60, 0.9), (SMALL_LESION, 50, 0.9)):
        t2[labels == label], water[labels == label], fat[labels == label] = value, amount, 0
    fat[(labels == FAT) | (labels == MARROW)] = 0.9
    b1 = 0.9 - 0.12 * x / 200 + 0.1 * np.cos(np.pi * x / 150) * np.cos(np.pi * y / 160)
    b1 = b1 - 0.22 * np.exp(-(((x + 120) / 55) ** 2) - ((y + 55) / 45) ** 2)
    phase = 0.6 * x / 200 + 0.5 * np.sin(np.pi * y / 120) + 0.15 * np.cos(np.pi * x / 90)
    return Object(labels, t2, water, fat, np.clip(b1, 0.62, 1.15), np.exp(1j * phase).astype(np.complex64))


def _smooth(shape: tuple[int, int], cycles: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise of mean 0 and standard deviation 1 with so many cycles over the grid."""
    rows, columns = (np.fft.fftfreq(count) * count for count in shape)
    spectrum = np.fft.fft2(rng.standard_normal(shape)) * np.exp(-(rows[:, None] ** 2 + columns**2) / (2 * cycles**2))
    spectrum[0, 0] = 0
    values = np.fft.ifft2(spectrum).real
    return values / values.std()


@lru_cache(maxsize=4)
def _tables(echoes: int, spacing_ms: float) -> tuple[Table, Table]:
    """Echoes of water and of fat under Hann-sinc pulses."""
    train = sinc_train(echoes=echoes, spacing_ms=spacing_ms)
    return Table(train, (4.0, 300.0), t1_ms=T1_MS), Table(train, (100.0, 120.0), t1_ms=FAT_T1_MS)


def echoes_of(
    thing: Object, *, model: str = "isochromats", fat: float = 1.0, echoes: int = 10, spacing_ms: float = 10.0
) -> np.ndarray:
    """Echo images on the fine grid, complex, shape (echoes, rows, columns).

    Parameters
    ----------
    thing : Object
    model : {'isochromats', 'exponential'}
        Real pulses with slice profile and B1, or perfect refocusing.
    fat : float
        What a suppression leaves of the fat signal.
    """
    wet, fatty = thing.water > 0, thing.fat > 0
    images = np.zeros((echoes, *thing.labels.shape), np.float32)
    if model == "exponential":
        times = spacing_ms * np.arange(1, echoes + 1)[:, None]
        images[:, wet] = thing.water[wet] * np.exp(-times / thing.t2_ms[wet])
        images[:, fatty] += fat * thing.fat[fatty] * np.exp(-times / FAT_T2_MS)
    else:
        of_water, of_fat = _tables(echoes, spacing_ms)
        images[:, wet] = thing.water[wet] * of_water(thing.t2_ms[wet], thing.b1[wet])
        nodes = np.linspace(0.6, 1.2, 121)
        curves = of_fat(np.full(nodes.size, FAT_T2_MS), nodes)
        for image, curve in zip(images, curves, strict=True):
            image[fatty] += fat * thing.fat[fatty] * np.interp(thing.b1[fatty], nodes, curve)
    return images * thing.phase


def loops(shape: tuple[int, int], *, coils: int = 8, radius_mm: float = 90.0) -> np.ndarray:
    """Receive maps Bx - i By of loops around both thighs, complex, shape (coils, rows, columns) times `FINER`.

    Neighbours of eight overlap to about three quarters of their diameter, as for decoupling (Roemer et al. 1990).
    """
    fine = shape[0] * FINER, shape[1] * FINER
    nodes = [np.linspace(-0.5, 0.5, count) * extent for count, extent in zip((41, 81), FIELD_OF_VIEW_MM, strict=True)]
    at = np.stack([*np.meshgrid(nodes[1], nodes[0]), np.zeros((41, 81))], axis=-1)
    turns = 2 * np.pi * (np.arange(60) + 0.5) / 60
    where = np.meshgrid(
        *(
            ((np.arange(count) - count // 2) / count + 0.5) * (size - 1)
            for count, size in zip(fine, (41, 81), strict=True)
        ),
        indexing="ij",
    )
    maps = []
    for coil in range(coils):
        angle = 2 * np.pi * coil / coils + 0.2
        along, up = np.array([-np.sin(angle), np.cos(angle), 0]), np.array([0, 0, 1.0])
        wire = np.array([225 * np.cos(angle), 125 * np.sin(angle), 0]) + radius_mm * (
            np.cos(turns)[:, None] * along + np.sin(turns)[:, None] * up
        )
        step = radius_mm * 2 * np.pi / 60 * (-np.sin(turns)[:, None] * along + np.cos(turns)[:, None] * up)
        away = at[:, :, None] - wire
        b = (np.cross(step, away) / np.linalg.norm(away, axis=-1, keepdims=True) ** 3).sum(axis=2)
        field_ = b[..., 0] - 1j * b[..., 1]
        parts = [ndimage.map_coordinates(part, where, order=3, mode="nearest") for part in (field_.real, field_.imag)]
        maps.append(parts[0] + 1j * parts[1])
    return (np.array(maps) / np.abs(maps).max()).astype(np.complex64)


def centred_fft(values: np.ndarray, axis: int, *, inverse: bool = False) -> np.ndarray:
    """Unitary Fourier transform along an axis, position and frequency zero at size // 2."""
    function = scipy.fft.ifft if inverse else scipy.fft.fft
    return scipy.fft.fftshift(function(scipy.fft.ifftshift(values, axes=axis), axis=axis, norm="ortho"), axes=axis)


def _middle(values: np.ndarray, count: int, axis: int) -> np.ndarray:
    first = values.shape[axis] // 2 - count // 2
    return np.take(values, np.arange(first, first + count), axis=axis)


def kspace(images: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """What the coils receive: k in rows, position in columns; complex64, shape (images, coils, rows, columns)."""
    rows, columns = (count // FINER for count in images.shape[1:])
    result = np.empty((len(images), len(maps), rows, columns), np.complex64)
    for image, of_image in zip(images, result, strict=True):
        for coil, out in zip(maps, of_image, strict=True):
            k = _middle(centred_fft(image * coil, 1), columns, 1)
            k = _middle(centred_fft(k, 0), rows, 0)
            out[:] = centred_fft(k, 1, inverse=True) / FINER
    return result


def block_lines(
    rows: int, order: Sequence[int], echoes: int = 10, *, acceleration: int = 2, partial: float = 1.0
) -> list[np.ndarray]:
    """The sampled lines of each echo: echo e takes block `order[e % blocks]`, every `acceleration`-th line of it.

    `partial` leaves out the first lines (7/8 keeps the last seven eighths).
    """
    index = np.arange(rows)
    block = np.minimum(index * len(order) // rows, len(order) - 1)
    grid = ((index - rows // 2) % acceleration == 0) & (index >= round((1 - partial) * rows))
    return [index[grid & (block == order[echo % len(order)])] for echo in range(echoes)]


@dataclass(frozen=True)
class Data:
    """Noisy k-space and what is known of it.

    Attributes
    ----------
    full : np.ndarray
        Every line, noise of standard deviation 1; complex64, shape (echoes, coils, rows, columns), k in rows.
    clean : np.ndarray
        The same without noise.
    calibration : np.ndarray
        Low frequencies of another scan, k-space both ways, with noise; complex64, shape (coils, rows, columns).
    maps : np.ndarray
        The coils' true maps on the coarse grid, complex64, shape (coils, rows, columns).
    b1 : np.ndarray
        On the coarse grid.
    water_t2_ms : np.ndarray
        On the coarse grid, 0 where there is no water.
    """

    full: np.ndarray
    clean: np.ndarray
    calibration: np.ndarray
    maps: np.ndarray
    b1: np.ndarray
    water_t2_ms: np.ndarray
    times_ms: np.ndarray = field(default_factory=lambda: 10.0 * np.arange(1, 11))

    def sampled(self, lines: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        """Samples of each echo, shape (lines, coils, columns)."""
        return tuple(
            np.ascontiguousarray(echo[:, rows].transpose(1, 0, 2)) for echo, rows in zip(self.full, lines, strict=True)
        )


def even_echo_phase(constant_deg: float, rows_deg: float, columns_deg: float, shape: tuple[int, int]) -> np.ndarray:
    """exp(i phase) of the even echoes, linear terms in degrees from the centre to the edge; fine grid."""
    y, x = (2 * (np.arange(count) - count // 2) / count for count in (shape[0] * FINER, shape[1] * FINER))
    return np.exp(1j * np.deg2rad(constant_deg + rows_deg * y[:, None] + columns_deg * x))


def acquire(
    thing: Object, images: np.ndarray, maps: np.ndarray, *, snr: float = 60.0, seed: int = 1, calibration=(24, 64)
) -> Data:
    """K-space of echo images with noise, such that muscle in the first echo has this SNR, all lines, coils combined."""
    rng = np.random.default_rng(seed)
    muscle = (thing.labels >= FIRST_LABEL) & (thing.labels < VESSEL)
    sensitivity = np.sqrt((np.abs(maps) ** 2).sum(axis=0))
    scale = snr / np.median((np.abs(images[0]) * sensitivity)[muscle])
    clean = kspace(images * np.float32(scale), maps)
    # a gradient echo without T2 weighting, as reference scans are
    reference = kspace(((thing.water + thing.fat) * thing.phase * np.float32(0.7 * scale))[None], maps)[0]
    reference = centred_fft(reference, 2)
    for axis, count in zip((1, 2), calibration, strict=True):
        reference = _middle(reference, count, axis)
    full = clean + noise(clean.shape, rng)
    every = np.s_[..., ::FINER, ::FINER]
    return Data(full, clean, reference + noise(reference.shape, rng), maps[every], thing.b1[every], thing.t2_ms[every])


def noise(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Complex noise of standard deviation 1 in each part."""
    return (rng.standard_normal(shape, np.float32) + 1j * rng.standard_normal(shape, np.float32)).astype(np.complex64)


def fat_fraction(thing: Object, *, sd: float = 0.0, seed: int = 2) -> np.ndarray:
    """What a complex Dixon scan of the coarse grid tells, with Gaussian noise; shape (rows, columns)."""
    whole = np.ones((1, *thing.labels.shape))
    images = kspace(np.stack([thing.water, thing.fat]) * thing.phase, whole)[:, 0]
    water, fat = centred_fft(images, 1, inverse=True)
    power = np.abs(water + fat) ** 2
    fraction = np.divide(
        (fat * np.conj(water + fat)).real, power, out=np.zeros_like(power), where=power > 1e-3 * power.max()
    )
    return (fraction + np.random.default_rng(seed).normal(0, sd, fraction.shape)).astype(np.float32)


def regions(thing: Object, *, margin: int = 1) -> dict[int, np.ndarray]:
    """Where all voxels within `margin` are of one label, by label; coarse grid."""
    size = FINER * (2 * margin + 1)
    pure = ndimage.minimum_filter(thing.labels, size) == ndimage.maximum_filter(thing.labels, size)
    labels, pure = thing.labels[::FINER, ::FINER], pure[::FINER, ::FINER]
    return {int(label): (labels == label) & pure for label in np.unique(labels)}


def muscle_regions(thing: Object, *, least: int = 20) -> dict[int, np.ndarray]:
    """The regions of muscles without infiltration and with enough voxels."""
    return {
        label: region
        for label, region in regions(thing).items()
        if FIRST_LABEL <= label < VESSEL and label not in INFILTRATED and region.sum() >= least
    }
