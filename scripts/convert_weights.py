"""Convert a model's weights from PyTorch's format to safetensors, once, after checking their SHA-256."""

from __future__ import annotations

import sys
from pathlib import Path

from myot2.core.command import run_stage, stage_parser


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = stage_parser(__doc__)
    parser.add_argument("--weights", required=True, type=Path, metavar="IN.pt", help="written by torch.save")
    parser.add_argument("--sha256", help="its SHA-256; without it SHA256SUMS in its folder must list it")
    parser.add_argument("--out", required=True, type=Path, metavar="OUT.safetensors", help="SHA256SUMS goes beside it")
    options = parser.parse_args(argv)

    def work() -> None:
        from myot2.segment.weights import convert_weights

        convert_weights(options.weights, options.out, options.sha256)

    outputs = [options.out, options.out.parent / "SHA256SUMS"]
    return run_stage("segment", work, outputs=outputs, leave_stop_notes=options.leave_stop_notes)


if __name__ == "__main__":
    sys.exit(main())
