"""This part of the workflow measures T2 and volume per muscle, and joins the measures of the cohort.

REQUIRED INPUTS:
    t2 = <results>/fit/{folder}/{scan}_T2map.nii.gz
    status = <results>/fit/{folder}/{scan}_desc-status_dseg.nii.gz   fit.source: echoes
    fat = <results>/fit/{folder}/{scan}_FFmap.nii.gz                 where there is a fat fraction
    labels = <results>/align/{folder}/{scan}_space-T2_dseg.nii.gz, or what a person left of it (rules/review.smk)
    cross_check = <results>/ingest/{folder}/{scan}_crosscheck.tsv   ingest.cross_check: true

OUTPUTS:
    <results>/measure/{folder}/{scan}_muscles.tsv   one row per region and side
    <results>/measure/cohort.tsv                    the same for everybody
    <results>/measure/flow.tsv                      who was measured, who stopped at which stage, and why
    <results>/measure/{folder}/{scan}_variants.tsv  both thighs in every way: one row per mask, statistic, aggregation
    <results>/measure/{folder}/{scan}_desc-<map>_variants.tsv   the same of a further T2 map (analysis.multiverse.t2)
"""


localrules:
    collect,


OWN_MASK = "given" if BACKEND == "labels" else "automatic"
OWN_T2 = own_t2(settings.fit)


rule measure:
    """Measure one scan."""
    input:
        t2="<results>/fit/{folder}/{scan}_T2map.nii.gz",
        status=[image.replace("{visit}/anat", "{folder}") for image in STATUS_MAP],
        fat=[image.replace("{visit}/anat", "{folder}") for image in PROTON_FRACTION],
        labels=taken_labels,
        label_table=settings.label_table,
        cross_check=CROSS_CHECK,
        script="scripts/measure_muscles.py",
        code=code("scripts/measure_muscles.py"),
    output:
        table="<results>/measure/{folder}/{scan}_muscles.tsv",
        dictionary="<results>/measure/{folder}/{scan}_muscles.json",
    log:
        "<logs>/measure/{folder}/{scan}.log",
    benchmark:
        "<benchmarks>/measure/{folder}/{scan}.tsv"
    conda:
        "../envs/imaging.yaml"
    resources:
        mem_mb=memory(400),
        runtime=by_attempt(5),
    params:
        participant=lambda wildcards: cohort[wildcards.scan].participant_id,
        session=lambda wildcards: cohort[wildcards.scan].session or "n/a",
        erosion=settings.measure.erosion_mm,
        plausible=settings.measure.plausible_ms,
        status=lambda wildcards, input: ["--status", *input.status] if input.status else [],
        fat=lambda wildcards, input: ["--fat-fraction", *input.fat] if input.fat else [],
        cross_check=lambda wildcards, input: ["--cross-check", *input.cross_check] if input.cross_check else [],
    shell:
        r"""
        python {input.script:q} \
            --leave-stop-notes \
            --t2 {input.t2:q} \
            {params.status:q} \
            {params.fat:q} \
            --labels {input.labels:q} \
            --label-table {input.label_table:q} \
            --participant {params.participant:q} \
            --session {params.session:q} \
            --erosion-mm {params.erosion:q} \
            --plausible-ms {params.plausible:q} \
            {params.cross_check:q} \
            --out {output.table:q} \
            >{log:q} 2>&1
        """


FURTHER = [f"_desc-{description}" for description in FURTHER_T2]
VARIANTS = [f"<results>/measure/{{folder}}/{{scan}}{further}_variants.tsv" for further in ("", *FURTHER)]


rule measure_variants:
    """Measure both thighs of one scan in every way, on one T2 map."""
    input:
        t2="<results>/fit/{folder}/{scan}{further}_T2map.nii.gz",
        status=status_of,
        labels="<results>/align/{folder}/{scan}_space-T2_dseg.nii.gz",
        corrected=corrected_labels("align"),
        label_table=settings.label_table,
        cross_check=CROSS_CHECK,
        script="scripts/measure_variants.py",
        code=code("scripts/measure_variants.py"),
    output:
        table="<results>/measure/{folder}/{scan}{further}_variants.tsv",
        dictionary="<results>/measure/{folder}/{scan}{further}_variants.json",
    log:
        "<logs>/measure/{folder}/{scan}{further}_variants.log",
    benchmark:
        "<benchmarks>/measure/{folder}/{scan}{further}_variants.tsv"
    wildcard_constraints:
        # in a group, for a constraint of no characters would be taken for none
        further="(?:{})".format("|".join(["", *FURTHER])),
    conda:
        "../envs/imaging.yaml"
    resources:
        mem_mb=memory(400),
        runtime=by_attempt(5),
    params:
        participant=lambda wildcards: cohort[wildcards.scan].participant_id,
        session=lambda wildcards: cohort[wildcards.scan].session or "n/a",
        erosion=settings.measure.erosion_mm,
        plausible=settings.measure.plausible_ms,
        mask=OWN_MASK,
        t2=lambda wildcards: FURTHER_T2.get(wildcards.further.removeprefix("_desc-"), OWN_T2),
        status=lambda wildcards, input: ["--status", input.status] if input.status else [],
        corrected=lambda wildcards, input: ["--corrected", input.corrected] if input.corrected else [],
        cross_check=lambda wildcards, input: ["--cross-check", *input.cross_check] if input.cross_check else [],
    shell:
        r"""
        python {input.script:q} \
            --leave-stop-notes \
            --t2 {input.t2:q} \
            --t2-name {params.t2:q} \
            {params.status:q} \
            --labels {input.labels:q} \
            --mask-name {params.mask:q} \
            {params.corrected:q} \
            --label-table {input.label_table:q} \
            --participant {params.participant:q} \
            --session {params.session:q} \
            --erosion-mm {params.erosion:q} \
            --plausible-ms {params.plausible:q} \
            {params.cross_check:q} \
            --out {output.table:q} \
            >{log:q} 2>&1
        """


rule collect:
    """Join the measures of all scans."""
    input:
        tables=every_scan("<results>/measure/{folder}/{scan}_muscles.tsv"),
        script="scripts/collect_measures.py",
        code=code("scripts/collect_measures.py"),
    output:
        cohort="<results>/measure/cohort.tsv",
        flow="<results>/measure/flow.tsv",
        dictionaries=expand("<results>/measure/{table}.json", table=["cohort", "flow"]),
    log:
        "<logs>/measure/cohort.log",
    benchmark:
        "<benchmarks>/measure/cohort.tsv"
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
            --tables {input.tables:q} \
            --participants {params.participants:q} \
            --sessions {params.sessions:q} \
            --cohort {output.cohort:q} \
            --flow {output.flow:q} \
            >{log:q} 2>&1
        """
