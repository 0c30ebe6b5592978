"""A small examination as any scanner writes it, and results of it, made from places in space alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import SimpleITK as sitk

from myot2.core.images import affine_of, image_like, read_image, write_image
from myot2.core.labels import read_labels
from myot2.core.tables import write_tsv
from myot2.ingest.stage import Order, ingest
from myot2.simulate.dicom import write_examination
from myot2.simulate.grid import Grid
from myot2.simulate.identity import invent_identity
from myot2.simulate.protocol import DIXON, MULTI_ECHO
from myot2.simulate.scanners.header import Scanner
from myot2.simulate.series import Series

ROOT = Path(__file__).parents[3]
KEY = "0123456789abcdef" * 4
ECHOES = 5
T2_GRID = Grid(
    shape=(4, 9, 7),
    centre=np.array([4.0, -11.0, 23.0]),
    column_step=np.array([3.25, 0, 0]),
    row_step=np.array([0, 2.75, 0]),
    slice_step=np.array([0, 0, 6.0]),
    thickness_mm=5.0,
)
DIXON_GRID = replace(T2_GRID, shape=(5, 12, 14), column_step=np.array([1.5, 0, 0]), row_step=np.array([0, 2.0, 0]))
LABELS = {1: "vastus lateralis", 2: "vastus lateralis", 13: "adductor magnus", 27: "femur"}

Place = Callable[[Series], Series]
Undo = Callable[[np.ndarray], np.ndarray]


def as_it_is(anything):
    return anything


def label_at(points: np.ndarray) -> np.ndarray:
    """The label at places of the plain world (..., 3), LPS mm: left of the centre 1 and 13, right 2, bone inside."""
    x, y, z = np.moveaxis(points - T2_GRID.centre, -1, 0)
    sides = np.where(x > 0.5, np.where(y > 1.3, 13, 1), 2)
    return np.where(np.hypot(x, y) < 3.1, 27, np.where((np.abs(y) > 9.3) | (z > 8), 0, sides)).astype(np.uint8)


def t2_at(points: np.ndarray) -> np.ndarray:
    """T2 (ms) at places of the plain world; 0, no value, in front."""
    x, y, z = np.moveaxis(points - T2_GRID.centre, -1, 0)
    return np.where(y < -8, 0, 40 + x + 0.3 * y + 0.7 * z).astype(np.float32)


def points_of(image: sitk.Image) -> np.ndarray:
    """The voxel centres of an image (slices, rows, columns, 3), LPS mm."""
    columns, rows, slices = image.GetSize()
    indices = np.stack(np.indices((slices, rows, columns))[::-1], axis=-1)
    affine = affine_of(image)
    return indices @ affine[:3, :3].T + affine[:3, 3]


def examination() -> list[Series]:
    """Dixon in phase, echoes and the scanner's T2 map."""
    body = 1000 + np.arange(np.prod(DIXON_GRID.shape)).reshape(1, *DIXON_GRID.shape)
    dixon = Series(
        5,
        "dixon_in",
        ("DERIVED", "PRIMARY", "DIXON", "IN_PHASE"),
        DIXON,
        DIXON.echo_times_ms,
        33000.0,
        ((DIXON_GRID, body.astype(np.uint16)),),
    )
    times = MULTI_ECHO.echo_times_ms[:ECHOES]
    decay = np.exp(-np.array(times) / 50)[:, None, None, None] * np.full(T2_GRID.shape, 2000.0)
    mese = Series(
        9,
        MULTI_ECHO.description,
        ("ORIGINAL", "PRIMARY", "M", "ND"),
        MULTI_ECHO,
        times,
        34000.0,
        ((T2_GRID, decay.astype(np.uint16)),),
    )
    shown = np.full((1, *T2_GRID.shape), 50, np.uint16)
    t2_map = Series(
        10, "T2_map", ("DERIVED", "PRIMARY", "T2 MAP", "ND"), MULTI_ECHO, times[:1], 34001.0, ((T2_GRID, shown),)
    )
    return [dixon, mese, t2_map]


@dataclass(frozen=True)
class Made:
    """A folder with an examination (`dicom`), results of it, and the options by which export is told of them."""

    folder: Path

    @property
    def dicom(self) -> Path:
        return self.folder / "dicom"

    def objects(self, out: str = "out") -> dict[str, Path]:
        return {kind: self.folder / out / f"{kind}.dcm" for kind in ("seg-t2", "seg", "t2", "colour", "measures")}

    def options(self, out: str = "out", **changed: object) -> list[str]:
        """The command line; `changed` replaces options, None leaves one out."""
        given = {
            "dicom": self.dicom,
            "scan": "sub-P01",
            "key": self.folder / "key",
            "dixon-in": "any",
            "echoes": ["any"] * ECHOES,
            "t2-map": "any",
            "t2": self.folder / "T2map.nii.gz",
            "t2-from": "echoes",
            "t2-labels": self.folder / "t2_dseg.nii.gz",
            "labels": self.folder / "dseg.nii.gz",
            "labelled": "in",
            "measures": self.folder / "muscles.tsv",
            "label-table": ROOT / "config/labels.tsv",
            **{f"out-{kind}": path for kind, path in self.objects(out).items()},
            **{name.replace("_", "-"): value for name, value in changed.items()},
        }
        words = []
        for name, value in given.items():
            if value is not None:
                words += [f"--{name}", *map(str, value if isinstance(value, list) else [value])]
        return words

    def sources(self) -> list[pydicom.Dataset]:
        """All objects of the examination."""
        return [pydicom.dcmread(path) for path in sorted(self.dicom.rglob("IM*"))]


def make(
    folder: Path,
    scanner: Scanner,
    place: Place = as_it_is,
    undo: Undo = as_it_is,
    split: Callable[[Series], list[Series]] = lambda series: [series],
) -> Made:
    """Write an examination, let ingest read it, and make labels and T2 by the places that ingest gives the voxels.

    `place` changes how series lie; `undo` takes places (..., 3) back to the plain world; `split` makes several of one.
    """
    made = Made(folder)
    identity = invent_identity(np.random.default_rng(7), sex="F", age=50)
    write_examination(
        made.dicom, [part for series in examination() for part in split(place(series))], identity, "export", scanner
    )
    (folder / "key").write_text(KEY)
    order = Order(
        folder / "series.tsv",
        dixon={"dixon-in": folder / "in.nii.gz"},
        echoes=[folder / f"echo-{number}.nii.gz" for number in range(ECHOES)],
        t2_map=folder / "vendor.nii.gz",
    )
    ingest(made.dicom, order)
    t2_grid, dixon_grid = read_image(order.echoes[0]), read_image(order.dixon["dixon-in"])
    for image, name in ((t2_grid, "t2_dseg"), (dixon_grid, "dseg")):
        write_image(image_like(label_at(undo(points_of(image))), image), folder / f"{name}.nii.gz")
    write_image(image_like(t2_at(undo(points_of(t2_grid))), t2_grid), folder / "T2map.nii.gz")
    write_tsv(measures(), folder / "muscles.tsv")
    return made


def measures() -> pd.DataFrame:
    """A table of measures: any numbers, of every muscle on either side."""
    rows = [
        {
            "region": label.name,
            "side": label.side,
            "t2_mean_ms": 36.123456789 + label.index / 7,
            "t2_sd_ms": 5.5 + label.index / 11,
            "volume_ml": 100.25 + label.index / 13,
        }
        for label in read_labels(ROOT / "config/labels.tsv").muscle_labels
    ]
    return pd.DataFrame(rows)
