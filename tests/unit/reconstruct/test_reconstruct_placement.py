"""Where slices of raw data lie: voxels against the Fourier transform's own definition of position."""

from __future__ import annotations

import numpy as np
import pytest
import reconstruct_mrd_writer as writer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from myot2.reconstruct.mrd import read_mrd
from myot2.reconstruct.placement import place
from myot2.reconstruct.readouts import READOUT, Encoding, Readouts, ScanHeader


def voxel_lps(scan, index, row, column):
    """By the definition of a voxel's phase: rows and columns count from the centre of the field, at size // 2."""
    column_mm, row_mm = scan.pixel_mm
    within = (column - scan.columns // 2) * column_mm * scan.directions[:, 0]
    return scan.position(index) + within + (row - scan.rows // 2) * row_mm * scan.directions[:, 1]


def test_voxels_lie_where_the_headers_say(tmp_path):
    scan = writer.write(tmp_path / "scan.h5", writer.Scan(slices=3))
    raw = read_mrd(tmp_path / "scan.h5")
    image = raw.image(np.zeros((3, 40, 24), np.float32))
    for index, row, column in ((0, 0, 0), (2, 39, 23), (1, 20, 12), (1, 7, 3)):
        found = image.TransformIndexToPhysicalPoint((column, row, index))
        assert np.allclose(found, voxel_lps(scan, index, row, column), atol=1e-3)
    assert raw.spacing_mm == pytest.approx([1.5, 2.0, 7.5], rel=1e-5)
    assert np.linalg.det(raw.direction) == pytest.approx(1)


def test_a_point_is_found_where_its_k_space_says(tmp_path):
    """A point source, its phase in k-space by its distance from the slice centre, lands in the voxel of that place."""
    scan = writer.Scan(slices=1, blocks=1, acceleration=1, echoes=2)
    where = np.array([5, -7])  # columns and rows from the centre
    k_rows, k_columns = np.arange(40) - 20, np.arange(48) - 24
    phase = np.exp(-2j * np.pi * where[1] * k_rows / 40)[:, None] * np.exp(-2j * np.pi * where[0] * k_columns / 48)
    made = writer.acquisitions(scan)
    for position in writer.scan_headers(made):
        made[position].data[:] = 50 * phase[made[position].idx.kspace_encode_step_1]
    writer.save(tmp_path / "scan.h5", writer.header(scan), made)
    raw = read_mrd(tmp_path / "scan.h5")
    k = np.arange(40) - 20
    image = np.einsum("yk,kcx->yx", np.exp(2j * np.pi * np.outer(k, k) / 40), raw.slices[0].samples[0])
    row, column = np.unravel_index(np.abs(image).argmax(), image.shape)
    found = raw.image(np.zeros((1, 40, 24))).TransformIndexToPhysicalPoint((int(column), int(row), 0))
    expected = scan.position(0) + where[0] * 1.5 * scan.directions[:, 0] + where[1] * 2.0 * scan.directions[:, 1]
    assert np.allclose(found, expected, atol=1e-3)


def test_slices_counted_against_the_normal_are_turned_round(tmp_path):
    scan = writer.Scan(slices=3, distance_mm=-7.5)
    writer.write(tmp_path / "scan.h5", scan)
    raw = read_mrd(tmp_path / "scan.h5")
    assert raw.spacing_mm[2] == pytest.approx(7.5)
    assert np.allclose(raw.image(np.zeros((3, 40, 24))).TransformIndexToPhysicalPoint((12, 20, 0)), scan.position(2))
    # what was scanned third is the first slice of the image: images differ by slice
    first = np.abs(raw.slices[0].samples[0]).max()
    assert first > 2.5 * np.abs(raw.slices[2].samples[0]).max()


def test_a_normal_against_the_right_hand_changes_nothing(tmp_path):
    scan = writer.Scan(slices=2)
    made = writer.acquisitions(scan)
    for one in made:
        one.slice_dir[:] = [-value for value in one.slice_dir[:]]
    writer.save(tmp_path / "scan.h5", writer.header(scan), made)
    writer.write(tmp_path / "other.h5", scan)
    turned, plain = read_mrd(tmp_path / "scan.h5"), read_mrd(tmp_path / "other.h5")
    assert np.array_equal(turned.direction, plain.direction)
    assert np.array_equal(turned.origin_lps_mm, plain.origin_lps_mm)


def test_a_lone_slice_is_as_thick_as_the_header_says(tmp_path):
    writer.write(tmp_path / "scan.h5", writer.Scan(slices=1))
    assert read_mrd(tmp_path / "scan.h5").spacing_mm[2] == 5.0


angles = st.floats(-180, 180)
places = st.floats(-400, 400)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    turn=st.tuples(angles, angles, angles),
    centre=st.tuples(places, places, places),
    order=st.permutations(range(5)),
    distance=st.floats(1, 40),
    size=st.tuples(st.integers(8, 65), st.integers(8, 65)),
)
def test_any_oblique_gapped_stack_in_any_order_is_placed(turn, centre, order, distance, size):
    rows, columns = size
    directions = Rotation.from_euler("zyx", turn, degrees=True).as_matrix()
    table = np.zeros(5, READOUT)
    table["slice"], table["imaging"] = range(5), True
    # slice i of the file lies at place order[i] of the stack
    centres = np.array(centre) + distance * np.outer(order, directions[:, 2])
    # as files hold them
    table["position"] = centres.astype(np.float32)
    table["read"], table["along"] = (directions[:, axis].astype(np.float32) for axis in (0, 1))
    encoding = Encoding(2 * columns, rows, 1, (2.0 * columns * 1.25, rows * 1.5, 4.0), columns * 1.25, rows // 2)
    readouts = Readouts("scan", ScanHeader((encoding,), (), None, None, None, ()), table, lambda rows: rows)
    found = place(readouts, table, columns)
    assert [order[index] for index in found.order] == [0, 1, 2, 3, 4]
    corner = np.array(centre) - 1.25 * (columns // 2) * directions[:, 0] - 1.5 * (rows // 2) * directions[:, 1]
    assert np.allclose(found.origin_lps_mm, corner, atol=1e-3)
    assert np.allclose(found.direction, directions, atol=1e-6)
    assert np.allclose(found.spacing_mm, [1.25, 1.5, distance], rtol=1e-3)
