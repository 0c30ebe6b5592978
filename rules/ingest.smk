"""This part of the workflow writes the images that are needed as a BIDS dataset, de-identified.

REQUIRED INPUTS:
    dicom = the folder that the participants table names          ingest.source: dicom
    dataset = the folder of a BIDS or Muscle-BIDS dataset          ingest.source: bids or muscle-bids

OUTPUTS:
    <results>/ingest/{folder}/{scan}_acq-dixon{in,opp,water,fat}_T2w.nii.gz  and .json
    <results>/ingest/{folder}/{scan}_echo-{01..}_MESE.nii.gz                 and .json
    <results>/ingest/{folder}/{scan}_T2map.nii.gz                            and .json
    <results>/ingest/{folder}/{scan}_series.tsv   which series was taken for what, and why
    <results>/ingest/{folder}/{scan}_crosscheck.tsv  what dcm2niix reads of the same files; and .json
    <results>/ingest/sub-{person}/sub-{person}_sessions.tsv  days since the first visit; and .json
"""

from itertools import chain

INGESTED = "<results>/ingest/{folder}/{scan}"
DIXON = [f"{INGESTED}_acq-dixon{contrast}_T2w.nii.gz" for contrast in settings.ingest.dixon]
ECHOES = [f"{INGESTED}_echo-{echo:02}_MESE.nii.gz" for echo in range(1, settings.ingest.echoes + 1)]
VENDOR_MAP = [f"{INGESTED}_T2map.nii.gz"] if settings.ingest.t2_map else []
IMAGES = {"dixon": DIXON, "echoes": ECHOES, "t2_map": VENDOR_MAP}
PRODUCTS = [
    *(f"dixon-{contrast}" for contrast in settings.ingest.dixon),
    *(["echoes"] if ECHOES else []),
    *(["t2-map"] if VENDOR_MAP else []),
]
CROSS_CHECK = (
    [f"{INGESTED}_crosscheck.tsv"] if settings.ingest.source == "dicom" and settings.ingest.cross_check else []
)
VISITS = {}
for visit in participants:
    if visit.session and settings.ingest.source == "dicom":
        VISITS.setdefault(visit.participant_id, []).append(visit)
SITE_FILES = {
    "key": [settings.ingest.key] if settings.ingest.key else [],
    # A newer table reruns nothing: the parameter choices holds what it says about a rule's scan.
    "table": ancient(settings.ingest.series) if settings.ingest.series else [],
}
SITE_FILE_OPTIONS = [
    *(["--series", settings.ingest.series] if settings.ingest.series else []),
    *(["--key", settings.ingest.key] if settings.ingest.key else []),
]
"""The site's own files: the secret for pseudonyms, and the table of series that a person edited."""


