"""Files that are broken, each in its own way: one clear error each, which names the acquisition where there is one."""

from __future__ import annotations

import h5py
import ismrmrd
import numpy as np
import pytest
import reconstruct_mrd_writer as writer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from myot2.core.errors import MyoT2Error
from myot2.core.stopnote import StopNote, Stopped
from myot2.reconstruct.mrd import read_mrd
from myot2.reconstruct.preparation import Preparation

SCAN = writer.Scan()


def imaging(made):
    return [made[position] for position in writer.scan_headers(made)]


def without(made, unwanted):
    return [one for one in made if not unwanted(one)]


def resized(old, samples=None, coils=None):
    """The same readout with more or fewer samples or coils, filled with ones."""
    new = ismrmrd.Acquisition()
    new.resize(old.number_of_samples if samples is None else samples, coils or old.active_channels)
    if new.data.size:
        new.data[:] = 1
    for name in ("flags", "sample_time_us", "available_channels"):
        setattr(new, name, getattr(old, name))
    for name in ("position", "read_dir", "phase_dir", "slice_dir"):
        getattr(new, name)[:] = getattr(old, name)[:]
    for name in ("kspace_encode_step_1", "slice", "contrast", "average"):
        setattr(new.idx, name, getattr(old.idx, name))
    new.center_sample = new.number_of_samples // 2
    return new


def is_calibration(one):
    return one.isFlagSet(ismrmrd.ACQ_IS_PARALLEL_CALIBRATION)


def is_noise(one):
    return one.isFlagSet(ismrmrd.ACQ_IS_NOISE_MEASUREMENT)


def at(made, position, **counters):
    for name, value in counters.items():
        setattr(made[position].idx, name, value)
    return made


def lines_missing(head, made):
    gone = [one for one in imaging(made) if one.idx.slice == 1 and one.idx.contrast == 3][1:3]
    return head, without(made, lambda one: any(one is other for other in gone))


def line_missing_in_one_slice_of_all(head, made):
    """A scan of one slice whose echo 2 lacks an inner line."""
    head.encoding[0].encodingLimits.slice.maximum = 0
    made = without(made, lambda one: one.idx.slice == 1)
    gone = [one for one in imaging(made) if one.idx.contrast == 2][2]
    return head, without(made, lambda one: one is gone)


def echo_missing(head, made):
    return head, without(made, lambda one: one.idx.contrast == 4 and one.idx.slice == 0)


def echo_too_many(head, made):
    head.encoding[0].encodingLimits.contrast.maximum = 3
    return head, made


def slice_missing(head, made):
    head.encoding[0].encodingLimits.slice.maximum = 2
    return head, made


def slices_mixed(head, made):
    made[50].position[:] = SCAN.position(1 - made[50].idx.slice)
    return head, made


def slices_at_one_place(head, made):
    for one in made:
        one.position[:] = SCAN.position(0)
    return head, made


def slices_aside(head, made):
    for one in made:
        if one.idx.slice == 1:
            one.position[:] = SCAN.position(1) + 20 * SCAN.directions[:, 0]
    return head, made


def coils_change(head, made):
    made[71] = resized(made[71], coils=3)
    return head, made


def nan(head, made):
    made[65].data[2, 7] = np.nan
    return head, made


def infinite_noise(head, made):
    made[3].data[0, 0] = np.inf
    return head, made


def line_outside(head, made):
    return head, at(made, 58, kspace_encode_step_1=400)


def header_missing(head, made):
    return None, made


def header_no_xml(head, made):
    return "this is no header", made


def header_empty(head, made):
    head.encoding = []
    return head, made


def header_number_is_a_word(head, made):
    return head.toXML("utf-8").replace("<x>48</x>", "<x>many</x>"), made


def header_radial(head, made):
    return head.toXML("utf-8").replace("cartesian", "radial"), made


def header_without_limits(head, made):
    head.encoding[0].encodingLimits.kspace_encoding_step_1 = None
    return head, made


