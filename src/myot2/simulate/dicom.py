"""An examination as DICOM files, with invented identities.

Files are named as an archive names them (IM000001 in nested folders): nothing about a series can be read from a path.
Equal input gives equal bytes.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import numpy as np

from myot2.simulate.encoding import EXPLICIT, Encoding
from myot2.simulate.identity import Identity
from myot2.simulate.scanners.header import Scanner
from myot2.simulate.scanners.siemens import SIEMENS
from myot2.simulate.series import Series, uid


def write_examination(
    folder: Path,
    series: list[Series],
    identity: Identity,
    key: str,
    scanner: Scanner = SIEMENS,
    encoding: Encoding = EXPLICIT,
) -> int:
    """Write all series of an examination below a folder; returns the number of files.

    Parameters
    ----------
    key : str
        What all UIDs of the examination are derived from.
    """
    study = folder / f"A{_digits(key, 'study')}"
    count = 0
    for number, group in groupby(sorted(series, key=scanner.number), key=scanner.number):
        place = study / f"S{_digits(key, number)}"
        place.mkdir(parents=True)
        objects = scanner.objects(list(group), identity, key)
        # An archive stores files in the order in which they arrive, which is not that of the slices.
        order = np.random.Generator(np.random.PCG64(number)).permutation(len(objects))
        for position in order:
            count += 1
            encoding(objects[position], place / f"IM{count:06d}")
    return count


def _digits(*parts: object) -> str:
    return uid(*parts)[-8:]
