"""This part of the workflow computes the statistics that the analysis plan lists, and checks printed numbers.

REQUIRED INPUTS:
    measures = <results>/measure/cohort.tsv
    variants = <results>/measure/{folder}/{scan}_variants.tsv, and those of further T2 maps
    participants = the participants table
    plan = the analysis plan

OUTPUTS:
    <results>/analyse/statistics.json     every number of the report under a stable key
    <results>/analyse/log.jsonl           every analysis of the plan, and what came of it
    <results>/analyse/participants.tsv    one row per participant: the table and the participant's T2
    <results>/analyse/{groups,correlations,roc,roc_band,muscles,changes,missing,missing_patterns}.tsv
    <results>/analyse/multiverse.tsv      the comparison by T2 made in every way
    <results>/analyse/masks.tsv           everybody's T2 by each mask
    <results>/analyse/claims.json, .tsv   what the check of printed numbers found: our own, and those of configured files
"""

import json

from myot2.analyse.plan_file import read_plan

TABLES = [
    *["participants", "groups", "correlations", "roc", "roc_band", "muscles", "changes"],
    *["missing", "missing_patterns"],
]
STATISTICS = "<results>/analyse/statistics.json"
MULTIVERSE = "<results>/analyse/multiverse.tsv"
MASKS = "<results>/analyse/masks.tsv"
CLAIMS = [f"<results>/analyse/{name}" for name in ("claims.json", "claims.tsv", "claims_dictionary.json")]

try:
    read_plan(settings.analysis.plan, settings.analysis.changes())  # a wrong plan is told before any job
except MyoT2Error as error:
    raise WorkflowError(str(error)) from error


rule compare_variants:
    """Compare the groups by T2 made in every way."""
    input:
        participants=settings.participants.table,
        measures="<results>/measure/cohort.tsv",
        tables=[table for further in VARIANTS for table in every_scan(further)],
        script="scripts/compare_variants.py",
        code=code("scripts/compare_variants.py"),
    output:
        table=MULTIVERSE,
        masks=MASKS,
        dictionaries=["<results>/analyse/multiverse.json", "<results>/analyse/masks.json"],
    log:
        "<logs>/analyse/multiverse.log",
    benchmark:
        "<benchmarks>/analyse/multiverse.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=memory(800),
        runtime=by_attempt(10),
    params:
        **PARTICIPANTS_OPTIONS,
        own_mask=OWN_MASK,
        own_t2=OWN_T2,
        decided=[scan for scan, row in DECIDED.items() if row.changes_results and scan in cohort],
        masks=MULTIVERSE_SETTINGS.masks,
        t2=list(FURTHER_T2.values()),
        statistics=MULTIVERSE_SETTINGS.statistics,
        aggregations=MULTIVERSE_SETTINGS.aggregations,
    shell:
        r"""
        python {input.script:q} \
            --participants {input.participants:q} \
            --measures {input.measures:q} \
            --tables {input.tables:q} \
            --columns {params.columns:q} \
            --values {params.values:q} \
            --own-mask {params.own_mask:q} \
            --own-t2 {params.own_t2:q} \
            --decided {params.decided:q} \
            --masks {params.masks:q} \
            --t2 {params.t2:q} \
            --statistics {params.statistics:q} \
            --aggregations {params.aggregations:q} \
            --out {output.table:q} \
            --by-person {output.masks:q} \
            >{log:q} 2>&1
        """


rule analyse:
    """Run every analysis of the plan."""
    input:
        participants=settings.participants.table,
        measures="<results>/measure/cohort.tsv",
        multiverse=MULTIVERSE,
        masks=MASKS,
        label_table=settings.label_table,
        plan=settings.analysis.plan,
        script="scripts/analyse_cohort.py",
        code=code("scripts/analyse_cohort.py"),
    output:
        statistics=STATISTICS,
        analyses="<results>/analyse/log.jsonl",
        tables=expand("<results>/analyse/{table}.tsv", table=TABLES),
        dictionaries=expand("<results>/analyse/{table}.json", table=TABLES),
    log:
        "<logs>/analyse/analyse.log",
    benchmark:
        "<benchmarks>/analyse/analyse.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=memory(1000),
        runtime=by_attempt(10),
    params:
        **PARTICIPANTS_OPTIONS,
        folder=subpath(output.statistics, parent=True),
        changes=lambda wildcards: json.dumps(settings.analysis.changes()),
    shell:
        r"""
        python {input.script:q} \
            --participants {input.participants:q} \
            --measures {input.measures:q} \
            --label-table {input.label_table:q} \
            --multiverse {input.multiverse:q} \
            --masks {input.masks:q} \
            --columns {params.columns:q} \
            --values {params.values:q} \
            --plan {input.plan:q} \
            --changes {params.changes:q} \
            --out {params.folder:q} \
            >{log:q} 2>&1
        """


# our own numbers say nothing of the images' headers; the papers' do
CLAIMED_PROTOCOL = [
    path
    for sidecar in (sidecars_of(ECHOES + DIXON) if settings.analysis.claims else [])
    for path in every_scan(sidecar)
]


rule check_claims:
    """Hold printed numbers against one another, against the statistics and against the images' headers."""
    input:
        claims=settings.analysis.claims,
        statistics=STATISTICS,
        sidecars=CLAIMED_PROTOCOL,
        script="scripts/check_claims.py",
        code=code("scripts/check_claims.py"),
    output:
        CLAIMS,
    log:
        "<logs>/analyse/claims.log",
    benchmark:
        "<benchmarks>/analyse/claims.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=memory(600),
        runtime=by_attempt(10),
    params:
        folder=subpath(output[0], parent=True),
    shell:
        r"""
        printf '%s\n' {input.sidecars:q} \
            | python {input.script:q} \
                --claims {input.claims:q} \
                --statistics {input.statistics:q} \
                --protocol - \
                --out {params.folder:q} \
                >{log:q} 2>&1
        """
