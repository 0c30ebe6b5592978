"""The programs by which a federation begins, up to the first round; the rounds themselves are in test_flower.py."""

from __future__ import annotations

import importlib.util
import json

import pytest
import yaml
from federated import WHEN, Party, Told, tiny_model
from reviewed_run import PEOPLE, reviewed_run

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
