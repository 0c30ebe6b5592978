"""Reading ISMRMRD: what comes out is what explicit Fourier sums put in."""

from __future__ import annotations

import tempfile
from pathlib import Path

import h5py
import ismrmrd
import numpy as np
import pytest
import reconstruct_mrd_writer as writer

from myot2.core.errors import MyoT2Error
from myot2.reconstruct.mrd import open_mrd, read_mrd, read_noise
from myot2.reconstruct.preparation import Preparation


def whitened(scan, hybrid):
    """What the reader is to make of noiseless (lines, coils, columns): the coils' noise divided out by Cholesky."""
    factor = np.linalg.cholesky(scan.factor @ scan.factor.conj().T)
    return np.linalg.solve(factor, hybrid)


def assert_is_truth(scan, raw, *, tolerance=2e-5, scale=1.0):
    for index, of_slice in enumerate(raw.slices):
        for echo, lines in enumerate(scan.lines):
            assert of_slice.lines[echo].tolist() == lines.tolist()
            truth = scale * whitened(scan, scan.hybrid(index, echo)[lines])
            assert of_slice.samples[echo].dtype == np.complex64
            assert np.abs(of_slice.samples[echo] - truth).max() < tolerance * np.abs(truth).max()


@pytest.fixture
def read(tmp_path):
    """Write a scan and read it; `change` may alter header and readouts in between."""

    def of(scan, *, change=None, **arguments):
        head, made = writer.header(scan), writer.acquisitions(scan)
        if change:
            head, made = change(head, made) or (head, made)
        writer.save(tmp_path / "scan.h5", head, made)
        return read_mrd(tmp_path / "scan.h5", **arguments)

    return of


def test_lines_samples_and_repeats_are_those_of_the_scan(read):
    scan = writer.Scan()
    raw = read(scan)
    assert_is_truth(scan, raw)
    assert (raw.rows, raw.columns) == (40, 24)
    assert raw.echo_times_ms.tolist() == [10, 20, 30, 40, 50]
    assert all((counts == 1).all() for of_slice in raw.slices for counts in of_slice.repeats)
    assert raw.facts["notes"] == []
    assert (raw.facts["tr_ms"], raw.facts["field_t"], raw.facts["refocusing_deg"]) == (3000, 3, 180)
    assert (raw.facts["vendor"], raw.facts["protocol"], raw.facts["coils"]) == ("SIEMENS", "MESE", 4)
    assert "person" not in str(raw.facts)


def test_calibration_is_k_space_about_the_centre_of_the_cropped_image(read):
    scan = writer.Scan()
    for index, of_slice in enumerate(read(scan).slices):
        k = np.arange(scan.columns) - scan.columns // 2
        fourier = np.exp(-2j * np.pi * np.outer(k, k) / scan.columns) / np.sqrt(scan.columns)
        truth = whitened(scan, 2 * scan.hybrid(index, 0)[scan.calibration_lines]) @ fourier
        assert of_slice.calibration.shape == (4, 16, 24)
        assert np.abs(of_slice.calibration.transpose(1, 0, 2) - truth).max() < 2e-5 * np.abs(truth).max()


@pytest.mark.parametrize(
    "scan",
    [
        writer.Scan(oversampling=1),
        writer.Scan(columns=25, rows=45, oversampling=3),
        writer.Scan(centre_line=23),
        writer.Scan(slices=1, echoes=10),
        writer.Scan(blocks=1, acceleration=1, echoes=3),
        writer.Scan(noise_dwell_us=2.5, dwell_us=7.3, bandwidth=1.0),
    ],
    ids=[
        "no oversampling",
        "odd matrix",
        "centre elsewhere",
        "one slice, ten echoes",
        "every line",
        "other dwell times",
    ],
)
def test_any_geometry_of_k_space_is_read_as_it_is(read, scan):
    assert_is_truth(scan, read(scan))


def test_noise_is_white_with_standard_deviation_one_in_each_part(read):
    scan = writer.Scan(noise_sd=1.0, echoes=10, slices=4, columns=64)
    residue = []
    for index, of_slice in enumerate(read(scan).slices):
        for echo, lines in enumerate(scan.lines):
            residue.append(of_slice.samples[echo] - whitened(scan, scan.hybrid(index, echo)[lines]))
    noise = np.concatenate(residue).transpose(1, 0, 2).reshape(4, -1)
    for part in (noise.real, noise.imag):
        # 10 000 samples per coil: a standard error of 0.7 % of the SD, 1 % of a correlation
        assert np.abs(part @ part.T / part.shape[1] - np.eye(4)).max() < 0.05
    assert np.abs(noise.real @ noise.imag.T / noise.shape[1]).max() < 0.05


