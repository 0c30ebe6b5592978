"""This part of the workflow lays the labels of all scans side by side.

REQUIRED INPUTS:
    sidecar = <results>/segment/{folder}/{scan}_dseg.json

OUTPUTS:
    <results>/segment/quality.tsv         one row per scan, muscle and side: figures, against the cohort, risk
    <results>/segment/quality_scans.tsv   one row per scan: figures, risk, flags in words
"""

QUALITY = expand("<results>/segment/{table}.tsv", table=["quality", "quality_scans"])


localrules:
    collect_segment_quality,


rule collect_segment_quality:
    """Compare every muscle's label with the cohort's, and list the scans with their flags."""
    input:
        sidecars=every_scan("<results>/segment/{folder}/{scan}_dseg.json"),
        script="scripts/collect_segment_quality.py",
        code=code("scripts/collect_segment_quality.py"),
    output:
        muscles=QUALITY[0],
        scans=QUALITY[1],
        dictionaries=[path.replace(".tsv", ".json") for path in QUALITY],
    log:
        "<logs>/segment/quality.log",
    benchmark:
        "<benchmarks>/segment/quality.tsv"
    conda:
        "../envs/imaging.yaml"
    resources:
        mem_mb=memory(500),
        runtime=by_attempt(5),
    params:
        participants=[participant.participant_id for participant in participants],
        sessions=[participant.session or "n/a" for participant in participants],
    shell:
        r"""
        python {input.script:q} \
            --sidecars {input.sidecars:q} \
            --participants {params.participants:q} \
            --sessions {params.sessions:q} \
            --muscles {output.muscles:q} \
            --scans {output.scans:q} \
            >{log:q} 2>&1
        """
