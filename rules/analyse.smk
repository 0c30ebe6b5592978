"""This part of the workflow computes the study's statistics.

REQUIRED INPUTS:
    measures = <results>/measure/cohort.tsv
    variants = <results>/measure/{folder}/{scan}_variants.tsv, and those of further T2 maps
    participants = the participants table

OUTPUTS:
    <results>/analyse/statistics.json     every number of the report under a stable key
    <results>/analyse/participants.tsv    one row per participant: the table and the participant's T2
    <results>/analyse/{groups,correlations,roc,muscles}.tsv
    <results>/analyse/multiverse.tsv      the comparison by T2 made in every way
"""

TABLES = ["participants", "groups", "correlations", "roc", "muscles"]
STATISTICS = "<results>/analyse/statistics.json"
MULTIVERSE = "<results>/analyse/multiverse.tsv"


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
        dictionary="<results>/analyse/multiverse.json",
    log:
        "<logs>/analyse/multiverse.log",
    benchmark:
        "<benchmarks>/analyse/multiverse.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        **PARTICIPANTS_OPTIONS,
        own_mask=OWN_MASK,
        own_t2=OWN_T2,
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
            --masks {params.masks:q} \
            --t2 {params.t2:q} \
            --statistics {params.statistics:q} \
            --aggregations {params.aggregations:q} \
            --out {output.table:q} \
            >{log:q} 2>&1
        """


rule analyse:
    """Compare the groups, find the cutoff, correlate with the clinical table."""
    input:
        participants=settings.participants.table,
        measures="<results>/measure/cohort.tsv",
        multiverse=MULTIVERSE,
        label_table=settings.label_table,
        script="scripts/analyse_cohort.py",
        code=code("scripts/analyse_cohort.py"),
    output:
        statistics=STATISTICS,
        tables=expand("<results>/analyse/{table}.tsv", table=TABLES),
        dictionaries=expand("<results>/analyse/{table}.json", table=TABLES),
    log:
        "<logs>/analyse/analyse.log",
    benchmark:
        "<benchmarks>/analyse/analyse.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        **PARTICIPANTS_OPTIONS,
        folder=subpath(output.statistics, parent=True),
        ck_upper_limit=settings.analyse.ck_upper_limit,
    shell:
        r"""
        python {input.script:q} \
            --participants {input.participants:q} \
            --measures {input.measures:q} \
            --label-table {input.label_table:q} \
            --multiverse {input.multiverse:q} \
            --columns {params.columns:q} \
            --values {params.values:q} \
            --ck-upper-limit {params.ck_upper_limit:q} \
            --out {params.folder:q} \
            >{log:q} 2>&1
        """
