"""What a stack is for: the table of rules, each with the evidence in words."""

from __future__ import annotations

from dataclasses import dataclass

from myot2.ingest.hints import DIXON_ROLES, roles_of_image_type
from myot2.ingest.series import Stack

MIN_ECHOES = 4
"""Fewer echo times than this are a dual-echo contrast, not a T2 measurement."""

ROLES = (*DIXON_ROLES, "mese", "t2map", "other")


@dataclass(frozen=True)
class Role:
    """A role, the evidence for it, and whether that is the image type or the echo train (`strong`) or a description."""

    name: str
    evidence: str
    strong: bool


def role_of(stack: Stack) -> Role:
    """The role of a stack by its headers.

    In this order: what cannot be measured has none; the image type; a spin-echo train; the description, where it
    names one role only.
    """
    first = stack.first
    if first.colour:
        return Role("other", "a colour picture", True)
    if first.component != "magnitude":
        return Role("other", f"{first.component} images", True)
    named = roles_of_image_type(first.image_type, enhanced=first.enhanced)
    if len(named) > 1:
        return Role("other", f"the image type names {' and '.join(sorted(named))}", True)
    if named:
        (name,) = named
        return Role(name, "the image type names it", True)
    echoes = len(stack.echo_times)
    if first.spin_echo and echoes >= MIN_ECHOES:
        return Role("mese", f"spin echo with {echoes} echo times", True)
    if len(first.hints) == 1:
        (name,) = first.hints
        return Role(name, "the series description names it", False)
    kind = "spin echo" if first.spin_echo else "no spin echo"
    return Role("other", f"no role in the image type; {kind}, {echoes} echo time{'s' * (echoes != 1)}", True)
