"""What the report says of T2 maps from k-space: table, sentence, picture, methods."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from myot2.core.config import Configuration
from myot2.core.errors import MyoT2Error
from myot2.core.labels import read_labels
from myot2.report import tables
from myot2.report.inputs import RECONSTRUCTION_COLUMNS
from myot2.report.methods import methods
from myot2.report.reconstruction import reconstruction_picture, reconstruction_section, reconstruction_table
from myot2.report.reconstruction_picture import reconstruction_figure
from myot2.report.sections import show


def plain(markdown: str) -> str:
    text = re.sub(r"\[((?:\\.|[^\]\\])*)\]\{[^}]*\}", r"\1", markdown).replace("\\ ", " ")
    return re.sub(r"\\(.)", r"\1", text)


def scans(**columns) -> pd.DataFrame:
    """Three scans: usual, flagged, stopped."""
    made = {
        "status": ["reconstructed", "reconstructed", "stopped"],
        "chi_square": [0.88, 1.2, np.nan],
        "acceleration": [10.0, 10.0, np.nan],
        "phase_deg": [6.0, 5.9, np.nan],
        "difference_percent": [np.nan] * 3,
        "largest_percent": [np.nan] * 3,
        "rms_percent": [np.nan] * 3,
        "fat_left": [np.nan] * 3,
        "b1_source": ["given", "estimated", None],
        "pattern": ["Two blocks.", "Two blocks.", None],
        "flags": [None, "chi-square outside 0.8 to 1", None],
    }
    return pd.DataFrame(made | columns, index=["sub-1", "sub-2", "sub-3"])


NOBODY = pd.DataFrame(columns=list(RECONSTRUCTION_COLUMNS[2:]))


def test_the_table_begins_with_what_is_least_usual_and_leaves_out_what_nobody_has():
    lines = plain(reconstruction_table(scans())).splitlines()
    assert "Furthest muscle" not in lines[0] and "Chi-square" in lines[0]
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["sub-3", "sub-2", "sub-1"]
    assert "stopped" in lines[2] and "1.20" in lines[3] and "chi-square outside 0.8 to 1" in lines[3]


def test_a_comparison_with_the_full_scan_has_columns_where_there_is_one():
    text = plain(reconstruction_table(scans(difference_percent=[1.25, -0.4, np.nan], rms_percent=[7.0, 6.0, np.nan])))
    assert "Mean" in text and "-0.4 %" in text and "7.0 %" in text


def test_a_run_without_k_space_has_no_such_section():
    study = SimpleNamespace(reconstruction=NOBODY, pictures={})
    assert reconstruction_section(study) == show("tbl-reconstruction", study) == reconstruction_picture(study) == ""
    assert "no raw k-space" in reconstruction_table(NOBODY)


def test_the_sentence_counts_scans_outside_the_usual_range():
    told = plain(reconstruction_section(SimpleNamespace(reconstruction=scans())).split("\n\n", 1)[1])
    assert told == (
        "Of 3 scans 2 were reconstructed from raw k-space; chi-square of 1 lies outside 0.8 to 1, and 1 have a flag. "
        "Two blocks."
    )
    with_fat = SimpleNamespace(reconstruction=scans(fat_left=[1.0, np.nan, np.nan]))
    assert plain(reconstruction_section(with_fat)).endswith("Two blocks. Fat was in the signal model of 1.")


def test_the_picture_is_of_the_scan_furthest_from_usual_that_has_one():
    pictures = {scan: Path(f"inputs/{scan}.png") for scan in ("sub-1", "sub-2")}
    shown = reconstruction_picture(SimpleNamespace(reconstruction=scans(), pictures=pictures))
    assert "inputs/sub-2.png" in shown and "every line" not in shown
    del pictures["sub-2"]
    compared = scans(rms_percent=[7.0, 6.0, np.nan])
    shown = reconstruction_picture(SimpleNamespace(reconstruction=compared, pictures=pictures))
    assert "inputs/sub-1.png" in shown and "with every line sampled" in shown


def run(**reconstruct):
    configuration = Configuration(fit={"source": "kspace"}, reconstruct=reconstruct)
    return configuration.model_dump(mode="json")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "extended phase graph (nominal refocusing angle 180.0 degrees, slice profile: none, T1 of muscle 1400.0 "
             "ms, B1 estimated with T2 as a smooth field) as signal model"),
        ({"b1": "map", "b1_map": "b.nii"}, "B1 from a map) as signal model"),
        ({"model": "mono"}, "with mono-exponential decay as signal model"),
        ({"strength": 6, "coils": 12}, "at most 12 virtual coils, and a concave total variation of weight 6.0"),
        ({"phase": "none"}, "no phase between even and odd echoes was assumed; where"),
        ({"phase": "quadratic"}, "phase of even against odd echoes (up to quadratic) was estimated"),
        ({}, "; where the echoes show that fat was not suppressed, fat of the fraction that the Dixon scan shows (its "
             "T2 as usual at 3 T, T1 365.0 ms) was in the signal model; voxels"),
        ({"fat": 0.05}, "was in the signal model, 0.05 of its signal left by suppression; voxels"),
        ({"fat": "none"}, "; there was no fat in the signal model; voxels"),
    ],
)  # fmt: skip
def test_the_methods_tell_the_settings_of_the_reconstruction(settings, words):
    assert words in plain(methods(run(**settings)))


def test_settings_of_the_reconstruction_are_listed_where_it_was_run_only():
    assert "`reconstruct.strength`" in tables.parameter_table(run())
    assert "`reconstruct.strength`" not in tables.parameter_table(Configuration().model_dump(mode="json"))


@pytest.fixture
def picture(root):
    labels = np.zeros((3, 40, 60), np.uint8)
    labels[1, 10:30, 20:40] = 1
    t2 = np.where(labels > 0, 44.0, 90.0).astype(np.float32)
    images = [sitk.GetImageFromArray(array) for array in (t2, labels, (t2 / 1.1).astype(np.float32))]
    for image in images:
        image.SetSpacing((2.0, 2.0, 6.0))
    pattern = pd.DataFrame({"echo": [1, 1, 2, 2], "line": [0, 2, 4, 6]})
    given = {"pattern": pattern, "rows": 40, "t2": images[0], "labels": images[1], "title": "sub-1", "where": "sub-1"}
    return given | {"table": read_labels(root / "config/labels.tsv")}, images[2]


def test_the_picture_has_a_mark_for_each_sampled_line_and_the_difference_in_per_cent(picture):
    given, full = picture
    figure = reconstruction_figure(**given, full=full)
    pattern = figure.axes[0]
    marks = pattern.collections[0].get_segments()
    assert sorted(segment[0][1] for segment in marks) == [0, 2, 4, 6]
    difference = next(axes for axes in figure.axes if axes.get_title(loc="left") == "difference")
    shown = difference.images[-1].get_array().compressed()
    np.testing.assert_allclose(shown, 10, atol=1e-4)
    assert shown.size == 20 * 20


def test_without_a_full_scan_there_is_one_map(picture):
    given, _ = picture
    titles = [axes.get_title(loc="left") for axes in reconstruction_figure(**given, full=None).axes]
    assert titles[:2] == ["Sampled lines", "T2 from the sampled lines"] and "difference" not in titles


def test_maps_of_two_grids_are_refused(picture):
    given, full = picture
    full.SetOrigin((5.0, 0.0, 0.0))
    with pytest.raises(MyoT2Error, match="both T2 maps"):
        reconstruction_figure(**given, full=full)
