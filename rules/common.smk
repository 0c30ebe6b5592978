"""What all stages share: the validated configuration, the cohort, and how a job names the code it runs."""

import os
from glob import glob

from snakemake.exceptions import WorkflowError

from myot2.core.config import Simulate, read_configuration
from myot2.core.errors import MyoT2Error
from myot2.core.files import listing_digest
from myot2.core.jobs import prepare_environment
from myot2.core.participants import read_participants
from myot2.core.sources import modules_of

prepare_environment()

try:
    settings = read_configuration(config, where=(workflow.configfiles or ["config/config.yaml"])[-1])
    participants = read_participants(
        settings.participants.table,
        columns=settings.participants.columns,
        values=settings.participants.values,
    )
except MyoT2Error as error:
    raise WorkflowError(str(error)) from error

cohort = {participant.scan: participant for participant in participants}
simulation = settings.simulate or Simulate()


pathvars:
    results=settings.results,
    logs=f"{settings.results}/logs",
    benchmarks=f"{settings.results}/benchmarks",


wildcard_constraints:
    folder="|".join(participant.folder for participant in participants),
    scan="|".join(cohort),


def code(script):
    """The inputs that make a job run again when its code changes: the script, its modules, and the locked packages."""
    return [script, *modules_of(script), "envs/run.lock"]


def every_scan(pattern):
    """A file name pattern with {folder} and {scan}, once for each scan of the cohort."""
    return [pattern.format(folder=participant.folder, scan=participant.scan) for participant in participants]


def dicom_input(wildcards):
    """The DICOM folder of a scan as an input, unless it is missing: then ingest says so and the cohort goes on."""
    folder = cohort[wildcards.scan].dicom
    return folder if settings.simulate or os.path.isdir(folder) else []


def dicom_listing(wildcards):
    """What tells that files of a scanner's DICOM folder have come or gone (a folder's own time does not)."""
    folder = cohort[wildcards.scan].dicom
    return "simulated" if settings.simulate else listing_digest(folder)


def given_labels(wildcards):
    """The label map given for a scan as an input; none where the network makes the labels, or the file is missing."""
    path = given_labels_path(wildcards)
    return path if path and os.path.isfile(path) else []


def given_labels_path(wildcards):
    """The configured path of a scan's label map, or None where the network makes the labels."""
    if settings.segment.source == "network":
        return None
    scan = cohort[wildcards.scan]
    return settings.segment.given.format(participant_id=scan.participant_id, session=scan.session)
