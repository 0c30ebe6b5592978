"""Which series is taken for what: by header, with the reason; what is unclear is refused."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from ingest_dicom_builder import (
    CORONAL,
    DIXON,
    Plan,
    axial_volume,
    dixon_plan,
    mese_plan,
    planes,
    t2_map_plan,
    whole_examination,
    write,
    write_plans,
)
from pydicom.uid import generate_uid

from myot2.core.errors import MyoT2Error
from myot2.ingest.choosing.roles import role_of
from myot2.ingest.choosing.selection import Wanted, propose, select
from myot2.ingest.reading.headers import read_index
from myot2.ingest.records import SERIES_COLUMNS, series_rows
from myot2.ingest.stacking.joining import find_stacks

ALL = Wanted(tuple(DIXON), 5, True)


def choose(folder, wanted=ALL):
    return select(find_stacks(read_index(folder).frames), wanted)


def taken(selection):
    return {role: stack.name for role, stack in selection.taken.items()}


def four(start, time="100000", **changes):
    return [dixon_plan(role, start + place, time=time, **changes) for place, role in enumerate(DIXON)]


def series_table(selection):
    return pd.DataFrame(series_rows(selection), columns=list(SERIES_COLUMNS))


def reasons(selection):
    return {row["series"]: row["reason"] for row in series_rows(selection)}


def test_a_whole_examination_is_found_by_header(tmp_path):
    selection = choose(whole_examination(tmp_path))
    assert taken(selection) == {
        "dixon-in": "series 2",
        "dixon-opp": "series 3",
        "dixon-water": "series 4",
        "dixon-fat": "series 5",
        "mese": "series 7",
        "t2map": "series 8",
    }
    table = series_table(selection)
    assert list(table["series"]) == ["1 (stack 1)", "1 (stack 2)", "1 (stack 3)", "2", "3", "4", "5", "7", "8"]
    assert list(table["taken"]) == ["no"] * 3 + ["yes"] * 6
    mese = table[table["role"] == "mese"].iloc[0]
    assert (mese["images"], mese["slices"], mese["echoes"], mese["te_ms"]) == (20, 4, 5, "10-50")
    assert (mese["matrix"], mese["pixel_spacing_mm"], mese["orientation"]) == ("14x12", "1.5x2", "axial")


def test_only_what_is_asked_for_is_needed(tmp_path):
    selection = choose(write_plans(tmp_path, mese_plan(7), t2_map_plan(8)), Wanted(echoes=5))
    assert taken(selection) == {"mese": "series 7"}
    assert reasons(selection)["8"] == "not asked for"


def test_a_missing_role_is_refused_with_the_list_of_what_was_found(tmp_path):
    write_plans(tmp_path, *four(2)[:3], mese_plan(7))
    with pytest.raises(MyoT2Error) as caught:
        choose(tmp_path, Wanted(tuple(DIXON)))
    assert caught.value.expected == "a series for dixon-fat"
    assert "series 2: dixon-in (axial, 4 slices, 1 echo time" in caught.value.found
    assert "series 7: mese (axial, 4 slices, 5 echo times" in caught.value.found


@pytest.mark.parametrize(
    ("image_type", "role"),
    [
        (("DERIVED", "PRIMARY", "DIXON", "IN_PHASE"), "dixon-in"),
        (("ORIGINAL", "PRIMARY", "DIXON", "OPP"), "dixon-opp"),
        (("DERIVED", "PRIMARY", "W", "W", "DERIVED"), "dixon-water"),
        (("DERIVED", "PRIMARY", "F", "F", "DERIVED"), "dixon-fat"),
        (("DERIVED", "PRIMARY", "T2_MAP", "ND"), "t2map"),
        (("DERIVED", "PRIMARY", "T2", "ND"), "t2map"),
        (("ORIGINAL", "PRIMARY", "T2", "NONE"), "other"),
        (("DERIVED", "PRIMARY", "FAT_FRACTION"), "other"),
        (("DERIVED", "PRIMARY", "WATER", "FAT"), "other"),
        (("ORIGINAL", "PRIMARY", "P", "IN_PHASE"), "other"),
        (("DERIVED", "PRIMARY", "T2_STAR MAP"), "other"),
    ],
)
def test_the_image_type_names_the_role(tmp_path, image_type, role):
    write_plans(tmp_path, Plan(4, axial_volume(), image_type))
    (stack,) = find_stacks(read_index(tmp_path).frames)
    assert role_of(stack).name == role


@pytest.mark.parametrize(
    ("description", "role"),
    [
        ("t2_tse_dixon_tra_in", "dixon-in"),
        ("t2_tse_dixon_tra_opp", "dixon-opp"),
        ("WATER: LAVA Flex", "dixon-water"),
        ("dixon_tra_F", "dixon-fat"),
        ("t2_mese_T2_Map", "t2map"),
        ("T2_Images", "t2map"),
        ("T2_star_map", "other"),
        ("dixon fat fraction", "other"),
        ("kind in need of water and fat", "other"),
        ("t2_tse_dixon_tra", "other"),
    ],
)
def test_a_description_is_weak_evidence_for_a_role(tmp_path, description, role):
    derived = ("DERIVED", "PRIMARY", "OTHER")
    write_plans(tmp_path, Plan(4, axial_volume(), derived, facts={"SeriesDescription": description}))
    (stack,) = find_stacks(read_index(tmp_path).frames)
    assert (role_of(stack).name, role_of(stack).confidence) == (role, "high" if role == "other" else "low")


def test_the_image_type_outweighs_a_description(tmp_path):
    weak = Plan(9, axial_volume(), facts={"SeriesDescription": "dixon_in"}, time="120000")
    selection = choose(write_plans(tmp_path, dixon_plan("dixon-in", 2), weak), Wanted(("dixon-in",)))
    assert taken(selection) == {"dixon-in": "series 2"}
    assert reasons(selection)["9"] == "series 2 has the role on better evidence"


def test_the_last_complete_repeat_is_taken_as_a_whole(tmp_path):
    write_plans(tmp_path, *four(2), *four(12, time="110000"))
    selection = choose(tmp_path, Wanted(tuple(DIXON)))
    assert list(taken(selection).values()) == ["series 12", "series 13", "series 14", "series 15"]
    assert reasons(selection)["12"] == "taken, the last of 2 complete acquisitions"
    assert reasons(selection)["3"] == "repeated later as series 12"


def test_a_repeat_that_lacks_a_dixon_image_is_not_mixed_with_the_first(tmp_path):
    write_plans(tmp_path, *four(2), *four(12, time="110000")[:2])
    selection = choose(tmp_path, Wanted(tuple(DIXON)))
    assert list(taken(selection).values()) == ["series 2", "series 3", "series 4", "series 5"]
    assert reasons(selection)["12"].endswith("its acquisition lacks dixon-water, dixon-fat")


def test_dixon_images_of_one_series_are_never_parted(tmp_path):
    """Philips writes all four into one series; an in-phase image that was made before them alone is none of them."""
    series = [dataset for plan in four(5) for dataset in planes(replace(plan, number=5, time="110000"))]
    write(tmp_path, planes(dixon_plan("dixon-in", 3)) + series)
    selection = choose(tmp_path, Wanted(tuple(DIXON)))
    assert set(taken(selection).values()) == {f"series 5 (stack {number})" for number in range(1, 5)}
    assert reasons(selection)["3"].startswith("its acquisition lacks dixon-opp")


def test_an_aborted_repeat_gives_way_to_the_complete_acquisition(tmp_path):
    aborted = mese_plan(9, pixels=axial_volume(5)[:, :2], time="110000")
    selection = choose(write_plans(tmp_path, mese_plan(7), aborted), Wanted(echoes=5))
    assert taken(selection) == {"mese": "series 7"}
    assert "2 slices, 4 in series 7" in reasons(selection)["9"]


def test_a_repeat_with_a_hole_gives_way_to_the_complete_acquisition(tmp_path):
    write_plans(tmp_path, t2_map_plan(8))
    write(tmp_path, [plane for n, plane in enumerate(planes(t2_map_plan(9, time="110000"))) if n != 1])
    selection = choose(tmp_path, Wanted(t2_map=True))
    assert taken(selection) == {"t2map": "series 8"}
    assert "series 9, slice 1: 12.00 mm to the next slice" in reasons(selection)["9"]


def test_a_faulty_series_is_refused_rather_than_replaced_by_another_protocol(tmp_path):
    write(tmp_path, [plane for n, plane in enumerate(planes(mese_plan(7))) if n // 5 != 1])
    write_plans(tmp_path, mese_plan(9, echo_times=(8.0, 16.0, 24.0, 32.0, 40.0)))
    with pytest.raises(MyoT2Error, match="series 7, echo of 10 ms, slice 1"):
        choose(tmp_path, Wanted(echoes=5))


def test_an_axial_dixon_is_preferred_to_a_coronal_one(tmp_path):
    write_plans(tmp_path, *four(2), *four(12, time="110000", orientation=CORONAL))
    selection = choose(tmp_path, Wanted(tuple(DIXON)))
    assert taken(selection)["dixon-in"] == "series 2"
    assert reasons(selection)["12"].endswith("there is another that is axial")


def test_a_t2_weighted_dixon_is_preferred_to_a_gradient_echo_one(tmp_path):
    vibe = four(12, time="110000", echo_times=(2.5,), scanning_sequence="GR")
    selection = choose(write_plans(tmp_path, *four(2), *vibe), Wanted(tuple(DIXON)))
    assert taken(selection)["dixon-in"] == "series 2"
    assert reasons(selection)["12"].endswith("there is another that is T2-weighted")


def test_two_protocols_that_fit_alike_are_refused_with_the_list(tmp_path):
    write_plans(tmp_path, mese_plan(7), mese_plan(9, echo_times=(8.0, 16.0, 24.0, 32.0, 40.0), time="110000"))
    with pytest.raises(MyoT2Error) as caught:
        choose(tmp_path, Wanted(echoes=5))
    assert "several that are equally good" in caught.value.found
    assert "series 7" in caught.value.found
    assert "series 9" in caught.value.found


def test_two_stations_along_the_leg_are_no_repeats(tmp_path):
    write_plans(tmp_path, mese_plan(7), mese_plan(9, origin=(-50, -40, 300), time="110000"))
    with pytest.raises(MyoT2Error, match="several that are equally good"):
        choose(tmp_path, Wanted(echoes=5))


def test_a_second_export_of_a_series_with_new_identifiers_is_refused(tmp_path):
    write_plans(tmp_path, t2_map_plan(8))
    uid = generate_uid()
    for dataset in (copies := planes(t2_map_plan(8))):
        dataset.SeriesInstanceUID = uid
    write(tmp_path, copies)
    with pytest.raises(MyoT2Error, match="series 8, copy 2"):
        choose(tmp_path, Wanted(t2_map=True))


def test_dixon_images_with_other_slices_than_their_siblings_are_refused(tmp_path):
    plans = four(2)
    plans[3] = replace(plans[3], origin=(-50, -40, 16))
    with pytest.raises(MyoT2Error, match="series 5: .*other slices than in series 2"):
        choose(write_plans(tmp_path, *plans), Wanted(tuple(DIXON)))


def test_a_colour_picture_is_never_a_t2_map(tmp_path):
    datasets = planes(t2_map_plan(8))
    for dataset in datasets:
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
        dataset.PixelData = dataset.PixelData * 3
    write(tmp_path, datasets)
    with pytest.raises(MyoT2Error) as caught:
        choose(tmp_path, Wanted(t2_map=True))
    assert caught.value.found == "none, only colour pictures, whose pixels are colours: series 8"


def test_images_of_two_patients_are_never_put_together(tmp_path):
    write_plans(tmp_path, mese_plan(7), t2_map_plan(8, facts={"PatientID": "4712"}))
    with pytest.raises(MyoT2Error, match="expected one patient") as caught:
        choose(tmp_path, Wanted(echoes=5, t2_map=True))
    assert "4712" not in str(caught.value)


def test_a_derived_image_in_the_same_series_is_split_off(tmp_path):
    datasets = planes(mese_plan(7))
    for dataset in planes(mese_plan(7))[:4]:
        dataset.ImageType = ["DERIVED", "PRIMARY", "M", "RMS"]
        datasets.append(dataset)
    write(tmp_path, datasets)
    selection = choose(tmp_path, Wanted(echoes=5))
    assert len(selection.taken["mese"].frames) == 20


def with_study(plan, study, date="20200101", **facts):
    return planes(replace(plan, facts={"StudyInstanceUID": study, "StudyDate": date, **facts}))


def test_another_patient_anywhere_in_the_examination_is_refused(tmp_path):
    stranger = with_study(Plan(1, axial_volume(), scanning_sequence="GR"), "1.2.3", PatientID="4712")
    write(tmp_path, with_study(mese_plan(7), "1.2.3") + stranger)
    with pytest.raises(MyoT2Error) as caught:
        choose(tmp_path, Wanted(echoes=5))
    assert caught.value.expected == "one patient identifier in the whole examination"
    assert caught.value.found == "another in series 1 than in series 7"


def test_another_patient_s_examination_in_the_folder_does_not_matter_where_none_of_it_is_taken(tmp_path):
    stranger = with_study(Plan(1, axial_volume(), scanning_sequence="GR"), "1.2.4", PatientID="4712")
    write(tmp_path, with_study(mese_plan(7), "1.2.3") + stranger)
    assert taken(choose(tmp_path, Wanted(echoes=5))) == {"mese": "series 7"}


def test_two_visits_in_one_folder_are_no_repeats(tmp_path):
    later = mese_plan(9, time="110000")
    write(tmp_path, with_study(mese_plan(7), "1.2.3") + with_study(later, "1.2.4", "20210101"))
    with pytest.raises(MyoT2Error, match="several of different examinations: series 7: .* series 9: "):
        choose(tmp_path, Wanted(echoes=5))


def test_images_of_two_visits_are_never_put_together(tmp_path):
    write(tmp_path, with_study(mese_plan(7), "1.2.3") + with_study(t2_map_plan(8), "1.2.4", "20210101"))
    with pytest.raises(MyoT2Error, match="expected series of one examination; found another examination in series 8"):
        choose(tmp_path, Wanted(echoes=5, t2_map=True))


def test_an_examination_that_the_archive_keeps_in_two_parts_of_one_day_is_one(tmp_path):
    write(tmp_path, with_study(mese_plan(7), "1.2.3") + with_study(t2_map_plan(8), "1.2.4"))
    assert len(choose(tmp_path, Wanted(echoes=5, t2_map=True)).taken) == 2


def test_the_table_has_one_form_and_no_identifier_without_a_key(tmp_path):
    (row,) = series_rows(choose(write_plans(tmp_path, mese_plan(7)), Wanted(echoes=5)))
    unknown = {"participant_id", "session", "pseudonym"}
    assert set(SERIES_COLUMNS) - unknown <= set(row) <= set(SERIES_COLUMNS)
    assert not any(row.get(column) for column in unknown)


def test_a_proposal_leaves_to_a_person_what_the_rules_cannot_tell_apart(tmp_path):
    write_plans(
        tmp_path,
        *four(2),
        mese_plan(7),
        mese_plan(9, echo_times=(8.0, 16.0, 24.0, 32.0, 40.0), time="110000"),
    )
    selection = propose(find_stacks(read_index(tmp_path).frames))
    table = series_table(selection).set_index("series")
    assert list(table["taken"]) == ["yes"] * 4 + ["choose"] * 2
    assert table.loc["7", "reason"] == "as good as series 9"


def test_a_proposal_takes_the_dixon_images_that_there_are(tmp_path):
    write_plans(tmp_path, *four(2)[:2])
    selection = propose(find_stacks(read_index(tmp_path).frames))
    assert taken(selection) == {"dixon-in": "series 2", "dixon-opp": "series 3"}


def test_a_proposal_says_why_the_only_series_of_a_role_cannot_be_used(tmp_path):
    write(tmp_path, [plane for n, plane in enumerate(planes(t2_map_plan(9))) if n != 1])
    selection = propose(find_stacks(read_index(tmp_path).frames))
    (stack,) = selection.stacks
    assert selection.fate(stack) == "no"
    assert selection.reason(stack).startswith("cannot be used (series 9, slice 1: 12.00 mm to the next slice")
