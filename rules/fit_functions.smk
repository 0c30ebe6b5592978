"""How the programs that fit are told of fat, pulses and B1, and what tells the fat inside muscle."""

from myot2.core.config_fit import fat_source
from myot2.core.config_multiverse import further_t2, own_t2
from myot2.core.variants import description_of


def given_fraction_path(wildcards):
    """The configured path of a scan's own map of the fat fraction."""
    return of_scan(settings.fit.fat.given, wildcards)


def given_fraction(wildcards):
    """That map as an input."""
    return if_there(given_fraction_path(wildcards))


def given_fraction_sidecar(wildcards):
    """Its sidecar, which says how it is weighted, as an input."""
    return if_there(given_fraction_path(wildcards).removesuffix(".gz").removesuffix(".nii") + ".json")


FAT_SOURCE = fat_source(settings.fit.fat, settings.ingest.dixon)
FAT_TOLD_BY = FAT_SOURCE if settings.segment.fat.action != "keep" and FAT_SOURCE != "in-opposed" else None
"""What tells the fat inside muscle labels; in and opposed phase never tell more than half of it."""


def label_fat_options(wildcards, input):
    """How the program that labels is told the fat fraction, and what is done about fat inside muscle."""
    if not FAT_TOLD_BY:
        return []
    given = ["--fat-fraction", given_fraction_path(wildcards)] if FAT_TOLD_BY == "given" else []
    told = given or ["--water-fat", *input.fat]
    return [*told, "--fat-limit", settings.segment.fat.limit, "--fat-action", settings.segment.fat.action]


def given_b1_path(wildcards):
    """The configured path of a scan's B1 map, or None where B1 is fitted."""
    return of_scan(settings.fit.b1_map, wildcards)


def given_b1(wildcards):
    """That map as an input."""
    return if_there(given_b1_path(wildcards))


MULTIVERSE_SETTINGS = settings.analysis.multiverse
FURTHER_T2 = {description_of(name): name for name in further_t2(MULTIVERSE_SETTINGS, settings.fit)}
FURTHER_FITS = {description: name for description, name in FURTHER_T2.items() if name != "vendor-map"}


def status_of(wildcards):
    """The status map beside a T2 map of the multiverse, where the map is a fit."""
    of_fit = f"{settings.results}/fit/{wildcards.folder}/{wildcards.scan}"
    if not wildcards.further:
        return f"{of_fit}_desc-status_dseg.nii.gz" if STATUS_MAP else []
    fitted = wildcards.further.removeprefix("_desc-") in FURTHER_FITS
    return f"{of_fit}{wildcards.further}status_dseg.nii.gz" if fitted else []


def is_phase_graph(model):
    """Whether a model follows the train of pulses."""
    return model.startswith("epg")


TISSUE_OPTIONS = [
    *("--fat-t1-ms", settings.fit.fat.t1_ms),
    *([] if settings.fit.fat.t2_ms == "calibrated" else ["--fat-t2-ms", settings.fit.fat.t2_ms]),
]


def fat_options(model):
    """How the program is told of fat, as far as a model reads it: a change of other settings reruns nothing."""
    return [
        *TISSUE_OPTIONS,
        *([] if is_phase_graph(model) else ["--t1-ms", settings.fit.t1_ms]),
        *("--fat-limit", "inf" if settings.fit.fat.limit is None else settings.fit.fat.limit),
        *(["--fat-prior-sd", settings.fit.fat.prior_sd] if model == "epg-water-fat" else []),
    ]


def pulse_options(model):
    """How a program is told the train of pulses, which the phase-graph models follow."""
    pulses = settings.fit.pulses
    if not is_phase_graph(model):
        return []
    return [
        *("--t1-ms", settings.fit.t1_ms),
        *("--slice-profile", pulses.slice_profile, "--refocusing-deg", pulses.refocusing_deg),
        *("--time-bandwidth", *pulses.time_bandwidth),
        *("--refocusing-width", pulses.refocusing_width),
        *(["--pulse-samples", *pulses.samples] if pulses.samples else []),
    ]


def train_options(model):
    """The same for a fit, and where B1 comes from."""
    return [*pulse_options(model), "--b1", settings.fit.b1] if is_phase_graph(model) else []


def pulse_samples(model):
    """The files of given pulses as inputs, where the model reads them."""
    return list(settings.fit.pulses.samples or []) if is_phase_graph(model) else []


def b1_options(model, wildcards):
    """How the program is told a given map of B1."""
    return ["--b1-from", given_b1_path(wildcards)] if is_phase_graph(model) and settings.fit.b1_map else []
