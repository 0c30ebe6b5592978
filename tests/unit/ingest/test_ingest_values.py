"""Which numbers the images hold: scaling per frame, and the unit of a T2 map."""

from __future__ import annotations

import struct

import imagecodecs
import numpy as np
import pytest
import SimpleITK as sitk
from ingest_dicom_builder import Plan, axial_volume, planes, t2_map_plan, write
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from myot2.core.errors import MyoT2Error
from myot2.ingest.reading.headers import read_index
from myot2.ingest.reading.volumes import displayed, read_volume, signal
from myot2.ingest.stacking.series import split_stacks
from myot2.ingest.t2units import plausible_factor, read_t2_map


def stack_of(folder, datasets, **options):
    write(folder, datasets, **options)
    (stack,) = split_stacks(read_index(folder).frames)
    return stack


def voxels(image):
    return sitk.GetArrayFromImage(image)


def test_slope_and_intercept_are_those_of_each_image(tmp_path):
    datasets = planes(Plan(3, axial_volume()))
    for number, dataset in enumerate(datasets):
        dataset.RescaleSlope, dataset.RescaleIntercept = 0.5 + number, -10 * number
    stack = stack_of(tmp_path, datasets)
    number = np.arange(4)[:, None, None]
    expected = axial_volume()[0] * (0.5 + number) - 10 * number
    assert np.array_equal(voxels(read_volume(stack.slices, signal, "s")), expected.astype(np.float32))


@pytest.mark.parametrize("preamble", [True, False])
def test_philips_signal_is_comparable_between_images_of_different_scale(tmp_path, preamble):
    """Chenevert 2014: (RS x stored + RI) / (RS x SS); one signal stored under four scales comes back as one."""
    true = 200.0 + np.arange(12 * 14).reshape(12, 14)
    datasets = planes(Plan(3, axial_volume()))
    for number, dataset in enumerate(datasets):
        stored_scale, slope = 0.01 * (number + 1), 1.5 + number
        dataset.PixelData = np.round(true * stored_scale * 200).astype("<u2").tobytes()
        dataset.RescaleSlope, dataset.RescaleIntercept = slope, 0
        philips = dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
        philips.add_new(0x0E, "FL", stored_scale * 200)
    stack = stack_of(tmp_path, datasets, preamble=preamble)
    np.testing.assert_allclose(voxels(read_volume(stack.slices, signal, "s")), np.stack([true] * 4), atol=0.3)
    shown = voxels(read_volume(stack.slices, displayed, "s"))
    assert shown[3].mean() > 5 * shown[0].mean()


def test_negative_stored_values_stay_negative(tmp_path):
    datasets = planes(Plan(3, axial_volume()))
    for dataset in datasets:
        dataset.PixelRepresentation = 1
        dataset.PixelData = np.full((12, 14), -7, "<i2").tobytes()
    assert (voxels(read_volume(stack_of(tmp_path, datasets).slices, signal, "s")) == -7).all()


def test_a_slope_of_zero_is_refused(tmp_path):
    stack = stack_of(tmp_path, planes(Plan(3, axial_volume(), facts={"RescaleSlope": 0})))
    with pytest.raises(MyoT2Error, match="scaling"):
        read_volume(stack.slices, signal, "series 3")


@pytest.mark.parametrize(("stored", "scale"), [(40, 1.0), (400, 0.1), (4, 10.0)])
def test_the_only_plausible_unit_of_a_t2_map_is_assumed(tmp_path, stored, scale):
    t2 = read_t2_map(stack_of(tmp_path, planes(t2_map_plan(8, stored))), None)
    assert (t2.scale_to_ms, t2.source) == (scale, "assumed")
    np.testing.assert_allclose(voxels(t2.image)[:, 1:], 40, rtol=1e-6)
    assert (voxels(t2.image)[:, 0] == 0).all()


def test_a_t2_map_in_seconds_is_recognised():
    assert plausible_factor(np.array([0.0, 0.035, 0.04, 0.05]), "series 8") == 1000.0


