"""This part of the workflow writes results in the forms of other tools; `all` asks for none of it.

REQUIRED INPUTS:
    echoes, dixon = <results>/ingest/{folder}/{scan}_...
    t2 = <results>/fit/{folder}/{scan}_T2map.nii.gz
    labels = <results>/segment/{folder}/{scan}_dseg.nii.gz, or what a person left of it (rules/review.smk)
    t2_labels = the label map that was measured
    measures = <results>/measure/{folder}/{scan}_muscles.tsv
    dicom = the folder that the participants table names

OUTPUTS (target `muscle_bids`, Muscle-BIDS 0.1):
    <results>/export/muscle-bids/{visit}/anat/{scan}_mese.nii.gz              the echoes in one file, TE in ms
    <results>/export/muscle-bids/{visit}/anat/{scan}_dixon{in,opp,water,fat}.nii.gz
    <results>/export/muscle-bids/{visit}/quant/{scan}_t2.nii.gz               ms
    each with .json, and _extra.json for what a conversion back to DICOM would need

OUTPUTS (target `pages`; in `all` with export.page: true):
    <results>/export/pages/{folder}/{scan}_page.pdf    one page of A4 for the clinician

OUTPUTS (target `other_tools`):
    <results>/export/tables/muscles.{csv,xlsx}                    the measures of the cohort, typed; csv with .json
    <results>/export/labels/<numbering>_{itksnap.label,slicer.ctbl}   names and colours of labels
    <results>/export/labels/{folder}/{scan}_desc-{musclemap,qmritools}_dseg.nii.gz   the labels in their numbers

OUTPUTS (target `export_dicom`; in `all` with export.dicom: true), all DICOM:
    <results>/export/dicom/{folder}/{scan}_space-T2_seg.dcm      segmentation, as measured
    <results>/export/dicom/{folder}/{scan}_seg.dcm               segmentation, as drawn
    <results>/export/dicom/{folder}/{scan}_T2map.dcm             parametric map, ms
    <results>/export/dicom/{folder}/{scan}_desc-colour_T2map.dcm pictures with a colour bar
    <results>/export/dicom/{folder}/{scan}_muscles.dcm           structured report, TID 1500
"""

from myot2.export.colour_tables import NUMBERINGS

EXPORTED = "<results>/export/muscle-bids/{visit}"
MUSCLE_BIDS_DIXON = [f"{EXPORTED}/anat/{{scan}}_dixon{contrast}.nii.gz" for contrast in settings.ingest.dixon]
MUSCLE_BIDS_ECHOES = [f"{EXPORTED}/anat/{{scan}}_mese.nii.gz"] if ECHOES else []
MUSCLE_BIDS_T2 = f"{EXPORTED}/quant/{{scan}}_t2.nii.gz"
MUSCLE_BIDS_IMAGES = [*MUSCLE_BIDS_DIXON, *MUSCLE_BIDS_ECHOES, MUSCLE_BIDS_T2]


rule export_muscle_bids:
    """Write one scan in the Muscle-BIDS form."""
    input:
        dixon=[image.replace("{folder}", "{visit}/anat") for image in DIXON],
        echoes=[image.replace("{folder}", "{visit}/anat") for image in ECHOES],
        t2="<results>/fit/{visit}/anat/{scan}_T2map.nii.gz",
        sidecars=[
            image.replace("{folder}", "{visit}/anat").replace(".nii.gz", ".json")
            for image in [*DIXON, *ECHOES, "<results>/fit/{folder}/{scan}_T2map.nii.gz"]
        ],
        script="scripts/export_muscle_bids.py",
        code=code("scripts/export_muscle_bids.py"),
    output:
        dixon=MUSCLE_BIDS_DIXON,
        echoes=MUSCLE_BIDS_ECHOES,
        t2=MUSCLE_BIDS_T2,
        headers=[
            image.replace(".nii.gz", suffix) for image in MUSCLE_BIDS_IMAGES for suffix in (".json", "_extra.json")
        ],
    log:
        "<logs>/export/{visit}/{scan}_muscle-bids.log",
    benchmark:
        "<benchmarks>/export/{visit}/{scan}_muscle-bids.tsv"
    conda:
        "../envs/imaging.yaml"
    resources:
        mem_mb=memory(1500),
        runtime=by_attempt(10),
    params:
        dixon=lambda wildcards, input, output: [
            word for given, out in zip(input.dixon, output.dixon) for word in ("--dixon", given, out)
        ],
        echoes=lambda wildcards, input, output: (
            ["--echoes", *input.echoes, "--mese", *output.echoes] if output.echoes else []
        ),
    shell:
        r"""
        python {input.script:q} \
            --leave-stop-notes \
            {params.dixon:q} {params.echoes:q} \
            --t2 {input.t2:q} {output.t2:q} \
            >{log:q} 2>&1
        """


