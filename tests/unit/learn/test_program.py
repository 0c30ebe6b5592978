"""The program: from decisions of a run to a new version, or to a refusal that is recorded."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from reviewed_run import PEOPLE, decide, reviewed_run

from myot2.learn.ledger import records_of
from myot2.learn.people import HELD_OUT, LEARNED
from myot2.segment.model import load_model


@pytest.fixture(scope="module")
def run(tmp_path_factory, root, training, recipe, configuration, weights):
    return reviewed_run(tmp_path_factory.mktemp("run"), root, training, recipe, configuration, weights)


@pytest.fixture(scope="module")
def learn(run, program):
    def call(*words: str) -> int:
        return program("learn_from_corrections")(["--configfile", str(run / "config.yaml"), *words])

    return call


def outputs(run) -> list[str]:
    return ["--attempt", str(run / "results/learn/attempt.json"), "--table", str(run / "results/learn/structures.tsv")]


def test_1_a_dry_run_says_what_would_be_learned_from_and_writes_nothing(run, learn, capsys):
    before = sorted(run.rglob("*"))
    assert learn("--dry-run") == 0
    said = capsys.readouterr().out
    assert "Learned from: people 1, slices of limbs 12." in said and "Held out, to judge by: people 1." in said
    assert "vastus lateralis: people 1, slices of limbs 12" in said
    assert "Left out: sub-P03: expected a mask that was accepted or corrected; found no decision" in said
    assert "Nothing would leave this machine" in said
    assert sorted(run.rglob("*")) == before


def test_2_what_the_gate_accepts_becomes_a_version(run, learn, capsys):
    assert learn(*outputs(run)) == 0
    said = capsys.readouterr().out
    assert "Accepted: version 1.1.0, made from 1.0.0." in said and "version: 1.1.0}" in said
    new = run / "models/versions/1.1.0"
    names = [load_model(run / "models/versions" / number).configuration.name for number in ("1.0.0", "1.1.0")]
    assert names[1] == f"{names[0]} 1.1.0"
    told = json.loads((new / "version.json").read_text())
    assert told["Data"]["People"] == 1 and told["Data"]["HeldOutPeople"] == 1
    assert told["Data"]["Structures"][0] == {"Structure": "vastus lateralis", "People": 1, "Slices": 12}
    assert sorted(json.loads((run / "models/people.json").read_text()).values()) == [HELD_OUT, LEARNED]
    text = (new / "version.json").read_text() + (run / "models/ledger.jsonl").read_text()
    assert not any(who in text for who in PEOPLE), "a version names no person"


def test_3_the_outputs_say_what_changed_without_a_time(run):
    attempt = json.loads((run / "results/learn/attempt.json").read_text())
    assert attempt["Event"] == "accepted" and not {"When", "Files"} & set(attempt)
    table = pd.read_csv(run / "results/learn/structures.tsv", sep="\t")
    dictionary = json.loads((run / "results/learn/structures.json").read_text())
    assert set(table.columns) == set(dictionary)
    assert table.structure.tolist() == ["mean of structures", "vastus lateralis", "vastus intermedius"]
    row = table.set_index("structure").loc["vastus lateralis"]
    assert row.learned_slices == 12 and row.local_people == 1 and row.generality_people == 1
    assert row.local_change == pytest.approx(row.local_after - row.local_before, abs=1e-5)


def test_4_the_same_corrections_are_not_learned_from_twice(run, learn, capsys):
    files = {path: path.read_bytes() for path in (run / "results/learn").iterdir()}
    lines = len(records_of(run / "models"))
    assert learn(*outputs(run)) == 0
    assert "nothing is done anew" in capsys.readouterr().out
    assert len(records_of(run / "models")) == lines
    assert {path: path.read_bytes() for path in (run / "results/learn").iterdir()} == files


def test_5_an_attempt_that_is_refused_is_recorded_and_the_model_stays(run, learn, capsys):
    path = run / "recipe.yaml"
    strict = yaml.safe_load(path.read_text())
    strict["limits"]["local_gain"] = 1.0
    path.write_text(yaml.safe_dump(strict))
    decide(run, "P03")
    assert learn(*outputs(run)) == 0
    said = capsys.readouterr().out
    assert "Refused: the model stays version 1.1.0" in said and "must rise by more than 100.00 points" in said
    record = records_of(run / "models")[-1]
    assert (record["Event"], record["Parent"], record["Data"]["People"]) == ("refused", "1.1.0", 2)
    assert not (run / "models/versions/1.2.0").exists()
    assert json.loads((run / "results/learn/attempt.json").read_text())["Verdict"]["Accepted"] is False
    assert learn("--show") == 0
    assert "Refused: the model stays version 1.1.0" in capsys.readouterr().out


def test_6_versions_are_listed_and_one_goes_back_with_a_reason(run, learn, capsys):
    assert learn("--roll-back", "1.0.0", "--reason", "to compare") == 0
    assert learn("--list") == 0
    said = capsys.readouterr().out
    assert "1.0.0  from learn.start" in said and said.rstrip().splitlines()[-2].endswith("(current)")
    assert records_of(run / "models")[-1]["Reason"] == "to compare"
    with pytest.raises(SystemExit):
        learn("--roll-back", "1.0.0")
    assert learn("--roll-back", "1.7.0", "--reason", "x") == 1


def test_7_learning_again_from_the_start_gives_the_same_weights(run, learn, tmp_path):
    settings = yaml.safe_load((run / "config.yaml").read_text())
    recipe = yaml.safe_load((run / "recipe.yaml").read_text())
    recipe["limits"]["local_gain"] = None
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    made = []
    for name in ("one", "two"):
        settings["learn"] |= {"models": str(tmp_path / name), "recipe": str(tmp_path / "recipe.yaml")}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(settings))
        assert learn("--configfile", str(tmp_path / f"{name}.yaml")) == 0
        made.append((tmp_path / name / "versions/1.1.0/models/model.safetensors").read_bytes())
    assert made[0] == made[1]


def test_8_one_person_is_not_enough(run, learn, tmp_path, capsys):
    settings = yaml.safe_load((run / "config.yaml").read_text())
    (tmp_path / "corrections").mkdir()
    rows = (run / "corrections/decisions.tsv").read_text().splitlines()
    (tmp_path / "corrections/decisions.tsv").write_text("\n".join(rows[:2]) + "\n")
    settings["review"]["folder"] = str(tmp_path / "corrections")
    settings["learn"]["models"] = str(tmp_path / "models")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings))
    assert learn("--configfile", str(tmp_path / "config.yaml")) == 1
    assert "of at least two people" in capsys.readouterr().err
    assert not np.any([path.exists() for path in (tmp_path / "models", tmp_path / "models/ledger.jsonl")])
