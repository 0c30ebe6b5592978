"""What all stages share: the validated configuration, the cohort, and how a job names the code it runs."""

import os
from glob import glob

from snakemake.exceptions import WorkflowError

from myot2.core.config import Simulate, read_configuration
from myot2.core.config_fit import fat_source
from myot2.core.config_multiverse import further_t2, own_t2
from myot2.core.config_reconstruct import fat_told_by
from myot2.core.errors import MyoT2Error
from myot2.core.files import listing_digest
from myot2.core.given import given_file, one_file_per_echo
from myot2.core.jobs import prepare_environment
from myot2.core.participants import read_participants
from myot2.core.scans import Scan
from myot2.core.sources import write_code_list
from myot2.core.tables import read_table
from myot2.core.variants import description_of
from myot2.ingest.choosing.choices import choices_digest
from myot2.ingest.identity import make_key, read_key
from myot2.ingest.pacs.source import is_source
from myot2.review.decisions import deciding, read_decisions
from myot2.review.places import mask_of, mask_that_counts
from myot2.review.readings import pairs_of, readings_of

prepare_environment()

try:
    settings = read_configuration(config, where=(workflow.configfiles or ["config/config.yaml"])[-1])
    participants = read_participants(
        settings.participants.table,
        columns=settings.participants.columns,
        values=settings.participants.values,
        require_dicom=settings.ingest.source == "dicom",
        require_kspace=settings.fit.source == "kspace",
    )
except MyoT2Error as error:
    raise WorkflowError(str(error)) from error

cohort = {participant.scan: participant for participant in participants}
simulation = settings.simulate or Simulate()


pathvars:
    results=settings.results,
    logs=f"{settings.results}/logs",
    benchmarks=f"{settings.results}/benchmarks",


# Not the cohort's own names: Snakemake writes a constraint into every file name, and reads it for every file.
wildcard_constraints:
    folder="sub-[A-Za-z0-9]+(/ses-[A-Za-z0-9]+)?/anat",
    visit="sub-[A-Za-z0-9]+(/ses-[A-Za-z0-9]+)?",
    scan="sub-[A-Za-z0-9]+(_ses-[A-Za-z0-9]+)?",


def code(script):
    """The input that makes a job run again when its code changes: a list of script, modules, and locked packages."""
    return write_code_list(script, "envs/run.lock")


SNAKEMAKE_MIB = 600


def by_attempt(amount):
    """A resource of which a job asks that much, and twice as much when it comes again: its end may have been for want."""
    return lambda wildcards, attempt: amount * attempt


def memory(mib):
    """Memory for a program of which that much was measured, or room was left for; docs/performance.md has the table.

    On a cluster Snakemake runs twice beside it, and its memory counts.
    """
    return by_attempt(mib + SNAKEMAKE_MIB)


def every_scan(pattern):
    """A file name pattern with {folder} or {visit}, and {scan}, once for each scan of the cohort."""
    return [
        pattern.format(folder=participant.folder, visit=participant.visit, scan=participant.scan)
        for participant in participants
    ]


def by_visit(images):
    """The same images, their folder as visit and data type."""
    return [image.replace("{folder}", "{visit}/anat") for image in images]


def sidecars_of(images):
    """The JSON files beside images."""
    return [image.replace(".nii.gz", ".json") for image in images]


def gone(made, of):
    """Files that are missing, of each scan, though one that is made of them is there: a pattern, and patterns of such.

    Snakemake does not miss them. Where a job failed or was killed, its outputs are gone, and what was made of the former
    ones is no longer true.
    """
    return [path for path, *later in zip(every_scan(made), *map(every_scan, of)) if lost(path, later)]


def lost(path, later):
    """Whether a file is missing though one of those that are made of it is there."""
    return not os.path.exists(path) and any(map(os.path.exists, later))


PARTICIPANTS_OPTIONS = {
    "columns": [f"{ours}={theirs}" for ours, theirs in settings.participants.columns.items()],
    "values": [
        f"{column}:{theirs}={ours}"
        for column, words in settings.participants.values.items()
        for theirs, ours in words.items()
    ],
}
"""How a program is told the names and words of the participants table."""


PACS = settings.ingest.pacs
FETCHED = {
    participant.scan
    for participant in participants
    if settings.ingest.source == "dicom" and not settings.simulate and is_source(participant.dicom)
}
"""The scans whose DICOM files the table says to fetch from an archive."""


def site_pseudonyms():
    """The pseudonyms of the site's key, by which what Snakemake records of a job cannot be guessed; None without key."""
    key = settings.ingest.key
    if FETCHED and not key:
        key = f"{PACS.folder}/.key"
        make_key(key)
    return read_key(key) if key else None


