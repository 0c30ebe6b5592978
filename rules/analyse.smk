"""This part of the workflow computes the study's statistics, and checks printed numbers.

REQUIRED INPUTS:
    measures = <results>/measure/cohort.tsv
    participants = the participants table

OUTPUTS:
    <results>/analyse/statistics.json     every number of the report under a stable key
    <results>/analyse/participants.tsv    one row per participant: the table and the participant's T2
    <results>/analyse/{groups,correlations,roc,muscles}.tsv
    <results>/analyse/claims.json, .tsv   what the check of printed numbers found, where files of claims are configured
"""

TABLES = ["participants", "groups", "correlations", "roc", "muscles"]
STATISTICS = "<results>/analyse/statistics.json"
CLAIMS = [f"<results>/analyse/{name}" for name in ("claims.json", "claims.tsv", "claims_dictionary.json")]


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


rule check_claims:
    """Hold printed numbers against one another, against the statistics and against the images' headers."""
    input:
        claims=settings.analyse.claims,
        statistics=STATISTICS,
        sidecars=[path for sidecar in sidecars_of(ECHOES + DIXON) for path in every_scan(sidecar)],
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
        mem_mb=1000,
        runtime=10,
    params:
        folder=subpath(output[0], parent=True),
    shell:
        r"""
        python {input.script:q} \
            --claims {input.claims:q} \
            --statistics {input.statistics:q} \
            --protocol {input.sidecars:q} \
            --out {params.folder:q} \
            >{log:q} 2>&1
        """