def test_calibration_of_another_bandwidth_is_whitened_by_its_own(read, tmp_path):
    noisy = writer.Scan(calibration_dwell_us=20.0, noise_sd=1.0, slices=6)
    clean = [of_slice.calibration for of_slice in read(writer.Scan(calibration_dwell_us=20.0, slices=6)).slices]
    writer.write(tmp_path / "noisy.h5", noisy)
    found = [of_slice.calibration for of_slice in read_mrd(tmp_path / "noisy.h5").slices]
    assert np.std(np.real(np.subtract(found, clean))) == pytest.approx(1, rel=0.05)


def test_repeats_are_averaged_and_counted(read):
    scan = writer.Scan(averages=3)

    def change(head, made):
        # one readout of the third average is lost
        last = [one for one in made if one.idx.average == 2][-1]
        return head, [one for one in made if one is not last]

    raw = read(scan, change=change)
    assert_is_truth(scan, raw)
    counts = raw.slices[1].repeats[-1]
    assert counts[:-1].tolist() == [3] * (len(counts) - 1) and counts[-1] == 2
    assert raw.facts["averages"] == 3


def test_an_asymmetric_echo_is_placed_and_its_noise_keeps_its_size(read):
    scan = writer.Scan(early=12, noise_sd=1.0, slices=4, echoes=10)
    quiet = writer.Scan(early=12, slices=4, echoes=10)
    raw = read(scan)
    residue = []
    for index, of_slice in enumerate(raw.slices):
        for echo, lines in enumerate(scan.lines):
            samples = np.arange(48) - 24
            x = np.arange(24) - 12
            fourier = np.exp(-2j * np.pi * np.outer(x, samples) / 48) / np.sqrt(48)
            fourier[:, :12] = 0
            # what 36 of 48 samples tell of the image, larger by the root of 48 / 36
            blurred = quiet.hybrid(index, echo)[lines] @ fourier @ fourier.conj().T * np.sqrt(48 / 36)
            residue.append(of_slice.samples[echo] - whitened(scan, blurred))
    residue = np.concatenate(residue)
    assert np.std(residue.real) == pytest.approx(1, rel=0.05)


def test_calibration_of_an_asymmetric_echo_is_cut_to_what_lies_about_the_centre(read):
    def change(head, made):
        for position in writer.scan_headers(made, calibration=True):
            old = made[position]
            made[position] = shorter(old, 12)
        return head, made

    assert read(writer.Scan(), change=change).slices[0].calibration.shape == (4, 16, 12)


def test_calibration_of_a_coarser_matrix_of_its_own_is_taken(read):
    """Half the lines and samples of the same field of view, counted in a second encoding."""
    scan = writer.Scan(calibration=16)

    def change(head, made):
        coarse = writer.header(writer.Scan(rows=20, columns=12, pixel_mm=(3.0, 4.0))).encoding[0]
        head.encoding.append(coarse)
        for position in writer.scan_headers(made, calibration=True):
            one = shorter(made[position], 12, late=12)
            one.encoding_space_ref = 1
            one.idx.kspace_encode_step_1 -= 10
            made[position] = one
        return head, made

    for coarse, fine in zip(read(scan, change=change).slices, read_plain(scan).slices, strict=True):
        one, other = coarse.calibration, fine.calibration[:, :, 6:18]
        assert one.shape == other.shape == (4, 16, 12)
        same = np.abs(np.vdot(one, other)) / np.linalg.norm(one) / np.linalg.norm(other)
        assert same > 0.999


def read_plain(scan):
    with tempfile.TemporaryDirectory() as folder:
        writer.write(Path(folder) / "scan.h5", scan)
        return read_mrd(Path(folder) / "scan.h5")


def shorter(old, early, *, late=0):
    new = ismrmrd.Acquisition()
    new.resize(old.number_of_samples - early - late, old.active_channels)
    for name in ("flags", "sample_time_us", "center_sample", "available_channels", "encoding_space_ref"):
        setattr(new, name, getattr(old, name))
    for name in ("position", "read_dir", "phase_dir", "slice_dir"):
        getattr(new, name)[:] = getattr(old, name)[:]
    new.idx.kspace_encode_step_1, new.idx.slice = old.idx.kspace_encode_step_1, old.idx.slice
    new.idx.contrast, new.idx.average = old.idx.contrast, old.idx.average
    new.center_sample = old.center_sample - early
    new.data[:] = old.data[:, early : old.number_of_samples - late]
    return new


