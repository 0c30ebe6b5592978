"""The confidence of a role follows from where it was read, and what is listed only is never asked for."""

from __future__ import annotations

import pytest
from ingest_dicom_builder import Plan, axial_volume, mese_plan, t2_map_plan, write_plans

from myot2.ingest.choosing.roles import role_of
from myot2.ingest.choosing.selection import propose
from myot2.ingest.reading.headers import read_index
from myot2.ingest.reading.hints import roles_of_description
from myot2.ingest.stacking.joining import find_stacks


def role_in(folder, plan):
    (stack,) = find_stacks(read_index(write_plans(folder, plan)).frames)
    return role_of(stack)


@pytest.mark.parametrize(
    ("plan", "name", "confidence"),
    [
        (t2_map_plan(8), "t2map", "high"),
        (t2_map_plan(8, image_type=("DERIVED", "PRIMARY", "T2", "ND")), "t2map", "medium"),
        (mese_plan(7), "mese", "high"),
        (Plan(4, axial_volume(), ("ORIGINAL", "PRIMARY", "B1_MAP", "NONE")), "b1map", "high"),
        (Plan(4, axial_volume(), ("ORIGINAL", "PRIMARY", "FLIP ANGLE MAP", "ND")), "b1map", "high"),
        (Plan(4, axial_volume(), facts={"SeriesDescription": "tfl_b1map_tra"}), "b1map", "low"),
    ],
)
def test_the_confidence_says_where_the_role_was_read(tmp_path, plan, name, confidence):
    role = role_in(tmp_path, plan)
    assert (role.name, role.confidence) == (name, confidence)


def test_the_evidence_quotes_the_word_of_the_image_type(tmp_path):
    assert role_in(tmp_path, t2_map_plan(8)).evidence == "the image type names it (T2 MAP)"


@pytest.mark.parametrize(
    ("description", "role"),
    [
        ("WATER: Ax LAVA-Flex", "dixon-water"),
        ("InPhase: Ax LAVA-Flex", "dixon-in"),
        ("OutPhase: Ax IDEAL", "dixon-opp"),
        ("t1_gre_fsp3d_wfi_tra_F", "dixon-fat"),
        ("T2_WFS_in phase", "dixon-in"),
        ("FatSep WATER", "dixon-water"),
        ("mDIXON_OP", "dixon-opp"),
        ("B1 map", "b1map"),
    ],
)
def test_makers_that_put_the_contrast_into_the_description_are_understood(description, role):
    assert roles_of_description(description) == {role}


def test_a_b1_map_is_listed_and_never_taken(tmp_path):
    plan = Plan(4, axial_volume(), ("ORIGINAL", "PRIMARY", "B1_MAP", "NONE"))
    selection = propose(find_stacks(read_index(write_plans(tmp_path, plan)).frames))
    assert [selection.fate(stack) for stack in selection.stacks] == ["no"]
    assert selection.reason(selection.stacks[0]) == "listed; no stage takes it from here"