@pytest.mark.parametrize("stored", [0, 16, 160, 5000])
def test_a_t2_map_without_a_plausible_unit_is_refused(tmp_path, stored):
    with pytest.raises(MyoT2Error, match="series 8: .*--t2-map-scale"):
        read_t2_map(stack_of(tmp_path, planes(t2_map_plan(8, stored))), None)


def test_the_given_scale_is_used_where_the_map_does_not_say_its_unit(tmp_path):
    t2 = read_t2_map(stack_of(tmp_path, planes(t2_map_plan(8, 16))), 2.5)
    assert (t2.scale_to_ms, t2.source, voxels(t2.image).max()) == (2.5, "given", 40)


@pytest.mark.parametrize(("unit", "slope", "scale"), [("ms", 0.5, 1.0), ("s", 0.0005, 1000.0)])
def test_the_maps_own_real_world_unit_comes_first(tmp_path, unit, slope, scale):
    code, mapping = Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = unit, "UCUM", "time"
    mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = slope, 0.0
    mapping.MeasurementUnitsCodeSequence = [code]
    datasets = planes(t2_map_plan(8, 80, facts={"RescaleSlope": 3, "RealWorldValueMappingSequence": [mapping]}))
    t2 = read_t2_map(stack_of(tmp_path, datasets), 7.0)
    assert (t2.scale_to_ms, t2.source) == (scale, "RealWorldValueMapping")
    np.testing.assert_allclose(voxels(t2.image)[:, 1:], 40, rtol=1e-6)


LOSSLESS = {
    "1.2.840.10008.1.2.5": lambda words: rle_frame(words),
    "1.2.840.10008.1.2.4.57": lambda words: imagecodecs.ljpeg_encode(words, bitspersample=16),
    "1.2.840.10008.1.2.4.70": lambda words: imagecodecs.jpeg_encode(words, lossless=True, bitspersample=16),
    "1.2.840.10008.1.2.4.80": imagecodecs.jpegls_encode,
    "1.2.840.10008.1.2.4.90": lambda words: imagecodecs.jpeg2k_encode(words, codecformat="J2K", reversible=True),
}


def rle_frame(words):
    """PS3.5 annex G: 64 bytes with the number and places of the segments, then a PackBits segment for each byte."""
    segments = [imagecodecs.packbits_encode(words.view("u1").reshape(*words.shape, 2)[..., byte]) for byte in (1, 0)]
    places = [64, 64 + len(segments[0])]
    return struct.pack("<16L", 2, *places, *[0] * 13) + b"".join(segments)


def encapsulated(folder, syntax, stream, **facts):
    """One plane of 12 x 14 in a compressed transfer syntax; its values, or the refusal."""
    (dataset,) = planes(Plan(3, axial_volume(slices=1), facts=facts))
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([bytes(stream)])
    dataset["PixelData"].VR = "OB"
    stack = stack_of(folder, [dataset])
    return voxels(read_volume(stack.slices, signal, stack.name))[0]


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize("signed", [False, True])
def test_every_lossless_compression_gives_back_every_value(tmp_path, syntax, signed):
    words = np.random.default_rng(0).integers(0, 2**16, (12, 14)).astype("<u2")
    expected = words.view("<i2") if signed else words
    stream = LOSSLESS[syntax](expected if signed and syntax.endswith(".90") else words)
    assert np.array_equal(encapsulated(tmp_path, syntax, stream, PixelRepresentation=int(signed)), expected)


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_a_compressed_stream_of_another_size_is_refused(tmp_path, syntax):
    with pytest.raises(MyoT2Error, match="series 3, slice 1: .*(another size|damaged compressed)"):
        encapsulated(tmp_path, syntax, LOSSLESS[syntax](np.zeros((12, 15), "<u2") + np.arange(15, dtype="<u2")))


