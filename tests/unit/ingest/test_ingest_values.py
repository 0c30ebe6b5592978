"""Which numbers the images hold: scaling per frame, and the unit of a T2 map."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from ingest_dicom_builder import Plan, axial_volume, planes, t2_map_plan, write
from pydicom.dataset import Dataset

from myot2.core.errors import MyoT2Error
from myot2.ingest.headers import read_index
from myot2.ingest.series import split_stacks
from myot2.ingest.t2units import plausible_factor, read_t2_map
from myot2.ingest.volumes import displayed, read_volume, signal


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
