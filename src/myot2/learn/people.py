"""Who is learned from and who is held out: decided once for each person, and kept."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from myot2.core.errors import MyoT2Error
from myot2.core.files import write_json

NAME = "people.json"
LEARNED, HELD_OUT = "learned from", "held out"


def assign(known: Mapping[str, str], people: Iterable[str], judges: Iterable[str], share: float) -> dict[str, str]:
    """Give each new person a role; who has one keeps it, for a model must not be judged on whom it learned from.

    Only people in whom somebody drew can judge a model: masks that were accepted as they were are its own. New ones
    come in the order of the SHA-256 of their names, which nobody chose. Each is held out while fewer than `share` of
    all who can judge, rounded up, are.

    Parameters
    ----------
    known : mapping of str to str
        Person to role, from before.
    people : iterable of str
        All who have a mask now.
    judges : iterable of str
        Those of them who can judge.
    share : float
        Of the people who are held out, 0-1.

    Returns
    -------
    dict of str to str
        Person to role; people who have no mask any more stay in it.

    Raises
    ------
    MyoT2Error
        There are not two people who can judge: one is to be learned from.
    """
    roles, judges = dict(known), {*judges}
    able = judges | {person for person, role in roles.items() if role == HELD_OUT}
    if len(able) < 2:
        raise MyoT2Error(
            expected="masks that somebody drew in, of at least two people: one to learn from and one to be judged on",
            found=f"such masks of {len(able)}",
            where="the corrections",
            do="Correct the masks of more people (make review).",
        )
    held = math.ceil(share * len(able))
    new = {*people} - {*roles}
    for person in sorted(new, key=lambda one: hashlib.sha256(one.encode()).hexdigest()):
        lacking = held - sum(role == HELD_OUT for role in roles.values())
        roles[person] = HELD_OUT if lacking > 0 and person in judges else LEARNED
    return roles


def read_roles(folder: str | Path) -> dict[str, str]:
    """Who has which role so far; nobody where the file is missing.

    Raises
    ------
    MyoT2Error
        The file is no such table.
    """
    path = Path(folder) / NAME
    if not path.is_file():
        return {}
    try:
        roles = json.loads(path.read_text(encoding="utf-8"))
        valid = isinstance(roles, dict) and set(roles.values()) <= {LEARNED, HELD_OUT}
    except (ValueError, TypeError):
        valid = False
    if not valid:
        raise MyoT2Error(
            expected=f"an object of people, each {LEARNED!r} or {HELD_OUT!r}",
            found="something else",
            where=path,
            do="Restore the file from a copy: without it a model would be judged on whom it learned from.",
        )
    return roles


def write_roles(folder: str | Path, roles: Mapping[str, str]) -> None:
    """Keep the roles, sorted by person."""
    write_json(Path(folder) / NAME, dict(sorted(roles.items())))
