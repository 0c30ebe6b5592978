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
        mem_mb=memory(500),
        runtime=by_attempt(5),
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


REDRAWN = [
    scan
    for scan in REVIEWED
    if os.path.isfile(corrected_mask_path(settings.review.folder, scan))
    or (scan in DECIDED and DECIDED[scan].changes_results)
]
REVIEW = [f"<results>/review/{name}.tsv" for name in ("scans", "regions")]


localrules:
    collect_review,


rule compare_correction:
    """Compare the label map that a person left with the run's own, where T2 is measured."""
    input:
        corrected="<results>/align/{folder}/{scan}_space-T2_desc-corrected_dseg.nii.gz",
        own="<results>/align/{folder}/{scan}_space-T2_dseg.nii.gz",
        t2="<results>/fit/{folder}/{scan}_T2map.nii.gz",
        status=[image.replace("{visit}/anat", "{folder}") for image in STATUS_MAP],
        label_table=settings.label_table,
        script="scripts/compare_labels.py",
        code=code("scripts/compare_labels.py"),
    output:
        table="<results>/review/{folder}/{scan}_effect.tsv",
        dictionary="<results>/review/{folder}/{scan}_effect.json",
    log:
        "<logs>/review/{folder}/{scan}_effect.log",
    benchmark:
        "<benchmarks>/review/{folder}/{scan}_effect.tsv"
    conda:
        "../envs/imaging.yaml"
    resources:
        mem_mb=memory(400),
        runtime=by_attempt(5),
    params:
        erosion=settings.measure.erosion_mm,
        plausible=settings.measure.plausible_ms,
        status=lambda wildcards, input: ["--status", *input.status] if input.status else [],
    shell:
        r"""
        python {input.script:q} \
            --leave-stop-notes \
            {input.corrected:q} {input.own:q} \
            --t2 {input.t2:q} \
            {params.status:q} \
            --label-table {input.label_table:q} \
            --erosion-mm {params.erosion:q} \
            --plausible-ms {params.plausible:q} \
            --table {output.table:q} \
            >{log:q} 2>&1
        """


rule collect_review:
    """Lay side by side what was decided, and what each correction did."""
    input:
        decisions=if_there(f"{settings.review.folder}/decisions.tsv"),
        masks=[path for scan in REVIEWED if (path := if_there(corrected_mask_path(settings.review.folder, scan)))],
        images=of_reviewed(SEEN_IMAGE),
        own=of_reviewed("<results>/segment/{folder}/{scan}_dseg.nii.gz"),
        effects=[f"<results>/review/{cohort[scan].folder}/{scan}_effect.tsv" for scan in REDRAWN],
        statistics="<results>/analyse/statistics.json",
        script="scripts/collect_review.py",
        code=code("scripts/collect_review.py"),
    output:
        scans=REVIEW[0],
        regions=REVIEW[1],
        dictionaries=[path.replace(".tsv", ".json") for path in REVIEW],
    log:
        "<logs>/review/cohort.log",
    benchmark:
        "<benchmarks>/review/cohort.tsv"
    conda:
        "../envs/imaging.yaml"
    resources:
        mem_mb=memory(500),
        runtime=by_attempt(5),
    params:
        folder=settings.review.folder,
        rater=["--rater", settings.review.rater] if settings.review.rater else [],
        compared=[] if settings.review.apply else ["--compared-only"],
        participants=[cohort[scan].participant_id for scan in REVIEWED],
        sessions=[cohort[scan].session or "n/a" for scan in REVIEWED],
        given=lambda wildcards, input: [
            *("--images", *input.images),
            *("--own-labels", *input.own),
            *("--effects", *input.effects),
        ],
    shell:
        r"""
        python {input.script:q} \
            --folder {params.folder:q} \
            {params.rater:q} \
            {params.compared:q} \
            --participants {params.participants:q} \
            --sessions {params.sessions:q} \
            {params.given:q} \
            --statistics {input.statistics:q} \
            --scans {output.scans:q} \
            --regions {output.regions:q} \
            >{log:q} 2>&1
        """