def centre_outside(head, made):
    head.encoding[0].encodingLimits.kspace_encoding_step_1.center = 90
    return head, made


def field_of_view_zero(head, made):
    head.encoding[0].encodedSpace.fieldOfView_mm.x = 0.0
    return head, made


def echo_times_short(head, made):
    head.sequenceParameters.TE = [10.0, 20.0]
    return head, made


def echo_times_fall(head, made):
    head.sequenceParameters.TE = [10.0, 20.0, 15.0, 40.0, 50.0]
    return head, made


def readout_of_another_length(head, made):
    made[70] = resized(made[70], samples=40)
    return head, made


def readouts_too_long(head, made):
    return head, [one if is_noise(one) else resized(one, samples=64) for one in made]


def no_calibration(head, made):
    return head, without(made, is_calibration)


def calibration_too_narrow(head, made):
    return head, without(made, lambda one: is_calibration(one) and abs(one.idx.kspace_encode_step_1 - 20) > 3)


def calibration_of_one_slice_only(head, made):
    return head, without(made, lambda one: is_calibration(one) and one.idx.slice == 1)


def calibration_elsewhere(head, made):
    for one in made:
        if is_calibration(one) and one.idx.slice == 0:
            one.position[:] = SCAN.position(1)
    return head, made


def calibration_of_another_field(head, made):
    other = writer.header(SCAN).encoding[0]
    other.encodedSpace.fieldOfView_mm.y *= 2
    head.encoding.append(other)
    for one in made:
        if is_calibration(one):
            one.encoding_space_ref = 1
    return head, made


def calibration_of_other_coils(head, made):
    position = writer.scan_headers(made, calibration=True)[4]
    made[position] = resized(made[position], coils=2)
    return head, made


def noise_of_other_coils(head, made):
    rng = np.random.default_rng(0)
    noise = [writer.acquisition(rng.standard_normal((6, 48)) + 0j, ismrmrd.ACQ_IS_NOISE_MEASUREMENT) for _ in range(4)]
    return head, [*noise, *without(made, is_noise)]


def no_noise(head, made):
    return head, without(made, is_noise)


def noise_too_short(head, made):
    values = np.random.default_rng(0).standard_normal((4, 30)) + 0j
    return head, [writer.acquisition(values, ismrmrd.ACQ_IS_NOISE_MEASUREMENT), *without(made, is_noise)]


def noise_of_a_dead_coil(head, made):
    for one in made:
        if is_noise(one):
            one.data[2] = 0
    return head, made


def zero_length(head, made):
    made[75] = resized(made[75], samples=0)
    return head, made


def line_twice(head, made):
    return head, [*made, made[60]]


def orientation_changes(head, made):
    made[68].read_dir[:], made[68].phase_dir[:] = made[68].phase_dir[:], made[68].read_dir[:]
    return head, made


def orientation_missing(head, made):
    for one in made:
        one.read_dir[:] = one.phase_dir[:] = one.slice_dir[:] = (0, 0, 0)
    return head, made


def orientation_contradicts_itself(head, made):
    for one in made:
        one.slice_dir[:] = one.read_dir[:]
    return head, made


def position_nan(head, made):
    made[66].position[:] = (np.nan, 0, 0)
    return head, made


def two_repetitions(head, made):
    return head, at(made, 69, repetition=1)


def partitions(head, made):
    return head, at(made, 69, kspace_encode_step_2=3)


def encoding_unknown(head, made):
    for one in made:
        one.encoding_space_ref = 5
    return head, made


def dwell_changes(head, made):
    made[69].sample_time_us = 2.5
    return head, made


def only_noise(head, made):
    return head, [one for one in made if is_noise(one)]


def centre_outside_readout(head, made):
    for one in imaging(made):
        one.center_sample = 60
    return head, made


