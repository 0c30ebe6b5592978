"""This part of the workflow writes results in the forms of other tools; `all` asks for none of it.

REQUIRED INPUTS:
    echoes, dixon = <results>/ingest/{folder}/{scan}_...
    t2 = <results>/fit/{folder}/{scan}_T2map.nii.gz

OUTPUTS (target `muscle_bids`, Muscle-BIDS 0.1):
    <results>/export/muscle-bids/{visit}/anat/{scan}_mese.nii.gz              the echoes in one file, TE in ms
    <results>/export/muscle-bids/{visit}/anat/{scan}_dixon{in,opp,water,fat}.nii.gz
    <results>/export/muscle-bids/{visit}/quant/{scan}_t2.nii.gz               ms
    each with .json, and _extra.json for what a conversion back to DICOM would need
"""

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
