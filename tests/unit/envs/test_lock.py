"""The lock files and conda environments are those of the pins."""

from __future__ import annotations

import importlib.util
from importlib import metadata

import pytest


@pytest.fixture(scope="module")
def lock(root):
    spec = importlib.util.spec_from_file_location("lock", root / "envs/lock.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def run_lock(root, lock):
    return lock.read_lock(root / "envs/run.lock")


def test_every_pin_is_locked_at_its_version(root, lock, run_lock):
    pins = lock.read_pins()
    for name, version in {**pins["families"], **pins["workflow"]}.items():
        assert run_lock[lock.canonicalize_name(name)] == version
    develop = lock.read_lock(root / "envs/develop.lock")
    for name, version in pins["develop"].items():
        assert develop[lock.canonicalize_name(name)] == version


def test_the_conda_environments_agree_with_the_lock(lock, run_lock):
    for path, text in lock.conda_environments(lock.read_pins()["by_family"], run_lock).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} drifted: run make lock"


def test_the_running_environment_is_the_locked_one(run_lock):
    for name, version in run_lock.items():
        assert metadata.version(name).partition("+")[0] == version


def test_two_versions_of_one_package_are_refused(lock, tmp_path):
    (tmp_path / "pins.toml").write_text('[families.a]\nx = "1"\n[families.b]\nx = "2"\n[workflow]\n[develop]\n')
    with pytest.raises(ValueError, match="b pins x at 2, another family at 1"):
        lock.read_pins(tmp_path / "pins.toml")


def test_the_federation_s_lock_is_what_flower_needs_beside_the_run_s_and_cannot_install_more(root, lock, run_lock):
    own, pins = lock.read_lock(root / "envs/federation.lock"), lock.read_pins()["federation"]
    assert {name: own[name] for name in pins} == pins
    assert "uv" not in own and "torch" not in own
    again = {name for name in own if name in run_lock}
    assert again == lock.OWN_VERSION and all(own[name] != run_lock[name] for name in again)
