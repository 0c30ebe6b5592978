"""Left and right as two series: one image where they meet edge to edge on one lattice, refused where they do not."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_dicom_builder import Plan, axial_volume, dixon_plan, mese_plan, planes, t2_map_plan, write, write_plans

from myot2.core.errors import MyoT2Error
from myot2.ingest.choosing.selection import Wanted, select
from myot2.ingest.reading.headers import read_index
from myot2.ingest.reading.volumes import signal
from myot2.ingest.stacking.joining import find_stacks
from myot2.ingest.stacking.stations import read_stack
from myot2.ingest.t2units import read_t2_map

OBLIQUE = (0.8, 0.6, 0.0, -0.6, 0.8, 0.0)


def moved(plan: Plan, number: int, columns: float = 0, rows: float = 0, **changes) -> Plan:
    """The plan as a series of its own, its first voxel so many columns and rows further."""
    across, down = np.reshape(plan.orientation, (2, 3))
    origin = np.array(plan.origin) + columns * plan.pixel_spacing[1] * across + rows * plan.pixel_spacing[0] * down
    return replace(plan, number=number, origin=tuple(origin), **changes)


def halves(plan: Plan, number: int, axis: int = 3) -> list[Plan]:
    """The plan cut in two along its columns (axis 3) or rows (axis 2), the second half first."""
    first, second = np.split(plan.pixels, 2, axis=axis)
    step = {"columns": first.shape[3]} if axis == 3 else {"rows": first.shape[2]}
    return [moved(plan, number, **step, pixels=second), replace(plan, number=number + 1, pixels=first)]


def chosen(folder, wanted):
    return select(find_stacks(read_index(folder).frames), wanted)


def same(first: sitk.Image, second: sitk.Image) -> bool:
    np.testing.assert_allclose(first.GetOrigin(), second.GetOrigin(), atol=1e-6)
    np.testing.assert_allclose(first.GetSpacing(), second.GetSpacing(), rtol=1e-6)
    np.testing.assert_allclose(first.GetDirection(), second.GetDirection(), atol=1e-6)
    return np.array_equal(*map(sitk.GetArrayViewFromImage, (first, second)))


@pytest.mark.parametrize("axis", [2, 3])
@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, 1, 0), OBLIQUE])
def test_two_halves_give_the_image_that_was_cut(tmp_path, axis, orientation):
    plan = dixon_plan("dixon-in", 2, orientation=orientation)
    write_plans(tmp_path / "whole", plan)
    write_plans(tmp_path / "halves", *halves(plan, 2, axis))
    whole = chosen(tmp_path / "whole", Wanted(("dixon-in",))).taken["dixon-in"]
    selection = chosen(tmp_path / "halves", Wanted(("dixon-in",)))
    joined = selection.taken["dixon-in"]
    assert same(*(read_stack(stack.slices, signal, stack.name) for stack in (whole, joined)))
    assert (joined.name, joined.slice_count, joined.matrix) == ("series 2+3", 4, whole.matrix)
    assert selection.reason(joined) == "taken (2 stations side by side as one image)"


def test_echoes_of_two_stations_are_joined_echo_by_echo(tmp_path):
    plan = mese_plan(7)
    write_plans(tmp_path / "whole", plan)
    write_plans(tmp_path / "halves", *halves(plan, 7))
    whole, joined = (chosen(tmp_path / name, Wanted(echoes=5)).taken["mese"] for name in ("whole", "halves"))
    for one, other in zip(whole.echoes, joined.echoes, strict=True):
        assert same(read_stack(one, signal, "s"), read_stack(other, signal, "s"))


def test_each_station_keeps_its_own_scaling(tmp_path):
    plans = halves(t2_map_plan(8, 40), 8)
    plans = [replace(plans[0], facts={"RescaleSlope": 2}), replace(plans[1], pixels=plans[1].pixels * 2)]
    stack = chosen(write_plans(tmp_path, *plans), Wanted(t2_map=True)).taken["t2map"]
    voxels = sitk.GetArrayFromImage(read_t2_map(stack, 0.5).image)
    assert (voxels[:, 1:] == 40).all()
    assert (voxels[:, 0] == 0).all()


def test_repeats_of_both_stations_are_joined_run_by_run(tmp_path):
    plan = mese_plan(7)
    write_plans(tmp_path, *halves(plan, 7), *halves(replace(plan, time="110000"), 9))
    assert chosen(tmp_path, Wanted(echoes=5)).taken["mese"].name == "series 9+10"


def test_a_repeat_of_one_leg_alone_is_not_taken_for_both(tmp_path):
    plan = mese_plan(7)
    write_plans(tmp_path, *halves(plan, 7), replace(halves(plan, 9)[0], time="110000"))
    with pytest.raises(MyoT2Error, match=r"equally good: series 7\+8: .*series 9: "):
        chosen(tmp_path, Wanted(echoes=5))


@pytest.mark.parametrize(
    ("shift", "words"),
    [
        ({"columns": 17}, "a gap of 3 voxels between stations side by side"),
        ({"columns": 12}, "an overlap of 2 voxels between stations side by side"),
        ({"columns": 14.3}, "stations 14.30 voxels apart, which is no whole number"),
        ({"columns": 14, "rows": 2}, "stations 2.00 voxels off a straight row"),
    ],
)
def test_stations_that_fill_no_one_image_are_refused(tmp_path, shift, words):
    plan = mese_plan(7)
    write_plans(tmp_path, plan, moved(plan, 8, **shift))
    with pytest.raises(MyoT2Error) as caught:
        chosen(tmp_path, Wanted(echoes=5))
    assert f"edge to edge on one lattice: {words}): series 7: mese" in caught.value.found


def test_stations_of_two_repetition_times_are_refused(tmp_path):
    plan = mese_plan(7)
    write_plans(tmp_path, plan, moved(plan, 8, columns=14, facts={"RepetitionTime": 3000}))
    with pytest.raises(MyoT2Error, match="one repetition time in the whole series: 3000 ms and 6000 ms"):
        chosen(tmp_path, Wanted(echoes=5))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0, 14, 17, 28]), st.sampled_from([0, 24]), st.booleans()), max_size=7))
def test_every_image_is_in_one_stack_whatever_is_joined(tmp_path_factory, places):
    folder = tmp_path_factory.mktemp("parts")
    for number, (columns, height, echo) in enumerate(places, start=1):
        plan = moved(Plan(1, axial_volume(slices=2)), number, columns=columns, echo_times=(50.0 + echo * number,))
        write_plans(folder, replace(plan, origin=(*plan.origin[:2], height)))
    frames = read_index(folder).frames
    stacks = find_stacks(frames)
    assert Counter(frame.instance for stack in stacks for frame in stack.frames) == Counter(f.instance for f in frames)
    assert len({stack.identity for stack in stacks}) == len(stacks)


def test_stations_along_the_leg_stay_apart(tmp_path):
    write_plans(tmp_path, mese_plan(7), mese_plan(8, origin=(-50, -40, 34)))
    assert [stack.name for stack in find_stacks(read_index(tmp_path).frames)] == ["series 7", "series 8"]


def test_stations_at_two_heights_are_no_one_image(tmp_path):
    plan = mese_plan(7)
    first, second = planes(plan), planes(moved(plan, 8, columns=14))
    for dataset in second:
        dataset.ImagePositionPatient = [*dataset.ImagePositionPatient[:2], float(dataset.ImagePositionPatient[2]) + 2]
    write(tmp_path, first + second)
    with pytest.raises(MyoT2Error, match="0.33 voxels off a straight row"):
        chosen(tmp_path, Wanted(echoes=5))
