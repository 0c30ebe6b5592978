"""Label maps that were made elsewhere, by a person or a tool: checked and translated, never changed otherwise.

Three forms are taken: one label map with a number per muscle; the same by DAFNE, whose numbers a legend beside it
explains; and a folder with one mask per muscle, named after it (DAFNE, 3D Slicer, TotalSegmentator).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.core.files import sha256
from myot2.core.images import array_of, read_volume, require_same_grid
from myot2.core.label_names import OWN
from myot2.core.labels import LabelTable
from myot2.segment.backends.result import Labelled, labelled
from myot2.segment.numbering import Translation, translation

LEGEND = ["Value", "Label"]
"""Header of the legend that DAFNE writes beside a label map, as <label map>.csv."""

Translate = Callable[[Mapping[int, str]], Translation]


def take_labels(path: str | Path, table: LabelTable, *, numbering: str = OWN, ignore: Collection[str] = ()) -> Labelled:
    """Read a label map, or a folder of masks, and translate it to the numbers of the label table.

    Parameters
    ----------
    path : str or Path
        A NIfTI file with whole numbers; with numbering `dafne` DAFNE's legend `<path>.csv` beside it. Or a folder of
        NIfTI files that are 0 outside a muscle and have one other value in it, named as `find_label` knows them.
    table : LabelTable
    numbering : str
        Whose numbers or short names they are; see `myot2.segment.numbering`.
    ignore : collection of str
        Patterns of structures that become background where the table does not know them.

    Returns
    -------
    Labelled
        On the grid of the file or files.

    Raises
    ------
    MyoT2Error
        A file is not readable, a number or name is neither known nor ignored, masks overlap or lie on different grids,
        or nothing is labelled.
    """
    path = Path(path)
    read = _folder if path.is_dir() else _file

    def translate(names: Mapping[int, str]) -> Translation:
        return translation(table, {key: (name,) for key, name in names.items()}, numbering, ignore=ignore, where=path)

    image, values, translated, digest = read(path, numbering, translate)
    result = labelled(values, image, table, translated, {"Numbering": numbering, "GivenSha256": digest})
    found = array_of(result.labels)
    if not np.isin(found, table.muscle_indices()).any():
        nothing = "only bone" if found.any() else "no label at all"
        raise _refused("at least one voxel of muscle", nothing, path, "Give a label map with muscles.")
    return result


def _file(path: Path, numbering: str, translate: Translate) -> tuple[sitk.Image, np.ndarray, Translation, str]:
    image = read_volume(path)
    values = array_of(image)
    found = np.unique(values)
    odd = found[(found != np.round(found)) | (found < 0)]
    if odd.size:
        raise _refused("whole numbers, 0 for the background", f"{odd[0]:g}", path, "Give a label map, not an image.")
    if not found.any():
        raise _refused("at least one labelled voxel", "no label at all", path, "Give a label map with labels.")
    numbers = [int(value) for value in found if value]
    legend = _legend(path) if numbering == "dafne" else {number: str(number) for number in numbers}
    names = {number: legend.get(number, f"{number}, which the legend lacks") for number in numbers}
    return image, values.astype(np.int64), translate(names), sha256(path)


def _legend(path: Path) -> dict[int, str]:
    """DAFNE's names of the numbers in a label map."""
    legend = path.with_name(path.name + ".csv")
    if not legend.is_file():
        raise _refused(
            "DAFNE's legend beside its label map", "none", legend, "Copy it too, or export a NIfTI file per ROI."
        )
    with open(legend, encoding="utf-8-sig", errors="replace", newline="") as handle:
        header, *rows = [*csv.reader(handle)] or [[]]
    if header != LEGEND or not all(len(row) == 2 and row[0].isdecimal() for row in rows):
        raise _refused(
            "a first line Value,Label and then a number and a name per line",
            ",".join(header)[:60],
            legend,
            "Export again with a newer DAFNE (old versions wrote no line ends), or a NIfTI file per ROI.",
        )
    return {int(number): name for number, name in rows}


def _folder(folder: Path, _: str, translate: Translate) -> tuple[sitk.Image, np.ndarray, Translation, dict[str, str]]:
    """Masks of a folder as one label map, numbered in the order of their names; what is ignored yields to muscles."""
    paths = dict(enumerate(sorted(path for path in folder.iterdir() if path.name.endswith((".nii", ".nii.gz"))), 1))
    if not paths:
        raise _refused("NIfTI files, one per muscle", "none", folder, "Check the path of the folder.")
    translated = translate({number: path.name.split(".nii")[0] for number, path in paths.items()})
    first = read_volume(paths[1])
    values = np.zeros(first.GetSize()[::-1], np.int64)
    for number in [*translated.numbers, *translated.ignored]:
        path = paths[number]
        mask = _mask(path, first)
        if number in translated.ignored:
            mask &= values == 0
        overlap = values[mask & (values > 0)]
        if overlap.size:
            other = paths[int(overlap[0])].name
            do = "Decide whose they are (DAFNE: Remove overlap), and export again."
            raise _refused("masks that do not overlap", f"{overlap.size} voxels of {other} too", path, do)
        values[mask] = number
    return first, values, translated, {path.name: sha256(path) for path in paths.values()}


def _mask(path: Path, first: sitk.Image) -> np.ndarray:
    image = read_volume(path)
    require_same_grid(first, image, where=path, what="all masks of a folder")
    values = array_of(image)
    if np.unique(values[values != 0]).size > 1:
        raise _refused("one value besides 0", "several", path, "Give this file alone, as a label map.")
    return values != 0


def _refused(expected: str, found: str, where: Path, do: str) -> MyoT2Error:
    return MyoT2Error(expected=expected, found=found, where=where, do=do)
