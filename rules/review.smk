"""This part of the workflow takes what a person decided about a scan: its corrected mask, or that it is left out.

REQUIRED INPUTS:
    decisions = <review.folder>/decisions.tsv            where there is one
    given = <review.folder>/{scan}_dseg.nii.gz           of scans whose labels a person redrew
    image = the image that was labelled, or where none was the one that gives the T2 grid
    own = <results>/segment/{folder}/{scan}_dseg.nii.gz  which stays as it is

OUTPUTS:
    labels = <results>/segment/{folder}/{scan}_desc-corrected_dseg.nii.gz   as a person left them; on either grid
    sidecar = <results>/segment/{folder}/{scan}_desc-corrected_dseg.json    decision, rater, grid
    <results>/review/{scans,regions,muscles}.tsv                            what each decision and correction did
    <results>/review/{readings,reading_regions,raters,rater_muscles}.tsv    how far raters agree, and one with themselves
"""

SEEN_IMAGE = LABELLED or T2_GRID


wildcard_constraints:
    reading="[A-Za-z0-9]+",
    first="[A-Za-z0-9]+",
    second="[A-Za-z0-9]+",


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
        raters=["--raters", *settings.review.raters] if settings.review.raters else [],
        ignore=[] if settings.review.apply else ["--ignore-decisions"],
        participant=lambda wildcards: cohort[wildcards.scan].participant_id,
        session=lambda wildcards: cohort[wildcards.scan].session or "n/a",
    shell:
        r"""
        python {input.script:q} \
            --leave-stop-notes \
            --folder {params.folder:q} \
            {params.raters:q} \
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


REDRAWN = [scan for scan in REVIEWED if scan in CORRECTED or (scan in DECIDED and DECIDED[scan].changes_results)]
REVIEW = [f"<results>/review/{name}.tsv" for name in ("scans", "regions", "muscles")]
RATERS = [f"<results>/review/{name}.tsv" for name in ("readings", "reading_regions", "raters", "rater_muscles")]

PAIRS = pairs_of(ALL_READINGS, cohort)
READ_TWICE = [scan for scan in cohort if any(scan in pair.scans for pair in PAIRS)]
PAIRED = [
    f"<results>/review/{cohort[scan].folder}/{scan}_readings-{pair.first}-{pair.second}_effect.tsv"
    for pair in PAIRS
    for scan in pair.scans
    if "reject scan" not in {READINGS[scan][name].decision for name in (pair.first, pair.second)}
]
"""Comparisons of the masks of two readings of one scan."""


localrules:
    collect_review,
    compare_raters,


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
        masks=[CORRECTED[scan] for scan in REVIEWED if scan in CORRECTED],
        images=of_scans(REVIEWED, SEEN_IMAGE),
        own=of_scans(REVIEWED, "<results>/segment/{folder}/{scan}_dseg.nii.gz"),
        effects=[f"<results>/review/{cohort[scan].folder}/{scan}_effect.tsv" for scan in REDRAWN],
        statistics="<results>/analyse/statistics.json",
        script="scripts/collect_review.py",
        code=code("scripts/collect_review.py"),
    output:
        scans=REVIEW[0],
        regions=REVIEW[1],
        muscles=REVIEW[2],
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
        raters=["--raters", *settings.review.raters] if settings.review.raters else [],
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
            {params.raters:q} \
            {params.compared:q} \
            --participants {params.participants:q} \
            --sessions {params.sessions:q} \
            {params.given:q} \
            --statistics {input.statistics:q} \
            --scans {output.scans:q} \
            --regions {output.regions:q} \
            --muscles {output.muscles:q} \
            >{log:q} 2>&1
        """


use rule apply_decision as take_reading with:
    input:
        given=given_reading,
        image=SEEN_IMAGE,
        own="<results>/segment/{folder}/{scan}_dseg.nii.gz",
        t2_grid=T2_GRID,
        label_table=settings.label_table,
        script="scripts/apply_decision.py",
        code=code("scripts/apply_decision.py"),
    output:
        labels="<results>/review/{folder}/{scan}_desc-{reading}_dseg.nii.gz",
        sidecar="<results>/review/{folder}/{scan}_desc-{reading}_dseg.json",
    log:
        "<logs>/review/{folder}/{scan}_{reading}.log",
    benchmark:
        "<benchmarks>/review/{folder}/{scan}_{reading}.tsv"
    params:
        decision=lambda wildcards: READINGS[wildcards.scan][wildcards.reading].digest(),
        folder=settings.review.folder,
        raters=lambda wildcards: ["--reading", wildcards.reading],
        ignore=[],
        participant=lambda wildcards: cohort[wildcards.scan].participant_id,
        session=lambda wildcards: cohort[wildcards.scan].session or "n/a",


