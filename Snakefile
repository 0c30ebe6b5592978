"""MyoT2: muscle T2 values, statistics and a report from a cohort's thigh MRI.

The rules stand in rules/, one file per stage, in the order in which the data flow.
"""

from snakemake.utils import min_version

min_version("9.27")


# A run's own file, given with --configfile, replaces the default file; keys that it leaves out take the defaults of
# src/myot2/core/config.py, which are those of config/config.yaml.
if not workflow.configfiles:

    configfile: "config/config.yaml"


include: "rules/common.smk"
include: "rules/review_functions.smk"
include: "rules/fit_functions.smk"
include: "rules/reconstruct_functions.smk"
include: "rules/export_functions.smk"
include: "rules/simulate.smk"
include: "rules/fetch.smk"
include: "rules/ingest.smk"
include: "rules/reconstruct.smk"
include: "rules/segment.smk"
include: "rules/quality.smk"
include: "rules/align.smk"
include: "rules/fit.smk"
include: "rules/review.smk"
include: "rules/describe.smk"
include: "rules/measure.smk"
include: "rules/analyse.smk"
include: "rules/release.smk"
include: "rules/report.smk"
include: "rules/export.smk"
include: "rules/train.smk"
include: "rules/learn.smk"
include: "rules/audit.smk"


localrules:
    all,
    measures,
    muscle_bids,
    export_dicom,
    other_tools,
    pages,


rule all:
    """Everything up to the report, and what makes the images BIDS datasets."""
    input:
        "<results>/report/report.html",
        "<results>/report/report.pdf",
        DESCRIPTIONS,
        CLAIMS,
        SHAREABLE if settings.report.shareable else [],
        GONE,
        dicom_objects() if settings.export.dicom else [],
        every_scan(PAGE) if settings.export.page else [],


rule measures:
    """Everybody's measures, without statistics and report."""
    input:
        "<results>/measure/cohort.tsv",
        GONE,


rule muscle_bids:
    """Everybody's images and T2 maps in the Muscle-BIDS form."""
    input:
        [path for image in MUSCLE_BIDS_IMAGES for path in every_scan(image)],


rule export_dicom:
    """Everybody's results as DICOM objects (export.dicom)."""
    input:
        lambda wildcards: dicom_objects(),


rule other_tools:
    """The measures as spreadsheets, colour tables for viewers, and everybody's labels in other tools' numbers."""
    input:
        SPREADSHEETS,
        COLOUR_TABLES,
        [path for labels in RENUMBERED for path in every_scan(labels)],


rule pages:
    """Everybody's page for the clinician."""
    input:
        every_scan(PAGE),
