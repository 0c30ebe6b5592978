"""MONAI bundles: a real one with few channels and random weights, and what of a bundle is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk
import torch
import yaml
from monai.bundle import ConfigParser
from safetensors.torch import save_file
from segment_volumes import STORED, list_sums, stored, values, volume

from myot2.core.errors import MyoT2Error
from myot2.core.images import same_grid
from myot2.core.labels import read_labels
from myot2.segment.backends import monai_bundle
from myot2.segment.backends.bundle_configuration import NETWORKS, TRANSFORMS, BundleConfiguration
from myot2.segment.backends.result import Options
from myot2.segment.weights import convert_weights

CLASSES = ["background", "vastus_lateralis_left", "vastus_lateralis_right", "7141", "liver"]

CONFIGURATION = {
    "imports": ["$import glob"],
    "bundle_root": "/workspace/data",
    "spacing": [2.0, 2.0, 7.0],
    "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
    "datalist": "$list(sorted(glob.glob(@bundle_root + '/*.nii.gz')))",
    "network_def": {
        "_target_": "UNet",
        "_desc_": "small",
        "spatial_dims": 3,
        "in_channels": 1,
        "out_channels": 5,
        "channels": [4, 8],
        "strides": [[2, 2, 1]],
        "num_res_units": 1,
        "norm": "instance",
    },
    "network": "$@network_def.to(@device)",
    "preprocessing_transforms": [
        {"_target_": "LoadImaged", "keys": "image"},
        {"_target_": "EnsureChannelFirstd", "keys": "image"},
        {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"},
        {"_target_": "monai.transforms.Spacingd", "keys": ["image"], "pixdim": "@spacing", "mode": "bilinear"},
        {"_target_": "NormalizeIntensityd", "_disabled_": True, "keys": "image"},
        {"_target_": "ScaleIntensityd", "keys": "image", "minv": -1.0, "maxv": 1.0},
        {"_target_": "EnsureTyped", "keys": "image", "device": "@device"},
    ],
    "preprocessing": {"_target_": "Compose", "transforms": "$@preprocessing_transforms"},
    "inferer": {
        "_target_": "SlidingWindowInferer",
        "roi_size": [32, 32, 4],
        "sw_batch_size": 2,
        "overlap": 0.25,
        "device": "@device",
    },
    "postprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "Activationsd", "keys": "pred", "softmax": True},
            {
                "_target_": "Invertd",
                "keys": "pred",
                "transform": "@preprocessing",
                "orig_keys": "image",
                "nearest_interp": False,
            },
            {"_target_": "AsDiscreted", "keys": "pred", "argmax": True},
        ],
    },
    "evaluator": {"_target_": "SupervisedEvaluator", "network": "@network"},
}


@pytest.fixture(scope="module")
def table(root):
    return read_labels(root / "config/labels.tsv")


def network(configuration=CONFIGURATION) -> torch.nn.Module:
    torch.manual_seed(7)
    return ConfigParser({"network_def": configuration["network_def"]}).get_parsed_content("network_def")


def write_bundle(folder, configuration=CONFIGURATION, classes=CLASSES, inputs=1, form="json"):
    """A bundle as the specification has it, its weights as model.pt and listed."""
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    dump = json.dumps if form == "json" else yaml.safe_dump
    (folder / "configs" / f"inference.{form}").write_text(dump(configuration))
    pred = {"type": "image", "format": "segmentation", "num_channels": len(classes)}
    metadata = {
        "version": "0.1.0",
        "name": "Thighs",
        "network_data_format": {
            "inputs": {"image": {"type": "image", "num_channels": inputs}},
            "outputs": {"pred": {**pred, "channel_def": {str(i): name for i, name in enumerate(classes)}}},
        },
    }
    (folder / "configs" / "metadata.json").write_text(json.dumps(metadata))
    torch.save(network().state_dict(), folder / "models" / "model.pt")
    list_sums(folder / "models", "model.pt")
    convert_weights(folder / "models" / "model.pt", folder.parent / "converted" / "model.safetensors")
    return folder


def options(bundle, **changes):
    told = {
        "weights": bundle.parent / "converted" / "model.safetensors",
        "numbering": "musclemap",
        "ignore": ("liver",),
    }
    return Options(model=bundle, **{**told, **changes})


def run_by_monai(path) -> np.ndarray:
    """Classes of a file as the bundle itself gives them: MONAI runs its preprocessing, inferer and postprocessing."""
    parser = ConfigParser({**CONFIGURATION, "device": "$torch.device('cpu')"})
    parser.parse()
    prepare = parser.get_parsed_content("preprocessing")
    data = prepare({"image": path})
    weighted = network().eval()
    with torch.no_grad():
        data["pred"] = parser.get_parsed_content("inferer")(data["image"][None], weighted)[0]
    return parser.get_parsed_content("postprocessing")(data)["pred"][0].numpy().transpose(2, 1, 0).astype(int)


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_labels_are_those_that_monai_gives_when_it_runs_the_bundle(tmp_path, table, form):
    bundle = write_bundle(tmp_path / "bundle", form=form)
    image = volume()
    sitk.WriteImage(image, str(tmp_path / "image.nii.gz"))
    result = monai_bundle.segment(image, table, options(bundle), "image.nii.gz")
    theirs = run_by_monai(str(tmp_path / "image.nii.gz"))
    expected = np.array([0, 1, 2, 9, 0])[theirs]
    ours = sitk.GetArrayFromImage(result.labels)
    assert len(np.unique(ours)) >= 3
    assert (ours != expected).mean() < 0.002
    assert result.record["IgnoredVoxels"]["liver"] == pytest.approx((theirs == 4).sum(), abs=30)
    assert result.record["Model"] == "Thighs 0.1.0"


def test_labels_do_not_depend_on_how_the_image_is_stored_nor_on_the_run(tmp_path, table):
    bundle = write_bundle(tmp_path / "bundle")
    first = monai_bundle.segment(volume(), table, options(bundle), "x")
    for axes in STORED:
        image = stored(volume(), axes)
        again = monai_bundle.segment(image, table, options(bundle), "x")
        assert same_grid(again.labels, image)
        np.testing.assert_array_equal(values(again.labels), values(first.labels))
        np.testing.assert_array_equal(values(again.evidence.confidence), values(first.evidence.confidence))


def test_weights_that_are_safetensors_already_are_taken_as_they_are(tmp_path, table):
    bundle = write_bundle(tmp_path / "bundle")
    converted = monai_bundle.segment(volume(), table, options(bundle), "x")
    with pytest.raises(MyoT2Error, match="Convert them once"):
        monai_bundle.segment(volume(), table, options(bundle, weights=None), "x")
    save_file(network().state_dict(), bundle / "models" / "model.safetensors")
    with pytest.raises(MyoT2Error, match="the SHA-256 of the weights"):
        monai_bundle.segment(volume(), table, options(bundle, weights=None), "x")
    list_sums(bundle / "models", "model.safetensors")
    safe = monai_bundle.segment(volume(), table, options(bundle, weights=None), "x")
    np.testing.assert_array_equal(values(safe.labels), values(converted.labels))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": CLASSES[:4]}, "puts out a volume of 4 channels; found \\(1, 5,"),
        ({"classes": ["vastus_lateralis_left", *CLASSES[1:]]}, "0: background"),
        ({"classes": [*CLASSES[:4], "kidney"]}, "1 others: 'kidney'"),
        ({"inputs": 2}, "num_channels: 1; found 2"),
    ],
)
def test_classes_and_inputs_that_do_not_fit_are_refused(tmp_path, table, change, message):
    bundle = write_bundle(tmp_path / "bundle", **change)
    with pytest.raises(MyoT2Error, match=message):
        monai_bundle.segment(volume(), table, options(bundle), "x")


@pytest.mark.parametrize("lacking", ["configs/metadata.json", "configs/inference.json"])
def test_a_folder_that_lacks_a_part_is_refused(tmp_path, table, lacking):
    bundle = write_bundle(tmp_path / "bundle")
    (bundle / lacking).unlink()
    with pytest.raises(MyoT2Error, match="no such file|configs/inference"):
        monai_bundle.segment(volume(), table, options(bundle), "x")


def test_arguments_that_monai_does_not_take_are_told_in_its_words(tmp_path, table):
    configuration = {**CONFIGURATION, "network_def": {**CONFIGURATION["network_def"], "colour": "red"}}
    bundle = write_bundle(tmp_path / "bundle")
    (bundle / "configs" / "inference.json").write_text(json.dumps(configuration))
    with pytest.raises(MyoT2Error, match="arguments that MONAI's classes take"):
        monai_bundle.segment(volume(), table, options(bundle), "x")


def changed(**parts):
    return BundleConfiguration({**CONFIGURATION, **parts}, "inference.json", "image")


def with_network(**arguments):
    return changed(network_def={**CONFIGURATION["network_def"], **arguments})


def with_transform(**step):
    return changed(preprocessing=[{"keys": "image", **step}])


CODE = "$__import__('os').mkdir('harmed')"


@pytest.mark.parametrize(
    ("configuration", "part", "key"),
    [
        (with_network(channels=CODE), "network", "network_def::channels"),
        (with_network(strides=[[2, CODE]]), "network", "network_def::strides::0::1"),
        (with_network(_target_="os.mkdir"), "network", "network_def::_target_"),
        (with_network(_target_="elsewhere.UNet"), "network", "network_def::_target_"),
        (with_network(_target_="monai.networks.nets.TorchVisionFCModel"), "network", "network_def::_target_"),
        (with_network(_target_=CODE), "network", "network_def::_target_"),
        (with_network(_mode_="callable"), "network", "network_def::_mode_"),
        (with_network(_requires_=CODE), "network", "network_def::_requires_"),
        (with_network(act={"_target_": "os.mkdir", "path": "x"}), "network", "network_def::act"),
        (with_network(norm=["instance", {"x": {"_target_": "os.mkdir"}}]), "network", "network_def::norm"),
        (with_network(pretrained=True), "network", "network_def::pretrained"),
        (with_network(channels="%other.json::channels"), "network", "network_def::channels"),
        (with_network(channels="@nothing"), "network", "network_def::channels"),
        (with_network(channels="@network_def::channels"), "network", "network_def::channels"),
        (with_network(channels="@datalist"), "network", "network_def::channels"),
        (with_network(channels="$@spacing + [1]"), "network", "network_def::channels"),
        (changed(network_def=None), "network", "network_def::_target_"),
        (with_transform(_target_="Lambdad", func=CODE), "transforms", "preprocessing::0::func"),
        (with_transform(_target_="Lambdad"), "transforms", "preprocessing::transforms::0::_target_"),
        (with_transform(_target_="SaveImaged"), "transforms", "preprocessing::transforms::0::_target_"),
        (with_transform(_target_="Orientation"), "transforms", "preprocessing::transforms::0::_target_"),
        (
            with_transform(_target_="Spacingd", keys=["image", "label"]),
            "transforms",
            "preprocessing::transforms::0::keys",
        ),
        (changed(preprocessing={"_target_": "Sequential", "transforms": []}), "transforms", "preprocessing:"),
        (changed(inferer={"_target_": "SaliencyInferer"}), "inferer", "inferer::_target_"),
    ],
)
def test_what_could_run_code_is_refused_by_the_name_of_its_key(tmp_path, monkeypatch, configuration, part, key):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MyoT2Error, match=f"expected {key}"):
        getattr(configuration, part)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("lacking", ["network_def", "preprocessing"])
def test_a_bundle_without_a_part_that_is_read_is_refused(lacking):
    content = {key: value for key, value in CONFIGURATION.items() if key != lacking}
    configuration = BundleConfiguration(content, "inference.json", "image")
    with pytest.raises(MyoT2Error, match=f"{lacking}: this key"):
        _ = configuration.network, configuration.transforms


def test_a_bundle_whose_voxels_may_have_several_classes_is_refused():
    steps = [{"_target_": "Activationsd", "keys": "pred", "sigmoid": True}]
    with pytest.raises(MyoT2Error, match="postprocessing::transforms::0::sigmoid"):
        changed(postprocessing={"_target_": "Compose", "transforms": steps})


def test_without_an_inferer_the_whole_volume_is_predicted_at_once():
    content = {key: value for key, value in CONFIGURATION.items() if key != "inferer"}
    assert BundleConfiguration(content, "x", "image").inferer == {"_target_": "monai.inferers.SimpleInferer"}


def test_every_class_that_is_read_exists_in_monai():
    import monai.networks.nets
    import monai.transforms

    assert all(callable(getattr(monai.networks.nets, name)) for name in NETWORKS)
    for name in TRANSFORMS:
        assert getattr(monai.transforms, f"{name}d") is getattr(monai.transforms, f"{name}Dict")