BROKEN = {
    # what is wrong: (how, what the message says)
    "lines of one echo missing": (lines_missing, r"echo 3.*none of row"),
    "a line missing in the only slice": (line_missing_in_one_slice_of_all, r"at most 2 apart.*none of row 20"),
    "an echo missing in one slice": (echo_missing, r"without any line of echo 4"),
    "more echoes than the header says": (echo_too_many, r"expected 4 echoes.*echo 4"),
    "a slice missing": (slice_missing, r"none of slice 2"),
    "slices mixed": (slices_mixed, r"acquisition 50 .*slice 0 at"),
    "two slices at one place": (slices_at_one_place, r"slices 0 and 1 at one place"),
    "slices aside": (slices_aside, r"20.00 mm aside"),
    "number of coils changes": (coils_change, r"acquisition 71 .*coils 3 here, 4 elsewhere"),
    "a sample is NaN": (nan, r"acquisition 65 .*NaN"),
    "a noise sample is infinite": (infinite_noise, r"acquisition 3 \(noise\).*infinity"),
    "line outside the matrix": (line_outside, r"acquisition 58 .*line 400"),
    "no header": (header_missing, r"expected an ISMRMRD header"),
    "header is no XML": (header_no_xml, r"cannot be read"),
    "header without encoding": (header_empty, r"encoding"),
    "a number is a word": (header_number_is_a_word, r"cannot be read.*matrixSizeType.x"),
    "radial": (header_radial, r"Cartesian.*radial"),
    "no limits": (header_without_limits, r"kspace_encoding_step_1"),
    "centre outside the matrix": (centre_outside, r"found line 90"),
    "no field of view": (field_of_view_zero, r"field of view above zero"),
    "echo times too few": (echo_times_short, r"each of the 5 echoes; found 2"),
    "echo times fall": (echo_times_fall, r"rise.*15"),
    "a readout of another length": (readout_of_another_length, r"acquisition 70 .*samples 40 here, 48 elsewhere"),
    "readouts longer than encoded": (readouts_too_long, r"fits into 48"),
    "no calibration": (no_calibration, r"calibration lines.*found 1 in slice 0"),
    "too few calibration lines": (calibration_too_narrow, r"at least 12.*found [67] in slice 0"),
    "calibration of one slice only": (calibration_of_one_slice_only, r"none of slice 1"),
    "calibration elsewhere": (calibration_elsewhere, r"calibration where the slice is"),
    "calibration of another field of view": (calibration_of_another_field, r"36 x 160 mm"),
    "calibration of other coils": (calibration_of_other_coils, r"4 coils.*found 2"),
    "noise of other coils": (noise_of_other_coils, r"4 coils.*found 6"),
    "no noise scan": (no_noise, r"expected a noise scan"),
    "a noise scan too short": (noise_too_short, r"ten times.*30 samples for 4 coils"),
    "a dead coil": (noise_of_a_dead_coil, r"noise in every coil"),
    "a readout without samples": (zero_length, r"acquisition 75 .*found 0 samples"),
    "a line twice": (line_twice, r"the line of acquisition 60 again"),
    "orientation changes": (orientation_changes, r"acquisition 68 .*found read_dir"),
    "orientation missing": (orientation_missing, r"perpendicular unit vectors"),
    "orientation contradicts itself": (orientation_contradicts_itself, r"slice_dir"),
    "a position is no number": (position_nan, r"acquisition 66 .*nan"),
    "two repetitions": (two_repetitions, r"repetition 1 here, 0 elsewhere"),
    "three dimensions": (partitions, r"partition 3 here, 0 elsewhere"),
    "encoding unknown": (encoding_unknown, r"encoding_space_ref 5"),
    "dwell time changes": (dwell_changes, r"acquisition 69 .*dwell_us 2.5 here, 5 elsewhere"),
    "only noise": (only_noise, r"imaging readouts; found none"),
    "centre outside the readout": (centre_outside_readout, r"center_sample 60 of 48"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_has_one_clear_error(name, tmp_path):
    how, says = BROKEN[name]
    path = tmp_path / "scan.h5"
    writer.save(path, *how(writer.header(SCAN), writer.acquisitions(SCAN)))
    with pytest.raises(MyoT2Error, match=f"(?s){says}") as error:
        read_mrd(path)
    assert str(path) in error.value.where and error.value.do


def no_such_file(path):
    pass


def no_hdf5(path):
    path.write_text("raw data\n", encoding="utf-8")


def cut_short(path):
    writer.write(path, SCAN)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def empty_file(path):
    path.touch()


def other_hdf5(path):
    with h5py.File(path, "w") as file:
        file["images"] = np.zeros((3, 3))


def other_table(path):
    with h5py.File(path, "w") as file:
        file["dataset/data"] = np.zeros(3, [("head", "f4"), ("data", "f4")])
        file["dataset/xml"] = np.array([writer.header(SCAN).toXML("utf-8")], dtype=h5py.string_dtype())


def head_and_data_differ(path):
    writer.write(path, SCAN)
    with h5py.File(path, "r+") as file:
        row = file["dataset/data"][60]
        row["data"] = row["data"][:100]
        file["dataset/data"][60] = row


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (no_such_file, "no such file"),
        (no_hdf5, "no HDF5"),
        (empty_file, "no HDF5"),
        (cut_short, "cut short|cannot be read|no HDF5"),
        (other_hdf5, "one ISMRMRD dataset"),
        (other_table, "acquisition headers"),
        (head_and_data_differ, r"acquisition 60"),
    ],
)
def test_a_file_that_is_no_whole_ismrmrd_file_has_one_clear_error(make, says, tmp_path):
    make(tmp_path / "scan.h5")
    with pytest.raises(MyoT2Error, match=says):
        read_mrd(tmp_path / "scan.h5")


