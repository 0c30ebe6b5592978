"""MuscleMap's architecture with few channels and random weights, against its steps written out with MONAI."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from monai.inferers import SliceInferer
from monai.networks.nets import UNet
from monai.transforms import (
    Compose,
    CropForegroundd,
    EnsureChannelFirstd,
    Invertd,
    LoadImaged,
    NormalizeIntensityd,
    Orientationd,
    Spacingd,
    SpatialPadd,
)
from scipy import ndimage
from segment_volumes import STORED, list_sums, stored, values, volume

from myot2.core.errors import MyoT2Error
from myot2.core.images import same_grid
from myot2.core.labels import read_labels
from myot2.segment.backends import musclemap
from myot2.segment.backends.result import Options
from myot2.segment.weights import convert_weights

WHOLE_BODY = [
    ("hip", "gluteus maximus", "left", 6121),
    ("thigh", "vastus lateralis", "left", 7101),
    ("thigh", "vastus lateralis", "right", 7102),
    ("thigh", "sartorius", "right", 7142),
    ("hip", "sacrum", "no side", 6160),
]
THIGH = [
    ("thigh", "vastus lateralis", "left", 1),
    ("thigh", "vastus lateralis", "right", 2),
    ("thigh", "vastus intermedius", "left", 3),
    ("thigh", "vastus intermedius", "right", 4),
    ("thigh", "sartorius", "left", 9),
    ("thigh", "sartorius", "right", 10),
    *(("thigh", "adductor magnus", side, number) for side, number in (("left", 21), ("right", 22))),
    *(("thigh", "gracilis", side, number) for side, number in (("left", 11), ("right", 12))),
]


@pytest.fixture(scope="module")
def table(root):
    return read_labels(root / "config/labels.tsv")


def write_model(folder, entries, residual_units=2, **changes):
    """The two files that MuscleMap publishes, and the list of their digests; with fewer channels than MuscleMap's."""
    configuration = {
        "parameters": {"roi_size": [48, 48], "spatial_window_batch_size": 1, "pix_dim": [1, 1, -1]},
        "model": {
            "version": 1.4,
            "spatial_dims": 2,
            "in_channels": 1,
            "out_channels": len(entries) + 1,
            "channels": [4, 8, 16, 16, 16],
            "act": "LeakyReLU",
            "strides": [2, 2, 2, 2],
            "num_res_units": residual_units,
            "norm": "instance",
        },
        "labels": [dict(zip(("region", "anatomy", "side", "value"), entry, strict=True)) for entry in entries],
        **changes,
    }
    (folder / "contrast_agnostic_model.json").write_text(json.dumps(configuration))
    network = unet(configuration)
    torch.save(network.state_dict(), folder / "contrast_agnostic_model.pth")
    list_sums(folder, "contrast_agnostic_model.pth")
    convert_weights(folder / "contrast_agnostic_model.pth", folder / "converted" / "model.safetensors")
    return folder / "contrast_agnostic_model.pth"


def unet(configuration):
    torch.manual_seed(5)
    return UNet(**{key: value for key, value in configuration["model"].items() if key != "version"})


def options(model, **changes):
    return Options(model=model, weights=model.parent / "converted" / "model.safetensors", overlap=0.5, **changes)


def steps_written_out(path, model):
    """MuscleMap's labels of a file, by its own numbers: load, prepare, predict, invert, argmax, largest piece."""
    configuration = json.loads(model.with_suffix(".json").read_text())
    network = unet(configuration).eval()
    network.load_state_dict(torch.load(model, weights_only=True))
    prepare = Compose(
        [
            LoadImaged(keys="image"),
            EnsureChannelFirstd(keys="image"),
            Orientationd(keys="image", axcodes="RAS"),
            Spacingd(keys="image", pixdim=(1, 1, -1), mode="bilinear"),
            NormalizeIntensityd(keys="image", nonzero=True),
            CropForegroundd(keys="image", source_key="image", margin=20, allow_smaller=True),
            SpatialPadd(keys="image", spatial_size=(48, 48, 1), method="end"),
        ]
    )
    data = prepare({"image": path})
    with torch.no_grad():
        inferer = SliceInferer(roi_size=(48, 48), sw_batch_size=1, spatial_dim=2, mode="gaussian", overlap=0.5)
        data["pred"] = inferer(data["image"][None], network)[0]
    inverted = Invertd(keys="pred", transform=prepare, orig_keys="image", nearest_interp=False)(data)["pred"]
    labels = inverted.argmax(dim=0).numpy().astype(int)
    for label in np.unique(labels[labels > 0]):
        pieces, count = ndimage.label(labels == label)
        sizes = [np.sum(pieces == piece) for piece in range(1, count + 1)]
        labels[(labels == label) & (pieces != 1 + int(np.argmax(sizes)))] = 0
    numbers = np.array([0, *sorted(entry["value"] for entry in configuration["labels"])])
    return numbers[labels].transpose(2, 1, 0)


