"""Flower's SuperLink behind a guard (`myot2.learn.flower.guard`).

python -m myot2.learn.flower.superlink <bytes that a call may bring> <options of flower-superlink>
"""

from __future__ import annotations

import sys

from flwr.superlink import extensions
from flwr.superlink.cli.flower_superlink import flower_superlink
from starlette.middleware import Middleware

from myot2.learn.flower.guard import SitesMayOnly


def main() -> None:
    """Run the SuperLink."""
    largest = int(sys.argv.pop(1))
    extensions.get_middleware = lambda: (Middleware(SitesMayOnly, largest=largest),)
    flower_superlink()


if __name__ == "__main__":
    main()
