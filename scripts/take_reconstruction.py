"""Take the T2 map that was reconstructed from k-space as that of the run, and mark the voxels with too much fat."""

from __future__ import annotations

import argparse
import sys

from myot2.core.bids import sources_of
from myot2.core.command import positive, run_stage, stage_parser
from myot2.core.images import (
    array_of,
    image_like,
    read_map,
    read_sidecar,
    read_volume,
    require_same_grid,
    sidecar_path,
    write_image,
    write_sidecar,
)
from myot2.core.voxel_status import count_by_status
from myot2.fit.status import with_fat_marked


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = stage_parser(__doc__)
    parser.add_argument("--t2-in", required=True, metavar="NIFTI", help="from scripts/reconstruct_t2.py")
    parser.add_argument("--status-in", required=True, metavar="NIFTI", help="from the same")
    parser.add_argument("--fat-fraction", metavar="NIFTI", help="proton fat fraction, 0-1, on the same grid")
    parser.add_argument("--fat-limit", type=positive, metavar="F", help="mark voxels with more fat")
    parser.add_argument("--t2", required=True, metavar="OUT", help="T2 in ms")
    parser.add_argument("--status", required=True, metavar="OUT", help="what became of each voxel")
    options = parser.parse_args(argv)
    if options.fat_limit and not options.fat_fraction:
        parser.error("--fat-limit goes with --fat-fraction")
    return options


def take(options: argparse.Namespace) -> None:
    """Read both maps, mark and write them."""
    grid, t2 = read_map(options.t2_in)
    status_image = read_volume(options.status_in)
    require_same_grid(grid, status_image, where=options.status_in, what="T2 map and status map")
    status, limit = array_of(status_image), {}
    if options.fat_limit:
        fat_grid, fraction = read_map(options.fat_fraction)
        require_same_grid(grid, fat_grid, where=options.fat_fraction, what="T2 map and fat fraction")
        status, limit = with_fat_marked(status, fraction, options.fat_limit), {"FatLimit": options.fat_limit}
    given = [options.t2_in, options.status_in, *([options.fat_fraction] if options.fat_limit else [])]
    record = {"Voxels": count_by_status(status), **limit, **sources_of(given)}
    write_image(image_like(t2, grid), options.t2)
    write_sidecar(options.t2, {**read_sidecar(options.t2_in), **record})
    write_image(image_like(status, grid), options.status)
    write_sidecar(options.status, {**read_sidecar(options.status_in), **record})


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parse(argv)
    outputs = [output for path in (options.t2, options.status) for output in (path, sidecar_path(path))]
    return run_stage("fit", lambda: take(options), outputs=outputs, leave_stop_notes=options.leave_stop_notes)


if __name__ == "__main__":
    sys.exit(main())
