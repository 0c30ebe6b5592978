"""Echoes: told by their echo time alone, complete, evenly spaced."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ingest_dicom_builder import mese_plan, planes, write, write_plans

from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of, read_image, read_sidecar
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
        assert read_sidecar(path)["echo_time_ms"] == echo_time


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
    assert read_sidecar(order(tmp_path).echoes[2])["echo_time_ms"] == 24.8


def test_an_echo_that_lacks_a_slice_is_refused(tmp_path):
    datasets = planes(mese_plan(7))
    del datasets[-1]
    assert "3 slices at 50 ms, 4 in the first echo" in refusal(tmp_path, datasets).found


def test_an_image_without_echo_time_is_refused(tmp_path):
    datasets = planes(mese_plan(7))
    extra = planes(mese_plan(7))[0]
    del extra.EchoTime
    assert refusal(tmp_path, [*datasets, extra]).found == "images without one"