try:
    PSEUDONYMS = site_pseudonyms()
    if settings.ingest.series:
        read_table(settings.ingest.series)  # a wrong path is told in plain words, and before any job
except MyoT2Error as error:
    raise WorkflowError(str(error)) from error


def dicom_folder(wildcards):
    """The folder of a scan's DICOM files: the one that the table names, or the one that a fetched study goes to."""
    return f"{PACS.folder}/{wildcards.scan}" if wildcards.scan in FETCHED else cohort[wildcards.scan].dicom


def dicom_input(wildcards):
    """The DICOM folder of a scan as an input, unless it is missing: then ingest says so and the cohort goes on."""
    folder = dicom_folder(wildcards)
    return folder if settings.simulate or wildcards.scan in FETCHED or os.path.isdir(folder) else []


def choices(wildcards):
    """What the edited table of series says about a scan: a change of other scans' rows is none of this one's."""
    if not settings.ingest.series:
        return "none"
    try:
        return choices_digest(settings.ingest.series, wildcards.scan)
    except MyoT2Error as error:
        raise WorkflowError(str(error)) from error


def dicom_listing(wildcards):
    """What tells that files of a scanner's DICOM folder have come or gone (a folder's own time does not)."""
    made_here = settings.simulate or wildcards.scan in FETCHED
    if made_here:
        return "made by a rule"
    listing = listing_digest(cohort[wildcards.scan].dicom)
    return PSEUDONYMS.of(listing) if PSEUDONYMS else listing


def image_options(files, end=""):
    """How a program is told the images among a rule's inputs or outputs."""
    return [
        *(
            word
            for contrast, image in zip(settings.ingest.dixon, files.dixon)
            for word in (f"--dixon-{contrast}{end}", image)
        ),
        *([f"--echoes{end}", *files.echoes] if files.echoes else []),
        *([f"--t2-map{end}", *files.t2_map] if files.t2_map else []),
    ]


def given_images(scan, product):
    """The paths of a product of ingest in the BIDS or Muscle-BIDS dataset that was given."""
    form, own = settings.ingest.source, settings.ingest.files
    whose = Scan(cohort[scan].participant_id, cohort[scan].session)
    files = settings.ingest.echoes if product == "echoes" and one_file_per_echo(form, own) else 1
    return [f"{settings.ingest.dataset}/{given_file(form, own, product, whose, echo + 1)}" for echo in range(files)]


def given_files(wildcards):
    """Those images of a scan that are there, and their sidecars, as inputs; take_bids says what is missing."""
    images = [path for product in PRODUCTS for path in given_images(wildcards.scan, product)]
    beside = [path.removesuffix(".gz").removesuffix(".nii") + ".json" for path in images]
    return [path for path in [*images, *beside] if os.path.isfile(path)]


def of_scan(pattern, wildcards):
    """The path that a pattern of the configuration gives a scan; None where there is no pattern."""
    scan = cohort[wildcards.scan]
    return pattern and pattern.format(participant_id=scan.participant_id, session=scan.session)


def if_there(path):
    """A path as an input; none where the file is missing: then the job says so and the cohort goes on."""
    return path if path and os.path.isfile(path) else []


def given_labels_path(wildcards):
    """The configured path of a scan's label map or folder of masks, or None where a model makes the labels."""
    return of_scan(settings.segment.given, wildcards)


def given_labels(wildcards):
    """That label map and its legend, or the masks of that folder, as inputs; take_labels says what is missing."""
    path = given_labels_path(wildcards)
    if path and os.path.isdir(path):
        return sorted(glob(f"{path}/*.nii") + glob(f"{path}/*.nii.gz"))
    return [found for found in (path, f"{path}.csv") if if_there(found)]


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
try:
    ALL_READINGS = read_decisions(settings.review.folder)
except MyoT2Error as error:
    raise WorkflowError(str(error)) from error
ALL_DECIDED = deciding(ALL_READINGS, settings.review.raters)
DECIDED = ALL_DECIDED if settings.review.apply else {}
"""The decision that counts of each scan that has one, by the scan's name; none where they are compared only."""

CORRECTED = {
    scan: str(path)
    for scan in cohort
    if (path := mask_that_counts(settings.review.folder, scan, ALL_DECIDED.get(scan), ALL_READINGS))
}
"""The corrected label map that goes with that decision, or that a person put there, of each scan that has one."""

READINGS = readings_of(ALL_READINGS)
"""The last row of each reading of each scan: scan, then reading, such as anna1."""

