"""This part of the workflow makes the tables that may leave the site, by the rules of disclosure control.

REQUIRED INPUTS:
    <results>/analyse/statistics.json, log.jsonl, participants.tsv
    <results>/measure/flow.tsv

OUTPUTS:
    <results>/release/statistics.json, settings.json and the tables behind the figures, each with its mark beside it
    <results>/release/disclosure.tsv             what became of every number
"""

from myot2.release.tables import output_paths

RELEASED = [str(path) for path in output_paths("<results>/release")]
"""The released tables and their marks; the shareable report is made of them and of nothing else."""


rule release_tables:
    """Redact, round, and leave out."""
    input:
        statistics=STATISTICS,
        analyses=rules.analyse.output.analyses,
        participants="<results>/analyse/participants.tsv",
        flow="<results>/measure/flow.tsv",
        configuration="<results>/report/configuration.json",
        label_table=settings.label_table,
        script="scripts/release_tables.py",
        code=code("scripts/release_tables.py"),
    output:
        RELEASED,
    log:
        "<logs>/release/tables.log",
    benchmark:
        "<benchmarks>/release/tables.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=memory(600),
        runtime=by_attempt(5),
    params:
        results=subpath(input.statistics, ancestor=2),
        folder=subpath(output[0], parent=True),
        redact_up_to=settings.report.disclosure.redact_up_to,
        round_to=settings.report.disclosure.round_to,
    shell:
        r"""
        python {input.script:q} \
            --leave-stop-notes \
            --results {params.results:q} \
            --config-summary {input.configuration:q} \
            --label-table {input.label_table:q} \
            --redact-up-to {params.redact_up_to:q} \
            --round-to {params.round_to:q} \
            --out {params.folder:q} \
            >{log:q} 2>&1
        """