def test_noise_of_coils_by_other_names_is_refused(tmp_path):
    def named(names):
        head = writer.header(SCAN)
        labels = [ismrmrd.xsd.coilLabelType(coilNumber=i, coilName=name) for i, name in enumerate(names)]
        head.acquisitionSystemInformation.coilLabel = labels
        return head

    made = writer.acquisitions(SCAN)
    writer.save(tmp_path / "noise.h5", named(["A1", "A2", "B1", "B2"]), [one for one in made if is_noise(one)])
    writer.save(tmp_path / "scan.h5", named(["A1", "A2", "B2", "B1"]), without(made, is_noise))
    with pytest.raises(MyoT2Error, match="other coils"):
        read_mrd(tmp_path / "scan.h5", noise=tmp_path / "noise.h5")


def test_a_noise_file_without_noise_is_refused(tmp_path):
    writer.save(tmp_path / "scan.h5", *no_noise(writer.header(SCAN), writer.acquisitions(SCAN)))
    with pytest.raises(MyoT2Error, match="expected a noise scan"):
        read_mrd(tmp_path / "scan.h5", noise=tmp_path / "scan.h5")


def test_a_stop_note_is_passed_on(tmp_path):
    StopNote("ingest", "a", "b", "c", "d").write(tmp_path / "scan.h5")
    with pytest.raises(Stopped):
        read_mrd(tmp_path / "scan.h5")


def test_given_echo_times_fewer_than_echoes_are_refused(tmp_path):
    writer.write(tmp_path / "scan.h5", SCAN)
    with pytest.raises(MyoT2Error, match="expected 3 echoes"):
        read_mrd(tmp_path / "scan.h5", preparation=Preparation(echo_times_ms=(10, 20, 30)))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "scan.h5"
    writer.write(path, writer.Scan(rows=20, columns=8, coils=2, echoes=3, calibration=12, blocks=2))
    return path


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(0, 1))
def test_a_file_cut_anywhere_is_refused(whole, tmp_path, part):
    content = whole.read_bytes()
    (tmp_path / "cut.h5").write_bytes(content[: int(part * (len(content) - 1))])
    with pytest.raises(MyoT2Error):
        read_mrd(tmp_path / "cut.h5")
