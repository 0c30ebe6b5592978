"""What ordinary examinations hold beside the protocol: twins of series, other maps, rounded numbers, a second study."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ingest_dicom_builder import (
    DIXON,
    Plan,
    axial_volume,
    dixon_plan,
    mese_plan,
    planes,
    t2_map_plan,
    write,
    write_plans,
)
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from myot2.core.errors import MyoT2Error
from myot2.ingest.choosing.roles import role_of
from myot2.ingest.choosing.selection import Wanted, select
from myot2.ingest.reading.headers import read_index
from myot2.ingest.stacking.joining import find_stacks
from myot2.ingest.t2units import plausible_factor, read_t2_map

ALL_DIXON = Wanted(tuple(DIXON))
IN_AND_OPPOSED = Wanted(("dixon-in", "dixon-opp"))


def choose(folder, wanted):
    return select(find_stacks(read_index(folder).frames), wanted)


def taken(selection):
    return {role: stack.name.removeprefix("series ") for role, stack in selection.taken.items()}


def dixon(numbers, words=(), order=tuple(DIXON), **changes):
    """A Dixon acquisition whose image types end with these words of the reconstruction."""
    kinds = [("DERIVED", "PRIMARY", "DIXON", DIXON[role], *words) for role in order]
    return [
        dixon_plan(role, number, image_type=kind, **changes)
        for role, number, kind in zip(order, numbers, kinds, strict=False)
    ]


def in_study(plans, study):
    facts = {"StudyInstanceUID": study, "StudyDate": "20200101"}
    return [plane for plan in plans for plane in planes(replace(plan, facts={**plan.facts, **facts}))]


@pytest.mark.parametrize("wanted", [IN_AND_OPPOSED, ALL_DIXON])
def test_corrected_twins_between_the_uncorrected_images_are_taken_together(tmp_path, wanted):
    """Siemens with distortion correction and `unfiltered images`: each image is followed by its twin."""
    write_plans(tmp_path, *dixon(range(2, 10, 2), ["ND"]), *dixon(range(3, 10, 2), ["DIS2D"]))
    selection = choose(tmp_path, wanted)
    assert list(taken(selection).values()) == ["3", "5", "7", "9"][: len(wanted.dixon)]
    plain = next(stack for stack in selection.stacks if stack.name == "series 2")
    assert selection.reason(plain) == "there is another reconstruction of it with more corrections"


@pytest.mark.parametrize("better", [("M", "NORM", "DIS2D"), ("M", "ND", "NORM")])
@pytest.mark.parametrize("first", [True, False])
def test_of_two_reconstructions_of_an_echo_train_the_corrected_is_taken_whichever_comes_first(tmp_path, better, first):
    numbers = (7, 8) if first else (8, 7)
    kinds = (("ORIGINAL", "PRIMARY", *better), ("ORIGINAL", "PRIMARY", "M", "ND"))
    write_plans(tmp_path, *(mese_plan(n, image_type=kind) for n, kind in zip(numbers, kinds, strict=True)))
    assert taken(choose(tmp_path, Wanted(echoes=5))) == {"mese": str(numbers[0])}


def test_reconstructions_that_are_corrected_alike_are_refused_with_the_list(tmp_path):
    kinds = [("ORIGINAL", "PRIMARY", "M", word) for word in ("DIS2D", "DIS3D")]
    write_plans(tmp_path, *(mese_plan(7 + n, image_type=kind) for n, kind in enumerate(kinds)))
    with pytest.raises(MyoT2Error, match="several that are equally good: series 7: .* series 8: "):
        choose(tmp_path, Wanted(echoes=5))


def test_a_later_repeat_is_taken_though_it_is_less_corrected(tmp_path):
    kinds = [("ORIGINAL", "PRIMARY", "M", word) for word in ("DIS2D", "ND")]
    write_plans(tmp_path, mese_plan(7, image_type=kinds[0]), mese_plan(8, image_type=kinds[1], time="110000"))
    assert taken(choose(tmp_path, Wanted(echoes=5))) == {"mese": "8"}


def test_an_in_phase_image_made_earlier_takes_no_part_from_the_dixon_that_follows(tmp_path):
    order = ("dixon-opp", "dixon-in", "dixon-water", "dixon-fat")
    write_plans(tmp_path, dixon_plan("dixon-in", 4, time="090000"), *dixon(range(5, 9), order=order))
    assert taken(choose(tmp_path, ALL_DIXON)) == dict(zip(DIXON, ["6", "5", "7", "8"], strict=True))


def test_without_times_an_aborted_acquisition_is_not_filled_up_from_the_next(tmp_path):
    """In-phase and water differ in the words of their image types, as computed images do."""
    measured, computed = ("DERIVED", "PRIMARY", "M"), ("DERIVED", "PRIMARY", "DIXON")
    parts = [("dixon-in", 2), ("dixon-water", 3), ("dixon-in", 12), ("dixon-fat", 13), ("dixon-water", 14)]
    kinds = [(*(measured if role == "dixon-in" else computed), DIXON[role]) for role, _ in parts]
    plans = [dixon_plan(*part, image_type=kind, time="") for part, kind in zip(parts, kinds, strict=True)]
    write_plans(tmp_path, *(replace(plan, facts={**plan.facts, "AcquisitionDate": ""}) for plan in plans))
    selection = choose(tmp_path, Wanted(("dixon-in", "dixon-water", "dixon-fat")))
    assert list(taken(selection).values()) == ["12", "14", "13"]


@pytest.mark.parametrize("wanted", [IN_AND_OPPOSED, ALL_DIXON])
def test_two_studies_of_a_day_with_the_same_series_numbers_are_never_mixed(tmp_path, wanted):
    morning = in_study(dixon(range(2, 6), time="090000"), "1.2.3")
    write(tmp_path, morning + in_study(dixon(range(2, 6), time="150000"), "1.2.4"))
    selection = choose(tmp_path, wanted)
    assert {stack.first.study for stack in selection.taken.values()} == {"1.2.4"}


def test_repetitions_of_a_dixon_with_a_series_for_each_image_are_never_mixed(tmp_path):
    repeated = []
    for plan in dixon((2, 3)):
        for repetition in (1, 2):
            for plane in planes(plan):
                plane.TemporalPositionIdentifier, plane.SOPInstanceUID = repetition, generate_uid()
                repeated.append(plane)
    write(tmp_path, repeated)
    assert taken(choose(tmp_path, IN_AND_OPPOSED)) == {"dixon-in": "2 (stack 2)", "dixon-opp": "3 (stack 2)"}


def test_gradient_echo_and_spin_echo_images_make_no_dixon_together(tmp_path):
    gradient = dixon((2, 3), scanning_sequence="GR", echo_times=(2.5,), facts={"RepetitionTime": 100})
    write_plans(tmp_path, *gradient, *dixon((4, 5, 6, 7))[2:])
    with pytest.raises(MyoT2Error, match="expected one acquisition with dixon-in, dixon-opp, dixon-water, dixon-fat"):
        choose(tmp_path, ALL_DIXON)


def test_series_between_which_the_patient_was_placed_anew_are_not_put_together(tmp_path):
    before, after = ({"FrameOfReferenceUID": uid} for uid in ("1.2.3.1", "1.2.3.2"))
    write_plans(
        tmp_path,
        *dixon(range(2, 6), facts={"RepetitionTime": 5330, **before}),
        mese_plan(7, facts=before),
        mese_plan(9, facts=after, time="110000"),
    )
    with pytest.raises(MyoT2Error, match="expected series of one frame of reference; .* in series 9 than in series 2"):
        choose(tmp_path, Wanted(tuple(DIXON), 5))
    assert taken(choose(tmp_path, Wanted(echoes=5))) == {"mese": "9"}


@pytest.mark.parametrize(
    ("image_type", "description", "protocol"),
    [
        (("DERIVED", "PRIMARY", "R2 MAP", "ND"), "Images", "t2_map_tra"),
        (("DERIVED", "PRIMARY", "T1 MAP", "ND"), "Images", "t2_map_tra"),
        (("DERIVED", "PRIMARY", "T2_STAR MAP", "ND"), "Images", "t2_map_tra"),
        (("DERIVED", "PRIMARY", "M", "ND"), "R2_Images", "t2_map_tra"),
        (("DERIVED", "PRIMARY", "M", "ND"), "T2-star map", "t2_map_tra"),
        (("ORIGINAL", "PRIMARY", "M", "ND"), "t2_tse", "t2_map_tra"),
        (("DERIVED", "PRIMARY", "DIXON", "FAT_FRACTION"), "dixon_fat", ""),
        (("DERIVED", "PRIMARY", "FF", "FF"), "mDIXON_F", ""),
        (("DERIVED", "PRIMARY", "FAT", "FRACTION"), "dixon", ""),
        (("DERIVED", "PRIMARY", "T2 MAP", "R2 MAP"), "", ""),
        (("DERIVED", "PRIMARY", "OTHER"), "Fat Percentage: IDEAL IQ", ""),
        (("DERIVED", "PRIMARY", "OTHER"), "dixon_pdff_fat", ""),
    ],
)
def test_another_quantity_is_not_made_a_role_by_its_description_or_protocol(
    tmp_path, image_type, description, protocol
):
    facts = {"SeriesDescription": description, "ProtocolName": protocol}
    write_plans(tmp_path, Plan(4, axial_volume(), image_type, facts=facts))
    (stack,) = find_stacks(read_index(tmp_path).frames)
    assert role_of(stack).name == "other"


@pytest.mark.parametrize("times", [(6.9, 13.9, 20.8, 27.7, 34.6), (9.9, 19.79, 29.7, 39.6, 49.49)])
def test_echo_times_rounded_to_a_tenth_of_a_millisecond_are_evenly_spaced(tmp_path, times):
    selection = choose(write_plans(tmp_path, mese_plan(7, echo_times=times)), Wanted(echoes=5))
    assert [echo.frames[0].echo_time for echo in selection.taken["mese"].echoes] == list(times)


def jittered(plans):
    """Planes whose places differ by up to a tenth of a micrometre, around one that rounds up or down."""
    rng = np.random.default_rng(0)
    datasets = [plane for plan in plans for plane in planes(plan)]
    for plane in datasets:
        plane.ImagePositionPatient = [f"{value + rng.uniform(-1e-4, 1e-4):.6f}" for value in plane.ImagePositionPatient]
    return datasets


def test_a_repeat_is_not_taken_for_aborted_because_its_places_are_rounded_otherwise(tmp_path):
    edge = (-50.0, -40.0, 10.005)
    write(tmp_path, jittered([mese_plan(7, origin=edge), mese_plan(9, origin=edge, time="110000")]))
    selection = choose(tmp_path, Wanted(echoes=5))
    assert taken(selection) == {"mese": "9"}
    assert {stack.slice_count for stack in selection.stacks} == {4}


def test_echoes_of_a_series_each_are_joined_though_their_places_and_cosines_are_rounded_otherwise(tmp_path):
    cosines = np.array([0.98499, 0.98501, 0.98499, 0.98501, 0.98499])
    plans = [
        Plan(
            7 + n,
            axial_volume(5)[n : n + 1],
            echo_times=(10.0 * (n + 1),),
            orientation=(1, 0, 0, 0, c, np.sqrt(1 - c**2)),
        )
        for n, c in enumerate(cosines)
    ]
    write(tmp_path, jittered(plans))
    assert taken(choose(tmp_path, Wanted(echoes=5))) == {"mese": "7+8+9+10+11"}


def test_an_acquisition_time_with_an_offset_from_utc_is_a_time(tmp_path):
    timed = []
    for number, when in ((7, "20200101000100"), (9, "20200101000500.5+0100")):
        for plane in planes(mese_plan(number)):
            plane.AcquisitionDateTime = when
            timed.append(plane)
    write(tmp_path, timed)
    assert taken(choose(tmp_path, Wanted(echoes=5))) == {"mese": "9"}


def test_noise_with_long_t2_around_the_limb_does_not_make_the_unit_tenths():
    limb, noise = np.full(450, 40.0), np.linspace(200, 1500, 550)
    with pytest.raises(MyoT2Error, match="which fits 2 of them"):
        plausible_factor(np.concatenate([limb, noise]), "series 8")
    assert plausible_factor(np.concatenate([limb, noise[:150]]), "series 8") == 1.0


def test_a_map_of_rates_is_refused_whatever_scale_is_given(tmp_path):
    datasets = planes(t2_map_plan(8, 28))
    for dataset in datasets:
        code, mapping = Dataset(), Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "/s", "UCUM", "per second"
        mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = 1.0, 0.0
        mapping.MeasurementUnitsCodeSequence = [code]
        dataset.RealWorldValueMappingSequence = [mapping]
    write(tmp_path, datasets)
    (stack,) = find_stacks(read_index(tmp_path).frames)
    for scale in (None, 1.0):
        with pytest.raises(MyoT2Error, match="expected a T2 map in a unit of time"):
            read_t2_map(stack, scale)