@pytest.mark.parametrize(
    ("syntax", "encode"),
    [
        ("1.2.840.10008.1.2.4.70", lambda words: imagecodecs.jpeg_encode(words.astype("u1"), level=90)),
        ("1.2.840.10008.1.2.4.80", lambda words: imagecodecs.jpegls_encode(words, level=3)),
        ("1.2.840.10008.1.2.4.90", lambda words: imagecodecs.jpeg2k_encode(words, codecformat="J2K", level=40)),
    ],
)
def test_a_lossy_stream_is_refused_whatever_the_transfer_syntax_says(tmp_path, syntax, encode):
    with pytest.raises(MyoT2Error, match="lossy"):
        encapsulated(tmp_path, syntax, encode(axial_volume(slices=1)[0, 0]))


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.91"])
def test_transfer_syntaxes_that_may_be_lossy_are_refused(tmp_path, syntax):
    stream = imagecodecs.jpegls_encode(axial_volume(slices=1)[0, 0])
    with pytest.raises(MyoT2Error, match="a lossy or unknown compression"):
        encapsulated(tmp_path, syntax, stream)


def test_far_more_pixels_than_a_file_can_hold_are_refused_before_they_are_decoded(tmp_path):
    with pytest.raises(MyoT2Error, match="far larger than the file"):
        encapsulated(tmp_path, "1.2.840.10008.1.2.4.80", b"\xff\xd8\xff\xd9", Rows=4096, Columns=4096)


def native(folder, words, **facts):
    (dataset,) = planes(Plan(3, axial_volume(slices=1), facts=facts))
    dataset.PixelData = words.tobytes()
    stack = stack_of(folder, [dataset])
    return voxels(read_volume(stack.slices, signal, stack.name))[0]


@pytest.mark.parametrize(("stored", "high"), [(16, 15), (12, 11), (12, 15), (12, 13), (9, 8)])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("extended", [False, True])
def test_stored_bits_are_found_anywhere_in_their_word(tmp_path, stored, high, signed, extended):
    """Values of `stored` bits below the high bit; the bits above are zero, or copies of the sign."""
    low = -(2 ** (stored - 1)) if signed else 0
    values = np.random.default_rng(1).integers(low, low + 2**stored, (12, 14))
    words = values << (high + 1 - stored)
    words &= 0xFFFF if extended else (1 << (high + 1)) - 1
    facts = {"BitsStored": stored, "HighBit": high, "PixelRepresentation": int(signed)}
    assert np.array_equal(native(tmp_path, words.astype("<u2"), **facts), values)


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("word", [0x1001, 0x8001])
def test_bits_beside_the_stored_ones_are_never_dropped(tmp_path, word, signed):
    """An overlay buried in the pixels, or a header that is wrong about its bits: masking would hide either."""
    words = np.full((12, 14), 1, "<u2")
    words[3, 4] = word
    with pytest.raises(MyoT2Error, match="beside those that the header says are stored"):
        native(tmp_path, words, BitsStored=12, HighBit=11, PixelRepresentation=signed)


@pytest.mark.parametrize("bits", [8, 32])
def test_words_of_eight_and_32_bits_are_read(tmp_path, bits):
    values = np.arange(168).reshape(12, 14)
    facts = {"BitsAllocated": bits, "BitsStored": bits, "HighBit": bits - 1}
    assert np.array_equal(native(tmp_path, values.astype(f"<u{bits // 8}"), **facts), values)


@pytest.mark.parametrize("cut", [6, 9, 60])
def test_a_compressed_stream_that_is_cut_short_is_refused(tmp_path, cut):
    (dataset,) = planes(Plan(3, axial_volume(slices=1)))
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.80"
    dataset.PixelData = encapsulate([imagecodecs.jpegls_encode(axial_volume(slices=1)[0, 0])])
    dataset["PixelData"].VR = "OB"
    (path,) = write(tmp_path, [dataset])
    path.write_bytes(path.read_bytes()[:-cut])
    (stack,) = split_stacks(read_index(tmp_path).frames)
    with pytest.raises(MyoT2Error, match="ends before its pixels do"):
        read_volume(stack.slices, signal, stack.name)
