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
    <results>/ingest/{dataset_description.json,README,participants.tsv,participants.json,.bidsignore}
    <results>/{segment,align,fit}/{dataset_description.json,README,dseg.tsv,.bidsignore}
"""


localrules:
    describe_ingest,
    describe_derivative,


INGESTED = "<results>/ingest/{folder}/{scan}"
DIXON = [f"{INGESTED}_acq-dixon{contrast}_T2w.nii.gz" for contrast in settings.ingest.dixon]
ECHOES = [f"{INGESTED}_echo-{echo:02}_MESE.nii.gz" for echo in range(1, settings.ingest.echoes + 1)]
VENDOR_MAP = [f"{INGESTED}_T2map.nii.gz"] if settings.ingest.t2_map else []
PRODUCTS = [
    *(f"dixon-{contrast}" for contrast in settings.ingest.dixon),
    *(["echoes"] if ECHOES else []),
    *(["t2-map"] if VENDOR_MAP else []),
]
IMAGE_OF = {
    "segment": "segment/{folder}/{scan}_dseg.nii.gz",
    "align": "align/{folder}/{scan}_space-T2_dseg.nii.gz",
    "fit": "fit/{folder}/{scan}_T2map.nii.gz",
}
DESCRIPTIONS = [
    f"<results>/{stage}/{name}"
    for stage, names in {
        "ingest": ["dataset_description.json", "README", "participants.tsv", "participants.json", ".bidsignore"],
        **dict.fromkeys(IMAGE_OF, ["dataset_description.json", "README", "dseg.tsv", ".bidsignore"]),
    }.items()
    for name in names
]
CROSS_CHECK = (
    [f"{INGESTED}_crosscheck.tsv"] if settings.ingest.source == "dicom" and settings.ingest.cross_check else []
)
VISITS = {
    person: [visit for visit in participants if visit.participant_id == person and visit.session]
    for person in {visit.participant_id: None for visit in participants if visit.session}
    if settings.ingest.source == "dicom"
}
DESCRIPTIONS += [f"<results>/ingest/sub-{person}/sub-{person}_sessions.tsv" for person in VISITS]


if settings.ingest.source == "dicom":

    rule ingest:
        """Write the series of one scan as NIfTI, found by header."""
        input:
            dicom_input,
            key=[settings.ingest.key] if settings.ingest.key else [],
            # A newer table reruns nothing: the parameter choices holds what it says about this scan.
            table=ancient(settings.ingest.series) if settings.ingest.series else [],
            script="scripts/ingest_dicom.py",
            code=code("scripts/ingest_dicom.py"),
        output:
            dixon=DIXON,
            echoes=ECHOES,
            t2_map=VENDOR_MAP,
            sidecars=[image.replace(".nii.gz", ".json") for image in DIXON + ECHOES + VENDOR_MAP],
            series=f"{INGESTED}_series.tsv",
        log:
            "<logs>/ingest/{folder}/{scan}.log",
        benchmark:
            "<benchmarks>/ingest/{folder}/{scan}.tsv"
        conda:
            "../envs/imaging.yaml"
        resources:
            mem_mb=1500,
            runtime=20,
        params:
            dicom=dicom_folder,
            listing=dicom_listing,
            choices=choices,
            series=["--series", settings.ingest.series] if settings.ingest.series else [],
            key=["--key", settings.ingest.key] if settings.ingest.key else [],
            dixon=lambda wildcards, output: [
                word
                for contrast, image in zip(settings.ingest.dixon, output.dixon)
                for word in (f"--dixon-{contrast}", image)
            ],
            echoes=lambda wildcards, output: (["--echoes", *output.echoes] if output.echoes else []),
            t2_map=lambda wildcards, output: (["--t2-map", *output.t2_map] if output.t2_map else []),
            scale=(["--t2-map-scale", settings.ingest.t2_map_scale] if settings.ingest.t2_map_scale else []),
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                --dicom {params.dicom:q} \
                --scan {wildcards.scan:q} \
                {params.series:q} {params.key:q} \
                --series-table {output.series:q} \
                {params.dixon:q} {params.echoes:q} {params.t2_map:q} {params.scale:q} \
                >{log:q} 2>&1
            """

    rule cross_check:
        """Let dcm2niix read what ingest read, and compare place and value of every image."""
        input:
            dicom_input,
            key=[settings.ingest.key] if settings.ingest.key else [],
            table=ancient(settings.ingest.series) if settings.ingest.series else [],
            dixon=DIXON,
            echoes=ECHOES,
            t2_map=VENDOR_MAP,
            sidecars=[image.replace(".nii.gz", ".json") for image in VENDOR_MAP],
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
            mem_mb=1500,
            runtime=20,
        params:
            dicom=dicom_folder,
            listing=dicom_listing,
            choices=choices,
            series=["--series", settings.ingest.series] if settings.ingest.series else [],
            key=["--key", settings.ingest.key] if settings.ingest.key else [],
            dixon=lambda wildcards, input: [
                word
                for contrast, image in zip(settings.ingest.dixon, input.dixon)
                for word in (f"--dixon-{contrast}", image)
            ],
            echoes=lambda wildcards, input: (["--echoes", *input.echoes] if input.echoes else []),
            t2_map=lambda wildcards, input: (["--t2-map", *input.t2_map] if input.t2_map else []),
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                --dicom {params.dicom:q} \
                --scan {wildcards.scan:q} \
                {params.series:q} {params.key:q} \
                --table {output.table:q} \
                {params.dixon:q} {params.echoes:q} {params.t2_map:q} \
                >{log:q} 2>&1
            """

    rule date_visits:
        """Write when each visit of one participant was, in days since the first."""
        input:
            dicom=lambda wildcards: [
                folder for visit in VISITS[wildcards.person] for folder in [dicom_input(visit)] if folder
            ],
            key=[settings.ingest.key] if settings.ingest.key else [],
            table=ancient(settings.ingest.series) if settings.ingest.series else [],
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
            person="|".join(VISITS) or "nobody",
        conda:
            "../envs/imaging.yaml"
        resources:
            mem_mb=1000,
            runtime=10,
        params:
            sessions=lambda wildcards: [visit.session for visit in VISITS[wildcards.person]],
            dicom=lambda wildcards: [dicom_folder(visit) for visit in VISITS[wildcards.person]],
            listing=lambda wildcards: [dicom_listing(visit) for visit in VISITS[wildcards.person]],
            choices=lambda wildcards: [choices(visit) for visit in VISITS[wildcards.person]],
            series=["--series", settings.ingest.series] if settings.ingest.series else [],
            key=["--key", settings.ingest.key] if settings.ingest.key else [],
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                --participant {wildcards.person:q} \
                --sessions {params.sessions:q} \
                --dicom {params.dicom:q} \
                {params.series:q} {params.key:q} \
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
            dixon=DIXON,
            echoes=ECHOES,
            t2_map=VENDOR_MAP,
            sidecars=[image.replace(".nii.gz", ".json") for image in DIXON + ECHOES + VENDOR_MAP],
            series=f"{INGESTED}_series.tsv",
        log:
            "<logs>/ingest/{folder}/{scan}.log",
        benchmark:
            "<benchmarks>/ingest/{folder}/{scan}.tsv"
        conda:
            "../envs/imaging.yaml"
        resources:
            mem_mb=1500,
            runtime=10,
        params:
            form=settings.ingest.source,
            given=lambda wildcards: [
                word for product in PRODUCTS for word in (f"--{product}", *given_images(wildcards.scan, product))
            ],
            dixon=lambda wildcards, output: [
                word
                for contrast, image in zip(settings.ingest.dixon, output.dixon)
                for word in (f"--dixon-{contrast}-out", image)
            ],
            echoes=lambda wildcards, output: (["--echoes-out", *output.echoes] if output.echoes else []),
            t2_map=lambda wildcards, output: (["--t2-map-out", *output.t2_map] if output.t2_map else []),
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                --scan {wildcards.scan:q} \
                --form {params.form:q} {params.given:q} \
                --series-table {output.series:q} \
                {params.dixon:q} {params.echoes:q} {params.t2_map:q} \
                >{log:q} 2>&1
            """


