"""Label the spheres of the NIST/ISMRM relaxometry phantom in a scan, by registration of a template image of its plate.

The table of spheres (CSV) has the columns plate, sphere, template_row and template_col. Labels are sphere numbers.
"""

from __future__ import annotations

import argparse
import sys

from myot2.core.command import run_stage
from myot2.core.images import read_image, write_image
from myot2.core.tables import read_table
from myot2.segment.phantom import RADIUS_MM, label_spheres


def main(argv: list[str] | None = None) -> int:
    """Read the scan, the template and the table; write the label map."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", required=True, metavar="IN.nii.gz", help="one slice, such as the first echo")
    parser.add_argument("--template", required=True, help="template image of the plate (DICOM or NIfTI)")
    parser.add_argument("--spheres", required=True, metavar="IN.csv", help="sphere positions in the template")
    parser.add_argument("--plate", required=True, help="plate, as the table names it")
    parser.add_argument("--radius-mm", type=float, default=RADIUS_MM, help="radius of each region")
    parser.add_argument("--labels", required=True, metavar="OUT.nii.gz", help="the label map")
    args = parser.parse_args(argv)

    def work() -> None:
        table = read_table(args.spheres)
        plate = table[table["plate"] == args.plate].astype(
            {"sphere": int, "template_row": float, "template_col": float}
        )
        spheres = {row.sphere: (row.template_row, row.template_col) for row in plate.itertuples()}
        labels = label_spheres(read_image(args.image), read_image(args.template), spheres, radius_mm=args.radius_mm)
        write_image(labels, args.labels)

    return run_stage("label_phantom", work, outputs=[args.labels], leave_stop_notes=False)


if __name__ == "__main__":
    sys.exit(main())