def test_embedded_calibration_is_image_too(read):
    scan = writer.Scan(embedded=True)
    raw = read(scan)
    assert_is_truth(scan, raw)
    assert raw.facts["calibration"] == "embedded, 16 lines"
    assert len(raw.slices[0].lines[2]) > len(raw.slices[0].lines[1])


def test_without_flags_neighbouring_lines_about_the_centre_calibrate_and_it_is_said(read):
    scan = writer.Scan(blocks=1, acceleration=1, echoes=3)

    def change(head, made):
        return head, [made[i] for kind in ({"noise": True}, {}) for i in writer.scan_headers(made, **kind)]

    raw = read(scan, change=change)
    assert raw.slices[0].calibration.shape == (4, 40, 24)
    assert "no calibration flagged" in raw.facts["notes"][0]


@pytest.mark.parametrize(
    "flag",
    [
        ismrmrd.ACQ_IS_NAVIGATION_DATA,
        ismrmrd.ACQ_IS_PHASECORR_DATA,
        ismrmrd.ACQ_IS_DUMMYSCAN_DATA,
        ismrmrd.ACQ_IS_RTFEEDBACK_DATA,
        ismrmrd.ACQ_IS_HPFEEDBACK_DATA,
    ],
)
def test_readouts_that_are_no_image_are_skipped(read, flag):
    scan = writer.Scan(slices=1)

    def change(head, made):
        junk = np.full((4, 20), 1e6)
        extra = writer.acquisition(junk, flag, scan=scan, slice=9, contrast=3, kspace_encode_step_1=999)
        return head, [extra, *made[:60], extra, *made[60:]]

    assert_is_truth(scan, read(scan, change=change))


def test_reversed_readouts_are_turned(read):
    scan = writer.Scan()

    def change(head, made):
        for position in writer.scan_headers(made)[::2]:
            made[position].data[:] = made[position].data[:, ::-1].copy()
            made[position].center_sample = 48 - 1 - 24
            made[position].setFlag(ismrmrd.ACQ_IS_REVERSE)

    assert_is_truth(scan, read(scan, change=change))


def test_samples_to_discard_at_both_ends_are_not_used(read):
    scan = writer.Scan(slices=1)

    def change(head, made):
        for position in writer.scan_headers(made):
            one, wider = made[position], ismrmrd.Acquisition()
            wider.resize(48 + 5, 4)
            wider.data[:] = 1e6
            wider.data[:, 3:51] = one.data
            for name in ("flags", "sample_time_us", "available_channels"):
                setattr(wider, name, getattr(one, name))
            for name in ("position", "read_dir", "phase_dir", "slice_dir"):
                getattr(wider, name)[:] = getattr(one, name)[:]
            wider.idx.kspace_encode_step_1, wider.idx.contrast = one.idx.kspace_encode_step_1, one.idx.contrast
            wider.center_sample, wider.discard_pre, wider.discard_post = 24 + 3, 3, 2
            made[position] = wider

    assert_is_truth(scan, read(scan, change=change))


def test_a_noise_scan_may_lie_in_another_file(read, tmp_path):
    scan = writer.Scan()
    made = writer.acquisitions(scan)
    writer.save(tmp_path / "noise.h5", writer.header(scan), [made[i] for i in writer.scan_headers(made, noise=True)])

    def change(head, made):
        return head, [one for one in made if not one.isFlagSet(ismrmrd.ACQ_IS_NOISE_MEASUREMENT)]

    raw = read(scan, change=change, noise=tmp_path / "noise.h5")
    assert_is_truth(scan, raw)
    expected = scan.factor @ scan.factor.conj().T * scan.dwell_us / scan.noise_dwell_us * scan.bandwidth
    assert np.allclose(read_noise(tmp_path / "noise.h5").covariance, expected, rtol=1e-5, atol=1e-6)


def test_noise_beside_the_body_serves_where_asked(read):
    scan = writer.Scan(noise_sd=1.0, slices=6, columns=64)

    def change(head, made):
        return head, [one for one in made if not one.isFlagSet(ismrmrd.ACQ_IS_NOISE_MEASUREMENT)]

    raw = read(scan, change=change, preparation=Preparation(noise_beside_body=True))
    assert raw.facts["noise"] == "beside the body"
    residue = raw.slices[0].samples[4] - whitened(scan, scan.hybrid(0, 4)[scan.lines[4]])
    assert np.std(residue.real) == pytest.approx(1, rel=0.1)


def test_given_echo_times_go_before_the_header_s(read):
    scan = writer.Scan()
    raw = read(scan, preparation=Preparation(echo_times_ms=(9.5, 19, 28.5, 38, 47.5)))
    assert raw.echo_times_ms.tolist() == [9.5, 19, 28.5, 38, 47.5]


