"""What leaves a site: the declared message and tensors, the same bytes when asked again, and nothing to a stranger."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from federated import CONFIGURATION, STRUCTURES, WHEN, Party, Told

from myot2.core.errors import MyoT2Error
from myot2.learn import messages
from myot2.learn.ledger import records_of
from myot2.learn.messages import Manifest
from myot2.learn.round import open_round
from myot2.learn.site import answer
from myot2.learn.updates import digest, model_digest, norm_of, tensors_of, weights_of

pytest.importorskip("cryptography", reason="signatures need cryptography (envs/develop.lock)")
from myot2.learn.signing import opened, public_of, signed  # noqa: E402


@pytest.fixture
def party(tmp_path):
    return Party.of(tmp_path)


@pytest.fixture
def this(party):
    return open_round(party.folder, party.settings, when=WHEN)


def ask(party, this, told, order=None, weights=None, site="north"):
    weights = weights or this.parent_weights()
    order = order or this.order(site, messages.LEARN, weights, party.key)
    return answer(party.folder.parent / site, order, weights, who=party.sites[site], work=told, when=WHEN)


def test_an_order_that_comes_again_gets_the_same_bytes_and_nothing_is_learned_twice(party, this):
    told = Told()
    first = ask(party, this, told)
    assert ask(party, this, Told(step=0.5)) == first
    assert told.learnt == 1


def test_an_answer_is_a_manifest_of_the_declared_fields_and_the_model_s_tensors(party, this):
    sent = ask(party, this, Told())
    plain = json.loads(sent.message)
    assert set(plain) == {*Manifest.model_fields, "Signature"}
    tensors = tensors_of(sent.tensors, where="test")
    parent = weights_of(this.parent_weights())
    assert {name: values.shape for name, values in tensors.items()} == {n: v.shape for n, v in parent.items()}
    assert plain["UpdateBytes"] == len(sent.tensors)


def test_tensors_of_a_killed_try_do_not_leave_with_a_decline(party, this):
    """Killed after the tensors were written, before the message; then the corrections were withdrawn."""
    import myot2.learn.site as site

    class Withdrawn(Told):
        def learn(self, order, weights):
            return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site, "append", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ask(party, this, Told())
    (place,) = (party.folder.parent / "north" / "outbox").iterdir()
    assert (place / "update.safetensors").is_file()
    first, again = ask(party, this, Withdrawn()), ask(party, this, Withdrawn())
    assert first == again and first.tensors == b"" and not (place / "update.safetensors").exists()


def test_an_order_about_networks_of_another_kind_is_refused(party, this):
    """The same number of structures in another order: the tensors would fit, and mean other muscles."""
    turned = replace(CONFIGURATION, structures=STRUCTURES[::-1])

    class Other(Told):
        def model_sha256(self):
            return model_digest(turned)

    told = Other()
    with pytest.raises(MyoT2Error, match="networks like this site's"):
        ask(party, this, told)
    assert told.learnt == 0
    assert model_digest(replace(CONFIGURATION, name="tiny 1.1.0")) == model_digest(CONFIGURATION)


def test_an_update_larger_than_the_order_allows_is_scaled_down_before_it_leaves(party, this):
    sent = ask(party, this, Told(step=5.0))
    limit = party.settings.rules.clip_norm
    assert norm_of(tensors_of(sent.tensors, where="test")) == pytest.approx(limit, rel=1e-6)


def test_the_site_s_own_ledger_says_what_was_sent(party, this):
    sent = ask(party, this, Told())
    (record,) = records_of(party.folder.parent / "north")
    assert record["TensorsSha256"] == digest(sent.tensors)
    assert record["Bytes"] == len(sent.message) + len(sent.tensors)


def test_what_lies_in_the_outbox_is_what_was_sent(party, this):
    sent = ask(party, this, Told())
    (place,) = (party.folder.parent / "north" / "outbox").iterdir()
    assert (place / "message.json").read_bytes() == sent.message
    assert (place / "update.safetensors").read_bytes() == sent.tensors


def test_an_order_that_another_than_the_coordinator_signed_is_refused_and_nothing_is_learned(party, this):
    told, weights = Told(), this.parent_weights()
    forged = this.order("north", messages.LEARN, weights, party.sites["west"].key)
    with pytest.raises(MyoT2Error, match="another signature"):
        ask(party, this, told, order=forged)
    assert told.learnt == 0


def test_an_order_for_another_site_is_refused(party, this):
    weights = this.parent_weights()
    with pytest.raises(MyoT2Error, match="order for site north"):
        ask(party, this, Told(), order=this.order("west", messages.LEARN, weights, party.key))


def test_weights_that_are_not_those_of_the_order_are_refused(party, this):
    weights = this.parent_weights()
    order = this.order("north", messages.LEARN, weights, party.key)
    with pytest.raises(MyoT2Error, match="weights with SHA-256"):
        ask(party, this, Told(), order=order, weights=weights[:-4] + b"\0\0\0\0")


def test_a_site_whose_own_gate_refuses_sends_no_tensors(party, this):
    class Worse(Told):
        def learn(self, order, weights):
            learned = super().learn(order, weights)
            return type(learned)(**{**vars(learned), "accepted": False})

    sent = ask(party, this, Worse())
    assert sent.tensors == b""
    declined = opened(sent.message, messages.Declined, public_of(party.sites["north"].key), where="test")
    assert declined.Reason == "its own gate refuses what it learned"


def test_accepted_weights_are_kept_and_the_site_says_so(party, this):
    told, weights = Told(), this.parent_weights()
    sent = ask(party, this, told, order=this.order("north", messages.KEEP, weights, party.key))
    assert told.kept == [digest(weights)]
    receipt = opened(sent.message, messages.Receipt, public_of(party.sites["north"].key), where="test")
    assert receipt.WeightsSha256 == digest(weights)


@pytest.mark.parametrize("kind", [messages.Manifest, messages.Declined, messages.Report, messages.Receipt])
def test_no_field_of_what_leaves_a_site_takes_free_text(kind):
    """Every string has a pattern or a closed list of values, as the schema says that a data officer can read."""

    def strings(schema, path=""):
        if schema.get("type") == "string" and not ({"pattern", "enum", "const"} & set(schema)):
            yield path
        for key in ("properties", "$defs", "patternProperties"):
            for name, part in schema.get(key, {}).items():
                yield from strings(part, f"{path}/{name}")
        for key in ("items", "additionalProperties"):
            if isinstance(schema.get(key), dict):
                yield from strings(schema[key], f"{path}/{key}")
        for part in [*schema.get("anyOf", []), *schema.get("prefixItems", [])]:
            yield from strings(part, path)

    schema = kind.model_json_schema()
    assert schema["additionalProperties"] is False
    assert list(strings(schema)) == []


def test_a_name_cannot_be_sent_as_a_structure_that_the_model_has_not(party, this):
    """A signed manifest with a person's name where a muscle belongs does not pass the coordinator."""
    from myot2.learn.updates import read_update

    sent = ask(party, this, Told())
    north = party.sites["north"]
    manifest = opened(sent.message, Manifest, public_of(north.key), where="test")
    named = manifest.model_copy(update={"PeopleOf": {"jane doe": 1}})
    order = this.order_content("north", messages.LEARN, this.parent.weights_sha256)
    with pytest.raises(MyoT2Error, match="jane doe"):
        read_update(
            signed(named, north.key),
            sent.tensors,
            order,
            parent=weights_of(this.parent_weights()),
            structures=STRUCTURES,
            public=public_of(north.key),
        )


def test_learning_that_yields_no_numbers_is_sent_to_nobody(party, this):
    class Broken(Told):
        def learn(self, order, weights):
            learned = super().learn(order, weights)
            broken = {name: np.full_like(values, np.nan) for name, values in learned.weights.items()}
            return type(learned)(**{**vars(learned), "weights": broken})

    with pytest.raises(MyoT2Error, match="finite"):
        ask(party, this, Broken())
    assert not list((party.folder.parent / "north").glob("outbox/*/message.json"))
