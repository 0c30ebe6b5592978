"""Write what is made from the models of configuration, participants and analysis plan.

The default configuration, the JSON schemas, docs/configuration.md and docs/analysis-plan.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from myot2.analyse.plan_docs import plan_files
from myot2.core.config_files import configuration_files
from myot2.core.files import write_text


def main(argv: list[str] | None = None) -> int:
    """Write the files below the given folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("."), help="the project's top folder")
    root = parser.parse_args(argv).root
    for path, text in {**configuration_files(), **plan_files()}.items():
        write_text(root / path, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
