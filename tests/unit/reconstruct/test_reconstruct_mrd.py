"""Reading ISMRMRD: what comes out is what explicit Fourier sums put in."""

from __future__ import annotations

import numpy as np
import pytest
import reconstruct_mrd_writer as writer

from myot2.reconstruct.mrd import read_mrd


def whitened(scan, hybrid):
    """What the reader is to make of noiseless (lines, coils, columns): the coils' noise divided out by Cholesky."""
    factor = np.linalg.cholesky(scan.factor @ scan.factor.conj().T)
    return np.linalg.solve(factor, hybrid)


@pytest.fixture
def plain(tmp_path):
    scan = writer.write(tmp_path / "scan.h5", writer.Scan())
    return scan, read_mrd(tmp_path / "scan.h5")


def assert_is_truth(scan, raw, *, tolerance=2e-5):
    for index, of_slice in enumerate(raw.slices):
        for echo, lines in enumerate(scan.lines):
            assert of_slice.lines[echo].tolist() == lines.tolist()
            truth = whitened(scan, scan.hybrid(index, echo)[lines])
            assert of_slice.samples[echo].dtype == np.complex64
            assert np.abs(of_slice.samples[echo] - truth).max() < tolerance * np.abs(truth).max()


def test_lines_samples_and_repeats_are_those_of_the_scan(plain):
    scan, raw = plain
    assert_is_truth(scan, raw)
    assert (raw.rows, raw.columns) == (40, 24)
    assert raw.echo_times_ms.tolist() == [10, 20, 30, 40, 50]
    assert all((counts == 1).all() for of_slice in raw.slices for counts in of_slice.repeats)
    assert raw.facts["notes"] == []
    assert (raw.facts["tr_ms"], raw.facts["field_t"], raw.facts["refocusing_deg"]) == (3000, 3, 180)
    assert (raw.facts["vendor"], raw.facts["protocol"], raw.facts["coils"]) == ("SIEMENS", "MESE", 4)


def test_nothing_of_the_person_is_kept(plain):
    assert "person" not in str(plain[1].facts)


def test_calibration_is_k_space_about_the_centre_of_the_cropped_image(plain):
    scan, raw = plain
    for index, of_slice in enumerate(raw.slices):
        k = np.arange(scan.columns) - scan.columns // 2
        fourier = np.exp(-2j * np.pi * np.outer(k, k) / scan.columns) / np.sqrt(scan.columns)
        truth = whitened(scan, 2 * scan.hybrid(index, 0)[scan.calibration_lines]) @ fourier
        assert of_slice.calibration.shape == (4, 16, 24)
        assert np.abs(of_slice.calibration.transpose(1, 0, 2) - truth).max() < 2e-5 * np.abs(truth).max()
