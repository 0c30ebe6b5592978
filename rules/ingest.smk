"""This part of the workflow finds the needed series in a DICOM folder and writes them as de-identified NIfTI.

REQUIRED INPUTS:
    dicom = the folder that the participants table names

OUTPUTS:
    <results>/ingest/{folder}/{scan}_acq-dixon{in,opp,water,fat}_T2w.nii.gz  and .json
    <results>/ingest/{folder}/{scan}_echo-{01..}_MESE.nii.gz                 and .json
    <results>/ingest/{folder}/{scan}_T2map.nii.gz                            and .json
    <results>/ingest/{folder}/{scan}_series.tsv   which series was taken for what, and why
"""

INGESTED = "<results>/ingest/{folder}/{scan}"
DIXON = [f"{INGESTED}_acq-dixon{contrast}_T2w.nii.gz" for contrast in settings.ingest.dixon]
ECHOES = [f"{INGESTED}_echo-{echo:02}_MESE.nii.gz" for echo in range(1, settings.ingest.echoes + 1)]
VENDOR_MAP = [f"{INGESTED}_T2map.nii.gz"] if settings.ingest.t2_map else []


rule ingest:
    """Write the series of one scan as NIfTI, found by header."""
    input:
        dicom_input,
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
        dicom=lambda wildcards: cohort[wildcards.scan].dicom,
        listing=dicom_listing,
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
            --series-table {output.series:q} \
            {params.dixon:q} {params.echoes:q} {params.t2_map:q} {params.scale:q} \
            >{log:q} 2>&1
        """
