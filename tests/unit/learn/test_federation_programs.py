"""The programs by which a federation begins, up to the first round; the rounds themselves are in test_flower.py."""

from __future__ import annotations

import importlib.util
import json

import pytest
import yaml
from federated import WHEN, Party, Told, tiny_model
from reviewed_run import PEOPLE, reviewed_run

from myot2.core.errors import MyoT2Error
from myot2.learn import messages
from myot2.learn.round import open_round
from myot2.learn.site import answer

pytest.importorskip("cryptography", reason="signatures need cryptography (envs/develop.lock)")


@pytest.fixture
def serve(program):
    return program("serve_federation")


@pytest.fixture
def join(program):
    return program("join_federation")


@pytest.fixture
def begun(serve, tmp_path, capsys):
    model, folder = tiny_model(tmp_path / "model"), tmp_path / "coordinator"
    assert serve([str(folder), "--begin", "thighs", "--address", "fed.example.org:9092", "--model", str(model)]) == 0
    return folder, capsys.readouterr().out


def card_of(join, folder, name, capsys) -> tuple[str, str]:
    assert join([str(folder), "--make-keys", name]) == 0
    return str(folder / "card.json"), capsys.readouterr().out


def fingerprint(text: str) -> str:
    return next(word for word in text.split() if word.startswith("SHA256:")).rstrip(".")


