"""Roles that words name: tokens of the image type (strong evidence) and words of a description (weak evidence)."""

from __future__ import annotations

import re
from collections.abc import Sequence

DIXON_ROLES = ("dixon-in", "dixon-opp", "dixon-water", "dixon-fat")

_TOKENS = {
    "dixon-in": {"IN_PHASE", "INPHASE", "IN", "IP"},
    "dixon-opp": {"OPP_PHASE", "OUT_PHASE", "OPPOSED_PHASE", "OUT_OF_PHASE", "OPP", "OUT", "OP"},
    "dixon-water": {"WATER", "W"},
    "dixon-fat": {"FAT", "F"},
    "t2map": {"T2 MAP", "T2_MAP", "T2MAP"},
}

_DIXON_WORDS = {
    "dixon-in": re.compile(r"(^|[_ .:-])(in|ip|in[_ ]?phase)($|[_ .:])"),
    "dixon-opp": re.compile(r"(^|[_ .:-])(opp|out|op|opp(osed)?[_ ]?phase|out[_ ](of[_ ])?phase)($|[_ .:])"),
    "dixon-water": re.compile(r"(^|[_ .:-])(w|water)($|[_ .:])"),
    "dixon-fat": re.compile(r"(^|[_ .:-])(f|fat)($|[_ .:])"),
}
_DIXON = re.compile(r"dixon|ideal|flex|lava")
_T2_MAP = re.compile(r"(^|[^a-z0-9])(t2[_ -]?map|map[_ -]?t2|t2[_ ]images)($|[^a-z])")
_OTHER_MAP = re.compile(r"t2[_ ]?(\*|star)|fraction|r2[_ ]?(\*|star)?[_ -]?map")


def roles_of_image_type(image_type: Sequence[str], *, enhanced: bool) -> frozenset[str]:
    """The roles that the image type names.

    Values 1 and 2 (original or derived, primary or secondary) name none. A bare `T2` means a map only in a derived
    classic image: in an enhanced object value 3 is the contrast (PS3.3 C.8.13.3.1.1), so T2 is a T2-weighted image.
    """
    tokens = set(image_type[2:])
    roles = {role for role, words in _TOKENS.items() if tokens & words}
    if "T2" in tokens and image_type[0] == "DERIVED" and not enhanced:
        roles.add("t2map")
    return frozenset(roles)


def roles_of_description(text: str) -> frozenset[str]:
    """The roles that a free description names; only when it names exactly one kind is it used (see `roles`)."""
    words = text.lower()
    if _OTHER_MAP.search(words):
        return frozenset()
    roles = {role for role, pattern in _DIXON_WORDS.items() if _DIXON.search(words) and pattern.search(words)}
    if _T2_MAP.search(words):
        roles.add("t2map")
    return frozenset(roles)
