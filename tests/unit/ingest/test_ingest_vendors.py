"""What each maker writes in its own elements: kind of image, magnitude or phase, mosaics, the refocusing angle."""

from __future__ import annotations

import numpy as np
import pytest
from ingest_dicom_builder import Plan, axial_volume, enhanced, mese_plan, planes, write
from pydicom.dataset import Dataset

from myot2.core.errors import MyoT2Error
from myot2.ingest.reading.headers import read_index
from myot2.ingest.reading.volumes import require_readable
from myot2.ingest.stacking.series import split_stacks

ONE = axial_volume(slices=1)


def frame_of(folder, private=(), *, preamble=True, **facts):
    """The one plane of a classic object with these elements, `private` as (group, creator, offset, VR, value)."""
    (dataset,) = planes(Plan(3, ONE, facts=facts))
    add_private(dataset, private)
    write(folder, [dataset], preamble=preamble)
    (frame,) = read_index(folder).frames
    return frame


def add_private(dataset, private):
    for group, creator, offset, vr, value in private:
        dataset.private_block(group, creator, create=True).add_new(offset, vr, value)


@pytest.mark.parametrize("preamble", [True, False])
@pytest.mark.parametrize("number", range(4))
def test_ge_counts_magnitude_phase_real_and_imaginary_from_zero(tmp_path, number, preamble):
    private = [(0x0043, "GEMS_PARM_01", 0x2F, "SS", number)]
    image_type = ["ORIGINAL", "PRIMARY", "OTHER"]
    frame = frame_of(tmp_path, private, Manufacturer="GE MEDICAL SYSTEMS", ImageType=image_type, preamble=preamble)
    assert frame.component == ("magnitude", "phase", "real", "imaginary")[number]


@pytest.mark.parametrize(
    ("letter", "component"), [("M", "magnitude"), ("P", "phase"), ("R", "real"), ("I", "imaginary")]
)
def test_philips_says_it_by_a_letter(tmp_path, letter, component):
    private = [(0x2005, "Philips MR Imaging DD 001", 0x11, "CS", letter)]
    frame = frame_of(tmp_path, private, Manufacturer="Philips", ImageType=["ORIGINAL", "PRIMARY"])
    assert frame.component == component


@pytest.mark.parametrize(
    ("image_type", "component"),
    [
        (["ORIGINAL", "PRIMARY", "P", "ND"], "phase"),
        (["ORIGINAL", "PRIMARY", "PHASE MAP", "P", "SE"], "phase"),
        (["ORIGINAL", "PRIMARY", "PHASE MAP"], "phase"),
        (["ORIGINAL", "PRIMARY", "I_FFE", "I", "FFE"], "imaginary"),
        (["ORIGINAL", "PRIMARY", "M_SE", "M", "SE"], "magnitude"),
        (["DERIVED", "PRIMARY", "W", "W", "DERIVED"], "magnitude"),
    ],
)
def test_the_image_type_tells_magnitude_from_phase(tmp_path, image_type, component):
    assert frame_of(tmp_path, ImageType=image_type).component == component


def test_a_header_that_contradicts_itself_on_phase_is_damaged(tmp_path):
    (dataset,) = planes(Plan(3, ONE, facts={"ImageType": ["ORIGINAL", "PRIMARY", "P"]}))
    add_private(dataset, [(0x2005, "Philips MR Imaging DD 001", 0x11, "CS", "M")])
    write(tmp_path, [dataset])
    assert (read_index(tmp_path).unreadable, read_index(tmp_path).frames) == (1, ())


@pytest.mark.parametrize(
    ("private", "tokens"),
    [
        ((0x0051, "SIEMENS MR HEADER", 0x16, "LO", "DIXON/FAT"), ("DIXON", "FAT")),
        ((0x0051, "SIEMENS MR HEADER", 0x16, "LO", "p2 M/ND"), ("P2", "M", "ND")),
        ((0x0021, "SIEMENS MR SDI 02", 0x75, "CS", ["DERIVED", "PRIMARY", "DIXON", "WATER"]), ("DIXON", "WATER")),
    ],
)
def test_siemens_own_image_type_is_added_to_the_public_one(tmp_path, private, tokens):
    frame = frame_of(tmp_path, [private], ImageType=["DERIVED", "PRIMARY"])
    assert frame.image_type == ("DERIVED", "PRIMARY", *tokens)


def test_an_element_without_its_creator_is_nobodys(tmp_path):
    frame = frame_of(tmp_path, [(0x0051, "SOMEBODY ELSE", 0x16, "LO", "DIXON/FAT")], ImageType=["DERIVED", "PRIMARY"])
    assert frame.image_type == ("DERIVED", "PRIMARY")


@pytest.mark.parametrize(
    ("private", "image_type"),
    [
        ((), ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]),
        (((0x0021, "SIEMENS MR SDI 02", 0x75, "CS", ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]),), ["ORIGINAL", "PRIMARY"]),
        (((0x0065, "Image Private Header", 0x50, "DS", "30"),), ["ORIGINAL", "PRIMARY"]),
    ],
)
def test_a_mosaic_is_refused_by_name(tmp_path, private, image_type):
    frame = frame_of(tmp_path, private, ImageType=image_type)
    with pytest.raises(MyoT2Error, match="a mosaic"):
        require_readable((frame,), "series 3")


