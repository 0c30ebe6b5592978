"""This part of the workflow brings the labels to the grid of the T2 map.

REQUIRED INPUTS:
    labels = <results>/segment/{folder}/{scan}_dseg.nii.gz
    reference = <results>/ingest/{folder}/{scan}_echo-01_MESE.nii.gz, or the vendor T2 map where there are no echoes
    moving = <results>/ingest/{folder}/{scan}_acq-dixonin_T2w.nii.gz where the network labelled it

OUTPUTS:
    labels = <results>/align/{folder}/{scan}_space-T2_dseg.nii.gz           numbers of config/labels.tsv
    sidecar = <results>/align/{folder}/{scan}_space-T2_dseg.json            quality of the alignment
    transform = <results>/align/{folder}/{scan}_from-T2_to-dixon_xfm.tfm
"""

SEEN_BY_NETWORK = [DIXON[settings.ingest.dixon.index("in")]] if settings.segment.source == "network" else []


rule align:
    """Resample the labels by geometry, then refine by rigid registration where that improves the match."""
    input:
        labels="<results>/segment/{folder}/{scan}_dseg.nii.gz",
        reference=(ECHOES + VENDOR_MAP)[0],
        moving=SEEN_BY_NETWORK,
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
        mem_mb=2000,
        runtime=20,
    params:
        moving="--moving-image" if SEEN_BY_NETWORK else "",
        refinement=settings.align.refinement,
        fraction=settings.align.minimum_fraction,
    shell:
        r"""
        python {input.script:q} \
            --leave-stop-notes \
            --labels {input.labels:q} \
            --reference {input.reference:q} \
            {params.moving} {input.moving:q} \
            --refinement {params.refinement:q} \
            --minimum-fraction {params.fraction:q} \
            --transform {output.transform:q} \
            --out {output.labels:q} \
            >{log:q} 2>&1
        """
