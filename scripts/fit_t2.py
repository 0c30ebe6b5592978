"""Make a T2 map (ms) from the echoes of a multi-echo series, or take over the scanner's own map.

The models, their options and outputs are those of docs/stages/fit.md. All maps are 32-bit floats, NaN where there is no
fit; the status map holds a code per voxel. Each has a JSON sidecar.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import Any

from myot2.core.bids import sources_of
from myot2.core.command import run_stage, stage_parser
from myot2.core.fat_fraction import read_fraction
from myot2.core.images import image_like, read_sidecar, sidecar_path, write_image, write_sidecar
from myot2.core.voxel_status import levels
from myot2.fit.dixon_weight import weight_of
from myot2.fit.echoes import Echoes, read_echoes, require_decay
from myot2.fit.fit_options import BESIDE, MAPS, add_model, refuse_contradictions, settings_of
from myot2.fit.maps import keep_inside, read_b1, read_mask, read_vendor_map
from myot2.fit.models import echoes_used
from myot2.fit.models import fit_echoes as fit_model
from myot2.fit.noise import measure_sigma
from myot2.fit.record import describe_fit
from myot2.fit.saturation import leave_out_clipped
from myot2.fit.settings import Beside

GEOMETRY_KEYS = ("SliceThickness", "SpacingBetweenSlices")


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = stage_parser(__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--echoes", nargs="+", metavar="NIFTI", help="one file per echo, or one 4-D file")
    source.add_argument("--vendor-map", metavar="NIFTI", help="the scanner's T2 map (unit by its sidecar, else ms)")
    parser.add_argument("--echo-times-ms", nargs="+", type=float, metavar="MS", help="default: the sidecars'")
    parser.add_argument("--mask", metavar="NIFTI", help="fit only where this is not zero")
    add_model(parser)
    parser.add_argument("--t2", required=True, metavar="OUT", help="T2 in ms")
    parser.add_argument("--m0", metavar="OUT", help="signal at TE = 0")
    parser.add_argument("--sd", metavar="OUT", help="standard deviation of T2 in ms")
    parser.add_argument("--rmse", metavar="OUT", help="root mean square of the residuals, in signal units")
    parser.add_argument("--status", metavar="OUT", help="what became of each voxel")
    parser.add_argument("--b1-map", metavar="OUT", help="B1 relative to nominal, of a phase-graph model")
    parser.add_argument("--fat-fraction-map", metavar="OUT", help="proton fat fraction; with --fat-fraction")
    options = parser.parse_args(argv)
    refuse_contradictions(parser, options)
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
    settings = settings_of(options)
    used = echoes_used(series, settings)
    require_decay(used)
    used, clipped = leave_out_clipped(used)
    measured = options.noise == "measured"
    if measured:
        settings = replace(settings, sigma=measure_sigma(series))
    beside = read_beside(options, used)
    fit = fit_model(used, settings, read_mask(options.mask, used.grid) if options.mask else None, beside)
    given = [path for name in BESIDE if (path := getattr(options, name))]
    record = {
        **describe_fit(used, fit, settings, beside, clipped=clipped, measured=measured),
        **geometry(options.echoes[0]),
        **sources_of([*options.echoes, *given]),
    }
    outputs = [
        (options.t2, fit.t2_ms, {"Units": "ms"}),
        (options.m0, fit.m0, {"Units": "arbitrary"}),
        (options.sd, fit.sd_ms, {"Units": "ms"}),
        (options.rmse, fit.rmse, {"Units": "arbitrary"}),
        (options.status, fit.status, {"Manual": False, "Levels": levels()}),
        (options.b1_map, fit.b1, {"Units": "arbitrary", "Quantity": "B1 relative to nominal"}),
        (options.fat_fraction_map, fit.fat_fraction, {"Units": "1", "Quantity": "proton fat fraction"}),
    ]
    for path, values, entries in outputs:
        if path:
            write_image(image_like(values, used.grid), path)
            write_sidecar(path, {**entries, "SkullStripped": False, **record})


def read_beside(options: argparse.Namespace, used: Echoes) -> Beside:
    """The maps that the options give to the fit."""
    b1 = read_b1(options.b1_from, used.grid) if options.b1_from else None
    if not options.fat_fraction:
        return Beside(b1=b1)
    fraction = read_fraction(options.fat_fraction, used.grid)
    tissue = {"water_t1_ms": options.t1_ms, "fat_t1_ms": options.fat_t1_ms}
    fat_t2 = {"fat_t2_ms": options.fat_t2_ms} if options.fat_t2_ms else {}
    return Beside(fraction, weight_of(read_sidecar(options.fat_fraction), options.fat_fraction, **tissue, **fat_t2), b1)


def geometry(path: str) -> dict[str, Any]:
    """What later stages need to know of the slices, handed on from the input's sidecar."""
    sidecar = read_sidecar(path)
    return {key: sidecar[key] for key in GEOMETRY_KEYS if key in sidecar}


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parse(argv)
    images = [path for name in MAPS if (path := getattr(options, name))]
    return run_stage(
        "fit",
        lambda: take_vendor_map(options) if options.vendor_map else fit_echoes(options),
        outputs=[output for path in images for output in (path, sidecar_path(path))],
        leave_stop_notes=options.leave_stop_notes,
    )


if __name__ == "__main__":
    sys.exit(main())