rule describe_ingest:
    """Say whose images the dataset holds."""
    input:
        participants=settings.participants.table,
        images=[path for image in DIXON + ECHOES + VENDOR_MAP for path in every_scan(image)],
        script="scripts/describe_ingest.py",
        code=code("scripts/describe_ingest.py"),
    output:
        description="<results>/ingest/dataset_description.json",
        readme="<results>/ingest/README",
        participants="<results>/ingest/participants.tsv",
        dictionary="<results>/ingest/participants.json",
        ignored="<results>/ingest/.bidsignore",
    log:
        "<logs>/ingest/describe.log",
    benchmark:
        "<benchmarks>/ingest/describe.tsv"
    conda:
        "../envs/imaging.yaml"
    resources:
        mem_mb=500,
        runtime=5,
    params:
        **PARTICIPANTS_OPTIONS,
        dataset=subpath(output.description, parent=True),
    shell:
        r"""
        python {input.script:q} \
            --participants {input.participants:q} \
            --columns {params.columns:q} \
            --values {params.values:q} \
            --images {input.images:q} \
            --dataset {params.dataset:q} \
            >{log:q} 2>&1
        """


rule describe_derivative:
    """Say what the images of a later stage derive from, and what the numbers of label maps mean."""
    input:
        images=lambda wildcards: every_scan(f"{settings.results}/{IMAGE_OF[wildcards.stage]}"),
        label_table=settings.label_table,
        script="scripts/describe_derivative.py",
        code=code("scripts/describe_derivative.py"),
    output:
        description="<results>/{stage}/dataset_description.json",
        readme="<results>/{stage}/README",
        lookup="<results>/{stage}/dseg.tsv",
        ignored="<results>/{stage}/.bidsignore",
    log:
        "<logs>/{stage}/describe.log",
    benchmark:
        "<benchmarks>/{stage}/describe.tsv"
    wildcard_constraints:
        stage="segment|align|fit",
    conda:
        "../envs/imaging.yaml"
    resources:
        mem_mb=500,
        runtime=5,
    params:
        dataset=subpath(output.description, parent=True),
    shell:
        r"""
        python {input.script:q} \
            --stage {wildcards.stage:q} \
            --images {input.images:q} \
            --label-table {input.label_table:q} \
            --dataset {params.dataset:q} \
            >{log:q} 2>&1
        """
