"""Make maps of T2 (ms) and M0 from the raw k-space of a multi-echo scan, and say how far they can be trusted.

docs/stages/reconstruct.md says how. Maps are 32-bit floats on the grid that the raw header tells; the status map holds
a code per voxel, as that of a fit. Each has a JSON sidecar. Nothing of the header's names and texts is written.
Dixon images of the same session are brought to that grid by where they lie in space: before there is a T2 map nothing
could be registered.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import SimpleITK as sitk

from myot2.align.averaging import resample_means
from myot2.align.inputs import slice_thickness_mm
from myot2.core.bids import seconds_of
from myot2.core.command import positive, run_stage, stage_parser
from myot2.core.dictionary import dictionary_path, write_dictionary
from myot2.core.errors import MyoT2Error
from myot2.core.fat_fraction import as_given, from_water_fat, require_fractions, shares_scale
from myot2.core.files import write_json
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
from myot2.core.tables import write_tsv
from myot2.core.voxel_status import count_by_status, levels
from myot2.fit.dixon_weight import FAT_T2_MS, weight_of
from myot2.fit.fit_options import add_train, contradiction_in_train, pulses_of
from myot2.fit.maps import read_b1
from myot2.fit.settings import Settings as FitSettings
from myot2.fit.status import T2_LIMITS_MS
from myot2.fit.trains import train_of
from myot2.reconstruct.fat import Fat, models_with_fat
from myot2.reconstruct.files import read_raw
from myot2.reconstruct.inversion import Settings
from myot2.reconstruct.judgement import statuses
from myot2.reconstruct.nuisance import PHASE_TERMS
from myot2.reconstruct.pattern import pattern_of
from myot2.reconstruct.preparation import Preparation
from myot2.reconstruct.raw import RawScan
from myot2.reconstruct.record import PATTERN_COLUMNS, SLICE_COLUMNS, course_table, pattern_table, summary
from myot2.reconstruct.signal_models import MonoModel, SignalModel, epg_model
from myot2.reconstruct.slices import SliceResult, reconstruct

RECORDED = (
    *("Model", "EchoTimesMs", "Acceleration", "ReducedChiSquare", "B1Source"),
    *("TotalVariation", "Phase", "Fat", "FatLeft", "Flags"),
)
"""What of the summary the sidecar of every map has too."""


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    default = Settings()
    parser = stage_parser(__doc__)
    add = parser.add_argument
    add("--raw", required=True, metavar="PATH", help="raw data, or a folder with them and a file of the noise scan")
    add("--echo-times-ms", nargs="+", type=positive, metavar="MS", help="default: the header's")
    add("--model", choices=["epg", "mono"], default="epg", help="default %(default)s")
    add("--strength", type=float, default=default.strength, metavar="LAMBDA", help="of total variation; %(default)s")
    add("--coils", type=int, default=8, metavar="N", help="virtual coils; default %(default)s")
    add("--phase", choices=list(PHASE_TERMS), default=default.phase, help="of even echoes; default %(default)s")
    add("--b1-from", metavar="NIFTI", help="map of B1 relative to nominal; without it B1 is estimated")
    add("--t2-limits-ms", type=float, nargs=2, default=T2_LIMITS_MS, metavar=("LOW", "HIGH"), help="default 10 300")
    add("--cores", type=int, default=1, metavar="N", help="slices at a time; default %(default)s")
    add_train(parser)
    add("--water", metavar="NIFTI", help="Dixon water image; with --fat, and for --model epg")
    add("--fat", metavar="NIFTI", help="Dixon fat image")
    add("--in-phase", metavar="NIFTI", help="with --water and --fat: takes the bias of noise away")
    add("--fraction", metavar="NIFTI", help="map of the fat fraction (0-1), in place of --water and --fat")
    add("--fat-left", type=_left, default="auto", metavar="auto|SHARE", help="what suppression left of fat; auto: look")
    add("--fat-t2-ms", type=positive, default=FAT_T2_MS, metavar="MS", help="of fat; default %(default)s")
    add("--t2", required=True, metavar="OUT", help="T2 in ms")
    add("--m0", required=True, metavar="OUT", help="signal at TE = 0, in units of the noise")
    add("--sd", required=True, metavar="OUT", help="standard deviation of T2 in ms")
    add("--status", required=True, metavar="OUT", help="what became of each voxel")
    add("--phase-map", required=True, metavar="OUT", help="phase of even echoes, in radians")
    add("--b1-map", metavar="OUT", help="B1 that was used; with --model epg")
    add("--synthetic-ms", nargs="*", type=positive, default=[], metavar="MS", help="echo times of --echoes")
    add("--echoes", nargs="*", default=[], metavar="OUT", help="images at these echo times, under ideal refocusing")
    add("--summary", required=True, metavar="OUT.json", help="misfit, pattern, flags")
    add("--course", required=True, metavar="OUT.tsv", help="the steps of each slice")
    add("--pattern", required=True, metavar="OUT.tsv", help="the sampled lines")
    options = parser.parse_args(argv)
    rules = [
        (len(options.echoes) != len(options.synthetic_ms), "one of --echoes for each of --synthetic-ms"),
        ((options.model == "epg") != bool(options.b1_map), "--b1-map goes with --model epg"),
        (options.model != "epg" and options.b1_from, "--b1-from goes with --model epg"),
        (options.strength < 0 or options.cores < 1 or options.coils < 1, "--strength, --coils, --cores: too small"),
        (bool(options.water) != bool(options.fat), "--water and --fat go together"),
        (bool(options.in_phase) and not options.water, "--in-phase goes with --water and --fat"),
        (bool(options.water and options.fraction), "--water and --fat, or --fraction"),
        (options.model != "epg" and bool(options.water or options.fraction), "fat goes with --model epg"),
        (options.fat_left != "auto" and not (options.water or options.fraction), "--fat-left needs a fat fraction"),
        contradiction_in_train(options),
    ]
    for contradicts, message in rules:
        if contradicts:
            parser.error(message)
    return options


def work(options: argparse.Namespace) -> None:
    """Read, reconstruct and write one scan."""
    preparation = Preparation(virtual_coils=options.coils, echo_times_ms=tuple(options.echo_times_ms or ()))
    scan = read_raw(options.raw, preparation)
    settings = Settings(strength=options.strength, phase=options.phase)
    grid = scan.image(np.zeros((len(scan.slices), scan.rows, scan.columns), np.float32))
    b1 = read_b1(options.b1_from, grid) if options.b1_from else None
    fat = read_fat(options, grid, scan.facts.get("slice_thickness_mm"))
    models, of_fat = models_of(options, scan, fat, b1)
    results = reconstruct(scan, models, settings, b1, options.cores)
    told = summary(scan, results, settings, options.model, of_fat)
    write_maps(options, scan, results, told)
    write_json(options.summary, told)
    for path, table, columns in (
        (options.course, course_table(scan, results), SLICE_COLUMNS),
        (options.pattern, pattern_table(pattern_of(scan)), PATTERN_COLUMNS),
    ):
        write_tsv(table, path)
        write_dictionary(path, columns)


def models_of(
    options: argparse.Namespace, scan: RawScan, fat: Fat | None, b1: np.ndarray | None
) -> tuple[list[SignalModel], dict[str, Any]]:
    """The signal model of each slice, pulses as for a fit, and what is told of fat."""
    if options.model == "mono":
        told = {"Fat": "not in the model", "FatLeft": None, "FatSuppressed": None}
        return [MonoModel(scan.echo_times_ms)] * len(scan.slices), told
    water = epg_model(train_of(FitSettings(t1_ms=options.t1_ms, pulses=pulses_of(options)), scan.echo_times_ms))
    return models_with_fat(scan, water, fat, b1)


def read_fat(options: argparse.Namespace, grid: sitk.Image, thickness_mm: float | None) -> Fat | None:
    """The fat fraction on the grid of the raw data: means of the Dixon images over each of its voxels."""
    paths = [path for path in (options.water, options.fat, options.in_phase, options.fraction) if path]
    if not paths:
        return None
    images = [image_like(values, image) for image, values in map(read_map, paths)]
    for path, image in zip(paths[1:], images[1:], strict=True):
        require_same_grid(images[0], image, where=path, what="all Dixon images")
    if options.fraction:
        require_fractions(array_of(images[0]), options.fraction)
    thicknesses = {"source_thickness_mm": slice_thickness_mm(None, *paths), "reference_thickness_mm": thickness_mm}
    values = [array_of(image) for image in resample_means(images, grid, **thicknesses)]
    outside = int(np.isnan(values[0]).sum())
    if outside == values[0].size:
        raise MyoT2Error(
            expected="Dixon images that show what the raw data show",
            found="no voxel of the raw data inside their field",
            where=paths[0],
            do="Check that both are of the same session and in one frame of reference, or set reconstruct.fat: none.",
        )
    if options.fraction:
        found = as_given(values[0])
    else:
        found = from_water_fat(*values[:2], values[2] if values[2:] and shares_scale(*values) else None)
    tissue = {"water_t1_ms": options.t1_ms, "fat_t1_ms": options.fat_t1_ms, "fat_t2_ms": options.fat_t2_ms}
    weight = weight_of(read_sidecar(paths[0]), paths[0], **tissue)
    return Fat(found.fraction, weight, None if options.fat_left == "auto" else options.fat_left, outside)


def write_maps(options: argparse.Namespace, scan: RawScan, results: list[SliceResult], told: dict[str, Any]) -> None:
    """Write every map and its sidecar."""

    def stack(of_slice: Callable[[SliceResult], np.ndarray]) -> sitk.Image:
        return scan.image(np.stack([of_slice(result) for result in results]))

    status = np.stack([statuses(one, float(scan.echo_times_ms[0]), options.t2_limits_ms) for one in results])
    limits = {"T2LimitsMs": list(options.t2_limits_ms), "Voxels": count_by_status(status)}
    thickness = scan.facts.get("slice_thickness_mm")
    geometry = {"SpacingBetweenSlices": float(scan.spacing_mm[2])} | (
        {"SliceThickness": thickness} if thickness else {}
    )
    record = {"Source": "k-space", **{name: told[name] for name in RECORDED}, **geometry, "SkullStripped": False}
    maps = [
        (options.t2, stack(lambda one: one.t2_ms), {"Units": "ms", **limits}),
        (options.m0, stack(lambda one: one.m0), {"Units": "arbitrary", "Quantity": "M0 over the noise of one channel"}),
        (options.sd, stack(lambda one: one.sd_t2_ms), {"Units": "ms"}),
        (options.status, scan.image(status), {"Manual": False, "Levels": levels(), **limits}),
        (
            options.phase_map,
            stack(lambda one: one.phase),
            {"Units": "rad", "Quantity": "phase of even against odd echoes"},
        ),
    ]
    if options.b1_map:
        maps.append(
            (options.b1_map, stack(lambda one: one.b1), {"Units": "arbitrary", "Quantity": "B1 relative to nominal"})
        )
    for path, time_ms in zip(options.echoes, options.synthetic_ms, strict=True):
        echo = stack(
            lambda one, time=time_ms: np.where(one.m0 > 0, one.m0 * np.exp(-time / one.t2_ms), 0).astype(np.float32)
        )
        maps.append((path, echo, {"Units": "arbitrary", "EchoTime": seconds_of(time_ms), "Synthetic": True}))
    for path, image, entries in maps:
        write_image(image, path)
        write_sidecar(path, {**entries, **record})


def _left(text: str) -> str | float:
    """auto, or a share above 0 and up to 1."""
    if text == "auto":
        return text
    share = positive(text)
    if share > 1:
        raise argparse.ArgumentTypeError("a share is at most 1")
    return share


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parse(argv)
    images = [options.t2, options.m0, options.sd, options.status, options.phase_map, *options.echoes]
    images += [options.b1_map] if options.b1_map else []
    tables = [options.course, options.pattern]
    return run_stage(
        "reconstruct",
        lambda: work(options),
        outputs=[
            *(output for path in images for output in (path, sidecar_path(path))),
            *(output for path in tables for output in (path, dictionary_path(path))),
            options.summary,
        ],
        leave_stop_notes=options.leave_stop_notes,
    )


if __name__ == "__main__":
    sys.exit(main())
