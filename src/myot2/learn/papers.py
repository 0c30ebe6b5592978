"""What coordinator and sites hand each other before the first round, on paper, by mail or on a stick.

An invitation tells a site where the coordinator is, by which key its orders are signed and which authority vouches for
its address. A card tells the coordinator a site's public keys. Neither is secret; both must be the right ones, so two
people who know each other compare the fingerprints by telephone. A fingerprint is that of the whole paper: one
character that somebody changed on the way gives another.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from myot2.audit.digests import canonical
from myot2.core.errors import MyoT2Error
from myot2.core.files import write_json
from myot2.learn.messages import Name
from myot2.learn.signing import require_public_key

INVITATION, CARD = "invitation.json", "card.json"
_ADDRESS = r"^[A-Za-z0-9.-]+:\d{1,5}$"

Paper = TypeVar("Paper", "Invitation", "Card")


class _Paper(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Invitation(_Paper):
    """Of the coordinator, for all sites."""

    federation: Name
    address: str = Field(pattern=_ADDRESS)
    """Host and port; the SuperLink listens on IPv4."""
    coordinator_key: str
    authority: str
    """Certificate, PEM."""


class Card(_Paper):
    """Of a site, for the coordinator."""

    site: Name
    key: str
    node: str


def write_paper(path: str | Path, paper: Invitation | Card) -> None:
    """Write it as JSON."""
    write_json(path, paper.model_dump(mode="json"))


def read_paper(path: str | Path, kind: type[Paper]) -> Paper:
    """Read an invitation or a card.

    Raises
    ------
    MyoT2Error
        The file is missing or no such paper, or its key is none.
    """
    path = Path(path)
    if not path.is_file():
        raise MyoT2Error(
            expected=f"{'an invitation' if kind is Invitation else 'a card'}",
            found="no such file",
            where=path,
            do="Ask for it: docs/how-to/federate.md says who makes it.",
        )
    try:
        paper = kind.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, ValidationError) as error:
        raise MyoT2Error(
            expected=f"a {kind.__name__.lower()}", found="something else", where=path, do="Ask for it anew."
        ) from error
    require_public_key(paper.coordinator_key if isinstance(paper, Invitation) else paper.key)
    return paper


def require_address(address: str) -> str:
    """The address, where it is one that sites can be told.

    Raises
    ------
    MyoT2Error
        It is not host:port, or its host is an IPv6 address.
    """
    if not re.fullmatch(_ADDRESS, address):
        raise MyoT2Error(
            expected="host:port, the host a name or an IPv4 address (IPv6 addresses are not supported)",
            found=address,
            where="the coordinator's address",
            do="Give a name that sites can resolve, such as fed.hospital-a.org:9092.",
        )
    return address


def fingerprint(paper: Invitation | Card) -> str:
    """What is compared by telephone: SHA-256 of all that the paper says, in the form in which ssh-keygen prints it."""
    content = canonical(paper.model_dump(mode="json"))
    return "SHA256:" + base64.b64encode(hashlib.sha256(content).digest()).decode("ascii").rstrip("=")


def confirmed(question: str) -> bool:
    """Ask the person at the terminal; only yes is yes, and where there is no terminal it is no."""
    return sys.stdin.isatty() and input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def require_environment(program: str, *modules: str) -> None:
    """Refuse to run where one of these modules is not installed.

    Raises
    ------
    MyoT2Error
        It is not.
    """
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise MyoT2Error(
            expected="the federation's environment",
            found=f"a Python without {' and '.join(missing)}",
            where=sys.executable,
            do=f"Once: make federation. Then: .venv-federation/bin/python scripts/{program}",
        )
