"""The T2 map as a DICOM parametric map of 32-bit floats, in ms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from highdicom import VOILUTTransformation
from highdicom.pm import ParametricMap, RealWorldValueMapping
from pydicom.sequence import Sequence as Items

from myot2.export.dicom.concepts import MILLISECOND, T2
from myot2.export.dicom.finish import CREATOR, EQUIPMENT, SERIES_NUMBERS, anatomy_of, finish, reference_planes
from myot2.export.dicom.source import UNNAMED, Source

NO_VALUE = 0.0
"""Where a voxel has no T2; no tissue has this one."""
SHOWN_MS = (20.0, 100.0)
"""The range of grey values that a viewer opens with."""


def parametric_map(
    image: sitk.Image, t2: np.ndarray, source: Source, thighs: str, *, where: str | Path
) -> ParametricMap:
    """The parametric map of T2.

    Parameters
    ----------
    image : SimpleITK.Image
        The map, for its grid, which is that of the source.
    t2 : np.ndarray
        (slices, rows, columns), ms; NaN where a voxel has no value, which becomes 0, the declared padding value.
    source : Source
    thighs : str
        Of which side they are, as `thighs_shown` gives it.
    where : str or Path
        The map, for messages.

    Raises
    ------
    MyoT2Error
        Another grid.
    """
    source.require_grid(image, where)
    values = np.where(np.isfinite(t2), t2, NO_VALUE).astype(np.float32)
    low, high = SHOWN_MS
    mapping = RealWorldValueMapping(
        lut_label="T2",
        lut_explanation="Transverse relaxation time",
        unit=MILLISECOND,
        value_range=(float(values.min()), float(values.max())),
        slope=1.0,
        intercept=0.0,
        quantity_definition=T2,
    )
    made = ParametricMap(
        source_images=[source.anchor()],
        pixel_array=values,
        series_instance_uid=UNNAMED,
        series_number=SERIES_NUMBERS["t2"],
        sop_instance_uid=UNNAMED,
        instance_number=1,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        voi_lut_transformations=[VOILUTTransformation(window_center=(low + high) / 2, window_width=high - low)],
        content_label="T2",
        content_description="T2 map in ms, by MyoT2; research use only",
        content_creator_name=CREATOR,
        series_description="T2 map (ms)",
        pixel_measures=source.pixel_measures(),
        plane_orientation=source.plane_orientation(),
        plane_positions=source.plane_positions(),
        **EQUIPMENT,
    )
    made.FloatPixelPaddingValue = made.FloatPixelPaddingRangeLimit = NO_VALUE
    made.SharedFunctionalGroupsSequence[0].FrameAnatomySequence = Items([anatomy_of(thighs, "FrameLaterality")])
    reference_planes(made, source, echoes=True)
    return finish(made, [source], "t2")
