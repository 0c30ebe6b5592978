"""How an archive is asked: who we are, for how long we wait, and where the secrets are."""

from __future__ import annotations

import netrc
import os
from dataclasses import dataclass
from pathlib import Path

from myot2.ingest.pacs.problems import SourceUnavailable


@dataclass(frozen=True)
class Access:
    """The site's settings. Secrets are named, never held: environment variables, or a netrc file.

    `timeout` is in seconds, per connection and per answer; `ca_bundle` a file of certificates (PEM) trusted in place of
    the usual ones; `plain_http` allows DICOMweb without TLS beyond this machine.
    """

    calling_ae: str = "MYOT2"
    timeout: float = 60.0
    retries: int = 3
    ca_bundle: str | None = None
    plain_http: bool = False
    user_variable: str | None = None
    password_variable: str | None = None
    token_variable: str | None = None
    netrc: str | None = None


def basic_credentials(access: Access, host: str) -> tuple[str, str] | None:
    """User and password for a host, or None where none are configured.

    Raises
    ------
    SourceUnavailable
        What is configured is not there.
    """
    if access.user_variable or access.password_variable:
        return _variable(access.user_variable), _variable(access.password_variable)
    if not access.netrc:
        return None
    try:
        found = netrc.netrc(access.netrc).authenticators(host)
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
        found = None  # the parser's message quotes the file
    if found is None:
        raise _no_secret(f"a netrc file with an entry for the archive ({Path(access.netrc).name})")
    return found[0], found[2]


def token(access: Access) -> str | None:
    """The bearer token, or None where none is configured; raises as `basic_credentials`."""
    return _variable(access.token_variable) if access.token_variable else None


def _variable(name: str | None) -> str:
    value = os.environ.get(name, "") if name else ""
    if not value or not value.isprintable():
        raise _no_secret(f"the environment variable {name}" if name else "the names of two variables: user, password")
    return value


def _no_secret(expected: str) -> SourceUnavailable:
    return SourceUnavailable(
        expected=expected,
        found="nothing usable there",
        where="the configuration, ingest.pacs",
        do="Set it where the workflow is started; docs/how-to/pacs.md says how.",
    )
