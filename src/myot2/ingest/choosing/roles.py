"""What a stack is for: the table of rules, each with the evidence in words and how far it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

from myot2.ingest.reading.hints import DIXON_ROLES, is_bare_t2, names_other_quantity, roles_of_image_type
from myot2.ingest.stacking.series import MIN_ECHOES, Stack

_FRAME_TYPE_VALUES = 4
"""FrameType of an enhanced object has four values (PS3.3 C.8.13.3.1); what follows in `Frame.image_type` is private."""

ROLES = (*DIXON_ROLES, "mese", "t2map", "b1map", "kspace", "other")

CONFIDENCES = ("high", "medium", "low")
"""High: a word of the image type, or the pulse sequence with its echo times. Medium: the maker's own image type where
the standard one does not say it, or one that says T2 and no more. Low: the series description alone."""


@dataclass(frozen=True)
class Role:
    """A role, the evidence for it, and one of `CONFIDENCES`."""

    name: str
    evidence: str
    confidence: str


def role_of(stack: Stack) -> Role:
    """The role of a stack by its headers.

    In this order: what cannot be measured has none; the image type; a spin-echo train; the description, where it
    names one role only. A description never makes a T2 map of an original image: protocols are called so whose echoes
    are no map, and their signals could pass for one.
    """
    first = stack.first
    if first.colour:
        return Role("other", "a colour picture", "high")
    if first.component != "magnitude":
        return Role("other", f"{first.component} images", "high")
    if names_other_quantity(first.image_type):
        return Role("other", "the image type names another quantity", "high")
    named = roles_of_image_type(first.image_type)
    if len(named) > 1:
        return Role("other", f"the image type names {' and '.join(sorted(named))}", "high")
    if named:
        ((name, token),) = named.items()
        if first.enhanced and token not in first.image_type[:_FRAME_TYPE_VALUES]:
            return Role(name, f"the maker's own image type names it ({token})", "medium")
        return Role(name, f"the image type names it ({token})", "high")
    if is_bare_t2(first.image_type, enhanced=first.enhanced):
        return Role("t2map", "derived, and the image type says T2", "medium")
    echoes = len(stack.echo_times)
    if first.spin_echo and echoes >= MIN_ECHOES:
        return Role("mese", f"spin echo with {echoes} echo times", "high")
    hints = first.hints if first.image_type[:1] == ("DERIVED",) else first.hints - {"t2map"}
    if len(hints) == 1:
        (name,) = hints
        return Role(name, "the series description names it", "low")
    kind = "spin echo" if first.spin_echo else "no spin echo"
    return Role("other", f"no role in the image type; {kind}, {echoes} echo time{'s' * (echoes != 1)}", "high")
