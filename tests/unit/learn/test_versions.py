"""Versions of a model: added, refused, gone back to, and never changed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from myot2.core.errors import MyoT2Error
from myot2.learn.gate import Limits, Measured, judge
from myot2.learn.versions import (
    CURRENT,
    Attempt,
    add,
    current,
    model_folder,
    pinned_version,
    records_of,
    refuse,
    roll_back,
    start,
    tried,
    version,
    versions,
)
from myot2.segment.model import load_model, networks_of, save_model, state_of

WHEN = "2026-01-31T08:00:00Z"


def attempt(gain: float, key: str = "k1") -> Attempt:
    before, after = ({"P1": {"sartorius": value}} for value in (0.8, 0.8 + gain))
    verdict = judge(Measured(before, before), Measured(after, before), Limits())
    counts = {"People": 2, "Slices": 20, "Structures": [{"Structure": "sartorius", "People": 2, "Slices": 18}]}
    return Attempt("learned", key, counts, {"steps": 3}, verdict)


def moved(weights, by: float) -> dict[str, torch.Tensor]:
    return {name: tensor + by for name, tensor in weights.items()}


@pytest.fixture
def model(configuration, weights, tmp_path):
    save_model(tmp_path / "given", configuration, networks_of(configuration, weights))
    (tmp_path / "given" / "LICENSE").write_text("a licence")
    return tmp_path / "given"


@pytest.fixture
def folder(model, tmp_path):
    start(tmp_path / "models", model, when=WHEN)
    return tmp_path / "models"


@pytest.fixture
def grow(folder, configuration, weights):
    """Add a version that differs from the current one."""

    def more(by: float):
        return add(folder, attempt(0.02), configuration, moved(weights, by), parent=current(folder), when=WHEN)

    return more


def test_the_first_version_is_the_model_that_was_given(folder, model):
    first = current(folder)
    assert (first.number, first.parent) == ("1.0.0", None)
    assert load_model(first.folder).weights_sha256 == load_model(model).weights_sha256
    assert start(folder, model, when="later") == first and len(records_of(folder)) == 1


def test_an_accepted_attempt_becomes_the_current_version_and_says_how_it_was_made(folder, grow, configuration, weights):
    new = grow(0.5)
    assert new == current(folder) and (new.number, new.parent) == ("1.1.0", "1.0.0")
    loaded = load_model(new.folder)
    assert loaded.configuration.name == f"{configuration.name} 1.1.0"
    assert all(torch.equal(tensor, weights[name] + 0.5) for name, tensor in state_of(loaded.networks).items())
    said = json.loads((new.folder / "version.json").read_text())
    assert said["ParentWeightsSha256"] == version(folder, "1.0.0").weights_sha256
    assert said["WeightsSha256"] == loaded.weights_sha256
    assert said["Data"]["Structures"] == [{"Structure": "sartorius", "People": 2, "Slices": 18}]
    assert said["Verdict"]["Local"][1]["after"] == pytest.approx(0.82) and said["Recipe"] == {"steps": 3}
    assert (new.folder / "LICENSE").read_text() == "a licence"
    assert WHEN not in (new.folder / "version.json").read_text()


def test_equal_versions_are_equal_bytes(folder, grow, tmp_path, model, configuration, weights):
    new, other = grow(0.5), tmp_path / "others"
    start(other, model, when="another time")
    add(other, attempt(0.02), configuration, moved(weights, 0.5), parent=current(other), when="another time")
    files = sorted(path.relative_to(new.folder) for path in new.folder.rglob("*") if path.is_file())
    assert len(files) >= 6
    for name in files:
        assert (new.folder / name).read_bytes() == (other / "versions" / "1.1.0" / name).read_bytes(), name


def test_a_refused_attempt_is_recorded_with_its_reasons_and_the_model_stays(folder, configuration, weights):
    before, poor = current(folder), attempt(-0.05)
    with pytest.raises(MyoT2Error, match="may be lost"):
        add(folder, poor, configuration, weights, parent=before, when=WHEN)
    refuse(folder, poor, parent=before, when=WHEN)
    assert current(folder) == before and len(versions(folder)) == 1
    record = records_of(folder)[-1]
    assert (record["Event"], record["Parent"], record["When"]) == ("refused", "1.0.0", WHEN)
    assert "sartorius changes by -5.00 points" in record["Verdict"]["Reasons"][0]
    with pytest.raises(ValueError, match="accepts"):
        refuse(folder, attempt(0.02), parent=before, when=WHEN)


def test_going_back_keeps_later_versions_and_no_number_is_given_twice(folder, grow):
    grow(0.1)
    grow(0.2)
    assert current(folder).number == "1.2.0"
    assert roll_back(folder, "1.0.0", reason="worse in adductor longus", when=WHEN).number == "1.0.0"
    assert current(folder).number == "1.0.0"
    assert records_of(folder)[-1]["Reason"] == "worse in adductor longus"
    new = grow(0.3)
    assert (new.number, new.parent) == ("1.3.0", "1.0.0")
    assert [one.number for one in versions(folder)] == ["1.0.0", "1.1.0", "1.2.0", "1.3.0"]
    with pytest.raises(MyoT2Error, match=r"1\.9\.0"):
        roll_back(folder, "1.9.0", reason="x", when=WHEN)
    with pytest.raises(MyoT2Error, match="a reason"):
        roll_back(folder, "1.0.0", reason=" ", when=WHEN)


def test_weights_that_came_from_another_version_than_the_current_one_are_not_added(
    folder, grow, configuration, weights
):
    old = current(folder)
    grow(0.1)
    with pytest.raises(MyoT2Error, match="learn again"):
        add(folder, attempt(0.02), configuration, moved(weights, 0.2), parent=old, when=WHEN)
    assert len(versions(folder)) == 2


def test_weights_that_do_not_fit_leave_nothing_behind(folder, configuration, weights):
    fewer = dict(list(weights.items())[1:])
    with pytest.raises(MyoT2Error, match="other names or shapes"):
        add(folder, attempt(0.02), configuration, fewer, parent=current(folder), when=WHEN)
    wide = replace(configuration, structures=(*configuration.structures, "femur"))
    with pytest.raises(MyoT2Error, match="other names or shapes"):
        add(folder, attempt(0.02), wide, weights, parent=current(folder), when=WHEN)
    assert [path.name for path in (folder / "versions").iterdir() if not path.name.startswith(".")] == ["1.0.0"]
    assert current(folder).number == "1.0.0"


@pytest.mark.parametrize("name", ["version.json", "model.json", "SHA256SUMS", "models/model.safetensors"])
def test_a_version_whose_files_were_changed_is_not_used(folder, grow, name):
    path = grow(0.1).folder / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(MyoT2Error, match="changed or damaged"):
        current(folder)
    assert version(folder, "1.0.0").number == "1.0.0"


def test_a_folder_that_never_came_into_the_ledger_is_replaced(folder, grow):
    left = folder / "versions" / "1.1.0"
    left.mkdir()
    (left / "model.json").write_text("half")
    assert load_model(grow(0.1).folder).configuration.name.endswith("1.1.0")


def test_an_equal_attempt_is_known_as_long_as_it_would_give_the_same(folder, grow):
    assert tried(folder, "k1") is None
    refuse(folder, attempt(-0.05, "k2"), parent=current(folder), when=WHEN)
    assert tried(folder, "k2")["Event"] == "refused"
    new = grow(0.1)
    assert tried(folder, "k1")["Version"] == new.number
    assert tried(folder, "k2") is None, "it would begin with another version now"
    roll_back(folder, "1.0.0", reason="x", when=WHEN)
    assert tried(folder, "k1")["Version"] == new.number and tried(folder, "k2") is not None


def test_a_run_names_a_version_or_a_plain_model_folder(folder, grow, model):
    grow(0.1)
    assert model_folder(model, None) == model
    assert model_folder(folder, "1.0.0") == folder / "versions" / "1.0.0"
    assert model_folder(folder, CURRENT) == folder / "versions" / "1.1.0"
    assert (pinned_version(folder, CURRENT), pinned_version(folder, "1.0.0")) == ("1.1.0", "1.0.0")
    with pytest.raises(MyoT2Error, match=r"segment\.version, one of 1\.0\.0, 1\.1\.0 or current"):
        model_folder(folder, None)
    with pytest.raises(MyoT2Error, match=r"segment\.version is given"):
        model_folder(model, "1.0.0")
    with pytest.raises(MyoT2Error, match="is none|no ledger"):
        model_folder(model, CURRENT)
    with pytest.raises(MyoT2Error, match=r"2\.0\.0"):
        model_folder(folder, "2.0.0")