LABELS_EXPORTED = "<results>/export/labels"
RENUMBERED = [f"{LABELS_EXPORTED}/{{folder}}/{{scan}}_desc-{numbering}_dseg.nii.gz" for numbering in NUMBERINGS[1:]]
COLOUR_TABLES = [
    *(f"{LABELS_EXPORTED}/{numbering}_itksnap.label" for numbering in NUMBERINGS),
    *(f"{LABELS_EXPORTED}/{numbering}_slicer.ctbl" for numbering in NUMBERINGS[:2]),  # the third's are too large
]
SPREADSHEETS = [f"<results>/export/tables/muscles.{form}" for form in ("csv", "xlsx", "json")]


rule export_tables:
    """Write the measures of the cohort as spreadsheets, and the colour tables of viewers."""
    input:
        measures="<results>/measure/cohort.tsv",
        dictionary="<results>/measure/cohort.json",
        label_table=settings.label_table,
        script="scripts/export_tables.py",
        code=code("scripts/export_tables.py"),
    output:
        colours=COLOUR_TABLES,
        csv=SPREADSHEETS[0],
        xlsx=SPREADSHEETS[1],
        dictionary=SPREADSHEETS[2],
    log:
        "<logs>/export/tables.log",
    benchmark:
        "<benchmarks>/export/tables.tsv"
    conda:
        "../envs/export.yaml"
    resources:
        mem_mb=memory(1000),
        runtime=by_attempt(5),
    params:
        colours=lambda wildcards, output: os.path.dirname(output.colours[0]),
    shell:
        r"""
        python {input.script:q} \
            --measures {input.measures:q} \
            --label-table {input.label_table:q} \
            --csv {output.csv:q} \
            --xlsx {output.xlsx:q} \
            --colours {params.colours:q} \
            >{log:q} 2>&1
        """


rule renumber_labels:
    """Write the labels of one scan in the numbers of another tool."""
    input:
        labels=drawn_labels,
        label_table=settings.label_table,
        script="scripts/renumber_labels.py",
        code=code("scripts/renumber_labels.py"),
    output:
        labels=f"{LABELS_EXPORTED}/{{folder}}/{{scan}}_desc-{{numbering}}_dseg.nii.gz",
        sidecar=f"{LABELS_EXPORTED}/{{folder}}/{{scan}}_desc-{{numbering}}_dseg.json",
    log:
        "<logs>/export/{folder}/{scan}_{numbering}.log",
    benchmark:
        "<benchmarks>/export/{folder}/{scan}_{numbering}.tsv"
    wildcard_constraints:
        numbering="|".join(NUMBERINGS[1:]),
    conda:
        "../envs/export.yaml"
    resources:
        mem_mb=memory(1000),
        runtime=by_attempt(5),
    shell:
        r"""
        python {input.script:q} \
            --leave-stop-notes \
            --labels {input.labels:q} \
            --label-table {input.label_table:q} \
            --numbering {wildcards.numbering:q} \
            --out {output.labels:q} \
            >{log:q} 2>&1
        """


PAGE = "<results>/export/pages/{folder}/{scan}_page.pdf"
T2_SOURCES = {
    "vendor-map": "the scanner's own map",
    "echoes": f"fitted to the echoes, model {settings.fit.model}",
    "kspace": "made from raw data",
}


