"""Weights: listed, converted once, never opened otherwise."""

from __future__ import annotations

import hashlib
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from segment_volumes import list_sums

from myot2.core.errors import MyoT2Error
from myot2.segment.weights import convert_weights, load_weights, read_checksums, require_only_numbers


class Harmful:
    """What a file of weights must never be: something that acts when it is opened."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def network(seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Conv2d(1, 3, 3), torch.nn.BatchNorm2d(3))


@pytest.fixture
def listed(tmp_path):
    """Writes a torch file with the given content, and lists it."""

    def write(content, name="model.pt"):
        torch.save(content, tmp_path / name)
        list_sums(tmp_path, name)
        return tmp_path / name

    return write


@pytest.mark.parametrize("nested", [None, "model", "state_dict", "network"])
def test_converted_weights_are_the_same_and_remember_what_they_were(tmp_path, listed, nested):
    state = network().state_dict()
    path = listed({nested: state, "epoch": 3, "optimizer": {"lr": 0.1}} if nested else state)
    convert_weights(path, tmp_path / "out" / "model.safetensors")
    loaded = network(seed=1)
    digest = load_weights(loaded, tmp_path / "out" / "model.safetensors")
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert all(torch.equal(loaded.state_dict()[name], tensor) for name, tensor in state.items())


def test_converting_twice_gives_equal_bytes_and_leaves_the_list_of_other_files_alone(tmp_path, listed):
    path = listed(network().state_dict())
    convert_weights(path, tmp_path / "a.safetensors")
    convert_weights(path, tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    sums = read_checksums(tmp_path / "SHA256SUMS")
    assert set(sums) == {"a.safetensors", "b.safetensors", "model.pt"}
    assert sums["model.pt"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_unlisted_weights_are_not_opened(tmp_path, listed):
    path = listed(network().state_dict())
    (tmp_path / "SHA256SUMS").unlink()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(MyoT2Error, match=f"found none.*This file has {digest}"):
        convert_weights(path, tmp_path / "model.safetensors")
    convert_weights(path, tmp_path / "model.safetensors", digest)
    with pytest.raises(MyoT2Error, match="changed or damaged"):
        convert_weights(path, tmp_path / "model.safetensors", "0" * 64)


def test_a_listed_file_that_would_run_code_is_refused_and_runs_none(tmp_path, listed):
    path = listed({"weight": torch.zeros(2), "extra": Harmful(tmp_path / "harmed")})
    with pytest.raises(MyoT2Error, match="its safe reader refuses"):
        convert_weights(path, tmp_path / "model.safetensors")
    with pytest.raises(MyoT2Error, match=r"calls of (posix|nt)\.mkdir"):
        require_only_numbers(path)
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
def test_a_harmful_pickle_in_an_archive_is_found_whatever_its_protocol(tmp_path, protocol):
    with zipfile.ZipFile(tmp_path / "model.pth", "w") as archive:
        archive.writestr("model/data.pkl", pickle.dumps({"w": Harmful(tmp_path / "harmed")}, protocol=protocol))
    with pytest.raises(MyoT2Error, match="calls of"):
        require_only_numbers(tmp_path / "model.pth")


def test_a_trainer_s_checkpoint_of_tensors_and_numpy_s_numbers_passes(listed):
    model = network()
    optimiser = torch.optim.AdamW(model.parameters())
    model(torch.zeros(1, 1, 5, 5)).sum().backward()
    optimiser.step()
    path = listed(
        {
            "network_weights": model.state_dict(),
            "optimizer_state": optimiser.state_dict(),
            "logging": {"dice": [np.float64(0.5), np.float32(0.25)], "array": np.arange(3.0)},
            "init_args": {"plans": {"spacing": [1.0, 2.0]}, "device": torch.device("cpu")},
        }
    )
    require_only_numbers(path)


@pytest.mark.parametrize("content", [[1, 2], {"a": {"w": torch.zeros(1)}}, {"model": {"w": 1}}, {}])
def test_a_file_without_weights_where_they_are_looked_for_is_refused(tmp_path, listed, content):
    with pytest.raises(MyoT2Error, match="expected tensors by name"):
        convert_weights(listed(content), tmp_path / "model.safetensors")


def test_a_file_that_is_no_torch_file_is_refused(tmp_path):
    (tmp_path / "model.pt").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    list_sums(tmp_path, "model.pt")
    with pytest.raises(MyoT2Error, match="its safe reader refuses"):
        convert_weights(tmp_path / "model.pt", tmp_path / "model.safetensors")
    with pytest.raises(MyoT2Error, match=r"no archive of torch\.save"):
        require_only_numbers(tmp_path / "model.pt")


def test_a_network_takes_safetensors_of_its_own_shapes_only(tmp_path, listed):
    path = listed(network().state_dict())
    with pytest.raises(MyoT2Error, match="Convert them once"):
        load_weights(network(), path)
    convert_weights(path, tmp_path / "model.safetensors")
    with pytest.raises(MyoT2Error, match="fit the network"):
        load_weights(torch.nn.Conv2d(1, 2, 3), tmp_path / "model.safetensors")
    content = bytearray((tmp_path / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(MyoT2Error, match="changed or damaged"):
        load_weights(network(), tmp_path / "model.safetensors")


def test_the_program_converts(tmp_path, listed, program):
    path = listed(network().state_dict())
    arguments = ["--weights", str(path), "--out", str(tmp_path / "out" / "model.safetensors")]
    assert program("convert_weights")(arguments) == 0
    assert load_weights(network(), tmp_path / "out" / "model.safetensors")
    assert program("convert_weights")([*arguments, "--sha256", "0" * 64]) == 1
