"""This part of the workflow takes what a person decided about a scan: its corrected mask, or that it is left out.

REQUIRED INPUTS:
    decisions = <review.folder>/decisions.tsv            where there is one
    given = <review.folder>/{scan}_dseg.nii.gz           of scans whose labels a person redrew
    image = the image that was labelled, or where none was the one that gives the T2 grid
    own = <results>/segment/{folder}/{scan}_dseg.nii.gz  which stays as it is

OUTPUTS:
    labels = <results>/segment/{folder}/{scan}_desc-corrected_dseg.nii.gz   as a person left them; on either grid
    sidecar = <results>/segment/{folder}/{scan}_desc-corrected_dseg.json    decision, rater, grid
"""

SEEN_IMAGE = LABELLED or T2_GRID


rule apply_decision:
    """Check what a person decided about one scan, and make the label map that it asks for."""
    input:
        given=lambda wildcards: if_there(corrected_path(wildcards)),
        image=SEEN_IMAGE,
        own="<results>/segment/{folder}/{scan}_dseg.nii.gz",
        t2_grid=T2_GRID,
        label_table=settings.label_table,
        script="scripts/apply_decision.py",
        code=code("scripts/apply_decision.py"),
    output:
        labels="<results>/segment/{folder}/{scan}_desc-corrected_dseg.nii.gz",
        sidecar="<results>/segment/{folder}/{scan}_desc-corrected_dseg.json",
    log:
        "<logs>/review/{folder}/{scan}.log",
    benchmark:
        "<benchmarks>/review/{folder}/{scan}.tsv"
    conda:
        "../envs/imaging.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        # The table itself is no input: a row about another scan would rerun this one.
        decision=decision_digest,
        folder=settings.review.folder,
        rater=["--rater", settings.review.rater] if settings.review.rater else [],
        ignore=[] if settings.review.apply else ["--ignore-decisions"],
        participant=lambda wildcards: cohort[wildcards.scan].participant_id,
        session=lambda wildcards: cohort[wildcards.scan].session or "n/a",
    shell:
        r"""
        python {input.script:q} \
            --leave-stop-notes \
            --folder {params.folder:q} \
            {params.rater:q} \
            {params.ignore:q} \
            --participant {params.participant:q} \
            --session {params.session:q} \
            --image {input.image:q} \
            --own-labels {input.own:q} \
            --t2-grid {input.t2_grid:q} \
            --label-table {input.label_table:q} \
            --labels {output.labels:q} \
            >{log:q} 2>&1
        """