def test_elements_of_a_newer_schema_are_passed_over_and_it_is_said(read):
    def change(head, made):
        text = head.toXML("utf-8").replace("</sequenceParameters>", "<novelty>3</novelty></sequenceParameters>")
        assert "novelty" in text
        return text, made

    scan = writer.Scan()
    raw = read(scan, change=change)
    assert_is_truth(scan, raw)
    assert "leniently" in raw.facts["notes"][0] and "novelty" in raw.facts["notes"][0]


def test_no_value_of_an_unreadable_header_is_told_for_it_may_be_a_person_s(read):
    def change(head, made):
        person = "<patientBirthdate>Erika Muster 1970</patientBirthdate>"
        text = head.toXML("utf-8").replace("</patientName>", f"</patientName>{person}")
        assert person in text
        return text, made

    with pytest.raises(MyoT2Error, match="patientBirthdate") as caught:
        read(writer.Scan(), change=change)
    assert "Muster" not in str(caught.value) and "1970" not in str(caught.value)


def test_an_unknown_noise_bandwidth_is_taken_as_usual_and_it_is_said(read):
    def change(head, made):
        head.acquisitionSystemInformation.relativeReceiverNoiseBandwidth = None

    scan = writer.Scan(bandwidth=0.793)
    raw = read(scan, change=change)
    assert_is_truth(scan, raw)
    assert "0.793" in raw.facts["notes"][0]


def test_lines_known_to_be_missing_may_be_allowed(read):
    def change(head, made):
        return head, made[:-1]

    scan = writer.Scan()
    raw = read(scan, change=change, preparation=Preparation(missing_lines=True))
    assert len(raw.slices[1].lines[-1]) == len(scan.lines[-1]) - 1


def test_many_coils_become_twelve_that_keep_the_signal_and_white_noise(read):
    scan = writer.Scan(coils=20, slices=2)
    raw = read(scan)
    assert raw.facts["virtual_coils"] == 12 and raw.facts["coils"] == 20
    for index, of_slice in enumerate(raw.slices):
        for echo, lines in enumerate(scan.lines):
            truth = whitened(scan, scan.hybrid(index, echo)[lines])
            assert of_slice.samples[echo].shape == (len(lines), 12, 24)
            # the maps of the scan are three real functions times phases: few components hold all signal
            energy = (np.abs(of_slice.samples[echo]) ** 2).sum() / (np.abs(truth) ** 2).sum()
            assert energy == pytest.approx(1, abs=2e-3)


def test_equal_files_give_equal_scans(read, tmp_path):
    scan = writer.Scan(coils=20, noise_sd=1.0)
    first = read(scan)
    again = read_mrd(tmp_path / "scan.h5")
    for one, other in zip(first.slices, again.slices, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one.samples, other.samples, strict=True))
        assert np.array_equal(one.calibration, other.calibration)


@pytest.mark.parametrize("layout", [{"chunks": (1,)}, {"chunks": (7,)}, {"chunks": (7,), "compression": "gzip"}, {}])
def test_headers_are_read_whatever_the_layout_of_the_table(tmp_path, layout):
    scan = writer.write(tmp_path / "scan.h5", writer.Scan())
    with h5py.File(tmp_path / "scan.h5") as source, h5py.File(tmp_path / "other.h5", "w") as target:
        table = source["dataset/data"]
        copy = target.create_dataset("dataset/data", table.shape, table.dtype, **layout)
        copy[:] = table[:]
        source.copy("dataset/xml", target["dataset"])
    assert_is_truth(scan, read_mrd(tmp_path / "other.h5"))


def test_reading_headers_does_not_read_the_samples_of_the_whole_file(tmp_path):
    """HDF5 2.0 does, and keeps their memory."""
    counts = Path("/proc/self/io")
    if not counts.exists():
        pytest.skip("no /proc that tells how much a process reads")

    def bytes_read():
        return int(counts.read_text().split()[1])

    scan = writer.Scan(slices=1)
    large = np.ones((32, 8192), np.complex64)
    made = writer.acquisitions(scan)
    made += [writer.acquisition(large, ismrmrd.ACQ_IS_NAVIGATION_DATA) for _ in range(20)]
    writer.save(tmp_path / "scan.h5", writer.header(scan), made)
    assert (tmp_path / "scan.h5").stat().st_size > 40e6
    before = bytes_read()
    with open_mrd(tmp_path / "scan.h5") as readouts:
        assert len(readouts.table) == 8 + 16 + 20
    assert bytes_read() - before < 10e6
