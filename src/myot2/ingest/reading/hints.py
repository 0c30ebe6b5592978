"""Roles that words name: tokens of the image type, and words of a description.

Only what makers are known to write is here. Siemens: IN_PHASE, OPP_PHASE, WATER, FAT, `T2 MAP`; Philips: IP, OP, W, F,
`T2 MAP`; DICOM's own terms (PS3.3 C.8.13.3.1): IN_PHASE, OUT_OF_PHASE, T2_MAP, B1_MAP. GE (IDEAL, LAVA Flex), UIH
(WFI), Canon (WFS) and Fujifilm/Hitachi (FatSep) put the contrast into the series description alone.
"""

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
    "b1map": {"B1_MAP", "B1 MAP", "B1MAP", "FLIP ANGLE MAP", "FLIP_ANGLE_MAP"},
}

ROLE_TOKENS = frozenset().union(*_TOKENS.values())
"""Every word of an image type that names a role."""

_DIXON_WORDS = {
    "dixon-in": re.compile(r"(^|[_ .:-])(in|ip|in[_ ]?phase)($|[_ .:])"),
    "dixon-opp": re.compile(r"(^|[_ .:-])(opp|out|op|opp(osed)?[_ ]?phase|out[_ ]?(of[_ ]?)?phase)($|[_ .:])"),
    "dixon-water": re.compile(r"(^|[_ .:-])(w|water)($|[_ .:])"),
    "dixon-fat": re.compile(r"(^|[_ .:-])(f|fat)($|[_ .:])"),
}
_DIXON = re.compile(r"dixon|ideal|flex|lava|(^|[^a-z])wf[is]([^a-z]|$)|fatsep")
_T2_MAP = re.compile(r"(^|[^a-z0-9])(t2[_ -]?map|map[_ -]?t2|t2[_ ]images)($|[^a-z])")
_B1_MAP = re.compile(r"(^|[^a-z0-9])(b1[_ -]?map(ping)?|flip[_ -]?angle[_ -]?map)($|[^a-z])")
_OTHER_MAP = re.compile(
    r"t2[_ -]?(\*|star)|fraction|percent|(^|[^a-z])(pd)?ff($|[^a-z])"
    r"|(^|[^a-z0-9])(t1|r1|r2|pd|m0|t2s|r2s)[_ -]?(\*|star)?[_ -]?(map|images)"
)
_OTHER_QUANTITY = re.compile(r".*[ _*]MAP|[TR][12]MAP|[TR]2([ _]?STAR|\*|S)|R[12]|FF|.*FRACTION|.*PERCENT.*|GOODNESS.*")


def roles_of_image_type(image_type: Sequence[str]) -> dict[str, str]:
    """The roles that the image type names, each with the word that names it.

    Values 1 and 2 (original or derived, primary or secondary) name none.
    """
    tokens = image_type[2:]
    return {role: next(filter(words.__contains__, tokens)) for role, words in _TOKENS.items() if words & set(tokens)}


def names_other_quantity(image_type: Sequence[str]) -> bool:
    """Whether the image type names a map or a fraction that has no role: neither other tokens nor words give it one."""
    return any(_OTHER_QUANTITY.fullmatch(token) for token in image_type[2:] if token not in ROLE_TOKENS)


def is_bare_t2(image_type: Sequence[str], *, enhanced: bool) -> bool:
    """Whether a derived classic image says `T2` and no more, as some scanners call a T2 map.

    In an enhanced object value 3 is the contrast (PS3.3 C.8.13.3.1.1): there T2 is a T2-weighted image.
    """
    return "T2" in image_type[2:] and image_type[0] == "DERIVED" and not enhanced


def roles_of_description(text: str) -> frozenset[str]:
    """The roles that a free description names; only when it names exactly one is it used (see `roles`)."""
    words = text.lower()
    if _OTHER_MAP.search(words):
        return frozenset()
    roles = {role for role, pattern in _DIXON_WORDS.items() if _DIXON.search(words) and pattern.search(words)}
    if _T2_MAP.search(words):
        roles.add("t2map")
    if _B1_MAP.search(words):
        roles.add("b1map")
    return frozenset(roles)
