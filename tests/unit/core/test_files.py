"""Atomic and deterministic writing."""

from __future__ import annotations

import hashlib

import pytest

from myot2.core.files import atomic, listing_digest, sha256, write_json, write_text


def test_a_failed_write_leaves_the_old_file_and_no_temporary_one(tmp_path):
    path = tmp_path / "table.tsv"
    write_text(path, "old")
    with pytest.raises(RuntimeError, match="power cut"), atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError("power cut")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_temporary_name_keeps_the_suffix_that_image_writers_look_at(tmp_path):
    with atomic(tmp_path / "new" / "image.nii.gz") as temporary:
        assert temporary.name.endswith(".nii.gz")
        temporary.write_bytes(b"content")
    assert (tmp_path / "new" / "image.nii.gz").read_bytes() == b"content"


def test_json_refuses_numbers_that_json_cannot_hold(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"t2_ms": float("nan")})
    assert not list(tmp_path.iterdir())


def test_sha256_is_the_digest_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"muscle")
    assert sha256(tmp_path / "a") == hashlib.sha256(b"muscle").hexdigest()


def test_a_folder_has_another_digest_when_a_file_comes_goes_or_grows(tmp_path):
    digests = [listing_digest(tmp_path)]
    for change in (
        lambda: (tmp_path / "IM1").write_bytes(b"a"),
        lambda: (tmp_path / "IM1").write_bytes(b"ab"),
        lambda: (tmp_path / "IM1").rename(tmp_path / "IM2"),
    ):
        change()
        digests.append(listing_digest(tmp_path))
    assert len(set(digests)) == 4
    (tmp_path / "IM2").touch()
    assert listing_digest(tmp_path) == digests[-1]
