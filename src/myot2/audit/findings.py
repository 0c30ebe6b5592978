"""What an audit finds: one line per fault, named after its kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "ledger",
    "record",
    "unfinished",
    "missing",
    "truncated",
    "changed",
    "swapped",
    "added",
    "unreadable",
    "wrong grid",
    "implausible",
    "orphaned",
    "stale",
    "parameter",
    "seal",
    "unknown place",
]


@dataclass(frozen=True, order=True)
class Finding:
    """One fault.

    Attributes
    ----------
    kind : str
        Its kind.
    path : str
        The file, folder or job, by its name in the records or, at the site, by its path.
    what : str
        What is wrong with it, and with what it was compared.
    """

    kind: Kind
    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.path}: {self.what}"
