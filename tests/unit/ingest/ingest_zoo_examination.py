"""A small examination of a body whose left and right differ, for the zoo: made by the simulator, read by ingest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from myot2.core.images import affine_of, array_of, read_image, read_sidecar
from myot2.ingest.stage import Order, ingest
from myot2.simulate.dicom import write_examination
from myot2.simulate.encoding import EXPLICIT, Encoding
from myot2.simulate.grid import Grid
from myot2.simulate.identity import Identity, invent_identity
from myot2.simulate.protocol import DIXON, LOCALISER, MULTI_ECHO
from myot2.simulate.scanners.capture import CAPTURE
from myot2.simulate.scanners.header import Scanner
from myot2.simulate.scanners.siemens import SIEMENS
from myot2.simulate.series import Series

MATRIX = (5, 5, 6)
ECHOES = 6
ECHO_TIMES_MS = MULTI_ECHO.echo_times_ms[:ECHOES]
DIXON_PARTS = {"dixon-in": "IN_PHASE", "dixon-opp": "OPP_PHASE", "dixon-fat": "FAT", "dixon-water": "WATER"}
IDENTITY: Identity = invent_identity(np.random.default_rng(7), sex="F", age=50)
AXIAL = Grid(
    shape=MATRIX,
    centre=np.array([4.0, -11.0, 23.0]),
    column_step=np.array([3.0, 0, 0]),
    row_step=np.array([0, 3.5, 0]),
    slice_step=np.array([0, 0, 6.0]),
    thickness_mm=5.0,
)
T2_MAP_NUMBER, MESE_NUMBER, DIXON_NUMBER, LOCALISER_NUMBER = 10, 9, 5, 1


def true_t2() -> np.ndarray:
    """T2 (ms, whole, slices x rows x columns): 60 and more on the subject's left, below 45 on the right."""
    slices, rows, columns = np.indices(MATRIX)
    left = columns >= MATRIX[2] // 2
    return np.where(left, 60 + rows + slices, 30 + rows // 2 + slices).astype(float)


def echo_pixels() -> np.ndarray:
    """Mono-exponential echoes, different in every voxel, as whole numbers below 4096."""
    slices, rows, columns = np.indices(MATRIX)
    start = 2500 + 31 * rows + 7 * columns + 101 * slices
    times = np.array(ECHO_TIMES_MS)[:, None, None, None]
    return np.rint(start * np.exp(-times / true_t2())).astype(np.uint16)


def mese() -> Series:
    """The echo train."""
    kind = ("ORIGINAL", "PRIMARY", "M", "ND")
    stacks = ((AXIAL, echo_pixels()),)
    return Series(MESE_NUMBER, MULTI_ECHO.description, kind, MULTI_ECHO, ECHO_TIMES_MS, 34000.0, stacks)


def t2_map() -> Series:
    """The scanner's map, whole ms, empty in the first row."""
    pixels = true_t2()[None].astype(np.uint16)
    pixels[:, :, 0] = 0
    kind = ("DERIVED", "PRIMARY", "T2 MAP", "ND")
    return Series(T2_MAP_NUMBER, "T2_map", kind, MULTI_ECHO, ECHO_TIMES_MS[:1], 34001.0, ((AXIAL, pixels),))


def dixon() -> list[Series]:
    """Four parts, each with other values."""
    slices, rows, columns = np.indices(MATRIX)
    parts = []
    for place, (role, part) in enumerate(DIXON_PARTS.items()):
        pixels = (100 + 200 * place + 3 * rows + columns + 17 * slices)[None].astype(np.uint16)
        kind = ("DERIVED", "PRIMARY", "DIXON", part)
        description = f"{DIXON.description}_{role.removeprefix('dixon-')}"
        start_s = 33000.0 + place
        parts.append(
            Series(DIXON_NUMBER + place, description, kind, DIXON, DIXON.echo_times_ms, start_s, ((AXIAL, pixels),))
        )
    return parts


def localiser() -> Series:
    """Two views, three slices each, on matrices of their own."""
    kind = ("ORIGINAL", "PRIMARY", "M", "ND")
    axial = replace(AXIAL, shape=(3, 12, 12), slice_step=np.array([0, 0, 40.0]))
    coronal = Grid((3, 10, 12), AXIAL.centre, np.array([4.0, 0, 0]), np.array([0, 0, -4.0]), np.array([0, 30.0, 0]), 5)
    stacks = tuple((grid, np.full((1, *grid.shape), 300, np.uint16)) for grid in (axial, coronal))
    return Series(LOCALISER_NUMBER, "localizer", kind, LOCALISER, LOCALISER.echo_times_ms, 32000.0, stacks)


def examination() -> list[Series]:
    """Everything, in the order of acquisition."""
    return [localiser(), *dixon(), mese(), t2_map()]


def write(folder: Path, series: Iterable[Series], scanner: Scanner = SIEMENS, encoding: Encoding = EXPLICIT) -> Path:
    """Write series as a scanner does; the folder may hold others already."""
    write_examination(folder, list(series), IDENTITY, "zoo", scanner, encoding)
    return folder


def write_colour_captures(folder: Path) -> Path:
    """The T2 map as RGB pictures."""
    return write(folder, [replace(t2_map(), number=20, start_s=35000.0)], CAPTURE)


@dataclass(frozen=True)
class Read:
    """What ingest made of an examination."""

    dixon: dict[str, sitk.Image]
    echoes: list[sitk.Image]
    t2_map: sitk.Image | None
    t2_unit: str | None


def order_for(folder: Path, *, echoes: int = ECHOES, t2_map: bool = True, dixon: Iterable[str] = DIXON_PARTS) -> Order:
    """Everything, unless less is asked for."""
    return Order(
        series_table=folder / "series.tsv",
        dixon={role: folder / f"{role}.nii.gz" for role in dixon},
        echoes=[folder / f"echo-{number:02d}.nii.gz" for number in range(1, echoes + 1)],
        t2_map=folder / "t2.nii.gz" if t2_map else None,
    )


def read(dicom: Path, out: Path, **wanted: object) -> Read:
    """Run ingest and read what it wrote."""
    order = order_for(out, **wanted)
    ingest(dicom, order)
    unit = read_sidecar(order.t2_map)["Units"] if order.t2_map else None
    return Read(
        {role: read_image(path) for role, path in order.dixon.items()},
        [read_image(path) for path in order.echoes],
        read_image(order.t2_map) if order.t2_map else None,
        unit,
    )


def voxels_of(image: sitk.Image, undo: Callable[[np.ndarray], np.ndarray] = lambda points: points) -> np.ndarray:
    """The values (slices, rows, columns) of the plain examination's voxels, found by their place in space alone.

    Every voxel of `image` must lie within 0.001 mm of one of the plain grid (after `undo`, which takes points (n, 3) in
    LPS mm back to the plain world), each on another.
    """
    array = array_of(image)
    indices = np.stack(np.indices(array.shape)[::-1], axis=-1).reshape(-1, 3)
    affine = affine_of(image)
    points = undo(indices @ affine[:3, :3].T + affine[:3, 3])
    steps = np.stack([AXIAL.column_step, AXIAL.row_step, AXIAL.slice_step], axis=1)
    found = np.linalg.solve(steps, (points - AXIAL.origin).T).T
    nearest = np.rint(found).astype(int)
    assert np.abs((found - nearest) @ steps.T).max() < 1e-3
    values = np.full(MATRIX, np.nan)
    values[tuple(nearest[:, ::-1].T)] = array.ravel()
    assert len(indices) == np.prod(MATRIX)
    assert not np.isnan(values).any()
    return values


def log_linear_t2(echoes: np.ndarray) -> np.ndarray:
    """T2 (ms) of echoes (echoes, ...) by an unweighted straight line through their logarithms."""
    times = np.array(ECHO_TIMES_MS)
    logarithms = np.log(echoes.reshape(len(times), -1))
    slope = np.polyfit(times, logarithms, 1)[0]
    return (-1 / slope).reshape(echoes.shape[1:])
