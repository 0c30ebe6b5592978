"""A small run on disk: two scans whose images, labels and maps are boxes of known content."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from review_boxes import SHAPE, box, grid

from myot2.core.images import write_image
from myot2.core.labels import read_labels
from myot2.core.scans import Scan
from myot2.review.cases import Case


@pytest.fixture(scope="session")
def table():
    return read_labels("config/labels.tsv")


PEOPLE = ("P01", "C01")
KINDS = ("image", "labels", "t2", "t2labels")


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """The files of the run, written once: each is flushed to the disk, which takes its time."""
    folder = tmp_path_factory.mktemp("written")
    for number, name in enumerate(PEOPLE):
        arrays = [np.full(SHAPE, 7.0 + number), box(), np.full(SHAPE, 40.0), box()]
        for kind, array in zip(KINDS, arrays, strict=True):
            array = array if array.dtype == np.uint16 else array.astype(np.float32)
            write_image(grid(array), folder / f"{name}_{kind}.nii.gz")
    return folder


@pytest.fixture
def cases(written, tmp_path) -> list[Case]:
    """The cases of a copy of the run, which a test may change."""
    results = shutil.copytree(written, tmp_path / "results")
    return [
        Case(
            Scan(name),
            *(results / f"{name}_{kind}.nii.gz" for kind in KINDS),
            risk=0.5 - number / 10,
            flags=("a <b>flag</b>",),
        )
        for number, name in enumerate(PEOPLE)
    ]
