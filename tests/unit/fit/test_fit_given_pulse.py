"""Pulses from text files: what is read, and what is refused with a reason."""

from __future__ import annotations

import numpy as np
import pytest

from myot2.core.errors import MyoT2Error
from myot2.fit.epg import Train, signals
from myot2.fit.given_pulse import read_pulse
from myot2.fit.pulses import hann_sinc


def written(folder, samples, header="# pulse\n"):
    path = folder / "pulse.txt"
    path.write_text(header + "\n".join(str(sample) for sample in samples) + "\n")
    return path


def sinc(samples):
    return hann_sinc(1.0, time_bandwidth=4.0, samples=samples).shape


@pytest.mark.parametrize("scale", [1e-3, 1.0, -32767.0])
def test_a_pulse_is_its_samples_at_any_scale(tmp_path, scale):
    pulse = read_pulse(written(tmp_path, scale * sinc(128)), 180.0, time_bandwidth=4.0, width=1.3)
    assert (pulse.angle_deg, pulse.time_bandwidth, pulse.width) == (180.0, 4.0, 1.3)
    np.testing.assert_allclose(pulse.shape / pulse.shape.sum(), sinc(128) / sinc(128).sum(), atol=1e-12)


def test_comments_empty_lines_and_a_byte_order_mark_are_passed_over(tmp_path):
    path = tmp_path / "pulse.txt"
    lines = ["\ufeff# of the scanner", "", *(f"  {sample} # note" for sample in sinc(32)), ""]
    path.write_text("\r\n".join(lines), encoding="utf-8")
    assert len(read_pulse(path, 90.0, time_bandwidth=4.0).shape) == 32


def test_many_samples_are_averaged_and_give_the_same_echoes(tmp_path):
    found = read_pulse(written(tmp_path, sinc(1500)), 150.0, time_bandwidth=4.0, width=1.2)
    assert len(found.shape) == 256
    exact = hann_sinc(150.0, time_bandwidth=4.0, width=1.2, samples=1500)
    excitation, t2, b1 = hann_sinc(90.0), np.array([35.0]), np.array([0.8, 1.1])
    one, other = (signals(Train(10, 10.0, excitation, pulse), t2, b1) for pulse in (found, exact))
    np.testing.assert_allclose(one, other, rtol=1e-3)


def test_width_and_time_bandwidth_count_together(tmp_path):
    path, t2, b1 = written(tmp_path, sinc(64)), np.array([35.0]), np.array([0.9])
    trains = (
        Train(6, 10.0, hann_sinc(90.0), read_pulse(path, 180.0, time_bandwidth=tb, width=width))
        for tb, width in ((4.8, 1.2), (4.0, 1.0))
    )
    np.testing.assert_allclose(*(signals(train, t2, b1) for train in trains), rtol=1e-3)


def asymmetric():
    samples = sinc(64)
    samples[5] += 0.02
    return samples


@pytest.mark.parametrize(
    ("samples", "found"),
    [
        (sinc(7), "7 samples"),
        ([], "0 samples"),
        ([*sinc(16), "1.0 0.0"], "'1.0 0.0' in line 18"),
        ([*sinc(16), "one"], "'one' in line 18"),
        ([*sinc(16), "nan"], "'nan' in line 18"),
        ([*sinc(16), "inf"], "'inf' in line 18"),
        (np.zeros(16), "all zero"),
        (np.tile([1.0, -1.0, -1.0, 1.0], 4), "sum is zero"),
        (np.linspace(0, 1, 16), "mirror images by up to 100.0%"),
        (asymmetric(), "mirror images by up to 2.0%"),
        (np.append(sinc(64), 0.0), "mirror images"),
    ],
)
def test_what_is_no_symmetric_pulse_is_refused_with_the_reason(tmp_path, samples, found):
    path = written(tmp_path, samples)
    with pytest.raises(MyoT2Error, match=found) as caught:
        read_pulse(path, 180.0, time_bandwidth=4.0)
    assert caught.value.where == str(path)
    assert caught.value.expected and caught.value.do


def test_a_small_asymmetry_is_averaged_out(tmp_path):
    samples = sinc(64)
    samples[5] += 0.008
    shape = read_pulse(written(tmp_path, samples), 180.0, time_bandwidth=4.0).shape
    np.testing.assert_array_equal(shape, shape[::-1])


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00\x01"], ids=["missing", "binary"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path, content):
    path = tmp_path / "pulse.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MyoT2Error, match="no such file" if content is None else "no text"):
        read_pulse(path, 180.0, time_bandwidth=4.0)
