"""This part of the workflow brings the labels, and the Dixon images that tell the fat, to the grid of the T2 map.

REQUIRED INPUTS:
    labels = <results>/segment/{folder}/{scan}_dseg.nii.gz
    reference = <results>/ingest/{folder}/{scan}_echo-01_MESE.nii.gz, or the vendor T2 map where there are no echoes;
                the first image of <results>/reconstruct with fit.source: kspace
    label_table = config/labels.tsv, or the one configured
    moving = <results>/ingest/{folder}/{scan}_acq-dixon{in,opp,water,fat}_T2w.nii.gz, the image that a model labelled

OUTPUTS:
    labels = <results>/align/{folder}/{scan}_space-T2_dseg.nii.gz           numbers of config/labels.tsv
    sidecar = <results>/align/{folder}/{scan}_space-T2_dseg.json            quality of the alignment
    transform = <results>/align/{folder}/{scan}_from-T2_to-dixon_xfm.tfm
  where there is a fat fraction also
    dixon = <results>/align/{folder}/{scan}_acq-dixon{in,opp,water,fat}_space-T2_T2w.nii.gz   means over each voxel
    or, where the fraction is given, <results>/align/{folder}/{scan}_space-T2_FFmap.nii.gz
  of scans whose labels a person changed (rules/review.smk) also
    corrected = <results>/align/{folder}/{scan}_space-T2_desc-corrected_dseg.nii.gz   and .json
"""

SEEN_BY_NETWORK = [LABELLED] if LABELLED else []

FAT_CONTRASTS = {
    "water-fat": ["water", "fat", *(["in"] if "in" in settings.ingest.dixon else [])],
    "in-opposed": ["in", "opp"],
}.get(FAT_SOURCE, [])
FAT_IMAGE_OPTIONS = [
    {"water": "--water", "fat": "--fat", "in": "--in-phase", "opp": "--opposed-phase"}[contrast]
    for contrast in FAT_CONTRASTS
] or ["--fraction"]
ON_T2 = [f"<results>/align/{{folder}}/{{scan}}_acq-dixon{contrast}_space-T2_T2w.nii.gz" for contrast in FAT_CONTRASTS]
if FAT_SOURCE == "given":
    ON_T2 = ["<results>/align/{folder}/{scan}_space-T2_FFmap.nii.gz"]


rule align:
    """Resample the labels by geometry, then refine by rigid registration where that improves the match."""
    input:
        labels="<results>/segment/{folder}/{scan}_dseg.nii.gz",
        reference=T2_GRID,
        moving=SEEN_BY_NETWORK,
        label_table=settings.label_table,
        script="scripts/resample_labels.py",
        code=code("scripts/resample_labels.py"),
    output:
        labels="<results>/align/{folder}/{scan}_space-T2_dseg.nii.gz",
        sidecar="<results>/align/{folder}/{scan}_space-T2_dseg.json",
        transform="<results>/align/{folder}/{scan}_from-T2_to-dixon_xfm.tfm",
    log:
        "<logs>/align/{folder}/{scan}.log",
    benchmark:
        "<benchmarks>/align/{folder}/{scan}.tsv"
    conda:
        "../envs/imaging.yaml"
    resources:
        mem_mb=memory(600),
        runtime=by_attempt(20),
    params:
        moving="--moving-image" if SEEN_BY_NETWORK else "",
        refinement=settings.align.refinement,
        fraction=settings.align.minimum_fraction,
        transform=lambda wildcards, output: ["--transform", output.transform],
    shell:
        r"""
        python {input.script:q} \
            --leave-stop-notes \
            --labels {input.labels:q} \
            --label-table {input.label_table:q} \
            --reference {input.reference:q} \
            {params.moving} {input.moving:q} \
            --refinement {params.refinement:q} \
            --minimum-fraction {params.fraction:q} \
            {params.transform:q} \
            --out {output.labels:q} \
            >{log:q} 2>&1
        """


if FAT_SOURCE:

    rule resample_dixon:
        """Bring what tells the fat to the grid of the T2 map, as the labels."""
        input:
            images=(
                given_fraction
                if FAT_SOURCE == "given"
                else [DIXON[settings.ingest.dixon.index(contrast)] for contrast in FAT_CONTRASTS]
            ),
            sidecars=(
                given_fraction_sidecar
                if FAT_SOURCE == "given"
                else sidecars_of(DIXON[settings.ingest.dixon.index(contrast)] for contrast in FAT_CONTRASTS)
            ),
            reference=T2_GRID,
            transform="<results>/align/{folder}/{scan}_from-T2_to-dixon_xfm.tfm",
            script="scripts/resample_images.py",
            code=code("scripts/resample_images.py"),
        output:
            images=ON_T2,
            sidecars=sidecars_of(ON_T2),
        log:
            "<logs>/align/{folder}/{scan}_dixon.log",
        benchmark:
            "<benchmarks>/align/{folder}/{scan}_dixon.tsv"
        conda:
            "../envs/imaging.yaml"
        resources:
            mem_mb=memory(500),
            runtime=by_attempt(10),
        params:
            images=lambda wildcards, input: input.images or given_fraction_path(wildcards),
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                --images {params.images:q} \
                --reference {input.reference:q} \
                --transform {input.transform:q} \
                --out {output.images:q} \
                >{log:q} 2>&1
            """


use rule align as align_corrected with:
    input:
        labels="<results>/segment/{folder}/{scan}_desc-corrected_dseg.nii.gz",
        reference=T2_GRID,
        moving=SEEN_BY_NETWORK,
        transform="<results>/align/{folder}/{scan}_from-T2_to-dixon_xfm.tfm",
        label_table=settings.label_table,
        script="scripts/resample_labels.py",
        code=code("scripts/resample_labels.py"),
    output:
        labels="<results>/align/{folder}/{scan}_space-T2_desc-corrected_dseg.nii.gz",
        sidecar="<results>/align/{folder}/{scan}_space-T2_desc-corrected_dseg.json",
    log:
        "<logs>/align/{folder}/{scan}_corrected.log",
    benchmark:
        "<benchmarks>/align/{folder}/{scan}_corrected.tsv"
    params:
        transform=lambda wildcards, input: ["--moved-by", input.transform],
