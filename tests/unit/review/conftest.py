"""A small run on disk: two scans whose images, labels and maps are boxes of known content."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from myot2.core.images import write_image
from myot2.core.labels import read_labels
from myot2.core.scans import Scan
from myot2.review.cases import Case

SHAPE = (4, 12, 10)


def grid(array: np.ndarray, spacing=(2.0, 2.0, 6.0), origin=(-10.0, -12.0, 3.0)) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    return image


def box() -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint16)
    labels[1:3, 2:8, 2:5], labels[1:3, 2:8, 6:8] = 1, 2
    return labels


@pytest.fixture
def table():
    return read_labels("config/labels.tsv")


@pytest.fixture
def cases(tmp_path) -> list[Case]:
    made = []
    for number, name in enumerate(["P01", "C01"]):
        paths = [tmp_path / f"results/{name}_{kind}.nii.gz" for kind in ("image", "labels", "t2", "t2labels")]
        for path, array in zip(paths, [np.full(SHAPE, 7.0 + number), box(), np.full(SHAPE, 40.0), box()], strict=True):
            write_image(grid(array if array.dtype == np.uint16 else array.astype(np.float32)), path)
        made.append(Case(Scan(name), *paths, risk=0.5 - number / 10, flags=("a <b>flag</b>",)))
    return made
