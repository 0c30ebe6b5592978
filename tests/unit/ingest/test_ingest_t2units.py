"""One map has one unit: a mapping that only some images carry is no ground for any."""

from __future__ import annotations

import pytest
from ingest_dicom_builder import planes, t2_map_plan, write
from pydicom.dataset import Dataset

from myot2.core.errors import MyoT2Error
from myot2.ingest.reading.headers import read_index
from myot2.ingest.stacking.joining import find_stacks
from myot2.ingest.t2units import read_t2_map


def mapped_to(dataset, unit):
    code, mapping = Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = unit, "UCUM", "time"
    mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = 1.0, 0.0
    mapping.MeasurementUnitsCodeSequence = [code]
    dataset.RealWorldValueMappingSequence = [mapping]


@pytest.mark.parametrize("units", [["ms", "ms", "s", "ms"], ["ms", "ms", None, "ms"]])
@pytest.mark.parametrize("given", [None, 1.0])
def test_images_of_different_units_are_no_map(tmp_path, units, given):
    datasets = planes(t2_map_plan(8, 40))
    for dataset, unit in zip(datasets, units, strict=True):
        if unit:
            mapped_to(dataset, unit)
    write(tmp_path, datasets)
    (stack,) = find_stacks(read_index(tmp_path).frames)
    with pytest.raises(MyoT2Error, match="series 8: expected one unit in the whole T2 map"):
        read_t2_map(stack, given)
