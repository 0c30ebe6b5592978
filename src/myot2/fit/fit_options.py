"""The command-line options that say how to fit, what each goes with, and the settings that they hold."""

from __future__ import annotations

import argparse
import math

from myot2.core.command import positive
from myot2.fit.models import MODELS
from myot2.fit.settings import FatSettings, PulseSettings, Settings
from myot2.fit.status import T2_LIMITS_MS

MAPS = ("t2", "m0", "sd", "rmse", "status", "b1_map", "fat_fraction_map")
"""The maps that a fit can write."""

BESIDE = ("fat_fraction", "b1_from")
"""The maps that a fit can be given beside the echoes."""

_DEFAULTS = Settings()


def add_model(parser: argparse.ArgumentParser) -> None:
    """The options that say how to fit; their defaults are those of the configuration."""
    fat, add = _DEFAULTS.fat, parser.add_argument
    add("--model", choices=list(MODELS), default=_DEFAULTS.model, help="default %(default)s")
    add("--skip-first-echoes", type=int, default=_DEFAULTS.skip_first_echoes, metavar="N", help="default %(default)s")
    add("--noise", type=_noise, default="none", metavar="none|measured|SIGMA", help="takes the noise floor away")
    add("--t2-limits-ms", type=float, nargs=2, default=T2_LIMITS_MS, metavar=("LOW", "HIGH"), help="default 10 300")
    add("--b1", choices=["smoothed", "free", "map"], default=_DEFAULTS.b1, help="for a phase graph; default smoothed")
    add("--b1-from", metavar="NIFTI", help="map of B1 relative to nominal, with --b1 map")
    add("--fat-fraction", metavar="NIFTI", help="signal fat fraction of a Dixon scan, 0-1, on the grid of the echoes")
    add("--fat-limit", type=_limit, default=fat.limit, metavar="F", help="mark voxels with more fat; inf for none")
    add("--fat-prior-sd", type=positive, default=fat.prior_sd, metavar="SD", help="for epg-water-fat")
    add("--fat-t2-ms", type=_fat_t2, default=None, metavar="calibrated|MS", help="for epg-water-fat")
    add_train(parser)


def add_train(parser: argparse.ArgumentParser) -> None:
    """The options that say which train of pulses was played, in which tissue."""
    pulses, add = _DEFAULTS.pulses, parser.add_argument
    add("--t1-ms", type=positive, default=_DEFAULTS.t1_ms, metavar="MS", help="of muscle; default %(default)s")
    add("--fat-t1-ms", type=positive, default=_DEFAULTS.fat.t1_ms, metavar="MS", help="of fat; default %(default)s")
    add("--slice-profile", choices=["none", "hann-sinc", "slr", "given"], default=pulses.slice_profile)
    add("--time-bandwidth", type=positive, nargs=2, default=pulses.time_bandwidth, metavar=("EXCITATION", "REFOCUSING"))
    add("--refocusing-width", type=positive, default=pulses.refocusing_width, help="of the excited slice")
    add("--refocusing-deg", type=positive, default=pulses.refocusing_deg, metavar="DEG", help="nominal angle")
    add("--pulse-samples", nargs=2, metavar=("EXCITATION", "REFOCUSING"), help="files, with --slice-profile given")


def contradiction_in_train(options: argparse.Namespace) -> tuple[bool, str]:
    """Whether the options of `add_train` exclude each other, and what to say then."""
    given = options.slice_profile == "given"
    return given != bool(options.pulse_samples), "--slice-profile given and --pulse-samples go together"


def refuse_contradictions(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End with a usage message where options exclude each other or lack their partner."""
    train = MODELS[options.model].train
    of_fit = ("echo_times_ms", *MAPS[1:], *BESIDE)
    rules = [
        (
            options.vendor_map and any(getattr(options, name) for name in of_fit),
            "--echo-times-ms, all maps but --t2, and what a fit is given go with --echoes: a vendor map has no fit",
        ),
        (
            options.skip_first_echoes < 0 or not 0 < options.t2_limits_ms[0] < options.t2_limits_ms[1],
            "--skip-first-echoes is not negative, and --t2-limits-ms goes from low to high",
        ),
        (
            options.noise != "none" and MODELS[options.model].estimator_of_known_noise is None,
            f"--noise does not go with --model {options.model}",
        ),
        (options.b1_map and not train, "--b1-map goes with a phase-graph model"),
        ((options.b1 == "map") != bool(options.b1_from), "--b1 map and --b1-from go together"),
        contradiction_in_train(options),
        (options.fat_fraction_map and not options.fat_fraction, "--fat-fraction-map goes with --fat-fraction"),
        (options.model == "epg-water-fat" and not options.fat_fraction, "epg-water-fat needs --fat-fraction"),
    ]
    for contradicts, message in rules:
        if contradicts:
            parser.error(message)


def pulses_of(options: argparse.Namespace) -> PulseSettings:
    """The pulses that the options of `add_train` describe."""
    return PulseSettings(
        options.slice_profile,
        tuple(options.time_bandwidth),
        options.refocusing_width,
        options.refocusing_deg,
        tuple(options.pulse_samples) if options.pulse_samples else None,
    )


def settings_of(options: argparse.Namespace) -> Settings:
    """The settings that the options hold; noise that is to be measured is not known yet."""
    return Settings(
        model=options.model,
        skip_first_echoes=options.skip_first_echoes,
        sigma=options.noise if isinstance(options.noise, float) else None,
        t2_limits_ms=tuple(options.t2_limits_ms),
        b1=options.b1,
        t1_ms=options.t1_ms,
        pulses=pulses_of(options),
        fat=FatSettings(
            None if math.isinf(options.fat_limit) else options.fat_limit,
            options.fat_prior_sd,
            options.fat_t2_ms,
            options.fat_t1_ms,
        ),
    )


def _noise(text: str) -> str | float:
    if text in ("none", "measured"):
        return text
    return positive(text)


def _fat_t2(text: str) -> float | None:
    return None if text == "calibrated" else positive(text)


def _limit(text: str) -> float:
    return math.inf if text == "inf" else positive(text)