if settings.ingest.source == "dicom":

    rule ingest:
        """Write the series of one scan as NIfTI, found by header."""
        input:
            dicom_input,
            **SITE_FILES,
            script="scripts/ingest_dicom.py",
            code=code("scripts/ingest_dicom.py"),
        output:
            **IMAGES,
            sidecars=sidecars_of(chain(*IMAGES.values())),
            series=f"{INGESTED}_series.tsv",
        log:
            "<logs>/ingest/{folder}/{scan}.log",
        benchmark:
            "<benchmarks>/ingest/{folder}/{scan}.tsv"
        conda:
            "../envs/imaging.yaml"
        resources:
            mem_mb=memory(800),
            runtime=by_attempt(20),
        params:
            dicom=dicom_folder,
            listing=dicom_listing,
            choices=choices,
            site_files=SITE_FILE_OPTIONS,
            images=lambda wildcards, output: image_options(output),
            scale=(["--t2-map-scale", settings.ingest.t2_map_scale] if settings.ingest.t2_map_scale else []),
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                --dicom {params.dicom:q} \
                --scan {wildcards.scan:q} \
                {params.site_files:q} \
                --series-table {output.series:q} \
                {params.images:q} {params.scale:q} \
                >{log:q} 2>&1
            """

    rule cross_check:
        """Let dcm2niix read what ingest read, and compare place and value of every image."""
        input:
            dicom_input,
            **SITE_FILES,
            **IMAGES,
            sidecars=sidecars_of(VENDOR_MAP),
            script="scripts/cross_check.py",
            code=code("scripts/cross_check.py"),
        output:
            table=f"{INGESTED}_crosscheck.tsv",
            dictionary=f"{INGESTED}_crosscheck.json",
        log:
            "<logs>/ingest/{folder}/{scan}_crosscheck.log",
        benchmark:
            "<benchmarks>/ingest/{folder}/{scan}_crosscheck.tsv"
        conda:
            "../envs/imaging.yaml"
        resources:
            mem_mb=memory(600),
            runtime=by_attempt(20),
        params:
            dicom=dicom_folder,
            listing=dicom_listing,
            choices=choices,
            site_files=SITE_FILE_OPTIONS,
            images=lambda wildcards, input: image_options(input),
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                --dicom {params.dicom:q} \
                --scan {wildcards.scan:q} \
                {params.site_files:q} \
                --table {output.table:q} \
                {params.images:q} \
                >{log:q} 2>&1
            """

    rule date_visits:
        """Write when each visit of one participant was, in days since the first."""
        input:
            **SITE_FILES,
            dicom=lambda wildcards: [
                folder for visit in VISITS[wildcards.person] for folder in [dicom_input(visit)] if folder
            ],
            script="scripts/date_visits.py",
            code=code("scripts/date_visits.py"),
        output:
            table="<results>/ingest/sub-{person}/sub-{person}_sessions.tsv",
            dictionary="<results>/ingest/sub-{person}/sub-{person}_sessions.json",
        log:
            "<logs>/ingest/sub-{person}/sub-{person}_sessions.log",
        benchmark:
            "<benchmarks>/ingest/sub-{person}/sub-{person}_sessions.tsv"
        wildcard_constraints:
            person="[A-Za-z0-9]+",
        conda:
            "../envs/imaging.yaml"
        resources:
            mem_mb=memory(400),
            runtime=by_attempt(10),
        params:
            sessions=lambda wildcards: [visit.session for visit in VISITS[wildcards.person]],
            dicom=lambda wildcards: [dicom_folder(visit) for visit in VISITS[wildcards.person]],
            listing=lambda wildcards: [dicom_listing(visit) for visit in VISITS[wildcards.person]],
            choices=lambda wildcards: [choices(visit) for visit in VISITS[wildcards.person]],
            site_files=SITE_FILE_OPTIONS,
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                --participant {wildcards.person:q} \
                --sessions {params.sessions:q} \
                --dicom {params.dicom:q} \
                {params.site_files:q} \
                --table {output.table:q} \
                >{log:q} 2>&1
            """

else:

    rule take_bids:
        """Take the images of one scan from a BIDS or Muscle-BIDS dataset, after checking them."""
        input:
            given_files,
            script="scripts/take_bids.py",
            code=code("scripts/take_bids.py"),
        output:
            **IMAGES,
            sidecars=sidecars_of(chain(*IMAGES.values())),
            series=f"{INGESTED}_series.tsv",
        log:
            "<logs>/ingest/{folder}/{scan}.log",
        benchmark:
            "<benchmarks>/ingest/{folder}/{scan}.tsv"
        conda:
            "../envs/imaging.yaml"
        resources:
            mem_mb=memory(800),
            runtime=by_attempt(10),
        params:
            form=settings.ingest.source,
            given=lambda wildcards: [
                word for product in PRODUCTS for word in (f"--{product}", *given_images(wildcards.scan, product))
            ],
            images=lambda wildcards, output: image_options(output, "-out"),
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                --scan {wildcards.scan:q} \
                --form {params.form:q} {params.given:q} \
                --series-table {output.series:q} \
                {params.images:q} \
                >{log:q} 2>&1
            """