def test_two_sites_join_after_fingerprints_were_compared(serve, join, begun, tmp_path, capsys):
    folder, said = begun
    for name in ("hospital-a", "hospital-b"):
        card, told = card_of(join, tmp_path / name, name, capsys)
        assert serve([str(folder), "--add-site", card, "--yes"]) == 0
        assert fingerprint(capsys.readouterr().out) == fingerprint(told)
        assert join([str(tmp_path / name), "--accept", str(folder / "invitation.json"), "--yes"]) == 0
        assert fingerprint(capsys.readouterr().out) == fingerprint(said)
    assert serve([str(folder), "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "hospital-a" in out and "hospital-b" in out and "Nothing was started and nothing was sent." in out


def test_without_a_person_s_yes_nobody_is_taken_in(serve, join, begun, tmp_path, capsys, monkeypatch):
    folder, _ = begun
    card, _ = card_of(join, tmp_path / "a", "hospital-a", capsys)
    before = (folder / "federation.yaml").read_text()
    assert serve([str(folder), "--add-site", card]) == 0  # no terminal: no
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: "")
    assert serve([str(folder), "--add-site", card]) == 0
    assert join([str(tmp_path / "a"), "--accept", str(folder / "invitation.json")]) == 0
    assert capsys.readouterr().out.count("Nothing was changed.") == 3
    assert (folder / "federation.yaml").read_text() == before
    assert not (tmp_path / "a" / "invitation.json").exists()


def test_private_keys_are_their_owner_s_alone_and_in_no_paper(serve, join, begun, tmp_path, capsys):
    folder, _ = begun
    card_of(join, tmp_path / "a", "hospital-a", capsys)
    for path in (
        folder / "signing.key",
        folder / "tls/server.key",
        tmp_path / "a/signing.key",
        tmp_path / "a/node.key",
    ):
        assert path.stat().st_mode & 0o077 == 0
    for paper in (folder / "invitation.json", tmp_path / "a/card.json", folder / "federation.yaml"):
        assert "PRIVATE" not in paper.read_text()


def test_a_site_is_not_taken_in_twice(serve, join, begun, tmp_path, capsys):
    folder, _ = begun
    card, _ = card_of(join, tmp_path / "a", "hospital-a", capsys)
    assert serve([str(folder), "--add-site", card, "--yes"]) == 0
    assert serve([str(folder), "--add-site", card, "--yes"]) == 1
    assert "does not take part yet" in capsys.readouterr().err


def test_a_card_that_was_tampered_with_is_refused(serve, join, begun, tmp_path, capsys):
    folder, _ = begun
    card, _ = card_of(join, tmp_path / "a", "hospital-a", capsys)
    content = json.loads((tmp_path / "a/card.json").read_text())
    for changed in ({"key": "ssh-rsa AAAA"}, {"node": "ecdsa-sha2-nistp384 AAAA"}, {"site": "../a"}, {"more": 1}):
        (tmp_path / "bad.json").write_text(json.dumps(content | changed))
        assert serve([str(folder), "--add-site", str(tmp_path / "bad.json"), "--yes"]) == 1
    assert yaml.safe_load((folder / "federation.yaml").read_text())["sites"] == {}


def test_any_change_of_a_paper_changes_the_fingerprint_that_is_told(serve, join, begun, tmp_path, capsys):
    """Somebody between the two who replaces the authority, the address or the transport key is found by telephone."""
    folder, said = begun
    card, told = card_of(join, tmp_path / "a", "hospital-a", capsys)
    _, other = card_of(join, tmp_path / "b", "hospital-a", capsys)
    node = json.loads((tmp_path / "b/card.json").read_text())["node"]
    (tmp_path / "altered.json").write_text(
        json.dumps(json.loads((tmp_path / "a/card.json").read_text()) | {"node": node})
    )
    assert serve([str(folder), "--add-site", str(tmp_path / "altered.json")]) == 0
    assert fingerprint(capsys.readouterr().out) not in (fingerprint(told), fingerprint(other))
    invitation = json.loads((folder / "invitation.json").read_text())
    for changed in ({"address": "fed.example.com:9092"}, {"authority": invitation["authority"] + "\n"}):
        (tmp_path / "altered.json").write_text(json.dumps(invitation | changed))
        assert join([str(tmp_path / "a"), "--accept", str(tmp_path / "altered.json")]) == 0
        assert fingerprint(capsys.readouterr().out) != fingerprint(said)


@pytest.mark.parametrize("same", ["key", "node"])
def test_a_key_that_another_site_has_is_refused_before_anything_is_written(serve, join, begun, tmp_path, capsys, same):
    folder, _ = begun
    for name in ("a", "b"):
        card_of(join, tmp_path / name, f"hospital-{name}", capsys)
    one, other = (json.loads((tmp_path / name / "card.json").read_text()) for name in ("a", "b"))
    (tmp_path / "same.json").write_text(json.dumps(other | {same: one[same]}))
    assert serve([str(folder), "--add-site", str(tmp_path / "a/card.json"), "--yes"]) == 0
    before = (folder / "federation.yaml").read_text()
    assert serve([str(folder), "--add-site", str(tmp_path / "same.json"), "--yes"]) == 1
    assert f"two sites have the same {same}" in capsys.readouterr().err
    assert (folder / "federation.yaml").read_text() == before
    assert serve([str(folder), "--dry-run"]) == 0


def test_renewed_certificates_come_with_a_new_invitation_and_all_keys_stay(serve, join, begun, tmp_path, capsys):
    import ssl

    folder, _ = begun
    card_of(join, tmp_path / "a", "hospital-a", capsys)
    before, key = json.loads((folder / "invitation.json").read_text()), (folder / "signing.key").read_bytes()
    served = (folder / "tls/server.pem").read_bytes()
    assert serve([str(folder), "--renew"]) == 0
    told = fingerprint(capsys.readouterr().out)
    after = json.loads((folder / "invitation.json").read_text())
    assert after["authority"] == (folder / "tls/ca.crt").read_text() != before["authority"]
    assert {**after, "authority": ""} == {**before, "authority": ""}
    assert (folder / "signing.key").read_bytes() == key and (folder / "tls/server.pem").read_bytes() != served
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(folder / "tls/server.pem", folder / "tls/server.key")
    assert (folder / "tls/server.key").stat().st_mode & 0o077 == 0
    assert join([str(tmp_path / "a"), "--accept", str(folder / "invitation.json"), "--yes"]) == 0
    assert fingerprint(capsys.readouterr().out) == told
    assert json.loads((tmp_path / "a/invitation.json").read_text()) == after


@pytest.mark.parametrize("address", ["[2001:db8::7]:9092", "fed.example.org", "fed.example.org:port"])
def test_an_address_that_sites_cannot_use_is_refused_before_anything_is_made(serve, tmp_path, capsys, address):
    model = tiny_model(tmp_path / "model")
    assert serve([str(tmp_path / "c"), "--begin", "thighs", "--address", address, "--model", str(model)]) == 1
    assert "IPv6 addresses are not supported" in capsys.readouterr().err
    assert not (tmp_path / "c").exists()


def test_a_transport_key_that_others_can_read_is_refused(join, begun, tmp_path, capsys):
    pytest.importorskip("flwr", reason="the rounds need the federation's environment (make federation)")
    from myot2.learn.flower.coordinator import Coordinator, serve
    from myot2.learn.flower.node import join as take_part

    folder, _ = begun
    card_of(join, tmp_path / "a", "hospital-a", capsys)
    (tmp_path / "a/node.key").chmod(0o644)
    (folder / "tls/server.key").chmod(0o640)
    assert join([str(tmp_path / "a"), "--make-keys", "hospital-a"]) == 1
    assert "permissions 644" in capsys.readouterr().err
    known = {"address": "nowhere", "authority": folder / "tls/ca.crt", "node_key": tmp_path / "a/node.key"}
    with pytest.raises(MyoT2Error, match="permissions 644"):
        take_part(tmp_path / "a", who=None, work=None, **known)
    with pytest.raises(MyoT2Error, match="permissions 640"):
        serve(Coordinator(folder, None, None, None, None, None), host="127.0.0.1", port=1, tls=folder / "tls")


def test_without_flower_rounds_do_not_begin_and_what_to_do_is_said(serve, join, begun, tmp_path, capsys, monkeypatch):
    folder, _ = begun
    whole = importlib.util.find_spec
    monkeypatch.setattr("myot2.learn.papers.find_spec", lambda name: None if name == "flwr" else whole(name))
    for call in (serve, join):
        assert call([str(folder)]) == 1
        assert "Once: make federation." in capsys.readouterr().err


def test_with_too_few_sites_the_rounds_do_not_begin(serve, begun, capsys):
    pytest.importorskip("flwr", reason="rounds need the federation's environment (make federation)")
    folder, _ = begun
    assert serve([str(folder)]) == 1
    assert "at least 2 sites" in capsys.readouterr().err


def test_a_setting_that_does_not_exist_is_named(serve, begun, capsys):
    folder, _ = begun
    path = folder / "federation.yaml"
    path.write_text(path.read_text() + "clip: 1\n")
    assert serve([str(folder), "--dry-run"]) == 1
    assert "clip: Extra inputs" in capsys.readouterr().err


def test_a_dry_run_prints_every_field_and_every_tensor_and_their_bytes(tmp_path, root, capsys):
    import runpy

    party = Party.of(tmp_path)
    this = open_round(party.folder, party.settings, when=WHEN)
    order = this.order("north", messages.LEARN, this.parent_weights(), party.key)
    made = answer(tmp_path / "north", order, this.parent_weights(), who=party.sites["north"], work=Told(), when=WHEN)
    runpy.run_path(str(root / "scripts/join_federation.py"))["print_answer"](made.message, made.tensors)
    out = capsys.readouterr().out
    assert all(f'"{name}"' in out for name in messages.Manifest.model_fields)
    assert "0.model.0.conv.unit0.conv.weight  4x3x3x3  432 bytes" in out
    assert f"In all {len(made.message) + len(made.tensors):,} bytes" in out
    assert "Nothing was sent." in out


def test_a_dry_run_learns_from_the_run_s_corrections_and_sends_nothing(
    serve, join, begun, tmp_path, root, training, recipe, configuration, weights, capsys
):
    folder, _ = begun
    card, _ = card_of(join, tmp_path / "a", "hospital-a", capsys)
    assert serve([str(folder), "--add-site", card, "--yes"]) == 0
    assert join([str(tmp_path / "a"), "--accept", str(folder / "invitation.json"), "--yes"]) == 0
    run = reviewed_run(tmp_path / "run", root, training, recipe, configuration, weights)
    capsys.readouterr()
    assert join([str(tmp_path / "a"), "--configfile", str(run / "config.yaml"), "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "Learned from: 12 slices of 1 people; 1 held out." in out
    assert '"Kind": "update"' in out and '"vastus lateralis": 1' in out and "Nothing was sent." in out
    assert not any(who in out.split("This message would leave this site:")[1] for who in PEOPLE)
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [
        *("card.json", "invitation.json", "node.key", "signing.key")
    ]
