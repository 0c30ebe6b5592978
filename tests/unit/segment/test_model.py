"""Model folders, and inference with a tiny network whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from monai.bundle import ConfigParser
from safetensors.torch import load_file

from myot2.core.errors import MyoT2Error
from myot2.core.labels import read_labels
from myot2.segment import inference
from myot2.segment.legs import Leg
from myot2.segment.model import Model, ModelConfiguration, build_network, load_model, save_model

TINY = ModelConfiguration(
    name="tiny",
    structures=("gracilis", "sartorius"),
    pixel_mm=2.0,
    crop_pixels=64,
    context=1,
    channels=(4, 6, 8),
    strides=(2, 2),
    residual_units=1,
)
BACKGROUND, MEDIAL, LATERAL = 0, 1, 2


class ByPosition(torch.nn.Module):
    """Calls what is bright one muscle in the crop's medial half, another in its lateral half."""

    def forward(self, stack: torch.Tensor) -> torch.Tensor:
        bright = (stack[:, 1:2] > 0).float()
        medial = torch.zeros_like(bright)
        medial[..., bright.shape[-1] // 2 :] = 1
        return 10 * torch.cat([1 - bright, bright * medial, bright * (1 - medial)], dim=1)


class ByPositionAndNoMore(ByPosition):
    """Knows a third muscle that it never finds."""

    def forward(self, stack: torch.Tensor) -> torch.Tensor:
        known = super().forward(stack)
        return torch.cat([known, torch.full_like(known[:, :1], -10)], dim=1)


@pytest.fixture(scope="module")
def table(root):
    return read_labels(root / "config" / "labels.tsv")


@pytest.fixture
def known() -> Model:
    return Model(TINY, (ByPosition(),), "0" * 64)


def two_legs(pixel_mm: float = 2.0, slices: int = 6, slice_mm: float = 6.0) -> sitk.Image:
    """Two cylinders of 90 mm width around x = -60 and x = +60 mm in LPS, brighter inside 30 mm of their axes."""
    size = (round(300 / pixel_mm), round(160 / pixel_mm))
    x = (np.arange(size[0]) - (size[0] - 1) / 2) * pixel_mm
    y = (np.arange(size[1]) - (size[1] - 1) / 2) * pixel_mm
    plane = np.zeros((size[1], size[0]), np.float32)
    for centre in (-60.0, 60.0):
        distance = np.hypot(x[None, :] - centre, y[:, None])
        plane += np.where(distance < 30, 100, np.where(distance < 45, 30, 0))
    image = sitk.GetImageFromArray(np.repeat(plane[None], slices, axis=0))
    image.SetSpacing((pixel_mm, pixel_mm, slice_mm))
    image.SetOrigin((float(x[0]), float(y[0]), 0.0))
    return image


def label_at(labels: sitk.Image, x: float, y: float = 0.0, z: float = 12.0) -> int:
    return labels[labels.TransformPhysicalPointToIndex((x, y, z))]


def test_a_saved_model_comes_back_bit_by_bit(tmp_path):
    torch.manual_seed(1)
    networks = [build_network(TINY).eval() for _ in range(12)]
    save_model(tmp_path, TINY, networks)
    model = load_model(tmp_path)
    assert model.configuration == TINY
    stack = torch.randn(1, 3, 64, 64)
    for loaded, saved in zip(model.networks, networks, strict=True):
        assert torch.equal(loaded(stack), saved(stack))


def test_saving_a_model_twice_gives_equal_bytes(tmp_path):
    torch.manual_seed(1)
    network = build_network(TINY)
    for folder in ("a", "b"):
        save_model(tmp_path / folder, TINY, [network])
    names = ("model.json", "models/model.safetensors", "configs/inference.json", "configs/metadata.json", "SHA256SUMS")
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_monai_builds_the_networks_of_a_saved_model_and_loads_their_weights(tmp_path):
    networks = [build_network(TINY).eval() for _ in range(2)]
    save_model(tmp_path, TINY, networks)
    parser = ConfigParser()
    parser.read_config(tmp_path / "configs" / "inference.json")
    parser.read_meta(tmp_path / "configs" / "metadata.json")
    built = parser.get_parsed_content("network_def").eval()
    built.load_state_dict(load_file(tmp_path / "models" / "model.safetensors"))
    stack = torch.randn(1, 3, 64, 64)
    for one, other in zip(built, networks, strict=True):
        assert torch.equal(one(stack), other(stack))
    formats = parser.get_parsed_content("_meta_::network_data_format")
    assert formats["inputs"]["image"]["num_channels"] == 3
    assert formats["outputs"]["pred"]["channel_def"]["2"] == "sartorius"


def test_changed_weights_are_refused(tmp_path):
    save_model(tmp_path, TINY, [build_network(TINY)])
    weights = tmp_path / "models" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(MyoT2Error, match="changed or damaged"):
        load_model(tmp_path)


def test_weights_of_another_architecture_are_refused(tmp_path):
    save_model(tmp_path, replace(TINY, channels=(4, 6, 10)), [build_network(TINY)])
    with pytest.raises(MyoT2Error, match="fit model.json"):
        load_model(tmp_path)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(MyoT2Error, match="no SHA256SUMS, model.json, models/model.safetensors"):
        load_model(tmp_path)


@pytest.mark.parametrize("code", ["LPS", "RAS", "LAI", "RPI", "SLA"])
@pytest.mark.parametrize(("pixel_mm", "slice_mm"), [(2.0, 6.0), (1.1, 5.0), (0.8, 20.0), (2.7, 1.5)])
def test_muscles_are_found_in_place_and_on_their_side_whatever_the_grid(known, table, code, pixel_mm, slice_mm):
    image = sitk.DICOMOrient(two_legs(pixel_mm, round(36 / slice_mm) + 1, slice_mm), code)
    result = inference.segment_image(image, known, table, threads=1)
    assert result.sides == ("right", "left")
    assert result.labels.GetSize() == image.GetSize()
    assert result.labels.GetDirection() == pytest.approx(image.GetDirection())
    for side, sign in (("left", 1), ("right", -1)):
        assert label_at(result.labels, sign * 45) == table.index("gracilis", side)
        assert label_at(result.labels, sign * 75) == table.index("sartorius", side)
        assert label_at(result.labels, sign * 100) == 0
    voxel_ml = np.prod(image.GetSpacing()) / 1000
    volume = (sitk.GetArrayFromImage(result.labels) > 0).sum() * voxel_ml
    height = image.GetSpacing()[np.argmax([abs(image.GetDirection()[6 + axis]) for axis in range(3)])]
    count = round(36 / slice_mm) + 1
    assert volume == pytest.approx(2 * np.pi * 30**2 * height * count / 1000, rel=0.05)


def test_swapping_the_legs_swaps_the_sides_and_nothing_else(known, table):
    image = two_legs()
    values = sitk.GetArrayFromImage(image)
    values[:, : values.shape[1] // 2, : values.shape[2] // 2] *= 1.3
    image = inference.image_like(values, image)
    mirrored = inference.image_like(values[:, :, ::-1].copy(), image)
    first = sitk.GetArrayFromImage(inference.segment_image(image, known, table, threads=1).labels)
    second = sitk.GetArrayFromImage(inference.segment_image(mirrored, known, table, threads=1).labels)
    exchange = np.zeros(256, np.uint8)
    for name in TINY.structures:
        exchange[table.index(name, "left")] = table.index(name, "right")
        exchange[table.index(name, "right")] = table.index(name, "left")
    # An even crop is centred on a column to within one pixel, so the border between both muscles may move by one.
    differs = exchange[second[:, :, ::-1]] != first
    assert differs.sum() <= 0.1 * (first > 0).sum()
    np.testing.assert_array_equal(second[:, :, ::-1] > 0, first > 0)


def test_a_left_leg_is_mirrored_and_the_other_leg_is_empty():
    values = sitk.GetArrayFromImage(two_legs())
    body = values > 0
    columns, pixels = values.shape[2], 64
    right = inference.crop(values, body, Leg("right", 0, columns // 2, (40, 45)), pixels)
    # The mirror image of column c is columns - 1 - c; an even crop starts half its width before its centre.
    left = inference.crop(values, body, Leg("left", columns // 2, columns, (40, columns - 45)), pixels)
    np.testing.assert_allclose(left, right, atol=1e-6)
    beyond = columns // 2 - (45 - pixels // 2)
    assert (right[:, :, beyond:] == right[0, 0, 0]).all()


def test_a_muscle_at_the_edge_of_the_field_is_reported(known, table):
    narrow = replace(known, configuration=replace(TINY, crop_pixels=24))
    assert inference.segment_image(two_legs(), narrow, table, threads=1).cropped_sides == ("right", "left")
    assert inference.segment_image(two_legs(), known, table, threads=1).cropped_sides == ()


def test_an_image_without_a_leg_gives_an_empty_label_map_and_no_side(known, table):
    image = inference.image_like(np.zeros((6, 80, 150), np.float32), two_legs())
    result = inference.segment_image(image, known, table, threads=1)
    assert result.sides == ()
    assert result.agreement == {}
    assert not sitk.GetArrayFromImage(result.labels).any()
    assert not sitk.GetArrayFromImage(result.entropy).any()


class Undecided(ByPosition):
    """Finds both muscles everywhere, and others each time it is asked."""

    def __init__(self):
        super().__init__()
        self.random = torch.Generator().manual_seed(7)

    def forward(self, stack: torch.Tensor) -> torch.Tensor:
        logits = super().forward(stack)
        return torch.randn(logits.shape, generator=self.random) * 10


def test_a_limb_that_does_not_look_like_a_thigh_is_not_labelled(known, table):
    result = inference.segment_image(two_legs(), replace(known, networks=(Undecided(),)), table, threads=1)
    assert result.sides == ()
    assert result.foreign_sides == ("right", "left")
    assert not sitk.GetArrayFromImage(result.labels).any()


def test_agreement_is_given_for_every_label_of_a_leg_and_none_where_nothing_was_found(known, table):
    configuration = replace(TINY, structures=("gracilis", "sartorius", "adductor brevis"))
    model = replace(known, configuration=configuration, networks=(ByPositionAndNoMore(),))
    result = inference.segment_image(two_legs(), model, table, threads=1)
    for side in ("left", "right"):
        assert result.agreement[table.index("adductor brevis", side)] is None
        assert 0.8 < result.agreement[table.index("gracilis", side)] < 1
