"""BART's arrays: round trip, what BART itself reads and writes, and refusals."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
import reconstruct_mrd_writer as writer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from myot2.core.errors import MyoT2Error
from myot2.reconstruct.cfl import calibration_array, kspace_array, read_cfl, scan_of_arrays, write_cfl
from myot2.reconstruct.mrd import read_mrd

BART = shutil.which("bart")
needs_bart = pytest.mark.skipif(not BART, reason="BART is not installed (Debian package bart)")


def bart(folder, *words):
    return subprocess.run([BART, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


def random_array(shape, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    path = tmp_path_factory.mktemp("cfl") / "scan.h5"
    writer.write(path, writer.Scan(noise_sd=1.0, slices=2, averages=2))
    return read_mrd(path)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 4), min_size=1, max_size=16).filter(lambda sizes: np.prod(sizes) < 5000))
def test_what_is_written_is_read_again(tmp_path, sizes):
    array = random_array(sizes)
    write_cfl(tmp_path / "array", array)
    found = read_cfl(tmp_path / "array")
    assert found.ndim == 16
    assert np.array_equal(found.reshape(sizes), array)


@needs_bart
def test_bart_reads_the_dimensions_and_values_that_were_written(tmp_path):
    array = random_array((5, 4, 1, 3, 1, 2))
    write_cfl(tmp_path / "array", array)
    assert bart(tmp_path, "show", "-d0", "array").strip() == "5"
    assert bart(tmp_path, "show", "-d5", "array").strip() == "2"
    bart(tmp_path, "extract", "1", "2", "3", "3", "1", "2", "5", "0", "1", "array", "part")
    assert np.array_equal(read_cfl(tmp_path / "part").ravel(), array[:, 2, 0, 1, 0, 0])


@needs_bart
def test_bart_s_own_transform_of_exported_k_space_is_the_image(tmp_path, scan):
    """Unitary and centred like ours: BART's inverse transform along the readout gives our columns."""
    write_cfl(tmp_path / "kspace", kspace_array(scan))
    bart(tmp_path, "fft", "-u", "-i", "1", "kspace", "hybrid")
    hybrid = read_cfl(tmp_path / "hybrid")
    for index, of_slice in enumerate(scan.slices):
        for echo, lines in enumerate(of_slice.lines):
            found = hybrid[:, :, 0, :, 0, echo, 0, 0, 0, 0, 0, 0, 0, index, 0, 0][:, lines].transpose(1, 2, 0)
            # the root of two averages
            expected = of_slice.samples[echo] * np.sqrt(2)
            assert np.allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_a_scan_exported_and_read_again_is_the_same(tmp_path, scan):
    write_cfl(tmp_path / "kspace", kspace_array(scan))
    write_cfl(tmp_path / "calibration", calibration_array(scan))
    again = scan_of_arrays(
        read_cfl(tmp_path / "kspace"),
        read_cfl(tmp_path / "calibration"),
        echo_times_ms=tuple(scan.echo_times_ms),
        noise_sd=1.0,
        origin_lps_mm=scan.origin_lps_mm,
        direction=scan.direction,
        spacing_mm=scan.spacing_mm,
        where="arrays",
    )
    assert (again.rows, again.columns) == (scan.rows, scan.columns)
    for one, other in zip(again.slices, scan.slices, strict=True):
        for echo, lines in enumerate(other.lines):
            assert np.array_equal(one.lines[echo], lines)
            expected = other.samples[echo] * np.sqrt(2)
            assert np.allclose(one.samples[echo], expected, atol=1e-5 * np.abs(expected).max())
        assert np.allclose(one.calibration, other.calibration)


def header_missing(folder):
    (folder / "array.hdr").unlink()


def data_missing(folder):
    (folder / "array.cfl").unlink()


def header_without_numbers(folder):
    (folder / "array.hdr").write_text("# Dimensions\nfive four\n", encoding="utf-8")


def header_without_dimensions(folder):
    (folder / "array.hdr").write_text("# Command\nfft\n", encoding="utf-8")


def data_cut_short(folder):
    content = (folder / "array.cfl").read_bytes()
    (folder / "array.cfl").write_bytes(content[:-5])


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (header_missing, "no such file"),
        (data_missing, "no such file"),
        (header_without_numbers, "found five four"),
        (header_without_dimensions, "found none"),
        (data_cut_short, "expected 96 bytes.*found 91 bytes"),
    ],
)
def test_broken_arrays_are_refused(tmp_path, spoil, says):
    write_cfl(tmp_path / "array", random_array((4, 3)))
    spoil(tmp_path)
    with pytest.raises(MyoT2Error, match=says):
        read_cfl(tmp_path / "array")


def taken(scan, *, change=lambda kspace, calibration: (kspace, calibration), times=None):
    kspace, calibration = change(kspace_array(scan), calibration_array(scan))
    return scan_of_arrays(
        kspace,
        calibration,
        echo_times_ms=times or tuple(scan.echo_times_ms),
        noise_sd=1.0,
        origin_lps_mm=scan.origin_lps_mm,
        direction=scan.direction,
        spacing_mm=scan.spacing_mm,
        where="arrays",
    )


def nan(kspace, calibration):
    kspace[0, 20] = np.nan
    return kspace, calibration


def echo_empty(kspace, calibration):
    kspace[:, :, :, :, :, 1] = 0
    return kspace, calibration


@pytest.mark.parametrize(
    ("change", "times", "says"),
    [
        (nan, None, "NaN in the k-space"),
        (echo_empty, None, "none of echo 1"),
        (lambda k, c: (np.repeat(k, 2, axis=2), c), None, "2 in dimension 2"),
        (lambda k, c: (k, c[:, :20]), None, "calibration on the matrix"),
        (lambda k, c: (k, 0 * c), None, "calibration about the centre"),
        (lambda k, c: (k, c), (10.0, 20.0), "2 echoes"),
    ],
)
def test_arrays_that_make_no_scan_are_refused(scan, change, times, says):
    with pytest.raises(MyoT2Error, match=says):
        taken(scan, change=change, times=times)
