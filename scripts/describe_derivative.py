"""Write what makes a stage's images a BIDS derivative: its description, and what the numbers of label maps mean."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from myot2.core.bids import IMAGE_STAGES, RAW_STAGE, derivative_description, stopped_visits
from myot2.core.files import write_json, write_text
from myot2.core.labels import read_labels
from myot2.core.lookup import label_lookup, status_lookup
from myot2.core.tables import write_tsv
from myot2.core.usage import print_usage

README = """\
Results of MyoT2's stage {stage}, derived from the images in the dataset ingest beside this one; docs/stages/{stage}.md
of the project says how. Numbers of label maps are those of dseg.tsv; left and right are the subject's. Where a scan
stopped, a note that says why lies in place of each image, and .bidsignore lists the visit.
"""

IGNORED = {
    "segment": ["quality*"],
    "align": ["*_xfm.tfm", "*_FFmap.*"],
    "fit": ["*_FFmap.*"],
    RAW_STAGE: ["scans.*", "*_slices.*", "*_pattern.*", "*_reconstruction.*"],
}
"""What BIDS does not know yet: transforms in ITK's own form, maps of the fat fraction, figures of a reconstruction; and
tables of the cohort."""


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", choices=[*IMAGE_STAGES[1:], RAW_STAGE], required=True)
    parser.add_argument("--reconstructed", action="store_true", help="the run has the dataset reconstruct")
    parser.add_argument("--label-table", required=True, metavar="TSV", help="config/labels.tsv")
    parser.add_argument("--images", type=Path, nargs="+", required=True, metavar="NIFTI", help="all of the dataset")
    parser.add_argument("--dataset", type=Path, required=True, metavar="DIR", help="the stage's results")
    options = parser.parse_args(argv)
    write_json(
        options.dataset / "dataset_description.json",
        derivative_description(options.stage, reconstructed=options.reconstructed),
    )
    write_text(options.dataset / "README", README.format(stage=options.stage))
    # the only label maps of these are those of status
    lookup = status_lookup() if options.stage in ("fit", RAW_STAGE) else label_lookup(read_labels(options.label_table))
    write_tsv(lookup, options.dataset / "dseg.tsv")
    ignored = [*IGNORED.get(options.stage, []), *stopped_visits(options.dataset, options.images)]
    write_text(options.dataset / ".bidsignore", "".join(f"{line}\n" for line in ignored))
    print_usage("describe")
    return 0


if __name__ == "__main__":
    sys.exit(main())
