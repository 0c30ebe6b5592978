"""List the SHA-256 of every file on which the report rests; the list's own SHA-256 stands in the report's footer.

The list is in the form of sha256sum, with paths from the folder of the results, in which
`sha256sum --check audit/results.sha256` checks it. It holds no time: equal results give an equal list.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from myot2.audit.seal import write_seal
from myot2.core.command import listed, run_stage, stage_parser


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = _parser().parse_args(argv)
    return run_stage(
        "audit",
        lambda: write_seal(listed(options.files), results=options.results, path=options.out),
        outputs=[options.out],
        leave_stop_notes=options.leave_stop_notes,
    )


def _parser() -> argparse.ArgumentParser:
    parser = stage_parser(__doc__)
    parser.add_argument(
        "--files", type=Path, nargs="+", required=True, metavar="FILE", help="below --results; - to read them"
    )
    parser.add_argument("--results", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="OUT.sha256")
    return parser


if __name__ == "__main__":
    sys.exit(main())
