"""Siemens raw data: a file written byte by byte gives the scan of its ISMRMRD twin. No scanner's file is at hand."""

from __future__ import annotations

import shutil
import subprocess
import sys

import ismrmrd
import numpy as np
import pytest
import reconstruct_mrd_writer as mrd
import reconstruct_twix_writer as writer

from myot2.core.errors import MyoT2Error
from myot2.reconstruct.cfl import read_cfl
from myot2.reconstruct.mrd import read_mrd
from myot2.reconstruct.readers import read_scan
from myot2.reconstruct.twix import read_twix

SCAN = mrd.Scan(noise_sd=1.0, centre_line=23)


@pytest.fixture(autouse=True)
def _needs_twixtools(request):
    if "without_twixtools" not in request.node.name:
        pytest.importorskip("twixtools", reason="twixtools is not installed (pip install 'myot2[raw]')")


def noise_dwell_us(samples, version):
    """siemens_to_ismrmrd, compute_noise_sample_in_us."""
    return int(76800 / samples) / 10 if version == "VD" else 1e6 / samples / 130


def split(made):
    return [one for one in made if one.isFlagSet(ismrmrd.ACQ_IS_NOISE_MEASUREMENT)], [
        one for one in made if not one.isFlagSet(ismrmrd.ACQ_IS_NOISE_MEASUREMENT)
    ]


def assert_equal_scans(one, other):
    assert np.array_equal(one.echo_times_ms, other.echo_times_ms)
    assert (one.rows, one.columns) == (other.rows, other.columns)
    assert np.allclose(one.origin_lps_mm, other.origin_lps_mm, atol=1e-3)
    assert np.allclose(one.direction, other.direction, atol=1e-5)
    assert np.allclose(one.spacing_mm, other.spacing_mm)
    for mine, theirs in zip(one.slices, other.slices, strict=True):
        assert np.allclose(mine.calibration, theirs.calibration, rtol=1e-4, atol=1e-2)
        for echo, lines in enumerate(theirs.lines):
            assert np.array_equal(mine.lines[echo], lines)
            assert np.array_equal(mine.repeats[echo], theirs.repeats[echo])
            assert np.allclose(mine.samples[echo], theirs.samples[echo], rtol=1e-4, atol=1e-2)


def twin(path, scan, made, version):
    """The same scan as ISMRMRD, with the time per noise sample that a conversion would have."""
    for one in split(made)[0]:
        one.sample_time_us = noise_dwell_us(one.number_of_samples, version)
    mrd.save(path, mrd.header(scan), made)
    return read_mrd(path)


def test_a_vd_file_gives_what_its_ismrmrd_twin_gives(tmp_path):
    made = mrd.acquisitions(SCAN)
    noise, rest = split(made)
    adjustment = writer.measurement_vd(SCAN, noise, writer.protocol(SCAN, name="Noise"))
    writer.save_vd(tmp_path / "meas.dat", [adjustment, writer.measurement_vd(SCAN, rest, writer.protocol(SCAN))])
    raw = read_twix(tmp_path / "meas.dat")
    assert_equal_scans(raw, twin(tmp_path / "scan.h5", SCAN, made, "VD"))
    assert (raw.facts["tr_ms"], raw.facts["refocusing_deg"], raw.facts["protocol"]) == (3000, 180, "MESE")


def test_the_adjustment_of_coil_sensitivities_samples_noise_every_5_microseconds(tmp_path):
    made = mrd.acquisitions(SCAN)
    noise, rest = split(made)
    adjustment = writer.measurement_vd(SCAN, noise, writer.protocol(SCAN, name="AdjCoilSens"))
    writer.save_vd(tmp_path / "meas.dat", [adjustment, writer.measurement_vd(SCAN, rest, writer.protocol(SCAN))])
    for one in noise:
        one.sample_time_us = 5.0
    mrd.save(tmp_path / "scan.h5", mrd.header(SCAN), made)
    assert_equal_scans(read_twix(tmp_path / "meas.dat"), read_mrd(tmp_path / "scan.h5"))


