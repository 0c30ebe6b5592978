"""Of what a site sends, everything that is not an honest update is refused, and an honest one is not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from myot2.audit.digests import canonical
from myot2.core.errors import MyoT2Error
from myot2.learn.messages import Manifest, Order
from myot2.learn.updates import (
    added,
    clipped,
    difference_of,
    digest,
    norm_of,
    read_update,
    size_of,
    tensors_of,
    to_bytes,
)

pytest.importorskip("cryptography", reason="signatures need cryptography (envs/develop.lock)")

from myot2.learn.signing import SIGNATURE, make_key, public_of, read_key, signed  # noqa: E402

STRUCTURES = ("sartorius", "gracilis")
PARENT = {"0.a.weight": np.arange(12, dtype=np.float32).reshape(3, 4), "0.a.bias": np.ones(3, np.float32)}
ORDER = Order(
    Kind="learn",
    Federation="thighs",
    Site="north",
    Round=2,
    Nonce="a" * 64,
    ParentSha256="b" * 64,
    WeightsSha256="b" * 64,
    ModelSha256="e" * 64,
    ClipNorm=1.0,
)


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "north.key"
    make_key(path)
    return read_key(path)


def tensors(value: float = 0.1) -> dict[str, np.ndarray]:
    return {name: np.full_like(values, value) for name, values in PARENT.items()}


def manifest(content: bytes, norm: float, **changed) -> Manifest:
    fields = {name: getattr(ORDER, name) for name in ("Federation", "Site", "Round", "Nonce", "ParentSha256")}
    fields |= {"UpdateSha256": digest(content), "UpdateBytes": len(content), "Norm": norm, "People": 4}
    fields |= {"PeopleOf": {"sartorius": 3}, "Measured": {}, "RecipeSha256": "c" * 64, "Software": "0.1.0"}
    return Manifest(**fields | changed)


def read(message: bytes, content: bytes, key, public: str | None = None):
    return read_update(message, content, ORDER, parent=PARENT, structures=STRUCTURES, public=public or public_of(key))


def test_an_honest_update_is_read_as_it_was_written(key):
    content = to_bytes(tensors())
    update = read(signed(manifest(content, norm_of(tensors())), key), content, key)
    assert update.manifest.PeopleOf == {"sartorius": 3}
    for name, values in tensors().items():
        assert np.array_equal(update.difference[name], values)


def test_signing_the_same_content_twice_gives_the_same_bytes(key):
    content = to_bytes(tensors())
    assert signed(manifest(content, 1.0), key) == signed(manifest(content, 1.0), key)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"Round": 1}, "replay"),
        ({"Nonce": "d" * 64}, "replay"),
        ({"ParentSha256": "d" * 64}, "replay"),
        ({"Site": "south"}, "replay"),
        ({"Federation": "calves"}, "replay"),
        ({"UpdateSha256": "d" * 64}, "other bytes"),
        ({"Norm": 0.1}, "norm"),
        ({"PeopleOf": {"tibialis": 1}}, "tibialis"),
        ({"Measured": {"tibialis": {"People": 1, "Before": 0.1, "After": 0.2}}}, "tibialis"),
        ({"PeopleOf": {"sartorius": 5}}, "fewer"),
        ({"People": 0, "PeopleOf": {}}, "fewer"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused_though_it_is_signed(key, changed, says):
    content = to_bytes(tensors())
    with pytest.raises(MyoT2Error, match=says):
        read(signed(manifest(content, norm_of(tensors()), **changed), key), content, key)


def bad_tensors() -> dict[str, tuple[dict[str, np.ndarray], str]]:
    nan, infinite = tensors(), tensors()
    nan["0.a.bias"][1], infinite["0.a.weight"][2, 1] = np.nan, -np.inf
    return {
        "NaN": (nan, "NaN or infinity"),
        "infinity": (infinite, "NaN or infinity"),
        "scaled": (tensors(100.0), "norm of at most"),
        "name": ({"0.b.weight" if n == "0.a.weight" else n: v for n, v in tensors().items()}, "names"),
        "shape": ({**tensors(), "0.a.weight": np.full((4, 3), 0.1, np.float32)}, "shape"),
        "type": ({n: v.astype(np.float64) for n, v in tensors().items()}, "bytes of tensors|float32"),
        "more": ({**tensors(), "image": np.zeros((64, 64), np.float32)}, "bytes of tensors"),
        "fewer": ({"0.a.bias": tensors()["0.a.bias"]}, "bytes of tensors"),
        "integers": ({n: v.astype(np.int32) for n, v in tensors().items()}, "float32"),
    }


@pytest.mark.parametrize("case", bad_tensors())
def test_tensors_that_are_none_of_the_model_are_refused_though_they_are_signed(key, case):
    wrong, says = bad_tensors()[case]
    content = save(wrong)
    norm = norm_of(wrong)
    claimed = norm if np.isfinite(norm) else 1.0
    with pytest.raises(MyoT2Error, match=says):
        read(signed(manifest(content, claimed), key), content, key)


def test_a_scaled_update_that_claims_a_small_norm_is_refused(key):
    content = to_bytes(tensors(100.0))
    with pytest.raises(MyoT2Error, match="norm of at most"):
        read(signed(manifest(content, 0.4), key), content, key)


def test_an_update_that_nobody_signed_is_refused(key):
    content = to_bytes(tensors())
    plain = manifest(content, norm_of(tensors())).model_dump(mode="json")
    with pytest.raises(MyoT2Error, match="no signature"):
        read(canonical(plain), content, key)


def test_an_update_that_another_key_signed_is_refused(key, tmp_path):
    make_key(tmp_path / "other.key")
    content = to_bytes(tensors())
    with pytest.raises(MyoT2Error, match="another signature"):
        read(signed(manifest(content, norm_of(tensors())), read_key(tmp_path / "other.key")), content, key)


@settings(deadline=None)
@given(st.data())
def test_no_bit_of_a_signed_manifest_can_be_changed(key, data):
    content = to_bytes(tensors())
    message = bytearray(signed(manifest(content, norm_of(tensors())), key))
    place = data.draw(st.integers(0, len(message) - 1))
    message[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(MyoT2Error):
        read(bytes(message), content, key)


def test_a_signature_is_written_in_one_way_only(key):
    """A bit turns a small letter of it into a capital, which are the same hexadecimal digits."""
    content = to_bytes(tensors())
    plain = json.loads(signed(manifest(content, norm_of(tensors())), key))
    for altered in (
        plain[SIGNATURE].upper(),
        plain[SIGNATURE] + " ",
        plain[SIGNATURE][:64] + " " + plain[SIGNATURE][64:],
    ):
        with pytest.raises(MyoT2Error, match="another signature"):
            read(canonical({**plain, SIGNATURE: altered}), content, key)


@settings(deadline=None)
@given(st.data())
def test_no_bit_of_the_tensors_can_be_changed(key, data):
    content = bytearray(to_bytes(tensors()))
    message = signed(manifest(bytes(content), norm_of(tensors())), key)
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(MyoT2Error):
        read(message, bytes(content), key)


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_whatever_bytes_come_the_answer_is_a_refusal_in_words(key, content):
    with pytest.raises(MyoT2Error):
        tensors_of(content, where="a site")
    with pytest.raises(MyoT2Error):
        read(content, content, key)


def test_nothing_can_be_hidden_in_blanks_repeated_keys_or_unknown_fields(key):
    content = to_bytes(tensors())
    message = signed(manifest(content, norm_of(tensors())), key)
    plain = json.loads(message)
    blanks = json.dumps(plain).encode()
    repeated = message[:-1] + b',"Software":"0.1.0"}'
    for altered in (blanks, repeated):
        with pytest.raises(MyoT2Error, match="canonical"):
            read(altered, content, key)
    del plain[SIGNATURE]
    plain["Patient"] = "Doe^Jane"
    plain[SIGNATURE] = key.sign(canonical(plain)).hex()
    with pytest.raises(MyoT2Error, match="Patient: Extra inputs"):
        read(canonical(plain), content, key)


def test_nothing_can_be_hidden_beside_the_tensors():
    plain = to_bytes(tensors())
    hidden = save(tensors(), {"comment": "Doe^Jane"})
    with pytest.raises(MyoT2Error, match="nothing beside them"):
        tensors_of(hidden, where="a site")
    size = int.from_bytes(plain[:8], "little")
    padded = (size + 8).to_bytes(8, "little") + plain[8 : 8 + size] + b" " * 8 + plain[8 + size :]
    with pytest.raises(MyoT2Error, match="nothing beside them"):
        tensors_of(padded, where="a site")


@settings(deadline=None)
@given(st.floats(-1e3, 1e3, width=32), st.floats(1e-3, 1e3))
def test_a_clipped_difference_has_at_most_the_norm_and_keeps_its_direction(value, most):
    given_, norm = clipped(tensors(value), most)
    assert norm <= most * (1 + 1e-6)
    assert norm == pytest.approx(min(most, abs(value) * np.sqrt(15)), rel=1e-5, abs=1e-6)
    assert np.all(np.sign(given_["0.a.weight"]) == np.sign(np.float32(value)) * (norm > 0))


def test_a_difference_added_to_the_weights_gives_the_learned_weights():
    after = {name: values * np.float32(1.01) for name, values in PARENT.items()}
    for name, values in added(PARENT, difference_of(PARENT, after)).items():
        assert values == pytest.approx(after[name], rel=1e-6)


def test_the_size_of_an_update_is_known_before_it_comes():
    assert size_of(PARENT) == len(to_bytes(tensors(0.3))) == len(to_bytes(tensors(-7.0)))


def test_a_private_key_that_others_can_read_is_refused(tmp_path):
    make_key(tmp_path / "k")
    (tmp_path / "k").chmod(0o644)
    with pytest.raises(MyoT2Error, match="permissions 644"):
        read_key(tmp_path / "k")


def test_a_key_that_is_there_is_not_replaced(tmp_path):
    assert make_key(tmp_path / "k") == make_key(tmp_path / "k")
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
