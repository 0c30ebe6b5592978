"""The same person through any scanner, lying in any way, exported in any form: ingest gives the same images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_zoo_examination import (
    AXIAL,
    DIXON_PARTS,
    MESE_NUMBER,
    Read,
    dixon,
    echo_pixels,
    examination,
    localiser,
    log_linear_t2,
    mese,
    read,
    t2_map,
    true_t2,
    voxels_of,
    write,
    write_colour_captures,
)
from scipy.spatial.transform import Rotation

from myot2.simulate.encoding import ENCODINGS
from myot2.simulate.extras import aborted, earlier, mean_echo, phase, stations
from myot2.simulate.placement import PLACEMENTS, every_orientation, turned_world
from myot2.simulate.scanners.catalogue import SCANNERS

FEW_SCANNERS = ("siemens", "siemens-xa", "siemens-xa-whole", "philips", "philips-enhanced", "ge")
CLOSE = {"rtol": 1e-6, "atol": 0}
Undo = Callable[[np.ndarray], np.ndarray]


def as_they_are(points: np.ndarray) -> np.ndarray:
    return points


def assert_proportional(found: np.ndarray, expected: np.ndarray) -> None:
    factor = np.median(found / expected)
    assert factor > 0
    np.testing.assert_allclose(found, factor * expected, **CLOSE)


def assert_same_echoes(found: Read, undo: Undo = as_they_are) -> None:
    """One factor for all echoes, and the T2 of the plain echoes from a fit that shares no code with the project."""
    echoes = np.stack([voxels_of(image, undo) for image in found.echoes])
    plain = echo_pixels().astype(float)
    assert_proportional(echoes, plain)
    np.testing.assert_allclose(log_linear_t2(echoes), log_linear_t2(plain), rtol=1e-5)


def assert_same_map(found: Read, undo: Undo = as_they_are) -> None:
    expected = true_t2() / 1000
    expected[:, 0] = 0
    assert found.t2_unit == "s"
    np.testing.assert_allclose(voxels_of(found.t2_map, undo), expected, rtol=1e-6, atol=1e-12)


def assert_same(found: Read, undo: Undo = as_they_are) -> None:
    """Every voxel at its place, echoes and Dixon images in proportion, T2 equal."""
    assert_same_echoes(found, undo)
    assert_same_map(found, undo)
    for role, series in zip(DIXON_PARTS, dixon(), strict=True):
        assert_proportional(voxels_of(found.dixon[role], undo), series.stacks[0][1][0].astype(float))


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("scanner", SCANNERS)
def test_any_scanner_and_placement_gives_the_plain_examination(tmp_path, scanner, placement):
    placed = [PLACEMENTS[placement](series) for series in examination()]
    assert_same(read(write(tmp_path / "dicom", placed, SCANNERS[scanner]), tmp_path))


@pytest.mark.parametrize("scanner", SCANNERS)
def test_an_oblique_examination_gives_the_same_voxels_in_a_turned_world(tmp_path, scanner):
    turn, shift = Rotation.from_euler("xyz", [14, -9, 21], degrees=True).as_matrix(), np.array([3.0, 40.0, -17.0])
    oblique = [turned_world(series, turn, shift) for series in examination()]
    found = read(write(tmp_path / "dicom", oblique, SCANNERS[scanner]), tmp_path)
    assert_same(found, lambda points: (points - shift) @ turn)


@settings(max_examples=30, deadline=None)
@given(
    placement=st.sampled_from(every_orientation()),
    turn=st.integers(0, 2**32 - 1),
    shift=st.tuples(*[st.floats(-200, 200)] * 3),
)
def test_every_orientation_in_any_world_gives_the_same_t2(tmp_path_factory, placement, turn, shift):
    folder = tmp_path_factory.mktemp("orientation")
    rotation = Rotation.random(random_state=turn).as_matrix()
    series = turned_world(placement(mese()), rotation, np.array(shift))
    write(folder / "dicom", [series], SCANNERS["siemens-xa-whole"])
    found = read(folder / "dicom", folder, t2_map=False, dixon=())
    assert_same_echoes(found, lambda points: (points - shift) @ rotation)


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_the_subjects_left_stays_left(tmp_path, placement):
    """T2 is 60 ms and more on the left, which has the larger x in LPS, and below 45 ms on the right."""
    write(tmp_path / "dicom", [PLACEMENTS[placement](t2_map())], SCANNERS["ge"])
    image = read(tmp_path / "dicom", tmp_path, echoes=0, dixon=()).t2_map
    for x, low, high in ((AXIAL.centre[0] + 6, 0.060, 0.085), (AXIAL.centre[0] - 6, 0.030, 0.045)):
        place = image.TransformPhysicalPointToIndex((x, AXIAL.centre[1], AXIAL.centre[2]))
        assert low <= image[place] <= high


@pytest.mark.parametrize("scanner", FEW_SCANNERS)
def test_left_and_right_stations_are_joined(tmp_path, scanner):
    """Each leg in series of its own, whose fields of view abut."""
    halves = [
        half
        for series in [*dixon(), mese(), t2_map()]
        for half in stations(series, right=series.number + 20, left=series.number + 40)
    ]
    assert_same(read(write(tmp_path / "dicom", [localiser(), *halves], SCANNERS[scanner]), tmp_path))


@pytest.mark.parametrize("scanner", ["siemens", "siemens-xa", "philips-enhanced"])
def test_of_repeats_the_last_complete_one_counts(tmp_path, scanner):
    """Before it one that was stopped half-way, and one that is complete and shows another place."""
    wanted = [*dixon(), mese(), t2_map()]
    moved = [earlier(series, series.number + 20, 1800) for series in wanted]
    stopped = [aborted(earlier(series, series.number + 40, 3000)) for series in wanted]
    found = read(write(tmp_path / "dicom", [*stopped, *moved, *examination()], SCANNERS[scanner]), tmp_path)
    assert_same(found)


@pytest.mark.parametrize("scanner", ["siemens", "siemens-xa", "philips"])
def test_a_later_aborted_repeat_is_passed_over(tmp_path, scanner):
    wanted = [*dixon(), mese(), t2_map()]
    stopped = [aborted(earlier(series, series.number + 40, -900)) for series in wanted]
    assert_same(read(write(tmp_path / "dicom", [*examination(), *stopped], SCANNERS[scanner]), tmp_path))


@pytest.mark.parametrize("scanner", FEW_SCANNERS)
def test_an_in_phase_image_that_was_repeated_is_not_mixed_with_the_later_acquisition(tmp_path, scanner):
    """As in the simulated examination: of an earlier, spoiled Dixon acquisition only the in-phase images are there."""
    spoiled = earlier(dixon()[0], 3, 600)
    found = read(write(tmp_path / "dicom", [spoiled, *examination()], SCANNERS[scanner]), tmp_path)
    assert_same(found)


@pytest.mark.parametrize("scanner", FEW_SCANNERS)
def test_a_mean_of_the_echoes_in_their_series_is_no_echo(tmp_path, scanner):
    series = [*dixon(), mese(), mean_echo(mese()), t2_map()]
    assert_same(read(write(tmp_path / "dicom", series, SCANNERS[scanner]), tmp_path))


@pytest.mark.parametrize("scanner", FEW_SCANNERS)
def test_a_t2_map_in_the_series_of_its_echoes_is_found(tmp_path, scanner):
    series = [*dixon(), mese(), replace(t2_map(), number=MESE_NUMBER)]
    assert_same(read(write(tmp_path / "dicom", series, SCANNERS[scanner]), tmp_path))


@pytest.mark.parametrize("scanner", SCANNERS)
def test_phase_images_among_the_magnitudes_are_left_aside(tmp_path, scanner):
    series = [*dixon(), mese(), phase(mese()), t2_map()]
    assert_same(read(write(tmp_path / "dicom", series, SCANNERS[scanner]), tmp_path))


def test_colour_pictures_of_the_map_are_left_aside(tmp_path):
    write(tmp_path / "dicom", examination())
    write_colour_captures(tmp_path / "dicom")
    assert_same(read(tmp_path / "dicom", tmp_path))


@pytest.mark.parametrize("scanner", ["siemens", "ge", "philips-enhanced"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_any_lossless_encoding_gives_the_same_values(tmp_path, encoding, scanner):
    dicom: Path = write(tmp_path / "dicom", examination(), SCANNERS[scanner], ENCODINGS[encoding])
    assert_same(read(dicom, tmp_path))
