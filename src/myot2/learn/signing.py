"""Signatures of what sites and their coordinator send each other: Ed25519 (RFC 8032) over canonical JSON.

Ed25519 is deterministic: signing the same content with the same key gives the same bytes, so that a site that was
interrupted sends again what it has sent before. `cryptography` comes with the federation's own environment
(envs/federation.lock).
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from myot2.audit.digests import canonical
from myot2.core.errors import MyoT2Error

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SIGNATURE = "Signature"
LARGEST = 64 * 1024
"""Bytes of a signed message; it holds names of muscles and numbers."""

Message = TypeVar("Message", bound=BaseModel)


def make_key(path: str | Path) -> str:
    """Make a key pair; return the public half as one line of text (OpenSSH form), which is not secret.

    Parameters
    ----------
    path : str or Path
        Where the private half is written, readable by its owner only. A key that lies there is left as it is, and its
        public half returned.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    path = Path(path)
    if not path.exists():
        text = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_private(path, text)
    return public_of(read_key(path))


def write_private(path: Path, content: bytes) -> None:
    """Write a file that its owner alone can read; one that is there is not touched."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
        handle.write(content)


def require_private(path: Path) -> None:
    """Refuse a private key that others than its owner can read.

    Raises
    ------
    MyoT2Error
        They can.
    """
    if path.stat().st_mode & 0o077:
        raise MyoT2Error(
            expected="a private key that its owner alone can read",
            found=f"permissions {path.stat().st_mode & 0o777:o}",
            where=path,
            do=f"chmod 600 {path.name}; if others may have read it, make a new one and tell the coordinator.",
        )


def read_key(path: str | Path) -> Ed25519PrivateKey:
    """The private key of a file.

    Raises
    ------
    MyoT2Error
        The file is missing, is readable by others than its owner, or holds no Ed25519 key.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    path = Path(path)
    if not path.is_file():
        raise MyoT2Error(expected="a private key", found="no such file", where=path, do="Make one with --make-keys.")
    require_private(path)
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise _no_key(path) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path)
    return key


def public_of(key: Ed25519PrivateKey) -> str:
    """The public half of a key: `ssh-ed25519` and its bytes in base64."""
    from cryptography.hazmat.primitives import serialization

    return (
        key.public_key()
        .public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        .decode("ascii")
    )


def signed(content: BaseModel, key: Ed25519PrivateKey) -> bytes:
    """A message as it is sent: canonical JSON with its signature in it."""
    plain = content.model_dump(mode="json")
    plain[SIGNATURE] = key.sign(canonical(plain)).hex()
    return canonical(plain)


def opened(message: bytes, kind: type[Message], public: str, *, where: str | Path) -> Message:
    """The content of a message, after its signature, its form and every field were checked.

    Parameters
    ----------
    message : bytes
    kind : type
        The pydantic model that names every field and its range.
    public : str
        The key that it must be signed with.
    where : str or Path
        What an error names: the sender.

    Raises
    ------
    MyoT2Error
        The signature is missing or that of another key, the bytes are not canonical JSON (so that nothing can hide in
        blanks or repeated keys), or a field is missing, unknown or out of range.
    """
    if len(message) > LARGEST:
        raise _refusal(f"a signed message of at most {LARGEST} bytes", f"{len(message)} bytes", where)
    try:
        plain = json.loads(message)
        if not isinstance(plain, dict) or canonical(plain) != message:
            raise ValueError
    except (ValueError, RecursionError) as error:
        raise _refusal("a signed message in canonical JSON", "something else", where) from error
    signature = plain.pop(SIGNATURE, None)
    if not isinstance(signature, str):
        raise _refusal("a signed message", "no signature", where)
    _require_signature(signature, canonical(plain), public, where)
    try:
        return kind.model_validate(plain, strict=False)
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise _refusal(f"the fields of {kind.__name__}", found, where) from error


def _require_signature(signature: str, content: bytes, public: str, where: str | Path) -> None:
    from cryptography.exceptions import InvalidSignature

    key = _public_key(public)
    try:
        if not re.fullmatch("[0-9a-f]{128}", signature):  # fromhex would take capitals and blanks too
            raise ValueError(signature)
        key.verify(bytes.fromhex(signature), content)
    except (InvalidSignature, ValueError) as error:
        raise _refusal("a message signed with the key that is registered", "another signature", where) from error


def _public_key(public: str) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    try:
        key = load_ssh_public_key(public.encode("utf-8"))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _no_public_key(public) from error
    if not isinstance(key, Ed25519PublicKey):
        raise _no_public_key(public)
    return key


def require_public_key(public: str) -> str:
    """The line, where it is a public key of the right kind."""
    _public_key(public)
    return public


def _no_key(path: Path) -> MyoT2Error:
    return MyoT2Error(
        expected="an Ed25519 key in PEM form without a password",
        found="something else",
        where=path,
        do="Make one with --make-keys.",
    )


def _no_public_key(public: str) -> MyoT2Error:
    return MyoT2Error(
        expected="a public key that begins with 'ssh-ed25519'",
        found=repr(public[:40]),
        where="the federation's settings",
        do="Take the line from the file that ends in .pub.",
    )


def _refusal(expected: str, found: str, where: str | Path) -> MyoT2Error:
    return MyoT2Error(expected=expected, found=found, where=where, do="It was not used; ask the sender.")