@pytest.mark.parametrize(
    ("maker", "sequence", "expected"),
    [
        ("SIEMENS", "SE", (150.0, False)),
        ("Philips Medical Systems", "SE", (180.0, True)),
        ("GE MEDICAL SYSTEMS", "SE", (180.0, True)),
        ("SIEMENS", "GR", (None, False)),
    ],
)
def test_the_flip_angle_of_a_siemens_spin_echo_is_the_refocusing_one(tmp_path, maker, sequence, expected):
    frame = frame_of(tmp_path, Manufacturer=maker, ScanningSequence=sequence, FlipAngle=150)
    assert (frame.refocusing_flip_angle, frame.refocusing_assumed) == expected
    assert frame.flip_angle == 150


def test_a_map_that_philips_computed_from_the_echoes_is_no_echo(tmp_path):
    assert not frame_of(tmp_path, Manufacturer="Philips", ScanningSequence="RM").spin_echo


@pytest.mark.parametrize(("versions", "expected"), [("syngo MR XA30", True), ("syngo MR E11", False)])
def test_a_classic_export_of_an_xa_scanner_is_told(tmp_path, versions, expected):
    assert frame_of(tmp_path, Manufacturer="Siemens Healthineers", SoftwareVersions=versions).xa_as_classic == expected


@pytest.mark.parametrize(("text", "position"), [("FFS", "FFS"), ("HFP", "HFP"), ("DOE JANE", None), ("", None)])
def test_the_patients_position_is_a_defined_term_or_nothing(tmp_path, text, position):
    assert frame_of(tmp_path, PatientPosition=text).patient_position == position


def philips_enhanced(change):
    """An enhanced object whose frames hold Philips' private copy of the classic header, as `change(item, number)`."""
    dataset = enhanced(mese_plan(7), np.ones((5, 4)))
    for number, groups in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        item = Dataset()
        item.ImagePositionPatient = [999, 999, 999]
        change(item, number)
        groups.private_block(0x2005, "Philips MR Imaging DD 005", create=True).add_new(0x0F, "SQ", [item])
    return dataset


@pytest.mark.parametrize("preamble", [True, False])
def test_the_scale_slope_of_an_enhanced_philips_image_is_that_of_each_frame(tmp_path, preamble):
    def change(item, number):
        item.private_block(0x2005, "Philips MR Imaging DD 001", create=True).add_new(0x0E, "FL", 0.5 + number)

    write(tmp_path, [philips_enhanced(change)], preamble=preamble)
    frames = read_index(tmp_path).frames
    assert [frame.scale_slope for frame in frames] == [0.5 + number for number in range(20)]
    assert all(abs(frame.position[0]) < 100 for frame in frames)


def test_maps_among_the_frames_of_an_enhanced_philips_image_are_a_stack_of_their_own(tmp_path):
    def change(item, number):
        computed = number % 5 == 4
        item.ScanningSequence = "RM" if computed else "SE"
        item.ImageType = ["ORIGINAL", "PRIMARY", "T2 MAP", "T2"] if computed else ["ORIGINAL", "PRIMARY", "M_SE", "M"]

    write(tmp_path, [philips_enhanced(change)])
    maps, echoes = sorted(split_stacks(read_index(tmp_path).frames), key=lambda stack: len(stack.frames))
    assert (len(maps.frames), maps.first.spin_echo, "T2 MAP" in maps.first.image_type) == (4, False, True)
    assert (len(echoes.frames), echoes.first.spin_echo, len(echoes.echo_times)) == (16, True, 4)


def test_real_objects_hold_the_elements_that_are_looked_for(shared_data):
    """Philips' M (classic and enhanced) and Siemens' image type (before XA and in XA) as scanners wrote them."""
    found = {
        name: read_index(shared_data / name).frames[0]
        for name in (
            "nist-phantom/philips-ingenia-1.5T/plate4",
            "nist-phantom/siemens-aera-1.5T/plate4",
            "dicom-edge-cases/dicom2nifti/philips_enhanced_anatomical",
            "dicom-edge-cases/siemens-xa10-enhanced",
        )
    }
    philips, siemens, philips_frame, siemens_frame = found.values()
    assert {frame.component for frame in found.values()} == {"magnitude"}
    assert (philips.refocusing_flip_angle, philips.refocusing_assumed, philips.flip_angle) == (180, True, 90)
    assert (siemens.refocusing_flip_angle, siemens.refocusing_assumed) == (180, False)
    assert {"M", "ND"} <= set(siemens.image_type)
    assert philips_frame.image_type == ("ORIGINAL", "PRIMARY", "T1", "NONE", "M_FFE", "M", "FFE")
    assert {"M", "ND"} <= set(siemens_frame.image_type)
    assert (siemens_frame.sequence, siemens_frame.patient_position) == ("*epfid2d1_64", "HFS")
    assert not any(frame.xa_as_classic or frame.fault for frame in found.values())
