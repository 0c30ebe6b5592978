"""Pseudonyms by a secret key, and what a program shows of an error that nobody foresaw."""

from __future__ import annotations

import argparse
import hashlib
import runpy
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from myot2.core.errors import MyoT2Error
from myot2.ingest.identity import Pseudonyms, make_key, read_key

UID = "1.2.840.113619.2.55.3"
IDS = ["empty", "short", "upper case", "no digits", "long", "no ASCII"]


def test_a_pseudonym_is_the_keyed_digest_of_rfc_2104():
    """HMAC by its definition: H((K xor opad) || H((K xor ipad) || text)), the key filled up to a block of 64 bytes."""
    key = bytes(range(32))
    block = key + bytes(32)
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + UID.encode()).digest()
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).hexdigest()
    assert Pseudonyms(key).of(UID) == outer[:32]


def test_another_key_gives_other_pseudonyms_and_a_digest_without_key_none(tmp_path):
    make_key(tmp_path / "one")
    make_key(tmp_path / "two")
    one, two = read_key(tmp_path / "one").of(UID), read_key(tmp_path / "two").of(UID)
    assert one != two
    assert hashlib.sha256(UID.encode()).hexdigest()[:32] not in (one, two)


def test_a_made_key_is_its_owner_s_alone_and_is_never_written_anew(tmp_path):
    path = tmp_path / "secrets" / "key"
    make_key(path)
    before = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    make_key(path)
    assert path.read_bytes() == before
    assert len(bytes.fromhex(before.decode())) == 32


@pytest.mark.parametrize("content", ["", "a" * 63, "A" * 64, "g" * 64, "a" * 128, "\xe9" * 64], ids=IDS)
def test_what_is_no_key_is_refused_and_not_shown(tmp_path, content):
    (tmp_path / "key").write_text(content, encoding="utf-8")
    with pytest.raises(MyoT2Error, match="64 hexadecimal digits; found something else") as caught:
        read_key(tmp_path / "key")
    assert not content or content not in str(caught.value)


def test_a_missing_key_is_named(tmp_path):
    with pytest.raises(MyoT2Error, match="no such file"):
        read_key(tmp_path / "key")


def test_a_key_is_not_shown_with_the_object_that_holds_it():
    assert "00010203" not in repr(Pseudonyms(bytes(range(32)))).replace("\\x", "")
    assert repr(Pseudonyms(bytes(32))) == "Pseudonyms()"


def test_the_demo_s_key_is_one(root):
    assert len(read_key(root / "config/demo/key").of(UID)) == 32


def test_an_unforeseen_error_shows_its_kind_and_place_and_not_what_it_says(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\n"
        "from myot2.ingest.identity import hide_header_text\n"
        "def parse(text):\n"
        "    try:\n"
        "        return float(text)\n"
        "    except ValueError as error:\n"
        "        raise RuntimeError(f'bad value {text}') from error\n"
        "hide_header_text()\n"
        "parse(sys.argv[1])\n"
    )
    run = subprocess.run([sys.executable, str(program), "DOE^JANE"], capture_output=True, text=True)
    assert run.returncode == 1
    assert "DOE" not in run.stdout + run.stderr
    assert "RuntimeError" in run.stderr
    assert "ValueError" in run.stderr
    assert "line 7, in parse" in run.stderr


PROGRAMS = sorted(
    path
    for path in (Path(__file__).parents[3] / "scripts").glob("*.py")
    if "from myot2.ingest." in path.read_text(encoding="utf-8") and path.stem != "describe_ingest"  # reads no header
)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_every_program_that_meets_identities_hides_what_an_unforeseen_error_says(path, monkeypatch, capsys):
    def fail(*_):
        raise RuntimeError(UID)

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", fail)
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    with pytest.raises(RuntimeError) as caught:
        runpy.run_path(str(path), run_name="__main__")
    sys.excepthook(caught.type, caught.value, caught.tb)
    printed = capsys.readouterr().err
    assert "RuntimeError" in printed
    assert UID not in printed
