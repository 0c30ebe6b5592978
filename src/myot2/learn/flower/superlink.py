"""Flower's SuperLink behind a guard (`myot2.learn.flower.guard`).

python -m myot2.learn.flower.superlink <options of flower-superlink>
"""

from __future__ import annotations

from flwr.superlink import extensions
from flwr.superlink.cli.flower_superlink import flower_superlink
from starlette.middleware import Middleware

from myot2.learn.flower.guard import SitesMayOnly


def main() -> None:
    """Run the SuperLink."""
    extensions.get_middleware = lambda: (Middleware(SitesMayOnly),)
    flower_superlink()


if __name__ == "__main__":
    main()
