"""What a page may do: nothing but show itself."""

from __future__ import annotations

import re

POLICY = (
    "default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
"""Content security policy: no script, no request, no form; pictures and fonts only as data within the page.

Inline styles are allowed, for pandoc writes column widths as such; without scripts and requests they can do no harm.
"""

_SCRIPT = re.compile(r"<script\b.*?</script\s*>[ \t]*\n?", re.IGNORECASE | re.DOTALL)
_META = re.compile(r"<head\b[^>]*>\s*(?:<meta charset=[^>]*>)?", re.IGNORECASE)
_ANY_POLICY = re.compile(r"<meta[^>]+Content-Security-Policy[^>]*>\s*", re.IGNORECASE)


def without_scripts(page: str) -> str:
    """The page without script elements (Quarto's: anchors, tooltips, copying), which its content does not need."""
    return _SCRIPT.sub("", page)


def with_policy(page: str) -> str:
    """The page with `POLICY` as the first thing after its character set, in place of any policy that it has.

    Raises
    ------
    ValueError
        The page has no head.
    """
    page = _ANY_POLICY.sub("", page)
    found = _META.search(page)
    if not found:
        raise ValueError("the page has no <head>")
    policy = f'\n  <meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    return page[: found.end()] + policy + page[found.end() :]
