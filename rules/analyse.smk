"""This part of the workflow computes the study's statistics.

REQUIRED INPUTS:
    measures = <results>/measure/cohort.tsv
    participants = the participants table

OUTPUTS:
    <results>/analyse/statistics.json     every number of the report under a stable key
    <results>/analyse/participants.tsv    one row per participant: the table and the participant's T2
    <results>/analyse/{groups,correlations,roc,muscles}.tsv
"""

TABLES = ["participants", "groups", "correlations", "roc", "muscles"]
STATISTICS = "<results>/analyse/statistics.json"


rule analyse:
    """Compare the groups, find the cutoff, correlate with the clinical table."""
    input:
        participants=settings.participants.table,
        measures="<results>/measure/cohort.tsv",
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
            --columns {params.columns:q} \
            --values {params.values:q} \
            --ck-upper-limit {params.ck_upper_limit:q} \
            --out {params.folder:q} \
            >{log:q} 2>&1
        """
