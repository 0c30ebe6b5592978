"""Which files a job depends on, per backend."""

from __future__ import annotations

from pathlib import Path

import pytest

from myot2.segment.model_files import model_files, torch_weights


@pytest.fixture
def folder(tmp_path):
    """A folder with the given files, each empty."""

    def make(*names: str) -> Path:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return tmp_path

    return make


def names(backend: str, model: Path, folder: Path) -> list[str]:
    return [Path(path).relative_to(folder).as_posix() for path in model_files(backend, model)]


def test_the_shipped_network_is_its_three_files_also_where_they_are_missing(tmp_path):
    assert names("myot2", tmp_path, tmp_path) == ["SHA256SUMS", "model.json", "models/model.safetensors"]
    assert torch_weights("myot2", tmp_path) is None


def test_weights_of_a_bundle_are_converted_unless_they_are_safetensors(folder):
    bundle = folder("configs/metadata.json", "configs/inference.yaml", "configs/train.json", "models/model.pt")
    described = ["configs/inference.yaml", "configs/metadata.json"]
    assert names("monai-bundle", bundle, bundle) == described
    assert torch_weights("monai-bundle", bundle) == (bundle / "models" / "model.pt").as_posix()
    folder("models/model.safetensors", "models/SHA256SUMS")
    assert names("monai-bundle", bundle, bundle) == [*described, "models/SHA256SUMS", "models/model.safetensors"]
    assert torch_weights("monai-bundle", bundle) is None


def test_the_json_of_musclemap_lies_beside_its_weights(folder):
    model = folder("thigh.pth", "thigh.json") / "thigh.pth"
    assert names("musclemap", model, model.parent) == ["thigh.json"]
    assert torch_weights("musclemap", model) == model.as_posix()
    assert names("musclemap", model.with_suffix(".safetensors"), model.parent) == ["thigh.json", "thigh.safetensors"]


def test_all_that_other_programs_read_is_named(folder):
    model = folder("fold_0/checkpoint_final.pth", "fold_1/checkpoint_final.pth", "fold_0/progress.png")
    expected = [
        "SHA256SUMS",
        "dataset.json",
        "fold_0/checkpoint_final.pth",
        "fold_1/checkpoint_final.pth",
        "plans.json",
    ]
    assert names("nnunet", model, model) == expected
    assert torch_weights("nnunet", model) is None
    assert names("totalsegmentator", model, model) == [name for name in expected if "json" not in name]
