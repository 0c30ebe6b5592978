"""The risk is the logistic of its features, and its file belongs to the weights beside it."""

from __future__ import annotations

import hashlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from myot2.core.errors import MyoT2Error
from myot2.segment.model import ModelConfiguration, build_network, save_model
from myot2.segment.risk import (
    ANY,
    FARTHEST,
    LARGEST_ASYMMETRY,
    Logistic,
    Risk,
    case_features,
    load_risk,
    muscle_features,
    save_risk,
)

MODEL = Logistic(
    -1.0,
    {"entropy": 0.5, "roughness": 2.0},
    {ANY: {"entropy": (0.1, 0.05), "roughness": (1.5, 0.4)}, "sartorius": {"roughness": (1.1, 0.1)}},
)
RISK = Risk("ab" * 32, MODEL, Logistic(0.0, {"mean_score": 1.0}, {ANY: {"mean_score": (0.0, 1.0)}}), {"Failure": "x"})


def row(**changes):
    """A muscle as `describe` gives it."""
    plain = {"name": "sartorius", "side": "left", "voxels": 100, "mean_confidence": 0.9, "mean_entropy": 0.1}
    plain |= {"agreement": 0.9, "slice_dice_mean": 0.8, "slice_dice_lowest": 0.7, "roughness": 1.2, "fat_share": 0.1}
    return {**plain, "other_leg": 0.0, "medial": 0.2, "back": -0.5, "share": 0.1, **changes}


@given(entropy=st.floats(0, 0.4), roughness=st.floats(1, 3))
def test_the_probability_is_the_logistic_of_the_standardised_features(entropy, roughness):
    expected = expit(-1 + 0.5 * (entropy - 0.1) / 0.05 + 2 * (roughness - 1.5) / 0.4)
    found = MODEL.probability({"entropy": entropy, "roughness": roughness, "fat": 9.0}, "gracilis")
    assert found == pytest.approx(expected, abs=1e-4)


def test_a_muscle_s_own_figures_are_what_is_typical_of_it():
    features = {"entropy": 0.1, "roughness": 1.2}
    assert MODEL.score(features, "sartorius") == pytest.approx(-1 + 2 * 1.0)
    assert MODEL.score(features, "gracilis") == pytest.approx(-1 + 2 * -0.75)


def test_of_a_place_and_a_size_the_distance_from_what_is_typical_counts():
    model = Logistic(0.0, {"size": 1.0}, {ANY: {"size": (-2.0, 0.5)}})
    assert model.score({"size": -3.0}) == model.score({"size": -1.0}) == pytest.approx(2.0)


def test_what_is_not_known_counts_as_typical():
    assert MODEL.score({"entropy": None}) == -1.0


def test_one_wild_figure_counts_no_more_than_a_limit():
    assert MODEL.score({"entropy": 0.1, "roughness": 99.0}) == pytest.approx(-1 + 2 * FARTHEST)
    assert 0 <= MODEL.probability({"entropy": 1e9, "roughness": -1e9}) <= 1


def test_the_features_are_those_of_the_figures():
    fellow = row(side="right", voxels=50)
    features = muscle_features(row(), [row(), fellow])
    assert features == pytest.approx(
        {
            "doubt": 0.1,
            "entropy": 0.1,
            "disagreement": 0.1,
            "slice_change": 0.2,
            "slice_break": 0.3,
            "roughness": 1.2,
            "fat": 0.1,
            "asymmetry": math.log(2),
            "other_leg": 0.0,
            "medial": 0.2,
            "back": -0.5,
            "size": math.log(0.1),
        }
    )


def test_a_muscle_whose_fellow_is_missing_is_as_one_sided_as_can_be_and_one_alone_is_not():
    missing, alone = [row(), row(side="right", voxels=0)], [row()]
    assert muscle_features(row(), missing)["asymmetry"] == LARGEST_ASYMMETRY
    assert muscle_features(row(), alone)["asymmetry"] is None
    assert muscle_features(row(agreement=None), alone)["disagreement"] == 1.0


def test_a_case_is_judged_by_the_scores_of_its_muscles():
    rows = [row(roughness=value, side=side) for value, side in ((1.1, "left"), (1.2, "right"), (1.3, "left"))]
    rows += [row(name="gracilis", roughness=1.5), row(name="gracilis", side="right", voxels=0)]
    features = case_features(rows, MODEL)
    assert features["mean_score"] == pytest.approx((-1 + 1 + 3 - 1) / 4)
    assert features["worst_score"] == pytest.approx(3)
    assert features["one_sided"] == pytest.approx(1 / 2)
    assert case_features([row(voxels=0)], MODEL) is None


def folder_with_model(path):
    path.mkdir()
    (path / "SHA256SUMS").write_text("00  model.json\n11  model.safetensors\n", encoding="utf-8")
    return path


def test_the_risk_is_read_back_as_it_was_written_and_the_checksums_of_the_weights_stay(tmp_path):
    folder = folder_with_model(tmp_path / "model")
    save_risk(folder, RISK)
    save_risk(folder, RISK)
    assert load_risk(folder, RISK.model_sha256) == RISK
    digest = hashlib.sha256((folder / "risk.json").read_bytes()).hexdigest()
    lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    assert lines == ["00  model.json", "11  model.safetensors", f"{digest}  risk.json"]


def test_weights_that_are_saved_take_the_risk_of_others_away(tmp_path):
    configuration = ModelConfiguration("tiny", ("gracilis",), 2.0, 64, 1, (4, 6), (2,), 1)
    for _ in range(2):
        save_model(tmp_path, configuration, [build_network(configuration)])
        assert load_risk(tmp_path, "any") is None
        save_risk(tmp_path, RISK)


def test_a_model_without_a_risk_has_none(tmp_path):
    assert load_risk(folder_with_model(tmp_path / "model"), "any") is None


def test_the_risk_of_other_weights_is_refused(tmp_path):
    folder = folder_with_model(tmp_path / "model")
    save_risk(folder, RISK)
    with pytest.raises(MyoT2Error, match="benchmarks/segmentation_risk.py"):
        load_risk(folder, "cd" * 32)


@pytest.mark.parametrize("damage", ["changed", "unlisted", "missing"])
def test_a_damaged_risk_is_refused(tmp_path, damage):
    folder = folder_with_model(tmp_path / "model")
    save_risk(folder, RISK)
    path = folder / "risk.json"
    if damage == "changed":
        content = json.loads(path.read_text(encoding="utf-8"))
        content["Muscle"]["Intercept"] = -9
        path.write_text(json.dumps(content), encoding="utf-8")
    elif damage == "unlisted":
        (folder / "SHA256SUMS").write_text("00  model.json\n", encoding="utf-8")
    else:
        path.unlink()
    with pytest.raises(MyoT2Error, match="SHA-256"):
        load_risk(folder, RISK.model_sha256)
