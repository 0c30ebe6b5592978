"""Where the slices of raw data lie: the grid of the image in LPS millimetres, by the readouts' own headers.

The headers give the centre of each slice and unit vectors along readout, phase encoding and normal. By the transforms
of `myot2.reconstruct.raw` the centre is the position of voxel (columns // 2, rows // 2). The image is right-handed:
its third axis is readout x phase encoding, whichever way the header's normal points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from myot2.reconstruct.readouts import Readouts

SAME_PLACE_MM = 0.05
"""Positions that differ by less are one: headers hold 32-bit numbers."""
DIRECTION_TOLERANCE = 1e-3
"""Largest difference of a direction cosine within a scan (0.06 degrees)."""
SPACING_TOLERANCE = 1e-2
"""Largest distance of a slice from its place on an even grid, as a part of the slice distance."""


@dataclass(frozen=True)
class Placement:
    """The grid, and the order of the slices on it.

    Attributes
    ----------
    order : tuple of int
        Slice indices of the file in the order of the image.
    origin_lps_mm : np.ndarray
    direction : np.ndarray
    spacing_mm : np.ndarray
        As in `myot2.reconstruct.raw.RawScan`.
    """

    order: tuple[int, ...]
    origin_lps_mm: np.ndarray
    direction: np.ndarray
    spacing_mm: np.ndarray


def place(readouts: Readouts, rows: np.ndarray, columns: int) -> Placement:
    """The grid of a scan's imaging readouts, the image having this many columns.

    Raises
    ------
    MyoT2Error
        Directions are missing, not perpendicular or differ between readouts; readouts of one slice lie at two places;
        two slices lie at one; slices are uneven or aside of one another.
    """
    encoding = readouts.header.encodings[rows["encoding"][0]]
    direction = _direction(readouts, rows)
    places = _places(readouts, rows)
    along = {index: float(centre @ direction[:, 2]) for index, centre in places.items()}
    order = sorted(along, key=lambda index: (along[index], index))
    distance = _distance(readouts, rows, order, along)
    pixel = np.array([encoding.fov_mm[0] / encoding.columns, encoding.fov_mm[1] / encoding.rows])
    first = places[order[0]]
    for index in order:
        aside = np.abs((places[index] - first) @ direction[:, :2])
        if (aside > np.maximum(SPACING_TOLERANCE * distance, 0.05 * pixel)).any():
            raise readouts.refuse(
                _first_of(rows, index),
                expected="slices one above the other",
                found=f"slice {index} {aside.max():.2f} mm aside of slice {order[0]}",
                do="Reconstruct the stacks one by one; a sheared stack has no rectangular grid.",
            )
    corner = -pixel * [columns // 2, encoding.rows // 2]
    return Placement(tuple(order), first + direction[:, :2] @ corner, direction, np.array([*pixel, distance]))


def _direction(readouts: Readouts, rows: np.ndarray) -> np.ndarray:
    read, along = rows["read"], rows["along"]
    units = np.abs(np.stack([(read**2).sum(1), (along**2).sum(1)], axis=1) - 1).max(axis=1)
    wrong = ~((units < 2 * DIRECTION_TOLERANCE) & (np.abs((read * along).sum(1)) < DIRECTION_TOLERANCE))
    if wrong.any():
        row = rows[int(wrong.argmax())]
        raise readouts.refuse(
            row,
            expected="read_dir and phase_dir as perpendicular unit vectors",
            found=f"{_numbers(row['read'])} and {_numbers(row['along'])}",
            do="Convert the scanner's file again; without orientation the map cannot be placed.",
        )
    turned = np.maximum(np.abs(read - read[0]).max(1), np.abs(along - along[0]).max(1)) > DIRECTION_TOLERANCE
    if turned.any():
        row = rows[int(turned.argmax())]
        raise readouts.refuse(
            row,
            expected=f"one orientation, that of acquisition {rows[0]['number']}",
            found=f"read_dir {_numbers(row['read'])}, phase_dir {_numbers(row['along'])}",
            do="Reconstruct stacks of different orientation one by one.",
        )
    first = read[0] / np.linalg.norm(read[0])
    second = along[0] - (along[0] @ first) * first
    second /= np.linalg.norm(second)
    third = np.cross(first, second)
    told = rows["normal"]
    skew = (np.abs(told).max(1) > 0) & (np.abs(np.abs(told @ third) - 1) > 2 * DIRECTION_TOLERANCE)
    if skew.any():
        row = rows[int(skew.argmax())]
        raise readouts.refuse(
            row,
            expected="a slice_dir perpendicular to read_dir and phase_dir",
            found=_numbers(row["normal"]),
            do="Convert the scanner's file again; the orientation in it contradicts itself.",
        )
    return np.stack([first, second, third], axis=1)


def _places(readouts: Readouts, rows: np.ndarray) -> dict[int, np.ndarray]:
    places = {}
    for index in np.unique(rows["slice"]):
        of_slice = rows[rows["slice"] == index]
        away = np.abs(of_slice["position"] - of_slice["position"][0]).max(axis=1)
        # also where a position is no number
        if not away.max() <= SAME_PLACE_MM:
            row = of_slice[int(np.nan_to_num(away, nan=np.inf).argmax())]
            raise readouts.refuse(
                row,
                expected=f"slice {index} at {_numbers(of_slice['position'][0])} mm, as its first readout has it",
                found=f"a readout of it at {_numbers(row['position'])} mm",
                do="Slices are mixed up, or the table moved: convert again, or scan again.",
            )
        places[int(index)] = of_slice["position"][0].copy()
    return places


def _distance(readouts: Readouts, rows: np.ndarray, order: list[int], along: dict[int, float]) -> float:
    if len(order) == 1:
        return readouts.header.encodings[rows["encoding"][0]].fov_mm[2]
    gaps = np.diff([along[index] for index in order])
    if gaps.min() < SAME_PLACE_MM:
        here = int(gaps.argmin())
        raise readouts.refuse(
            _first_of(rows, order[here + 1]),
            expected="each slice at a place of its own",
            found=f"slices {order[here]} and {order[here + 1]} at one place",
            do="Slices are mixed up: convert the scanner's file again.",
        )
    if np.abs(gaps / np.median(gaps) - 1).max() > SPACING_TOLERANCE:
        here = int(np.abs(gaps - np.median(gaps)).argmax())
        raise readouts.refuse(
            _first_of(rows, order[here + 1]),
            expected=f"slices {np.median(gaps):.2f} mm apart, as most are",
            found=f"{gaps[here]:.2f} mm between slices {order[here]} and {order[here + 1]}",
            do="A slice is missing or out of place: convert the whole file again.",
        )
    return float(gaps.mean())


def _first_of(rows: np.ndarray, index: int) -> np.void:
    return rows[rows["slice"] == index][0]


def _numbers(values: np.ndarray) -> str:
    return "(" + ", ".join(f"{value:.4g}" for value in values) + ")"
