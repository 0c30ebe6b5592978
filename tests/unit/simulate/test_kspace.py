"""Raw k-space of the simulator against formulas, and the file against the reader of the format's own library."""

from __future__ import annotations

from dataclasses import replace

import h5py
import ismrmrd
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ismrmrd import xsd

from myot2.simulate.coils import Coils, sensitivities
from myot2.simulate.grid import axial_grid
from myot2.simulate.kspace import (
    CALIBRATION_LINES,
    DWELL_US,
    NOISE_BANDWIDTH,
    NOISE_DWELL_US,
    OVERSAMPLING,
    Receiver,
    acquire,
    fourier,
    noise_covariance,
    noise_scan,
    odd_even_phase,
)
from myot2.simulate.participant import examine_and_keep
from myot2.simulate.protocol import Conditions
from myot2.simulate.raw_file import write_raw
from myot2.simulate.sampling import FULL, Sampling

ROWS, COLUMNS, FINER = 12, 16, 3
CENTRE = np.array([3.0, -4.0, 50.0])


@pytest.fixture(scope="module")
def grid():
    return axial_grid((COLUMNS, ROWS), 3, CENTRE)


@pytest.fixture(scope="module")
def scanned(cylinder_body, small_preset):
    """What the multi-echo series of a body of cylinders saw."""
    return examine_and_keep(
        cylinder_body(), small_preset, Conditions(refocusing="ideal"), 45.0, np.random.default_rng(2)
    )[2]


@pytest.fixture(scope="module")
def raw(scanned):
    return acquire(*scanned, Conditions(refocusing="ideal", snr=60), Receiver(), np.random.default_rng(5))


def image_of(samples: np.ndarray) -> np.ndarray:
    """The unitary inverse transform of all lines (rows, coils, samples), as (coils, rows, samples)."""
    kspace = np.fft.ifftshift(np.moveaxis(samples, 1, 0), axes=(-2, -1))
    return np.fft.fftshift(np.fft.ifft2(kspace, norm="ortho"), axes=(-2, -1))