use rule align_corrected as align_reading with:
    input:
        labels="<results>/review/{folder}/{scan}_desc-{reading}_dseg.nii.gz",
        reference=T2_GRID,
        moving=SEEN_BY_NETWORK,
        transform="<results>/align/{folder}/{scan}_from-T2_to-dixon_xfm.tfm",
        label_table=settings.label_table,
        script="scripts/resample_labels.py",
        code=code("scripts/resample_labels.py"),
    output:
        labels="<results>/review/{folder}/{scan}_space-T2_desc-{reading}_dseg.nii.gz",
        sidecar="<results>/review/{folder}/{scan}_space-T2_desc-{reading}_dseg.json",
    log:
        "<logs>/review/{folder}/{scan}_{reading}_align.log",
    benchmark:
        "<benchmarks>/review/{folder}/{scan}_{reading}_align.tsv"


use rule compare_correction as compare_readings with:
    input:
        corrected=reading_labels("first"),
        own=reading_labels("second"),
        t2="<results>/fit/{folder}/{scan}_T2map.nii.gz",
        status=[image.replace("{visit}/anat", "{folder}") for image in STATUS_MAP],
        label_table=settings.label_table,
        script="scripts/compare_labels.py",
        code=code("scripts/compare_labels.py"),
    output:
        table="<results>/review/{folder}/{scan}_readings-{first}-{second}_effect.tsv",
        dictionary="<results>/review/{folder}/{scan}_readings-{first}-{second}_effect.json",
    log:
        "<logs>/review/{folder}/{scan}_readings-{first}-{second}.log",
    benchmark:
        "<benchmarks>/review/{folder}/{scan}_readings-{first}-{second}.tsv"


rule compare_raters:
    """Hold the readings of several raters, and of one rater twice, against each other."""
    input:
        decisions=if_there(f"{settings.review.folder}/decisions.tsv"),
        masks=lambda wildcards: [
            path
            for scan in READ_TWICE
            for row in READINGS[scan].values()
            if (path := mask_of(settings.review.folder, row))
        ],
        images=of_scans(READ_TWICE, SEEN_IMAGE),
        own=of_scans(READ_TWICE, "<results>/segment/{folder}/{scan}_dseg.nii.gz"),
        effects=PAIRED,
        script="scripts/compare_raters.py",
        code=code("scripts/compare_raters.py"),
    output:
        readings=RATERS[0],
        regions=RATERS[1],
        raters=RATERS[2],
        muscles=RATERS[3],
        dictionaries=[path.replace(".tsv", ".json") for path in RATERS],
    log:
        "<logs>/review/raters.log",
    benchmark:
        "<benchmarks>/review/raters.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=memory(500),
        runtime=by_attempt(5),
    params:
        folder=settings.review.folder,
        participants=[cohort[scan].participant_id for scan in READ_TWICE],
        sessions=[cohort[scan].session or "n/a" for scan in READ_TWICE],
        given=lambda wildcards, input: [
            *("--images", *input.images),
            *("--own-labels", *input.own),
            *("--effects", *input.effects),
        ],
    shell:
        r"""
        python {input.script:q} \
            --folder {params.folder:q} \
            --participants {params.participants:q} \
            --sessions {params.sessions:q} \
            {params.given:q} \
            --readings {output.readings:q} \
            --regions {output.regions:q} \
            --raters {output.raters:q} \
            --muscles {output.muscles:q} \
            >{log:q} 2>&1
        """


rule review_page:
    """A folder whose review.html shows every case without a server; no part of `all` (make review-page)."""
    input:
        configuration="<results>/report/configuration.json",
        images=every_scan(SEEN_IMAGE),
        own=every_scan("<results>/segment/{folder}/{scan}_dseg.nii.gz"),
        t2=every_scan("<results>/fit/{folder}/{scan}_T2map.nii.gz"),
        labels=every_scan("<results>/align/{folder}/{scan}_space-T2_dseg.nii.gz"),
        measures=every_scan("<results>/measure/{folder}/{scan}_muscles.tsv"),
        quality=QUALITY[1],
        participants=settings.participants.table,
        label_table=settings.label_table,
        beside=glob("src/myot2/review/static/*"),
        script="scripts/review_cases.py",
        code=code("scripts/review_cases.py"),
    output:
        directory("<results>/review/page"),
    log:
        "<logs>/review/page.log",
    benchmark:
        "<benchmarks>/review/page.tsv"
    conda:
        "../envs/imaging.yaml"
    resources:
        mem_mb=memory(1000),
        runtime=by_attempt(20),
    shell:
        r"""
        python {input.script:q} \
            --configfile {input.configuration:q} \
            --page {output:q} \
            >{log:q} 2>&1
        """
