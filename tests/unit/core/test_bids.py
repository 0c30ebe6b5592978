"""What makes results BIDS datasets: times in seconds and back, descriptions, sources, the table of label numbers."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from myot2.core.bids import (
    derivative_description,
    map_in_ms,
    map_in_seconds,
    ms_of,
    seconds_of,
    sources_of,
    stopped_visits,
    uri_of,
)
from myot2.core.given import PATTERNS, given_file, one_file_per_echo, unknown_fields
from myot2.core.labels import read_labels
from myot2.core.lookup import label_lookup, status_lookup
from myot2.core.scans import Scan
from myot2.core.stopnote import StopNote
from myot2.core.voxel_status import levels

DECIMAL_TIMES = st.decimals(min_value="0.001", max_value="99999", places=6, allow_nan=False)


def test_ten_milliseconds_are_a_hundredth_of_a_second_and_nothing_else():
    assert (seconds_of(10), seconds_of(24.8), seconds_of(6690)) == (0.01, 0.0248, 6.69)
    assert (ms_of(0.01), ms_of(0.0331), ms_of(0.07), ms_of(0.29)) == (10.0, 33.1, 70.0, 290.0)


@given(DECIMAL_TIMES)
def test_a_time_in_ms_comes_back_to_the_digit(time):
    assert ms_of(seconds_of(float(time))) == float(time)


@given(DECIMAL_TIMES)
def test_seconds_are_the_number_with_the_decimal_point_moved(time):
    assert seconds_of(float(time)) == float(time.scaleb(-3))


@given(st.lists(st.floats(min_value=2.0**-10, max_value=65504, width=32), min_size=1, max_size=50))
def test_a_t2_map_in_seconds_gives_the_same_milliseconds_back_bit_for_bit(values):
    stored = sitk.GetImageFromArray(np.array(values, dtype=np.float32).reshape(1, 1, -1))
    seconds = map_in_seconds(stored)
    np.testing.assert_allclose(sitk.GetArrayFromImage(seconds) * 1000, sitk.GetArrayFromImage(stored), rtol=1e-12)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(map_in_ms(seconds)), sitk.GetArrayFromImage(stored))


def test_sources_are_uris_of_the_datasets_and_never_paths_of_elsewhere():
    inside = "results/demo/ingest/sub-01/ses-2/anat/sub-01_ses-2_T2map.nii.gz"
    assert sources_of([inside, "/home/doe/mask.nii.gz", "doe/sub-01/x.nii.gz", "sub-01/x.nii.gz"]) == {
        "Sources": ["bids:ingest:sub-01/ses-2/anat/sub-01_ses-2_T2map.nii.gz"]
    }
    assert sources_of(["mask.nii.gz"]) == {}


def test_a_derivative_links_every_dataset_that_its_sources_can_name():
    links = derivative_description("align")["DatasetLinks"]
    assert links == {"ingest": "../ingest", "segment": "../segment", "align": "../align", "fit": "../fit"}


def test_the_table_of_label_numbers_has_each_label_once_with_side_and_colour(root):
    table = label_lookup(read_labels(root / "config/labels.tsv")).set_index("index")
    assert table.loc[1].to_dict() == {"name": "left vastus lateralis", "abbreviation": "VL_L", "color": "#d73027"}
    assert table["name"].is_unique and len(table) == 28
    assert table.loc[28, "name"] == "right femur"


def test_the_codes_of_status_maps_have_the_words_that_sidecars_use():
    table = status_lookup().set_index("index")["name"]
    assert table.to_dict() == {int(code): words for code, words in levels().items()}
    assert table[1] == "ok" and len(table) == 6


def test_bids_is_told_to_pass_over_the_visits_that_stopped_and_no_others(tmp_path):
    images = [tmp_path / f"{visit}/anat/{name}.nii.gz" for visit in ("sub-02", "sub-01/ses-1") for name in "ab"]
    note = StopNote("fit", "a", "b", "c", "d")
    for image in images[2:]:
        note.write(image)
    images[0].parent.mkdir(parents=True)
    images[0].write_bytes(b"an image")
    assert stopped_visits(tmp_path, images) == ["sub-01/ses-1/**"]


def test_files_of_a_given_dataset_have_the_usual_names_unless_others_are_given():
    scan = Scan("01", "2")
    assert given_file("bids", {}, "echoes", scan, 3) == "sub-01/ses-2/anat/sub-01_ses-2_echo-03_MESE.nii.gz"
    assert given_file("muscle-bids", {}, "t2-map", Scan("01")) == "sub-01/quant/sub-01_t2.nii.gz"
    own = {"echoes": "{participant_id}/{session}/te{echo}.nii"}
    assert given_file("bids", own, "echoes", scan, 3) == "01/2/te3.nii"
    assert one_file_per_echo("bids", own) and not one_file_per_echo("muscle-bids", {})


def test_a_pattern_may_hold_known_fields_only():
    assert unknown_fields("{visit}/{scan}_{echo:02}_{participant_id}_{session}.nii") == []
    assert unknown_fields("{scan.__class__}/{name}") == ["scan.__class__", "name"]
    assert unknown_fields("{visit") == ["{visit"]
    assert not any(unknown_fields(pattern) for patterns in PATTERNS.values() for pattern in patterns.values())


def test_the_dataset_of_reconstructions_is_linked_where_there_is_one_only():
    assert "reconstruct" not in derivative_description("fit")["DatasetLinks"]
    assert derivative_description("fit", reconstructed=True)["DatasetLinks"]["reconstruct"] == "../reconstruct"
    assert uri_of("results/reconstruct/sub-01/anat/x.nii.gz") == "bids:reconstruct:sub-01/anat/x.nii.gz"
