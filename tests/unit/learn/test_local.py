"""What a site does with weights that come from elsewhere: learn, judge and keep, with people of its own or without."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from party import CONFIGURATION, WHEN, people, recipe, work_of

from myot2.core.errors import MyoT2Error
from myot2.learn.joining import RenewedWork
from myot2.learn.messages import Order
from myot2.learn.updates import added, digest, model_digest, to_bytes, weights_of
from myot2.learn.versions import current, roll_back, versions
from myot2.segment.model import WEIGHTS, build_network, save_model


@pytest.fixture
def work(tmp_path):
    """The work of a site with three people, two of whom are learned from."""
    import torch

    torch.manual_seed(3)
    save_model(tmp_path / "model", CONFIGURATION, [build_network(CONFIGURATION)])
    return work_of("east", tmp_path / "east")


def order(kind: str, parent: bytes, weights: bytes, number: int = 1) -> Order:
    return Order(
        Kind=kind,
        Federation="thighs",
        Site="east",
        Round=number,
        Nonce="0" * 64,
        ParentSha256=digest(parent),
        WeightsSha256=digest(weights),
        ModelSha256=model_digest(CONFIGURATION),
        ClipNorm=3.0,
    )


def beginning(work) -> bytes:
    return (current(work.models).folder / WEIGHTS).read_bytes()


def learned(work, number: int = 1) -> dict[str, np.ndarray]:
    given = beginning(work)
    return work.learn(order("learn", given, given, number), weights_of(given)).weights


def ruined(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Weights that label everything as background: the last bias of each muscle is far below."""
    last = [name for name, values in weights.items() if name.endswith("bias") and values.shape == (3,)]
    return {**weights, **dict.fromkeys(last, np.array([50, -50, -50], np.float32))}


def strict(work):
    """A site whose gate lets nothing be lost."""
    limits = recipe().limits.model_copy(update={"local_loss": 0.0, "generality_loss": 0.0})
    return replace(work, recipe=work.recipe.model_copy(update={"limits": limits}))


def test_a_round_that_comes_again_gives_the_same_weights_and_another_one_others(work):
    one, again, other = learned(work, 1), learned(work, 1), learned(work, 2)
    assert to_bytes(one) == to_bytes(again) != to_bytes(other)


def test_each_order_to_learn_sees_the_corrections_that_there_are_then(work):
    seen = iter([replace(work, site=None), replace(work, site=None), work])
    renewed, given = RenewedWork(lambda: next(seen)), beginning(work)
    assert renewed.learn(order("learn", given, given), weights_of(given)) is None
    assert renewed.learn(order("learn", given, given, 2), weights_of(given)).people == 2


def test_a_site_without_corrections_judges_by_generality_alone_and_reports_no_people_of_its_own(work):
    alone, before = strict(replace(work, site=None)), weights_of(beginning(work))
    same, worse = alone.judge(learned(work), learned(work)), alone.judge(learned(work), ruined(before))
    assert same.accepted and same.measured == {} and same.generality == 0
    assert not worse.accepted and worse.measured == {} and worse.generality < 0


def test_dice_that_leaves_has_three_decimals(work):
    said = work.judge(weights_of(beginning(work)), learned(work))
    assert set(said.measured) == {"sartorius", "gracilis"}
    numbers = [said.generality, *(value for one in said.measured.values() for value in (one.Before, one.After))]
    assert all(value == round(value, 3) for value in numbers) and any(numbers)


def test_kept_weights_become_the_current_version_and_say_where_they_are_from(work):
    before = beginning(work)
    after = to_bytes(learned(work))
    work.keep(order("keep", before, after), after)
    work.keep(order("keep", before, after), after)  # a second time where the first one was interrupted
    made = current(work.models)
    assert [one.number for one in versions(work.models)] == ["1.0.0", "1.1.0"]
    assert made.number == "1.1.0" and made.parent == "1.0.0"
    content = json.loads((made.folder / "version.json").read_text())
    assert content["Kind"] == "federated" and content["ParentWeightsSha256"] == digest(before)
    assert content["Data"]["Federation"] == "thighs" and content["Data"]["Round"] == 1
    assert [one["structure"] for one in content["Verdict"]["Local"]][1:] == ["sartorius", "gracilis"]


def test_a_version_whose_parent_never_came_here_names_its_weights_and_no_version(work):
    after = to_bytes(learned(work))
    work.keep(order("keep", b"never seen", after), after)
    content = json.loads((current(work.models).folder / "version.json").read_text())
    assert content["Parent"] is None and content["ParentWeightsSha256"] == digest(b"never seen")


def test_what_this_site_finds_worse_lies_beside_its_current_version_until_somebody_wants_it(work):
    better = to_bytes(learned(work))
    work.keep(order("keep", beginning(work), better), better)
    said: list[str] = []
    careful, worse = replace(strict(work), report=said.append), to_bytes(ruined(weights_of(better)))
    careful.keep(order("keep", better, worse, 2), worse)
    assert current(work.models).number == "1.1.0"
    aside = versions(work.models)[-1]
    assert (aside.number, aside.parent) == ("1.2.0", "1.1.0")
    assert json.loads((aside.folder / "version.json").read_text())["Verdict"]["Accepted"] is False
    assert said[-1] == "To use it all the same: segment.version: 1.2.0."
    roll_back(work.models, "1.2.0", reason="We want it.", when=WHEN)
    assert current(work.models).number == "1.2.0"


def test_weights_that_are_no_numbers_are_not_kept(work):
    given = weights_of(beginning(work))
    broken = to_bytes({name: np.full_like(values, np.nan) for name, values in given.items()})
    with pytest.raises(MyoT2Error, match="NaN or infinity"):
        work.keep(order("keep", beginning(work), broken), broken)
    assert len(versions(work.models)) == 1


def test_people_of_a_site_are_measured_once_for_each_set_of_weights(work, monkeypatch):
    """A candidate is measured to be judged; that it is kept needs no second measurement."""
    import myot2.learn.local as local

    before, after = (
        beginning(work),
        to_bytes(
            added(
                weights_of(beginning(work)),
                {name: np.full_like(values, 0.01) for name, values in weights_of(beginning(work)).items()},
            )
        ),
    )
    work.judge(weights_of(before), weights_of(after))
    monkeypatch.setattr(local, "measure", lambda *_, **__: pytest.fail("measured again"))
    work.keep(order("keep", before, after), after)
    assert people("east")[0].person not in (current(work.models).folder / "version.json").read_text()
