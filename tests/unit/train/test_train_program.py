"""scripts/train_model.py on one person of the atlas and a tiny network."""

from __future__ import annotations

import runpy
import shutil

import pytest
import yaml

from myot2.segment.model import load_model


@pytest.fixture(scope="module")
def program(root):
    return runpy.run_path(str(root / "scripts" / "train_model.py"))["main"]


@pytest.fixture(scope="module")
def recipe(root):
    """The reduced recipe, smaller still."""
    content = yaml.safe_load((root / "config" / "train" / "reduced.yaml").read_text())
    content["network"].update(pixel_mm=4.0, crop_pixels=32, context=1, channels=[4, 8], strides=[2])
    content["population"].update(in_plane_mm=4.0, slice_mm=20.0)
    content["population"]["atlas"]["count"] = 1
    cycle = {"steps": 2, "slabs": 1, "slices": 1, "peak_learning_rate": 0.01, "warm_up_share": 0.1}
    content["optimisation"].update(cycles=[cycle], checkpoint_every=1)
    return content


@pytest.fixture
def run(program, recipe, tmp_path, capsys):
    """Run the program in one work folder on the recipe with changes; return its status and what it said."""

    def run(**changes) -> tuple[int, str]:
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump({**recipe, **changes}))
        arguments = ["--recipe", path, "--work", tmp_path / "work", "--model", tmp_path / "model", "--threads", 1]
        status = program([str(argument) for argument in arguments])
        return status, "".join(capsys.readouterr())

    return run


def test_a_model_folder_is_made_and_made_again_from_what_is_kept(run, tmp_path):
    status, said = run()
    assert status == 0 and "rendered person 1 of 1" in said
    first = load_model(tmp_path / "model")
    assert first.configuration.name == "myot2-thigh-reduced" and len(first.networks) == 1

    (tmp_path / "model" / "risk.json").write_text("fitted since")
    status, said = run()
    assert status == 0 and "rendered" not in said
    assert (tmp_path / "model" / "risk.json").is_file()

    shutil.rmtree(tmp_path / "model")
    assert run()[0] == 0
    assert load_model(tmp_path / "model").weights_sha256 == first.weights_sha256


def test_what_a_recipe_lacks_is_said_in_one_line(run, recipe, root):
    maps = yaml.safe_load((root / "config" / "train" / "thigh.yaml").read_text())["population"]["maps"]
    status, said = run(population={**recipe["population"], "maps": maps})
    assert status == 1 and "expected label maps of thighs and of a whole leg" in said
    status, said = run(nmae="misspelt")
    assert status == 1 and "nmae" in said
