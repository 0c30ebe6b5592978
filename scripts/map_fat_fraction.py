"""Make a map of the fat fraction from Dixon images: water and fat, in and opposed phase, or three complex echoes.

The fraction is that of the signal, weighted by T1 and T2 as it was acquired, NaN where it is not known;
docs/stages/fit-fat.md says what each source can tell. With a T2 map on the same grid the weighting is undone, and the
fraction of the protons written too.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np
import SimpleITK as sitk

from myot2.core.bids import ms_of, sources_of
from myot2.core.command import positive, run_stage, stage_parser
from myot2.core.errors import MyoT2Error
from myot2.core.fat_fraction import (
    FatFraction,
    FatStatus,
    as_given,
    from_in_opposed,
    from_water_fat,
    require_fractions,
    shares_scale,
)
from myot2.core.images import (
    array_of,
    image_like,
    read_map,
    read_sidecar,
    require_same_grid,
    sidecar_path,
    write_image,
    write_sidecar,
)
from myot2.fit.dixon import PROTON_MHZ_PER_TESLA, complex_echoes, separate
from myot2.fit.dixon_weight import DixonWeight, weight_of
from myot2.fit.swaps import with_swap_check

SIEMENS_PHASE = (0.0, 4096.0)
TISSUE = ("water_t1_ms", "fat_t1_ms", "fat_t2_ms")


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = stage_parser(__doc__)
    parser.add_argument("--water", metavar="NIFTI", help="with --fat; --in-phase takes the bias of noise away")
    parser.add_argument("--fat", metavar="NIFTI")
    parser.add_argument("--in-phase", metavar="NIFTI")
    parser.add_argument("--opposed-phase", metavar="NIFTI", help="with --in-phase")
    parser.add_argument("--magnitude", nargs=3, metavar="NIFTI", help="three echoes, with --phase")
    parser.add_argument("--phase", nargs=3, metavar="NIFTI")
    parser.add_argument(
        "--phase-range", nargs=2, type=float, default=SIEMENS_PHASE, metavar=("LOW", "HIGH"), help="default 0 4096"
    )
    parser.add_argument("--echo-times-ms", nargs=3, type=float, metavar="MS", help="default: the sidecars'")
    parser.add_argument("--larmor-mhz", type=float, metavar="MHZ", help="default: from the sidecar's field strength")
    parser.add_argument("--precession", type=int, choices=[1, -1], default=1, help="sign of the phase; default 1")
    parser.add_argument("--fraction", metavar="NIFTI", help="the scanner's own map of the fat fraction, 0-1")
    parser.add_argument("--out", required=True, metavar="OUT", help="signal fat fraction, 0-1")
    parser.add_argument("--t2", metavar="NIFTI", help="T2 of the water in ms, on the same grid")
    parser.add_argument("--proton", metavar="OUT", help="proton fat fraction, 0-1; with --t2")
    add_tissue(parser)
    options = parser.parse_args(argv)
    sources = [
        [options.water, options.fat],
        [options.in_phase if options.opposed_phase else None, options.opposed_phase],
        [options.magnitude, options.phase],
        [options.fraction],
    ]
    if sum(all(source) for source in sources) != 1 or sum(any(source) for source in sources) != 1:
        parser.error(
            "give --water and --fat, or --in-phase and --opposed-phase, or --magnitude and --phase, or --fraction"
        )
    if bool(options.t2) != bool(options.proton):
        parser.error("--t2 and --proton go together")
    return options


def add_tissue(parser: argparse.ArgumentParser) -> None:
    """The times (ms) of the tissues, by which the weighting is undone."""
    for name in TISSUE:
        default = getattr(DixonWeight(), name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=positive, default=default, help="default %(default)s")


def map_fraction(options: argparse.Namespace) -> None:
    """Compute the fraction and write it, of the signal and if asked for of the protons."""
    names = [options.water, options.fat, options.in_phase, options.opposed_phase, options.fraction]
    paths = [*filter(None, names), *(options.magnitude or []), *(options.phase or [])]
    maps = {path: read_map(path) for path in paths}
    grid = maps[paths[0]][0]
    for path in paths[1:]:
        require_same_grid(grid, maps[path][0], where=path, what="all Dixon images")
    fraction, source = compute(options, {path: values for path, (_, values) in maps.items()}, grid)
    fraction = with_swap_check(fraction, grid.GetSpacing()[1::-1])
    counts = {status.name.lower(): int((fraction.status == status).sum()) for status in FatStatus}
    if counts["not_computed"] == fraction.status.size:
        raise MyoT2Error(
            expected="Dixon images with tissue", found="no voxel with signal", where=paths[0], do="Look at the images."
        )
    times = {key: value for key, value in read_sidecar(paths[0]).items() if key in ("EchoTime", "RepetitionTime")}
    record = {**source, "FatFractionVoxels": counts, "SkullStripped": False, **sources_of(paths)}
    write_image(image_like(fraction.fraction, grid), options.out)
    write_sidecar(options.out, {"Units": "1", "Quantity": "signal fat fraction", **times, **record})
    if options.proton:
        tissue = {name: getattr(options, name) for name in TISSUE}
        t2, t2_ms = read_map(options.t2)
        require_same_grid(grid, t2, where=options.t2, what="T2 map and Dixon images")
        weight = weight_of(times, paths[0], **tissue)
        write_proton_fraction(fraction.fraction, image_like(t2_ms, t2), weight, options.proton, [*paths, options.t2])


def write_proton_fraction(
    fraction: np.ndarray, t2: sitk.Image, weight: DixonWeight, path: str, sources: list[str]
) -> None:
    """Undo the weighting of a signal fraction at the T2 (ms) of each voxel; NaN where that is unknown."""
    t2_ms = array_of(t2)
    known = np.where(t2_ms > 0, t2_ms, np.nan)
    proton = weight.proton_fraction(fraction, known).astype(np.float32)
    write_image(image_like(proton, t2), path)
    record = {"Units": "1", "Quantity": "proton fat fraction", "SkullStripped": False, **weight.record()}
    write_sidecar(path, {**record, **sources_of(sources)})


def compute(
    options: argparse.Namespace, arrays: dict[str, np.ndarray], grid: sitk.Image
) -> tuple[FatFraction, dict[str, Any]]:
    """The fraction from the source that the options name, and what the sidecar says of it."""
    if options.water:
        parts = arrays[options.water], arrays[options.fat]
        whole = arrays.get(options.in_phase)
        used = whole is not None and shares_scale(*parts, whole)
        record = {"Source": "water and fat images", "InPhaseUsed": used}
        return from_water_fat(*parts, whole if used else None), record
    if options.opposed_phase:
        record = {"Source": "in-phase and opposed-phase images, water taken for the larger part"}
        return from_in_opposed(arrays[options.in_phase], arrays[options.opposed_phase]), record
    if options.fraction:
        require_fractions(arrays[options.fraction], options.fraction)
        return as_given(arrays[options.fraction]), {"Source": "a map that was given"}
    echoes = [
        complex_echoes(arrays[magnitude], arrays[phase], tuple(options.phase_range))
        for magnitude, phase in zip(options.magnitude, options.phase, strict=True)
    ]
    times, larmor = timing(options)
    try:
        parts = separate(np.stack(echoes), times, larmor, grid.GetSpacing()[1::-1], precession=options.precession)
    except ValueError as error:
        raise MyoT2Error(
            expected="three evenly spaced echoes at which water and fat can be told apart",
            found=str(error),
            where=options.magnitude[0],
            do="Check the echo times; or use the scanner's own water and fat images.",
        ) from error
    return parts.fat_fraction, {"Source": "three complex echoes", "EchoTimesMs": list(times), "LarmorMHz": larmor}


def timing(options: argparse.Namespace) -> tuple[list[float], float]:
    """Echo times (ms) and resonance frequency (MHz): the options, else the sidecars.

    Raises
    ------
    MyoT2Error
        Neither says them.
    """
    sidecars = [read_sidecar(path) for path in options.magnitude]
    stated = [one.get("EchoTime") for one in sidecars]
    times = options.echo_times_ms or [ms_of(time) for time in stated if isinstance(time, float)]
    field = sidecars[0].get("MagneticFieldStrength")
    larmor = options.larmor_mhz or (field and field * PROTON_MHZ_PER_TESLA)
    if len(times) != 3 or not larmor:
        raise MyoT2Error(
            expected="the echo time of each echo and the field strength in the sidecars",
            found="one of them missing",
            where=options.magnitude[0],
            do="Give --echo-times-ms and --larmor-mhz.",
        )
    return times, larmor


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parse(argv)
    images = [path for path in (options.out, options.proton) if path]
    return run_stage(
        "fit",
        lambda: map_fraction(options),
        outputs=[output for path in images for output in (path, sidecar_path(path))],
        leave_stop_notes=options.leave_stop_notes,
    )


if __name__ == "__main__":
    sys.exit(main())
