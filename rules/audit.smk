"""This part of the workflow records every job, whatever its rule, and what the results are.

It comes last: it wraps the function by which Snakemake runs a rule's jobs, here or on a cluster's node, and changes
neither a rule's text nor what makes a job run again. When a run ends, well or badly, its records join the ledger, and
what became of it is printed. It also gives each job a temporary folder of its own, and removes what killed jobs left.

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

from datetime import UTC, datetime
from pathlib import Path

from myot2.audit.called import write_called
from myot2.audit.ending import end_run
from myot2.audit.recording import Recorder
from myot2.audit.reviewed import Reviewed
from myot2.audit.rules import record_jobs
from myot2.core.job_folder import give_own_folder, remove_leftovers
from myot2.core.scheduling import look_when_something_changed

RECORDER = Recorder(settings.results)
BEGAN = datetime.now(UTC).isoformat()

THEN = {
    "ingest": ["align", "fit"],
    "reconstruct": ["fit"],
    "segment": ["align"],
    "align": ["measure"],
    "fit": ["measure"],
}
"""The stages that take what a stage made of a scan."""

MEASURED = "measure/{folder}/{scan}_muscles.tsv"
NAMED = {**IMAGE_OF, "measure": MEASURED}
MADE = [*(("ingest", image.removeprefix("<results>/")) for image in chain(*IMAGES.values())), *IMAGE_OF.items()]
IN_TURN = ["measure/cohort.tsv", "analyse/statistics.json", "audit/results.sha256", "report/report.html"]
GONE = [
    *chain.from_iterable(
        gone(f"{settings.results}/{file}", [f"{settings.results}/{NAMED[stage]}" for stage in THEN[maker]])
        for maker, image in MADE
        for file in (image, *sidecars_of([image]))
    ),
    *(
        path
        for path in every_scan(f"{settings.results}/{MEASURED}")
        if lost(path, [f"{settings.results}/{IN_TURN[0]}"])
    ),
    *(
        f"{settings.results}/{first}"
        for place, first in enumerate(IN_TURN)
        if lost(f"{settings.results}/{first}", [f"{settings.results}/{later}" for later in IN_TURN[place + 1 :]])
    ),
]
"""What is to be made again although what was made of it is there."""


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
        printf '%s\n' \
            {input.images:q} {input.derived:q} {input.tables:q} {input.statistics:q} {input.measures:q} \
            {input.configuration:q} \
            | python {input.script:q} \
                --files - \
                --results {params.results:q} \
                --out {output:q} \
                >{log:q} 2>&1
        """


for one in workflow.rules:
    give_own_folder(one, settings.results)
    record_jobs(RECORDER, one)


REVIEWED_AS = Reviewed(
    ALL_DECIDED,
    {scan: Path(path) for scan, path in CORRECTED.items()},
    settings.review.apply,
)


onstart:
    look_when_something_changed(workflow.scheduler)
    remove_leftovers(settings.results)
    write_called(RECORDER.places, workflow.config_settings.config)


onsuccess:
    remove_leftovers(settings.results)
    end_run(RECORDER.places, BEGAN, cohort, REVIEWED_AS)


onerror:
    remove_leftovers(settings.results)
    end_run(RECORDER.places, BEGAN, cohort, REVIEWED_AS)
