"""Echoes: told by their echo time alone, complete, evenly spaced."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ingest_dicom_builder import mese_plan, planes, write, write_plans

from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of, read_image, read_sidecar
from myot2.core.tables import read_table
from myot2.ingest.reading.headers import read_index
from myot2.ingest.stacking.joining import find_stacks
from myot2.ingest.stage import Order, ingest


def order(folder, echoes=5):
    return Order(folder / "series.tsv", echoes=[folder / f"echo-{n}.nii.gz" for n in range(1, echoes + 1)])


def refusal(folder, datasets, echoes=5):
    write(folder / "dicom", datasets)
    with pytest.raises(MyoT2Error) as caught:
        ingest(folder / "dicom", order(folder, echoes))
    assert not (folder / "series.tsv").exists()
    return caught.value


def test_echoes_are_written_in_ascending_echo_time_whatever_their_numbers(tmp_path):
    plan = mese_plan(7)
    shuffled = [3, 0, 4, 2, 1]
    turned = replace(plan, pixels=plan.pixels[shuffled], echo_times=tuple(plan.echo_times[place] for place in shuffled))
    datasets = planes(turned)
    for number, dataset in enumerate(datasets):
        dataset.EchoNumbers = 5 - number % 5
        dataset.InstanceNumber = 1000 - number
    write(tmp_path / "dicom", datasets)
    wanted = order(tmp_path)
    ingest(tmp_path / "dicom", wanted)
    for path, pixels, echo_time in zip(wanted.echoes, plan.pixels, plan.echo_times, strict=True):
        assert np.array_equal(array_of(read_image(path)), pixels)
        assert read_sidecar(path)["EchoTime"] == pytest.approx(echo_time / 1000, rel=1e-12)


def test_equal_folders_give_equal_bytes(tmp_path):
    for name in ("first", "second"):
        write_plans(tmp_path / name / "dicom", mese_plan(7))
        ingest(tmp_path / name / "dicom", order(tmp_path / name))
    for path in order(tmp_path / "first").outputs:
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()


def test_another_number_of_echoes_than_asked_for_is_refused(tmp_path):
    error = refusal(tmp_path, planes(mese_plan(7)), echoes=6)
    assert (error.expected, error.found) == ("a multi-echo spin echo with 6 echo times", "5 in series 7")


def test_uneven_echo_times_are_refused(tmp_path):
    error = refusal(tmp_path, planes(mese_plan(7, echo_times=(10.0, 20.0, 30.0, 50.0, 60.0))))
    assert error.found == "20 ms after the echo of 30 ms, 10 ms elsewhere"


def test_rounded_echo_times_count_as_even(tmp_path):
    write_plans(tmp_path / "dicom", mese_plan(7, echo_times=(8.27, 16.54, 24.8, 33.07, 41.35)))
    ingest(tmp_path / "dicom", order(tmp_path))
    assert read_sidecar(order(tmp_path).echoes[2])["EchoTime"] == 0.0248


def test_an_echo_that_lacks_a_slice_is_refused(tmp_path):
    datasets = planes(mese_plan(7))
    del datasets[-1]
    assert "3 slices at 50 ms, 4 in the first echo" in refusal(tmp_path, datasets).found


def split_by_echo(plan, first_number, **facts):
    """The plan as a series per echo, as Siemens (MFSPLIT) and some archives export it."""
    return [
        replace(plan, number=first_number + place, pixels=plan.pixels[[place]], echo_times=(time,), facts=facts)
        for place, time in enumerate(plan.echo_times)
    ]


def test_echoes_exported_as_a_series_each_give_what_one_series_gives(tmp_path):
    plan = mese_plan(7)
    write_plans(tmp_path / "one" / "dicom", plan)
    write_plans(tmp_path / "split" / "dicom", *reversed(split_by_echo(plan, 7)))
    for name in ("one", "split"):
        ingest(tmp_path / name / "dicom", order(tmp_path / name))
    for path in order(tmp_path / "one").echoes:
        assert path.read_bytes() == (tmp_path / "split" / path.name).read_bytes()
    table = read_table(tmp_path / "split" / "series.tsv")
    assert list(table["series"]) == ["7+8+9+10+11"]
    assert (table["te_ms"][0], table["images"][0], table["slices"][0]) == ("10-50", "20", "4")


def test_of_two_runs_exported_as_a_series_per_echo_the_last_is_taken_whole(tmp_path):
    again = mese_plan(12, time="110000")
    write_plans(tmp_path / "dicom", *split_by_echo(mese_plan(7), 7), *split_by_echo(again, 12))
    ingest(tmp_path / "dicom", order(tmp_path))
    table = read_table(tmp_path / "series.tsv").set_index("series")
    assert table.loc["12+13+14+15+16", "reason"] == "taken, the last of 2 complete acquisitions"
    assert table.loc["7+8+9+10+11", "reason"] == "repeated later as series 12+13+14+15+16"


def test_an_aborted_run_is_not_filled_up_with_echoes_of_the_next(tmp_path):
    again = mese_plan(12, time="110000")
    write_plans(tmp_path / "dicom", *split_by_echo(mese_plan(7), 7)[:3], *split_by_echo(again, 12))
    ingest(tmp_path / "dicom", order(tmp_path))
    assert list(read_table(tmp_path / "series.tsv")["series"]) == ["7", "8", "9", "12+13+14+15+16"]


def test_three_spin_echoes_of_one_protocol_are_no_echo_train(tmp_path):
    write_plans(tmp_path, *split_by_echo(mese_plan(7, echoes=3), 7))
    assert len(find_stacks(read_index(tmp_path).frames)) == 3


def test_a_split_echo_that_lacks_a_slice_is_refused(tmp_path):
    *whole, last = [planes(plan) for plan in split_by_echo(mese_plan(7), 7)]
    error = refusal(tmp_path, [*sum(whole, []), *last[:-1]])
    assert "3 slices at 50 ms, 4 in the first echo" in error.found
    assert error.where == "series 7+8+9+10+11"


@pytest.mark.parametrize(
    ("keyword", "value", "expected"),
    [
        ("RepetitionTime", 3000, "one repetition time"),
        ("FlipAngle", 120, "one flip angle"),
        ("FrameOfReferenceUID", "1.2.3", "one frame of reference"),
        ("PatientID", "4712", "one patient identifier"),
    ],
)
def test_an_echo_that_is_of_another_scan_is_refused(tmp_path, keyword, value, expected):
    datasets = planes(mese_plan(7))
    for dataset in datasets:
        if dataset.EchoTime == 30:
            setattr(dataset, keyword, value)
    error = refusal(tmp_path, datasets)
    assert error.where == "series 7, echo of 30 ms, image 3"
    assert error.expected == f"{expected} in the whole series"
    assert str(value) not in error.found or keyword == "RepetitionTime"


def test_phase_images_in_the_series_of_the_echoes_are_told_apart(tmp_path):
    phase = planes(mese_plan(7, image_type=("ORIGINAL", "PRIMARY", "P", "ND")))
    write(tmp_path / "dicom", planes(mese_plan(7)) + phase)
    ingest(tmp_path / "dicom", order(tmp_path))
    table = read_table(tmp_path / "series.tsv")
    assert sorted(zip(table["role"], table["taken"], table["evidence"], strict=True)) == [
        ("mese", "yes", "spin echo with 5 echo times"),
        ("other", "no", "phase images"),
    ]


def test_an_image_type_that_numbers_the_echo_does_not_part_the_echoes(tmp_path):
    datasets = planes(mese_plan(7))
    for dataset in datasets:
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", f"TE{round(dataset.EchoTime / 10)}"]
    write(tmp_path / "dicom", datasets)
    ingest(tmp_path / "dicom", order(tmp_path))
    assert [read_sidecar(path)["EchoTime"] for path in order(tmp_path).echoes] == [0.01, 0.02, 0.03, 0.04, 0.05]


def test_an_image_without_echo_time_is_refused(tmp_path):
    datasets = planes(mese_plan(7))
    extra = planes(mese_plan(7))[0]
    del extra.EchoTime
    error = refusal(tmp_path, [*datasets, extra])
    assert (error.where, error.found) == ("series 7, image 1", "an image without one")
