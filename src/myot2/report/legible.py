"""Text of unknown origin as a reader can see it, whatever page or picture it is then written into."""

from __future__ import annotations

import unicodedata

LONGEST = 2000
"""Characters of one text that a page shows; the table it came from has the rest."""

_UNSEEN = ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp")


def legible(text: object) -> str:
    """The text on one line, with every character that cannot be seen named by its code point.

    Runs of white space become one space. Control and format characters (among them those that turn the direction of
    writing round, so that a name reads as another), private, unassigned and half characters become <U+202E> and the
    like. Text longer than `LONGEST` ends with how much was left out. This is not yet escaped for any kind of page.
    """
    one_line = " ".join(str(text).split())
    if len(one_line) > LONGEST:
        one_line = f"{one_line[:LONGEST]} [{len(one_line) - LONGEST} characters more]"
    return "".join(map(_seen, one_line))


def shortened(text: object, most: int) -> str:
    """The text as `legible` makes it, cut to so many characters, for places with little room (figures)."""
    whole = legible(text)
    return whole if len(whole) <= most else f"{whole[: most - 1]}…"


def _seen(character: str) -> str:
    return f"<U+{ord(character):04X}>" if unicodedata.category(character) in _UNSEEN else character
