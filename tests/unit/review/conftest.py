"""A small run on disk: two scans whose images, labels and maps are boxes of known content."""

from __future__ import annotations

import numpy as np
import pytest
from review_boxes import SHAPE, box, grid

from myot2.core.images import write_image
from myot2.core.labels import read_labels
from myot2.core.scans import Scan
from myot2.review.cases import Case


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
