"""Echoes: told by their echo time alone, complete, evenly spaced, decaying."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from ingest_dicom_builder import axial_volume, mese_plan, planes, write, write_plans

from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of, read_image, read_sidecar
from myot2.ingest.decay import require_decay
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


def test_echo_times_in_the_wrong_order_are_refused(tmp_path):
    plan = mese_plan(7)
    error = refusal(tmp_path, planes(replace(plan, pixels=plan.pixels[::-1])))
    assert "a concordance of signal and echo time of 1.00" in error.found


def test_one_slice_with_mixed_echoes_is_named(tmp_path):
    pixels = axial_volume(5)
    pixels[:, 2] = pixels[[4, 1, 3, 2, 0], 2]
    assert refusal(tmp_path, planes(mese_plan(7, pixels=pixels))).where == "series 7, slice 3"


def test_images_without_signal_are_refused(tmp_path):
    assert refusal(tmp_path, planes(mese_plan(7, pixels=0 * axial_volume(5)))).found == "images without signal"


def test_a_low_first_echo_and_noise_in_the_last_are_no_disorder():
    """T2 of 35 ms, TE 10-100 ms, Rician noise at an SNR of 30, first echo 15 % low (imperfect refocusing)."""
    rng = np.random.default_rng(0)
    times = np.arange(1, 11) * 10.0
    true = 300 * np.exp(-times / 35)[:, None, None, None] * np.ones((10, 2, 40, 40))
    true[0] *= 0.85
    noisy = np.abs(true + rng.normal(0, 10, true.shape) + 1j * rng.normal(0, 10, true.shape))
    require_decay(noisy, "series 7")


def test_a_real_series_once_misordered_by_a_converter_is_refused(shared_data):
    volume = sitk.GetArrayFromImage(sitk.ReadImage(str(shared_data / "calf-mese" / "original_misshaped.nii.gz")))
    with pytest.raises(MyoT2Error, match="decays from the first to the last echo"):
        require_decay(volume, "the series")


def test_the_same_real_series_in_order_passes(shared_data):
    volume = sitk.GetArrayFromImage(sitk.ReadImage(str(shared_data / "calf-mese" / "echoes_17x7.6ms.nii.gz")))
    require_decay(volume, "the series")