def test_labels_are_those_of_musclemap_s_steps_in_the_numbers_of_the_label_table(tmp_path, table):
    model = write_model(tmp_path, THIGH)
    image = volume()
    sitk.WriteImage(image, str(tmp_path / "image.nii.gz"))
    result = musclemap.segment(image, table, options(model), "image.nii.gz")
    theirs = steps_written_out(str(tmp_path / "image.nii.gz"), model)
    names = {value: (anatomy, side) for _, anatomy, side, value in THIGH}
    expected = np.zeros_like(theirs)
    for number in np.unique(theirs[theirs > 0]):
        expected[theirs == number] = table.index(*names[number])
    ours = sitk.GetArrayFromImage(result.labels)
    assert len(np.unique(ours)) >= 6
    # equal largest pieces (of few voxels) are chosen by the order of axes
    assert (ours != expected).mean() < 0.002
    assert same_grid(result.labels, image) and same_grid(result.evidence.confidence, image)
    confidence = sitk.GetArrayFromImage(result.evidence.confidence)
    assert 1 / (len(THIGH) + 1) <= confidence.min() and confidence.max() <= 1


def test_structures_of_other_regions_become_background_and_are_counted(tmp_path, table):
    model = write_model(tmp_path, WHOLE_BODY, residual_units=1)
    result = musclemap.segment(volume(), table, options(model), "x")
    found = set(np.unique(sitk.GetArrayFromImage(result.labels)).tolist()) - {0}
    assert found and found <= {1, 2, 10}
    assert set(result.record["IgnoredVoxels"]) <= {"gluteus maximus left", "sacrum no side"}
    assert result.record["IgnoredVoxels"]
    assert "left sartorius" in result.record["NotGiven"] and "right sartorius" not in result.record["NotGiven"]
    assert result.record["Model"] == "MuscleMap contrast_agnostic_model 1.4"


def test_labels_do_not_depend_on_how_the_image_is_stored_nor_on_the_run(tmp_path, table):
    model = write_model(tmp_path, THIGH)
    first = musclemap.segment(volume(), table, options(model), "x")
    for axes in STORED:
        image = stored(volume(), axes)
        again = musclemap.segment(image, table, options(model), "x")
        assert same_grid(again.labels, image)
        np.testing.assert_array_equal(values(again.labels), values(first.labels))
        np.testing.assert_array_equal(values(again.evidence.confidence), values(first.evidence.confidence))


def test_outside_the_field_that_the_network_saw_there_is_surely_nothing(tmp_path, table):
    wide = sitk.ConstantPad(volume(), [60, 60, 0], [60, 60, 0])
    result = musclemap.segment(wide, table, options(write_model(tmp_path, THIGH)), "x")
    assert not values(result.labels)[:, :20].any()
    assert (values(result.evidence.confidence)[:, :20] == 1).all()


def test_only_the_largest_piece_of_a_label_stays():
    labels = np.zeros((2, 4, 6), int)
    labels[0, 0, :3] = 1
    labels[0, 2:, 4:] = 1
    labels[1, 1, 1] = 2
    kept = musclemap.largest_pieces(labels)
    assert kept[0, 0].sum() == 0 and (kept[0, 2:, 4:] == 1).all() and kept[1, 1, 1] == 2


@pytest.mark.parametrize(
    ("entries", "changes", "message"),
    [
        ([*THIGH, ("thigh", "quadriceps", "left", 30)], {}, "'quadriceps left'"),
        (THIGH, {"labels": [{"region": "thigh", "anatomy": "gracilis", "side": "left", "value": 1}]}, "10 labels"),
        (THIGH, {"parameters": {"roi_size": [48, 48]}}, "no parameters.spatial_window_batch_size, parameters.pix_dim"),
        (THIGH, {"labels": [{"anatomy": "gracilis"}]}, "no labels.region, labels.side, labels.value"),
        ([("thigh", "sartorius", "left", 7101), *THIGH[1:]], {}, r"'sartorius left' as labels \[1, 9\]"),
    ],
)
def test_a_model_that_does_not_say_what_it_labels_is_refused(tmp_path, table, entries, changes, message):
    model = write_model(tmp_path, entries)
    if changes:
        path = model.with_suffix(".json")
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(MyoT2Error, match=message):
        musclemap.segment(volume(), table, options(model), "x")


def test_weights_without_their_json_and_weights_that_were_not_converted_are_refused(tmp_path, table):
    model = write_model(tmp_path, THIGH)
    with pytest.raises(MyoT2Error, match="Convert them once"):
        musclemap.segment(volume(), table, Options(model=model), "x")
    model.with_suffix(".json").unlink()
    with pytest.raises(MyoT2Error, match="with the same name; found no such file"):
        musclemap.segment(volume(), table, options(model), "x")