@given(
    row=st.integers(-(ROWS // 2), ROWS // 2 - 1),
    column=st.integers(-(COLUMNS // 2), COLUMNS // 2 - 1),
    angle=st.floats(0, 6),
)
def test_the_inverse_transform_of_all_samples_is_the_object_at_the_voxels_middles(grid, row, column, angle):
    """A wave of a whole number of periods is exact; every other sample belongs to the field of view alone."""

    def wave(down, along):
        return np.exp(1j * angle + 2j * np.pi * (row * down[:, None] / ROWS + column * along / COLUMNS))

    fine = [(np.arange(FINER * n) + 0.5) / FINER - 0.5 - n // 2 for n in (ROWS, COLUMNS)]
    samples = fourier(wave(*fine)[None], grid)[..., ::OVERSAMPLING] * np.sqrt(OVERSAMPLING)
    expected = wave(np.arange(ROWS) - ROWS // 2, np.arange(COLUMNS) - COLUMNS // 2)
    np.testing.assert_allclose(image_of(samples)[0], expected, atol=2e-5)


def test_a_point_in_the_middle_voxel_has_the_same_sample_everywhere_in_k_space(grid):
    point = np.zeros((1, FINER * ROWS, FINER * COLUMNS))
    point[0, FINER * (ROWS // 2) + 1, FINER * (COLUMNS // 2) + 1] = 1
    samples = fourier(point, grid)
    np.testing.assert_allclose(samples, samples[0, 0, 0].real, rtol=1e-4)


def test_the_oversampled_field_of_view_holds_nothing_beyond_the_objects_own(grid):
    image = np.abs(image_of(fourier(np.ones((1, FINER * ROWS, FINER * COLUMNS)), grid)))[0]
    outside = np.r_[image[:, :4].ravel(), image[:, -4:].ravel()]
    assert image[:, COLUMNS : COLUMNS + 8].mean() == pytest.approx(1, abs=0.02)
    assert outside.max() < 0.1


@given(
    blocks=st.integers(1, 6),
    acceleration=st.integers(1, 3),
    rows=st.integers(60, 140),
    data=st.data(),
)
def test_every_block_of_a_round_is_sampled_once_and_together_they_hold_all_kept_lines(blocks, acceleration, rows, data):
    order = tuple(data.draw(st.permutations(range(blocks))))
    lines = Sampling(blocks, acceleration, order).lines(rows, 2 * blocks)
    kept = np.flatnonzero((np.arange(rows) - rows // 2) % acceleration == 0)
    np.testing.assert_array_equal(np.sort(np.concatenate(lines[:blocks])), kept)
    for first, again in zip(lines[:blocks], lines[blocks:], strict=True):
        np.testing.assert_array_equal(first, again)
        assert np.ptp(first) < rows / blocks + 1


def test_the_studys_pattern_samples_a_tenth_and_its_middle_in_two_echoes():
    lines = Sampling().lines(130, 10)
    assert [len(of_echo) for of_echo in lines] == [13] * 10
    assert [echo for echo, of_echo in enumerate(lines) if 65 in of_echo] == [2, 7]


def test_partial_fourier_leaves_out_the_first_lines_only():
    part = np.concatenate(Sampling(blocks=1, acceleration=1, order=(0,), partial_fourier=7 / 8).lines(80, 1))
    np.testing.assert_array_equal(part, np.arange(10, 80))


@pytest.mark.parametrize(
    "wrong", [{"blocks": 0}, {"order": (5,)}, {"order": ()}, {"partial_fourier": 0.5}, {"acceleration": 0}]
)
def test_a_pattern_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError):
        Sampling(**wrong)


def test_a_block_without_a_line_is_refused():
    with pytest.raises(ValueError, match="no line"):
        Sampling(partial_fourier=0.6).lines(90, 10)


def test_on_its_axis_a_loop_has_the_field_of_the_textbook():
    """B = 2 pi R^2 / (R^2 + z^2)^(3/2) along the axis, for unit current and without mu0 / 4 pi."""
    coils = Coils.around(CENTRE, 5)
    for coil in range(5):
        for away in (10.0, 60.0, 150.0):
            normal = coils.normals[coil]
            field = 2 * np.pi * coils.radius_mm**2 / (coils.radius_mm**2 + away**2) ** 1.5
            expected = field * (normal[0] - 1j * normal[1])
            assert coils.at(coils.middles[coil] + away * normal)[coil] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("count", [2, 4, 8, 16])
def test_coil_maps_are_the_loops_fields_at_the_sub_voxels_of_the_legs(grid, count):
    coils = Coils.around(CENTRE, count)
    maps = sensitivities(coils, grid, 1, (FINER * ROWS, FINER * COLUMNS))
    points = grid.sub_points(1, (FINER * ROWS, FINER * COLUMNS), 1)[0]
    x, y = np.moveaxis(points - CENTRE, -1, 0)[:2]
    legs = np.hypot(np.abs(x) - 90, y) < 85
    exact = coils.at(points)[:, legs]
    assert np.abs(maps[:, legs] - exact).max() < 0.003 * np.abs(exact).max()


def test_the_noise_scan_tells_the_covariance_of_the_images_by_dwell_time_and_bandwidth():
    """As Gadgetron and ismrmrd-python-tools take it: images = noise scan / (ratio of dwell times x bandwidth)."""
    covariance = noise_covariance(6, 0.3)
    noise = noise_scan(np.linalg.cholesky(covariance), 200_000, np.random.default_rng(0))
    found = noise @ noise.conj().T / (2 * noise.shape[1]) / (DWELL_US / NOISE_DWELL_US * NOISE_BANDWIDTH)
    np.testing.assert_allclose(found, covariance, atol=0.02)


def test_all_lines_without_noise_give_the_coil_weighted_echoes(scanned):
    """Coil images against the voxel means of the signal: equal but for Gibbs ringing, so in the middle of a muscle."""
    body, grid, slabs = scanned
    receiver = Receiver(FULL, odd_even_deg=(0, 0, 0))
    raw = acquire(body, grid, slabs, Conditions(refocusing="ideal", snr=1e6), receiver, np.random.default_rng(5))
    _, rows, columns = grid.shape
    first = OVERSAMPLING * columns // 2 - columns // 2
    coil_images = image_of(raw.slices[1].samples[0])[..., first : first + columns]
    maps = sensitivities(Coils.around(grid.centre, receiver.coils), grid, 1, (rows, columns))
    combined = np.abs((maps.conj() * coil_images).sum(axis=0) / (np.abs(maps) ** 2).sum(axis=0))
    np.testing.assert_allclose(combined, raw.fully_sampled[0, 1], atol=0.01 * combined.max())
    t2 = 10 / np.log(raw.fully_sampled[0, 1] / raw.fully_sampled[1, 1])
    x, y = np.moveaxis(grid.points(1) - body.position, -1, 0)[:2]
    middle = (np.abs(np.hypot(np.abs(x) - 90, y) - 40) < 12) & (np.abs(y) > 8)
    slab = slabs[1]
    truth = slab.water_t2(body.oedema_gain_ms).mean()
    assert t2[middle].mean() == pytest.approx(truth, rel=0.03)


def test_the_snr_is_that_of_the_best_combination_of_all_lines(scanned):
    conditions = Conditions(refocusing="ideal", snr=40)
    body, grid, slabs = scanned
    one, other = (
        acquire(body, grid, slabs, conditions, Receiver(), np.random.default_rng(7)).fully_sampled[:, 1],
        acquire(body, grid, slabs, replace(conditions, snr=1e6), Receiver(), np.random.default_rng(7)).fully_sampled[
            :, 1
        ],
    )
    x, y = np.moveaxis(grid.points(1) - body.position, -1, 0)[:2]
    middle = np.abs(np.hypot(np.abs(x) - 90, y) - 40) < 15
    noise = (one - other)[:, middle].std()
    # Healthy muscle, T2 34 ms, has 0.8 exp(-10 / 34) of full recovery after 6.7 s.
    assert 0.8 * np.exp(-10 / 34) / noise == pytest.approx(40, rel=0.15)


def test_only_even_echoes_have_the_odd_even_phase(scanned):
    quiet = Conditions(refocusing="ideal", snr=1e6)
    plain, turned = (
        acquire(*scanned, quiet, Receiver(FULL, odd_even_deg=degrees), np.random.default_rng(5)).slices[1].samples
        for degrees in ((0, 0, 0), (10, 0, 0))
    )
    for echo in range(4):
        largest = np.abs(plain[echo]) > 0.05 * np.abs(plain[echo]).max()
        angle = np.rad2deg(np.angle(turned[echo] / plain[echo]))[largest]
        np.testing.assert_allclose(angle, 10 if echo % 2 else 0, atol=0.1)


def test_the_odd_even_phase_grows_to_its_value_at_the_edge(grid):
    angle = np.rad2deg(np.angle(odd_even_phase((5, 10, -20), grid, (ROWS, COLUMNS))))
    assert angle[ROWS // 2, COLUMNS // 2] == pytest.approx(5, abs=1e-3)
    assert angle[0, COLUMNS // 2] == pytest.approx(5 - 10, abs=1e-3)
    assert angle[ROWS // 2, 0] == pytest.approx(5 + 20, abs=1e-3)


@pytest.fixture(scope="module")
def written(raw, small_examination, tmp_path_factory):
    path = tmp_path_factory.mktemp("raw") / "raw.h5"
    write_raw(path, raw, small_examination[2])
    return path


def test_the_file_holds_every_line_where_it_was_sampled(raw, written):
    with ismrmrd.Dataset(str(written), mode="r") as dataset:
        acquisitions = [dataset.read_acquisition(place) for place in range(dataset.number_of_acquisitions())]
    noise = [one for one in acquisitions if one.isFlagSet(ismrmrd.ACQ_IS_NOISE_MEASUREMENT)]
    calibration = [one for one in acquisitions if one.isFlagSet(ismrmrd.ACQ_IS_PARALLEL_CALIBRATION)]
    assert len(noise) == 1
    assert len(calibration) == 3 * CALIBRATION_LINES
    lines = {}
    for one in acquisitions:
        if not one.isFlagSet(ismrmrd.ACQ_IS_NOISE_MEASUREMENT) and not one.isFlagSet(
            ismrmrd.ACQ_IS_PARALLEL_CALIBRATION
        ):
            lines[one.idx.slice, one.idx.contrast, one.idx.kspace_encode_step_1] = one.data
    for number, of_slice in enumerate(raw.slices):
        for echo, (places, samples) in enumerate(zip(of_slice.lines, of_slice.samples, strict=True)):
            for line, sample in zip(places, samples, strict=True):
                np.testing.assert_array_equal(lines.pop((number, echo, line)), sample)
    assert not lines


def test_the_header_says_where_the_middle_voxel_of_each_slice_lies(raw, written):
    image = raw.grid.image(np.zeros(raw.grid.shape, dtype=np.float32))
    columns, rows, _ = image.GetSize()
    with ismrmrd.Dataset(str(written), mode="r") as dataset:
        for place in range(1, dataset.number_of_acquisitions(), 17):
            one = dataset.read_acquisition(place)
            middle = image.TransformIndexToPhysicalPoint((columns // 2, rows // 2, one.idx.slice))
            np.testing.assert_allclose(one.position[:], middle, atol=1e-3)
            axes = np.stack([one.read_dir[:], one.phase_dir[:], one.slice_dir[:]], axis=1)
            np.testing.assert_allclose(axes.ravel(), image.GetDirection(), atol=1e-6)


def test_the_header_tells_times_matrix_and_an_invented_name(raw, written, small_examination):
    with ismrmrd.Dataset(str(written), mode="r") as dataset:
        header = xsd.CreateFromDocument(dataset.read_xml_header())
    encoding = header.encoding[0]
    _, rows, columns = raw.grid.shape
    assert [10.0 * echo for echo in range(1, 11)] == header.sequenceParameters.TE
    assert (encoding.reconSpace.matrixSize.x, encoding.encodedSpace.matrixSize.x) == (columns, 2 * columns)
    assert encoding.encodingLimits.kspace_encoding_step_1.center == rows // 2
    assert header.subjectInformation.patientName == small_examination[2].patient_name


def test_equal_scans_give_equal_bytes(raw, written, small_examination, tmp_path):
    again = tmp_path / "raw.h5"
    write_raw(again, raw, small_examination[2])
    assert again.read_bytes() == written.read_bytes()
    with h5py.File(again) as file:
        assert len(file["dataset/data"]) == 1 + 3 * CALIBRATION_LINES + 3 * sum(map(len, raw.slices[0].lines))
