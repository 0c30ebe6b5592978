"""What all stages share: the validated configuration, the cohort, and how a job names the code it runs."""

import os
from glob import glob

from snakemake.exceptions import WorkflowError

from myot2.core.config import Simulate, read_configuration
from myot2.core.errors import MyoT2Error
from myot2.core.files import listing_digest
from myot2.core.garbage import collect_seldom
from myot2.core.given import given_file, one_file_per_echo
from myot2.core.jobs import prepare_environment
from myot2.core.participants import read_participants
from myot2.core.scans import Scan
from myot2.core.sources import write_code_list
from myot2.core.tables import read_table
from myot2.ingest.choosing.choices import choices_digest
from myot2.ingest.identity import make_key, read_key
from myot2.ingest.pacs.source import is_source
from myot2.learn.versions import with_pinned_version

prepare_environment()
collect_seldom()

try:
    settings = with_pinned_version(
        read_configuration(config, where=(workflow.configfiles or ["config/config.yaml"])[-1])
    )
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
