"""Images on disk and in memory.

Inside MyoT2 an image is a `SimpleITK.Image` (world coordinates LPS, mm); its array has the axes (slice, row, column).
On disk it is a NIfTI file (sform = qform) with a JSON sidecar of the same name.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from imagecodecs import gzip_encode

from myot2.core.errors import MyoT2Error
from myot2.core.files import atomic, write_json
from myot2.core.stopnote import raise_if_stopped

GRID_TOLERANCE_MM = 0.01
"""Two grids whose voxel centres differ by less than this are the same grid (NIfTI keeps them as 32-bit floats)."""


def read_image(path: str | Path) -> sitk.Image:
    """Read an image of three dimensions (or four: echoes last).

    Raises
    ------
    Stopped
        The file holds a stop note.
    MyoT2Error
        The file is missing, is no image, or ends too early.
    """
    raise_if_stopped(path)
    try:
        _read_to_the_end(Path(path))
        return sitk.ReadImage(str(path))
    except (RuntimeError, OSError, EOFError, zlib.error) as error:
        raise MyoT2Error(
            expected="a readable NIfTI image",
            found="no such file" if not Path(path).exists() else f"unreadable content ({_last_line(error)})",
            where=path,
            do="Delete the file and run again, or restore it from its source.",
        ) from error


def read_volume(path: str | Path) -> sitk.Image:
    """Read an image of three dimensions; errors are those of `read_image`, and `MyoT2Error` where it has others."""
    image = read_image(path)
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise MyoT2Error(
            expected="one volume of three dimensions",
            found=f"{image.GetDimension()} dimensions, {image.GetNumberOfComponentsPerPixel()} value(s) per voxel",
            where=path,
            do="Give a single volume, such as the first echo.",
        )
    return image


def read_map(path: str | Path) -> tuple[sitk.Image, np.ndarray]:
    """Read a map of three dimensions whose voxels may be unknown: its image, for the grid, and its values.

    Values are 32-bit floats (slice, row, column) with NaN where the file has it; ITK puts 0 in its place. Errors are
    those of `read_volume`.
    """
    image = read_volume(path)
    if not Path(path).name.endswith((".nii", ".nii.gz")):
        return image, array_of(image).astype(np.float32)
    # only here: it takes a fifth of a second, and few programs read maps
    import nibabel

    return image, np.asarray(nibabel.load(path).dataobj, np.float32).T


def write_image(image: sitk.Image, path: str | Path) -> None:
    """Write a NIfTI image atomically; equal images give equal bytes (no time, no name in the gzip header).

    A path in `.gz` is compressed by libdeflate at level 1: for the 15 images of a study's participant that takes 0.3 s,
    a tenth of ITK's time, for files 18 % larger.
    """
    with atomic(path) as temporary:
        if temporary.suffix != ".gz":
            sitk.WriteImage(image, str(temporary))
            return
        plain = temporary.with_suffix("")
        try:
            sitk.WriteImage(image, str(plain))
            temporary.write_bytes(gzip_encode(plain.read_bytes(), level=1))
        finally:
            plain.unlink(missing_ok=True)


def array_of(image: sitk.Image) -> np.ndarray:
    """A copy of the voxels with axes (slice, row, column)."""
    return sitk.GetArrayFromImage(image)


def image_like(array: np.ndarray, reference: sitk.Image) -> sitk.Image:
    """An image that holds `array` (slice, row, column) on the grid of `reference`."""
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(reference)
    return image


def affine_of(image: sitk.Image) -> np.ndarray:
    """The (4, 4) matrix from (column, row, slice) indices to LPS millimetres."""
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.asarray(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return affine


def same_grid(first: sitk.Image, second: sitk.Image) -> bool:
    """Whether both images have the same voxels in space (all corners within `GRID_TOLERANCE_MM`)."""
    if first.GetSize() != second.GetSize():
        return False
    far = np.asarray(first.GetSize()) - 1
    corners = np.array([[*(far * np.array(pick)), 1] for pick in np.ndindex(2, 2, 2)]).T
    return bool(np.abs((affine_of(first) - affine_of(second)) @ corners).max() < GRID_TOLERANCE_MM)


def require_same_grid(first: sitk.Image, second: sitk.Image, *, where: str | Path, what: str) -> None:
    """Raise `MyoT2Error` unless both images share one grid; nothing is ever resampled silently."""
    if not same_grid(first, second):
        raise MyoT2Error(
            expected=f"{what} on one grid",
            found=f"{_grid(first)} against {_grid(second)}",
            where=where,
            do="Resample on purpose with scripts/resample_labels.py, or give images of the same series.",
        )


def sidecar_path(image_path: str | Path) -> Path:
    """The JSON file that belongs to an image file."""
    path = Path(image_path)
    return path.with_name(path.name.removesuffix(".gz").removesuffix(".nii") + ".json")


def read_sidecar(image_path: str | Path) -> dict[str, Any]:
    """The JSON sidecar of an image; empty where there is none."""
    path = sidecar_path(image_path)
    raise_if_stopped(path)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write_sidecar(image_path: str | Path, content: Mapping[str, Any]) -> None:
    """Write the JSON sidecar of an image."""
    write_json(sidecar_path(image_path), content)


def _read_to_the_end(path: Path) -> None:
    """Decompress a .gz file once: ITK takes a file that ends too early for one that ends in zeros."""
    if path.suffix == ".gz":
        with gzip.open(path) as stream:
            while stream.read(1 << 22):
                pass


def _grid(image: sitk.Image) -> str:
    size = "x".join(str(n) for n in image.GetSize())
    spacing = "x".join(f"{mm:.4g}" for mm in image.GetSpacing())
    origin = ", ".join(f"{mm:.2f}" for mm in image.GetOrigin())
    return f"{size} voxels of {spacing} mm from ({origin}) mm"


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()
