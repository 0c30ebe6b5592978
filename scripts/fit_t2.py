"""Make a T2 map (ms) from the echoes of a multi-echo series, or take over the scanner's own map.

From echoes: M0 exp(-TE/T2) by non-linear least squares in every voxel, without the first echo(es). T2, M0 and the root
mean square of the residuals are written as 32-bit floats, NaN where there is no fit, each with a JSON sidecar.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from myot2.core.bids import sources_of
from myot2.core.command import run_stage, stage_parser
from myot2.core.images import read_sidecar, sidecar_path, write_image, write_sidecar
from myot2.fit.echoes import read_echoes, require_decay, skip_first
from myot2.fit.maps import fit_maps, keep_inside, read_mask, read_vendor_map
from myot2.fit.mono import T2_RANGE_MS

GEOMETRY_KEYS = ("SliceThickness", "SpacingBetweenSlices")


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = stage_parser(__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--echoes", nargs="+", metavar="NIFTI", help="one file per echo, or one 4-D file")
    source.add_argument("--vendor-map", metavar="NIFTI", help="the scanner's T2 map (unit by its sidecar, else ms)")
    parser.add_argument("--echo-times-ms", nargs="+", type=float, metavar="MS", help="default: the sidecars'")
    parser.add_argument("--model", choices=["mono"], default="mono", help="mono-exponential (the default)")
    parser.add_argument("--skip-first-echoes", type=int, default=1, metavar="N", help="default 1")
    parser.add_argument("--mask", metavar="NIFTI", help="fit only where this is not zero")
    parser.add_argument("--t2", required=True, metavar="OUT", help="T2 in ms")
    parser.add_argument("--m0", metavar="OUT", help="signal at TE = 0")
    parser.add_argument("--error", metavar="OUT", help="root mean square of the residuals, in signal units")
    options = parser.parse_args(argv)
    if options.vendor_map and (options.m0 or options.error or options.echo_times_ms):
        parser.error("--m0, --error and --echo-times-ms go with --echoes: a vendor map has no fit")
    if options.skip_first_echoes < 0:
        parser.error("--skip-first-echoes cannot be negative")
    return options


def take_vendor_map(options: argparse.Namespace) -> None:
    """Write the scanner's map as the T2 map."""
    t2 = read_vendor_map(options.vendor_map)
    if options.mask:
        t2 = keep_inside(t2, read_mask(options.mask, t2))
    write_image(t2, options.t2)
    record = {"Source": "vendor map", **geometry(options.vendor_map), **sources_of([options.vendor_map])}
    write_sidecar(options.t2, {"Units": "ms", "SkullStripped": False, **record})


def fit_echoes(options: argparse.Namespace) -> None:
    """Fit the echoes and write the maps that are asked for."""
    series = read_echoes(options.echoes, options.echo_times_ms)
    used = skip_first(series, options.skip_first_echoes)
    require_decay(used)
    maps = fit_maps(used, read_mask(options.mask, used.grid) if options.mask else None)
    record = {
        "Source": "echoes",
        "Model": "S(TE) = M0 exp(-TE/T2), non-linear least squares on magnitudes",
        "EchoTimesMs": used.times_ms.tolist(),
        "SkippedEchoes": options.skip_first_echoes,
        "T2RangeMs": list(T2_RANGE_MS),
        **geometry(options.echoes[0]),
        **sources_of(options.echoes),
    }
    outputs = [
        (options.t2, maps.t2_ms, "ms"),
        (options.m0, maps.m0, "arbitrary"),
        (options.error, maps.rmse, "arbitrary"),
    ]
    for path, image, units in outputs:
        if path:
            write_image(image, path)
            write_sidecar(path, {"Units": units, "SkullStripped": False, **record})


def geometry(path: str) -> dict[str, Any]:
    """What later stages need to know of the slices, handed on from the input's sidecar."""
    sidecar = read_sidecar(path)
    return {key: sidecar[key] for key in GEOMETRY_KEYS if key in sidecar}


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parse(argv)
    images = [path for path in (options.t2, options.m0, options.error) if path]
    return run_stage(
        "fit",
        lambda: take_vendor_map(options) if options.vendor_map else fit_echoes(options),
        outputs=[output for path in images for output in (path, sidecar_path(path))],
        leave_stop_notes=options.leave_stop_notes,
    )


if __name__ == "__main__":
    sys.exit(main())