def test_a_vb_file_gives_what_its_ismrmrd_twin_gives(tmp_path):
    made = mrd.acquisitions(SCAN)
    writer.save_vb(tmp_path / "meas.dat", SCAN, made, writer.protocol(SCAN))
    assert_equal_scans(read_twix(tmp_path / "meas.dat"), twin(tmp_path / "scan.h5", SCAN, made, "VB"))


def test_embedded_calibration_averages_and_phase_correction_are_sorted_too(tmp_path):
    scan = mrd.Scan(embedded=True, averages=2)
    made = mrd.acquisitions(scan)
    junk = mrd.acquisition(
        np.full((4, 48), 1e6), ismrmrd.ACQ_IS_PHASECORR_DATA, scan=scan, kspace_encode_step_1=400, contrast=9
    )
    one = writer.measurement_vd(scan, [*made[:30], junk, *made[30:]], writer.protocol(scan))
    writer.save_vd(tmp_path / "meas.dat", [one])
    assert_equal_scans(read_twix(tmp_path / "meas.dat"), twin(tmp_path / "scan.h5", scan, made, "VD"))


def test_the_written_file_is_one_that_bart_reads(tmp_path):
    """The bytes are right by an independent reader too."""
    if not shutil.which("bart"):
        pytest.skip("BART is not installed (Debian package bart)")
    scan = mrd.Scan(slices=1, blocks=1, acceleration=1, echoes=1)
    image = [one for one in mrd.acquisitions(scan) if not one.flags]
    writer.save_vd(tmp_path / "meas.dat", [writer.measurement_vd(scan, image, writer.protocol(scan))])
    command = ["bart", "twixread", "-x48", "-y40", "-s1", "-c4", "-a40", "meas.dat", "kspace"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    found = read_cfl(tmp_path / "kspace").squeeze()
    assert np.allclose(found.transpose(1, 2, 0), np.array([one.data for one in image]))


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-1500])


def no_twix(path):
    path.write_bytes(b"\xff" * 3000)


def missing(path):
    path.unlink()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (cut_short, "cut|without its end"),
        (no_twix, "cannot read|without its end|measurement"),
        (missing, "no such file"),
    ],
)
def test_a_broken_file_is_refused(tmp_path, spoil, says):
    made = mrd.acquisitions(SCAN)
    writer.save_vd(tmp_path / "meas.dat", [writer.measurement_vd(SCAN, made, writer.protocol(SCAN))])
    spoil(tmp_path / "meas.dat")
    with pytest.raises(MyoT2Error, match=says):
        read_twix(tmp_path / "meas.dat")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("### ASCCONV BEGIN ###\nlContrasts = 5\n### ASCCONV END ###\n", "matrix, field of view"),
        (writer.protocol(SCAN, echo_times=2), "each of the 5 echoes; found 2"),
        (writer.protocol(SCAN).replace("ucTrajectory = 0x1", "ucTrajectory = 0x2"), "Cartesian"),
    ],
)
def test_a_header_that_lacks_what_is_needed_is_refused(tmp_path, text, says):
    writer.save_vd(tmp_path / "meas.dat", [writer.measurement_vd(SCAN, mrd.acquisitions(SCAN), text)])
    with pytest.raises(MyoT2Error, match=says):
        read_twix(tmp_path / "meas.dat")


def test_without_twixtools_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "twixtools", None)
    with pytest.raises(MyoT2Error, match=r"pip install 'myot2\[raw\]'"):
        read_twix(tmp_path / "meas.dat")


def test_the_reader_is_chosen_by_the_file(tmp_path):
    made = mrd.acquisitions(SCAN)
    writer.save_vd(tmp_path / "meas.dat", [writer.measurement_vd(SCAN, made, writer.protocol(SCAN))])
    mrd.save(tmp_path / "scan.h5", mrd.header(SCAN), made)
    # an ISMRMRD file whatever its name
    (tmp_path / "misnamed.dat").write_bytes((tmp_path / "scan.h5").read_bytes())
    assert read_scan(tmp_path / "meas.dat").facts["model"] is None
    assert read_scan(tmp_path / "misnamed.dat").facts["field_t"] == 3
    assert read_scan(tmp_path / "scan.h5").facts["field_t"] == 3
    with pytest.raises(MyoT2Error, match="no such file"):
        read_scan(tmp_path / "none.dat")
