"""This part of the workflow records every job, whatever its rule, and what the results are.

It comes last: it wraps the function by which Snakemake runs a rule's jobs, here or on a cluster's node, and changes
neither a rule's text nor what makes a job run again. When a run ends, well or badly, its records join the ledger.

REQUIRED INPUTS:
    the images, tables and statistics that the report rests on

OUTPUTS:
    <results>/audit/results.sha256        SHA-256 of each of them (sha256sum --check); its own stands in the report
  and, of no rule:
    <results>/audit/records/<job>.json    each job's own record; code/, folders/: what records name by their SHA-256
    <results>/audit/ledger.jsonl, .head   all records, chained
    <results>/audit/cohort.tsv, .json     how far each scan came; cohort.html: the same as a page
    <results>/audit/private/              where files outside of the results are, and what --config gave; stays at the site
"""

from pathlib import Path

from myot2.audit.called import write_called
from myot2.audit.conclusion import conclude
from myot2.audit.recording import Recorder
from myot2.audit.reviewed import Reviewed
from myot2.audit.rules import record_jobs

RECORDER = Recorder(settings.results)


rule seal:
    """List the SHA-256 of every file on which the report rests."""
    input:
        images=[path for image in chain(*IMAGES.values()) for path in every_scan(image)],
        derived=[path for image in IMAGE_OF.values() for path in every_scan(f"<results>/{image}")],
        tables=expand("<results>/analyse/{table}.tsv", table=TABLES),
        statistics=[STATISTICS, MULTIVERSE, MASKS, CLAIMS[0]],
        measures=["<results>/measure/cohort.tsv", "<results>/measure/flow.tsv", QUALITY[1]],
        configuration="<results>/report/configuration.json",
        script="scripts/seal_results.py",
        code=code("scripts/seal_results.py"),
    output:
        "<results>/audit/results.sha256",
    log:
        "<logs>/audit/seal.log",
    benchmark:
        "<benchmarks>/audit/seal.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=memory(100),
        runtime=by_attempt(20),
    params:
        results=subpath(output[0], ancestor=2),
    shell:
        r"""
        python {input.script:q} \
            --files {input.images:q} {input.derived:q} {input.tables:q} {input.statistics:q} {input.measures:q} \
            {input.configuration:q} \
            --results {params.results:q} \
            --out {output:q} \
            >{log:q} 2>&1
        """


for one in workflow.rules:
    record_jobs(RECORDER, one)


REVIEWED_AS = Reviewed(
    ALL_DECIDED,
    {scan: Path(corrected_mask_path(settings.review.folder, scan)) for scan in cohort},
    settings.review.apply,
)


onstart:
    write_called(RECORDER.places, workflow.config_settings.config)


onsuccess:
    conclude(RECORDER.places, cohort, REVIEWED_AS)


onerror:
    conclude(RECORDER.places, cohort, REVIEWED_AS)