REVIEWED = [scan for scan in cohort if scan in ALL_DECIDED or scan in CORRECTED]
"""The scans that have a decision, or a corrected mask."""


def of_scans(scans, pattern):
    """A file name pattern once for each of some scans."""
    return [pattern.format(folder=cohort[scan].folder, visit=cohort[scan].visit, scan=scan) for scan in scans]


def corrected_path(wildcards):
    """The corrected label map of a scan that counts, if a person drew one."""
    return CORRECTED.get(wildcards.scan)


def given_reading(wildcards):
    """The corrected label map of a reading as an input, where one was drawn."""
    return if_there(mask_of(settings.review.folder, READINGS[wildcards.scan][wildcards.reading]))


def reading_labels(which):
    """An input function: the label map on the T2 grid that a reading left; the run's own where it was accepted."""

    def of(wildcards):
        reading = getattr(wildcards, which)
        row = READINGS[wildcards.scan][reading]
        stage, name = ("review", f"_desc-{reading}") if row.changes_results else ("align", "")
        return f"{settings.results}/{stage}/{wildcards.folder}/{wildcards.scan}_space-T2{name}_dseg.nii.gz"

    return of


def decision_digest(wildcards):
    """What a scan's decision says: a change of other scans' rows is none of this one's."""
    row = DECIDED.get(wildcards.scan)
    return row.digest() if row else "none"


def is_changed(wildcards):
    """Whether a decision changes how the scan is measured."""
    row = DECIDED.get(wildcards.scan)
    return bool(row and row.changes_results)


def corrected_labels(stage):
    """An input function: the label map that a person left, as drawn (segment) or on the T2 grid (align), if there is one."""
    space = {"segment": "", "align": "_space-T2"}[stage]

    def of(wildcards):
        path = f"{settings.results}/{stage}/{wildcards.folder}/{wildcards.scan}{space}_desc-corrected_dseg.nii.gz"
        return path if is_changed(wildcards) or if_there(corrected_path(wildcards)) else []

    return of


def taken_labels(wildcards):
    """The label map on the T2 grid that is measured: the run's own, or where a decision changes it, the person's."""
    own = f"{settings.results}/align/{wildcards.folder}/{wildcards.scan}_space-T2_dseg.nii.gz"
    return corrected_labels("align")(wildcards) if is_changed(wildcards) else own


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


FAT_OF_KSPACE = fat_told_by(settings.reconstruct, settings.fit, settings.ingest.dixon)
"""What tells the fat in the signal model of a reconstruction."""


def reconstruct_fat_options(wildcards, input):
    """How the program that reconstructs is told of fat."""
    if not FAT_OF_KSPACE:
        return []
    left = settings.reconstruct.fat
    given = ["--fraction", given_fraction_path(wildcards)] if FAT_OF_KSPACE == "given" else []
    names = ["--water", "--fat", "--in-phase"][: len(input.dixon)]
    told = given or [word for pair in zip(names, input.dixon) for word in pair]
    return [*told, "--fat-left", left, *TISSUE_OPTIONS]


USES_B1_MAP = settings.reconstruct.model == "epg" and settings.reconstruct.b1 == "map"


def raw_input(wildcards):
    """The raw data of a scan as an input, unless they are missing: then the job says so and the cohort goes on."""
    path = cohort[wildcards.scan].kspace
    return path if path and (settings.simulate or os.path.exists(path)) else []


def raw_path(wildcards):
    """Where the participants table says that the raw data are."""
    return cohort[wildcards.scan].kspace or f"no cell in the column kspace for {wildcards.scan}"


def raw_listing(wildcards):
    """What tells that files of a folder of raw data have come or gone (a folder's own time does not)."""
    path = cohort[wildcards.scan].kspace
    if settings.simulate or not path or not os.path.isdir(path):
        return "one file, or made by a rule"
    listing = listing_digest(path)
    return PSEUDONYMS.of(listing) if PSEUDONYMS else listing


def measured_b1(wildcards):
    """The configured map of B1 as an input; a simulated one comes with the raw data."""
    if not USES_B1_MAP or settings.simulate:
        return []
    return if_there(of_scan(settings.reconstruct.b1_map, wildcards))


def own_b1(wildcards):
    """How a program is told the measured B1."""
    return ["--b1-from", of_scan(settings.reconstruct.b1_map, wildcards)] if USES_B1_MAP else []


def reconstructed(suffix):
    """A map of the stage, once for each scan."""
    return every_scan(f"<results>/reconstruct/{{folder}}/{{scan}}{suffix}")