rule write_page:
    """Write one scan's page for the clinician."""
    input:
        measures="<results>/measure/{folder}/{scan}_muscles.tsv",
        cohort="<results>/measure/cohort.tsv",
        quality=[] if BACKEND == "labels" else QUALITY[1],
        picture="<results>/report/{folder}/{scan}_panel.png",
        participants=settings.participants.table,
        label_table=settings.label_table,
        template="report/clinician_page.typ",
        script="scripts/write_page.py",
        code=code("scripts/write_page.py"),
    output:
        page=PAGE,
    log:
        "<logs>/export/{folder}/{scan}_page.log",
    benchmark:
        "<benchmarks>/export/{folder}/{scan}_page.tsv"
    conda:
        "../envs/export.yaml"
    resources:
        mem_mb=memory(1000),
        runtime=by_attempt(5),
    params:
        **PARTICIPANTS_OPTIONS,
        quality=lambda wildcards, input: ["--quality", input.quality] if input.quality else [],
        masks=masks_in_words,
        t2_source=T2_SOURCES[settings.fit.source],
    shell:
        r"""
        python {input.script:q} \
            --leave-stop-notes \
            --participants {input.participants:q} \
            --columns {params.columns:q} \
            --values {params.values:q} \
            --scan {wildcards.scan:q} \
            --measures {input.measures:q} \
            --cohort {input.cohort:q} \
            {params.quality:q} \
            --picture {input.picture:q} \
            --label-table {input.label_table:q} \
            --template {input.template:q} \
            --masks {params.masks:q} \
            --t2-source {params.t2_source:q} \
            --out {output.page:q} \
            >{log:q} 2>&1
        """


DICOM_OBJECTS = {
    "seg_t2": "<results>/export/dicom/{folder}/{scan}_space-T2_seg.dcm",
    "seg": "<results>/export/dicom/{folder}/{scan}_seg.dcm",
    "t2": "<results>/export/dicom/{folder}/{scan}_T2map.dcm",
    "colour": "<results>/export/dicom/{folder}/{scan}_desc-colour_T2map.dcm",
    "measures": "<results>/export/dicom/{folder}/{scan}_muscles.dcm",
}


if settings.export.dicom:

    rule export_scan_dicom:
        """Write the results of one scan as DICOM objects in the study of their source images."""
        input:
            dicom_input,
            **SITE_FILES,
            **IMAGES,
            t2="<results>/fit/{folder}/{scan}_T2map.nii.gz",
            t2_labels=taken_labels,
            labels=drawn_labels,
            measures="<results>/measure/{folder}/{scan}_muscles.tsv",
            label_table=settings.label_table,
            script="scripts/export_dicom.py",
            code=code("scripts/export_dicom.py"),
        output:
            **DICOM_OBJECTS,
        log:
            "<logs>/export/{folder}/{scan}_dicom.log",
        benchmark:
            "<benchmarks>/export/{folder}/{scan}_dicom.tsv"
        conda:
            "../envs/export.yaml"
        resources:
            mem_mb=memory(2000),
            runtime=by_attempt(20),
        params:
            dicom=dicom_folder,
            listing=dicom_listing,
            choices=choices,
            site_files=SITE_FILE_OPTIONS,
            images=lambda wildcards, input: image_options(input),
            t2_from="t2-map" if settings.fit.source == "vendor-map" or not ECHOES else "echoes",
            labelled=["--labelled", settings.segment.image] if LABELLED else [],
            algorithm=mask_algorithm,
            identity=settings.export.identity,
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                --dicom {params.dicom:q} \
                --scan {wildcards.scan:q} \
                {params.site_files:q} \
                {params.images:q} \
                --t2 {input.t2:q} \
                --t2-from {params.t2_from:q} \
                --t2-labels {input.t2_labels:q} \
                --labels {input.labels:q} {params.labelled:q} \
                --measures {input.measures:q} \
                --label-table {input.label_table:q} \
                --algorithm {params.algorithm:q} \
                --identity {params.identity:q} \
                --out-seg-t2 {output.seg_t2:q} \
                --out-seg {output.seg:q} \
                --out-t2 {output.t2:q} \
                --out-colour {output.colour:q} \
                --out-measures {output.measures:q} \
                >{log:q} 2>&1
            """
