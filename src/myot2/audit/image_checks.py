"""Whether images lie on the grid they belong to, and values of images and tables are such as can be.

The limits are wide: they are to find a wrong unit, a wrong file or a damaged one, not an unusual person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from myot2.audit.findings import Finding
from myot2.audit.history import History
from myot2.audit.places import RESULTS
from myot2.audit.readable import fault_of
from myot2.core.errors import MyoT2Error
from myot2.core.images import GRID_TOLERANCE_MM, read_map
from myot2.core.stopnote import read_stop_note
from myot2.core.tables import read_table

LONGEST_T2_MS = 5000.0
"""Pure water's T2 is about 2000 ms; nothing in the body has more."""
IMAGE_LIMITS: dict[tuple[str, str], tuple[float, float]] = {
    ("fit", "desc-sd_T2map"): (0.0, np.inf),
    ("fit", "desc-rmse_T2map"): (0.0, np.inf),
    ("fit", "T2map"): (0.0, LONGEST_T2_MS),
    ("reconstruct", "T2map"): (0.0, LONGEST_T2_MS),
    ("ingest", "T2map"): (0.0, LONGEST_T2_MS / 1000),
    ("fit", "FFmap"): (-1.0, 2.0),
    ("fit", "M0map"): (0.0, np.inf),
    ("fit", "TB1map"): (0.0, 3.0),
}
"""Limits of finite voxels by stage and end of name, the first that fits; noise carries fat fractions past 0 and 1."""
TABLE_LIMITS: dict[str, tuple[float, float]] = {
    "t2_mean_ms": (0.0, LONGEST_T2_MS),
    "t2_median_ms": (0.0, LONGEST_T2_MS),
    "fat_fraction_mean": (-1.0, 2.0),
    "volume_ml": (0.0, 10_000.0),
}
STAGES = ("ingest", "reconstruct", "segment", "align", "fit", "measure", "analyse", "report", "release")

Grid = tuple[tuple[int, ...], np.ndarray]


def check_contents(history: History, labels: set[int] | None) -> Iterator[Finding]:
    """Every recorded result that is there: readable, on its grid, and with values that can be.

    Parameters
    ----------
    history : History
        What was recorded.
    labels : set of int or None
        The label table's numbers; None leaves label maps' numbers unchecked.
    """
    grids: dict[str, Grid] = {}
    for name in sorted(history.contents):
        path, stage = history.places.path(name), name.removeprefix(RESULTS).split("/")[0]
        if not name.startswith(RESULTS) or stage not in STAGES or path is None or not path.is_file():
            continue
        if fault := fault_of(path):
            yield Finding("unreadable", name, fault)
        elif not read_stop_note(path):
            yield from _check_values(name, stage, path, labels, grids)
    yield from _check_grids(history, grids)


def _check_values(
    name: str, stage: str, path: Path, labels: set[int] | None, grids: dict[str, Grid]
) -> Iterator[Finding]:
    if path.suffix == ".tsv":
        yield from _check_table(name, path)
    if not path.name.endswith(".nii.gz"):
        return
    try:
        image, values = read_map(path)
    except MyoT2Error as error:
        yield Finding("unreadable", name, error.found)
        return
    corners = [(0, 0, 0), tuple(size - 1 for size in image.GetSize())]
    grids[name] = image.GetSize(), np.array([image.TransformIndexToPhysicalPoint(corner) for corner in corners])
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        yield Finding("implausible", name, "no voxel has a value")
    elif limits := _limits(stage, path.name):
        if finite.min() < limits[0] or finite.max() > limits[1]:
            what = f"values from {finite.min():.4g} to {finite.max():.4g}, expected {limits[0]:.4g} to {limits[1]:.4g}"
            yield Finding("implausible", name, what)
    elif labels is not None and path.name.endswith("_dseg.nii.gz") and "desc-status" not in path.name:
        strange = sorted(set(np.unique(finite).astype(int).tolist()) - labels - {0})
        if strange:
            yield Finding("implausible", name, f"labels that the label table lacks: {', '.join(map(str, strange[:5]))}")


def _limits(stage: str, file: str) -> tuple[float, float] | None:
    fitting = (limits for (of, end), limits in IMAGE_LIMITS.items() if of == stage and file.endswith(f"_{end}.nii.gz"))
    return next(fitting, None)


def _check_table(name: str, path: Path) -> Iterator[Finding]:
    table = read_table(path)
    for column in TABLE_LIMITS.keys() & set(table.columns):
        low, high = TABLE_LIMITS[column]
        for row, cell in table[column].dropna().items():
            try:
                number = float(cell)
            except ValueError:
                number = np.nan
            if not low <= number <= high:
                yield Finding("implausible", name, f"{column} {cell} in row {row}, expected {low:g} to {high:g}")


def _check_grids(history: History, grids: Mapping[str, Grid]) -> Iterator[Finding]:
    """Labels lie on the grid of an image they were made of; everything in T2 space on that of the scan's T2 map."""
    for name, grid in grids.items():
        maker = history.makers[name]
        stage, file = name.removeprefix(RESULTS).split("/")[0], name.rsplit("/", 1)[1]
        t2_map = f"{RESULTS}fit/{maker['wildcards'].get('folder')}/{maker['wildcards'].get('scan')}_T2map.nii.gz"
        if stage == "fit" or "_space-T2_" in file:
            references = [t2_map] if t2_map in grids and t2_map != name else []
        elif stage == "segment":
            references = [entry["path"] for entry in maker["inputs"] if entry["path"] in grids]
        else:
            references = []
        if references and not any(_same(grid, grids[one]) for one in references):
            yield Finding("wrong grid", name, f"{_words(grid)}; {references[0]} has {_words(grids[references[0]])}")


def _same(one: Grid, other: Grid) -> bool:
    return one[0] == other[0] and bool(np.allclose(one[1], other[1], rtol=0, atol=GRID_TOLERANCE_MM))


def _words(grid: Grid) -> str:
    first = ", ".join(f"{value:.2f}" for value in grid[1][0])
    return f"{' x '.join(map(str, grid[0]))} voxels from ({first}) mm"
