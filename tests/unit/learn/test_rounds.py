"""Rounds of a federation: honest sites make a new model, others do not, and what is refused is said.

test_kills.py breaks rounds off.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from federated import HEAD, STRUCTURES, WHEN, Party, Told, ask, play, steady

from myot2.core.files import sha256
from myot2.learn import messages
from myot2.learn.ledger import records_of
from myot2.learn.round import CLOSED, NO_ANSWER, UPDATE, last_accepted, open_round
from myot2.learn.rounds import take_declined, take_receipt, take_report, take_update
from myot2.learn.updates import digest, norm_of, to_bytes, weights_of
from myot2.learn.versions import current, roll_back, versions
from myot2.segment.model import WEIGHTS

pytest.importorskip("cryptography", reason="signatures need cryptography (envs/develop.lock)")
from myot2.learn.signing import signed  # noqa: E402


def weights(version) -> dict[str, np.ndarray]:
    return weights_of((version.folder / WEIGHTS).read_bytes())


def last(party: Party, event: str) -> dict:
    return [one for one in records_of(party.folder) if one["Event"] == event][-1]


def test_three_honest_sites_make_a_new_version_that_is_their_mean_by_people(tmp_path):
    party = Party.of(tmp_path)
    work = {
        "east": Told(step=0.03, people=1, people_of={"sartorius": 1}),
        "north": Told(step=0.01, people=3, people_of={"sartorius": 3, "gracilis": 2}),
        "west": Told(step=-0.01, people=4, people_of={"gracilis": 2}),
    }
    before = weights(current(party.folder / "models"))
    outcomes, made = play(party, work)
    assert all(outcome.accepted for outcome in outcomes.values())
    assert made.number == "1.1.0" and current(party.folder / "models") == made
    after = weights(made)
    trunk = "0.model.0.conv.unit0.conv.weight"
    assert after[trunk] - before[trunk] == pytest.approx((0.03 + 0.03 - 0.04) / 8, abs=1e-6)
    head = [name for name in HEAD if name.endswith("bias")][-1]
    moved = after[head] - before[head]
    expected = [(0.03 + 0.03 - 0.04) / 8, (0.03 * 1 + 0.01 * 3) / 4, (0.01 * 2 - 0.01 * 2) / 4, 0.0]
    assert moved == pytest.approx(expected, abs=1e-6)


def test_the_ledger_and_the_version_say_who_brought_what_and_name_nobody(tmp_path):
    party = Party.of(tmp_path)
    _, made = play(party, {site: Told() for site in party.sites})
    events = [(one["Event"], one.get("Site")) for one in records_of(party.folder)]
    assert events[0] == ("round opened", None) and events[-1] == (CLOSED, None)
    assert [site for event, site in events if event == UPDATE] == ["east", "north", "west"]
    data = (made.folder / "version.json").read_text(encoding="utf-8")
    assert '"north": 4' in data and "sub-" not in data


def test_the_next_round_begins_with_the_new_version(tmp_path):
    party = Party.of(tmp_path)
    for number in ("1.1.0", "1.2.0", "1.3.0"):
        _, made = play(party, {site: Told() for site in party.sites})
        assert made.number == number
    assert [one.parent for one in versions(party.folder / "models")] == [None, "1.0.0", "1.1.0", "1.2.0"]


def test_rounds_that_are_played_again_give_the_same_weights(tmp_path):
    digests = []
    for name in ("one", "two"):
        party = Party.of(tmp_path / name)
        for _ in range(2):
            _, made = play(party, {site: Told(step=0.01 * len(site)) for site in party.sites})
        digests.append(sha256(made.folder / WEIGHTS))
    assert digests[0] == digests[1]


def test_after_going_back_the_next_round_begins_with_the_earlier_version(tmp_path):
    party = Party.of(tmp_path)
    work = {site: Told() for site in party.sites}
    play(party, work)
    roll_back(party.folder / "models", "1.0.0", reason="West found its masks to be wrong.", when=WHEN)
    this = open_round(party.folder, party.settings, when=WHEN)
    assert this.parent.number == "1.0.0"
    _, made = play(party, work)
    assert made.number == "1.2.0" and made.parent == "1.0.0"


def scaled(sent, identity):
    """What an attacker with a stolen key sends: the update a thousand times, and a manifest that fits it."""
    return resigned(sent, identity, lambda values: values * 1000)


def poisoned_by_nan(sent, identity):
    return resigned(
        sent, identity, lambda values: np.where(np.arange(values.size).reshape(values.shape), values, np.nan)
    )


def resigned(sent, identity, change):
    from myot2.learn.messages import Manifest
    from myot2.learn.signing import opened, public_of

    manifest = opened(sent.message, Manifest, public_of(identity.key), where="test")
    wrong = {name: change(v).astype(np.float32) for name, v in weights_of(sent.tensors).items()}
    norm = norm_of(wrong)
    fields = {"UpdateSha256": digest(to_bytes(wrong)), "Norm": norm if np.isfinite(norm) else 1.0}
    return signed(manifest.model_copy(update=fields), identity.key), to_bytes(wrong)


def unsigned(sent, identity):
    return sent.message.replace(b'"Signature"', b'"Signeture"'), sent.tensors


def of_another_site(sent, identity):
    return signed_by_stranger(sent), sent.tensors


def signed_by_stranger(sent):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from myot2.learn.messages import Manifest

    plain = json.loads(sent.message)
    plain.pop("Signature")
    return signed(Manifest.model_validate(plain), Ed25519PrivateKey.generate())


def cut_off(sent, identity):
    return sent.message, sent.tensors[:-4]


@pytest.mark.parametrize(
    ("attack", "says"),
    [
        (scaled, "norm of at most"),
        (poisoned_by_nan, "NaN or infinity"),
        (unsigned, "no signature"),
        (of_another_site, "another signature"),
        (cut_off, "other bytes"),
    ],
)
def test_one_attacked_update_is_refused_with_its_reason_and_the_honest_ones_make_the_model(tmp_path, attack, says):
    party = Party.of(tmp_path)

    def alter(site, sent):
        return attack(sent, party.sites[site]) if site == "west" else (sent.message, sent.tensors)

    outcomes, made = play(party, {site: Told() for site in party.sites}, alter=alter)
    assert {site: outcome.accepted for site, outcome in outcomes.items()} == {
        "east": True,
        "north": True,
        "west": False,
    }
    assert says in outcomes["west"].reason
    assert made.number == "1.1.0"
    assert says in last(party, UPDATE)["Reason"] and not (party.folder / "rounds/0001/updates/west.json").exists()


def test_an_update_of_an_earlier_round_is_refused_when_it_is_sent_again(tmp_path):
    party = Party.of(tmp_path)
    kept = {}

    def keep(site, sent):
        kept[site] = (sent.message, sent.tensors)
        return kept[site]

    def replay(site, sent):
        return kept[site] if site == "west" else (sent.message, sent.tensors)

    work = {site: Told() for site in party.sites}
    play(party, work, alter=keep)
    outcomes, _ = play(party, work, alter=replay)
    assert not outcomes["west"].accepted and "replay" in outcomes["west"].reason
    assert outcomes["east"].accepted and outcomes["north"].accepted


def test_an_update_that_makes_muscles_worse_is_refused_though_all_else_is_in_order(tmp_path):
    """Permuted labels: the numbers are finite, small and signed; the synthetic people tell."""
    party = Party.of(tmp_path)
    first = weights(current(party.folder / "models"))

    def examine(those):
        moved = float(np.mean([np.mean(those[name] - first[name]) for name in first]))
        return {"synthetic-0": dict.fromkeys(STRUCTURES, 0.5 if moved < -0.005 else 0.8)}

    work = {"east": Told(), "north": Told(), "west": Told(step=-0.02)}
    outcomes, made = play(party, work, examine=examine)
    assert not outcomes["west"].accepted and "sartorius changes by -30.00 points" in outcomes["west"].reason
    assert made.number == "1.1.0"


def test_a_second_update_of_a_site_in_a_round_is_refused_and_the_first_one_again_is_not(tmp_path):
    party = Party.of(tmp_path)
    this = open_round(party.folder, party.settings, when=WHEN)
    sent = ask(party, this, "east", Told(), messages.LEARN, this.parent_weights())
    other = resigned(sent, party.sites["east"], lambda values: values / 2)
    arguments = {"structures": STRUCTURES, "examine": steady, "when": WHEN}
    assert take_update(this, "east", sent.message, sent.tensors, **arguments).accepted
    assert take_update(this, "east", sent.message, sent.tensors, **arguments).accepted
    assert not take_update(this, "east", *other, **arguments).accepted
    assert len(this.events(UPDATE)) == 1


def test_a_site_outside_of_the_federation_is_refused(tmp_path):
    party = Party.of(tmp_path)
    this = open_round(party.folder, party.settings, when=WHEN)
    sent = ask(party, this, "east", Told(), messages.LEARN, this.parent_weights())
    outcome = take_update(this, "south", sent.message, sent.tensors, structures=STRUCTURES, examine=steady, when=WHEN)
    assert not outcome.accepted and "a site of the federation" in outcome.reason


def test_a_candidate_that_one_site_refuses_is_not_accepted_and_the_model_stays(tmp_path):
    party = Party.of(tmp_path)
    work = {"east": Told(), "north": Told(accepts=False), "west": Told()}
    _, made = play(party, work)
    assert made is None and current(party.folder / "models").number == "1.0.0"
    assert last(party, CLOSED)["Reasons"] == ["Site north refuses the candidate: gracilis."]
    assert records_of(party.folder / "models")[-1]["Event"] == "refused"


def test_a_federation_may_allow_that_one_site_refuses(tmp_path):
    party = Party.of(tmp_path, refusing_sites=1)
    _, made = play(party, {"east": Told(), "north": Told(accepts=False), "west": Told()})
    assert made.number == "1.1.0"


def test_a_site_that_drops_out_is_missing_from_the_mean_and_nothing_else(tmp_path):
    party = Party.of(tmp_path)
    outcomes, made = play(party, {"east": Told(step=0.01), "north": Told(step=0.03)})
    assert made.number == "1.1.0" and set(outcomes) == {"east", "north"}


def test_a_round_whose_parent_was_left_by_going_back_is_closed_and_the_next_one_is_played(tmp_path):
    party = Party.of(tmp_path)
    work = {site: Told() for site in party.sites}
    play(party, work)
    left = open_round(party.folder, party.settings, when=WHEN)
    assert left.parent.number == "1.1.0"
    roll_back(party.folder / "models", "1.0.0", reason="Wrong masks.", when=WHEN)
    _, made = play(party, work)
    closed = [one for one in records_of(party.folder) if one["Event"] == CLOSED]
    assert [(one["Round"], one["Accepted"]) for one in closed] == [(1, True), (2, False), (3, True)]
    assert closed[1]["Reasons"] == ["Version 1.0.0 has become the current one while this round was open."]
    assert made.number == "1.2.0" and made.parent == "1.0.0"


def test_an_open_round_is_judged_by_the_rules_it_was_opened_with(tmp_path):
    party = Party.of(tmp_path)
    open_round(party.folder, party.settings, when=WHEN)
    rules = party.settings.rules.model_copy(update={"minimum_sites": 4, "clip_norm": 1.0})
    party.settings = party.settings.model_copy(update={"rules": rules})
    assert open_round(party.folder, party.settings, when=WHEN).settings.rules.clip_norm == 2.0
    _, made = play(party, {site: Told() for site in party.sites})
    assert made.number == "1.1.0"
    _, made = play(party, {site: Told() for site in party.sites})
    assert made is None and last(party, CLOSED)["Reasons"] == ["There are 3 accepted updates; the rules want 4."]


def test_a_site_that_claims_a_million_people_weighs_as_much_as_the_rules_allow(tmp_path):
    party = Party.of(tmp_path, most_people=8)
    before = weights(current(party.folder / "models"))
    many = Told(step=0.03, people=1_000_000, people_of=dict.fromkeys(STRUCTURES, 1_000_000))
    _, made = play(party, {"east": Told(step=0.01), "north": Told(step=0.01), "west": many})
    for name, after in weights(made).items():
        assert after - before[name] == pytest.approx((0.01 * 4 + 0.01 * 4 + 0.03 * 8) / 16, abs=1e-6)


def test_an_invalid_word_of_a_site_is_recorded_whatever_it_was_to_say(tmp_path):
    party = Party.of(tmp_path)
    play(party, {"east": Told(), "north": Told()})
    this, made = last_accepted(party.folder, party.settings)
    assert not take_declined(this, "west", b"no", when=WHEN).accepted
    assert not take_report(this, "west", b"no", structures=STRUCTURES, when=WHEN).accepted
    assert not take_receipt(this, "west", b"no", made, when=WHEN).accepted
    found = [one for one in records_of(party.folder) if one["Event"] == NO_ANSWER]
    assert [(one["Site"], one["Order"]) for one in found] == [("west", "learn"), ("west", "judge"), ("west", "keep")]
    assert all("canonical JSON" in one["Reason"] for one in found)


def test_too_few_updates_make_no_model(tmp_path):
    party = Party.of(tmp_path)
    _, made = play(party, {"east": Told()})
    assert made is None
    assert last(party, CLOSED)["Reasons"] == ["There are 1 accepted updates; the rules want 2."]


def test_a_site_without_corrections_says_so_and_still_judges(tmp_path):
    party = Party.of(tmp_path)

    class Nothing(Told):
        def learn(self, order, weights):
            return None

    outcomes, made = play(party, {"east": Told(), "north": Told(), "west": Nothing()})
    assert outcomes["west"].accepted and made.number == "1.1.0"
    assert last(party, "no update")["Reason"] == "no corrections"
    assert {one["Site"] for one in records_of(party.folder) if one["Event"] == "report"} == set(party.sites)
