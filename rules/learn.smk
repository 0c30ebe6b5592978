"""This part of the workflow makes the model better by what people accepted and corrected; no other rule asks for it.

REQUIRED INPUTS:
    decisions = <review.folder>/decisions.tsv                   and the corrected label maps beside it
    image, own = the image that was labelled, and the run's own label map, of scans with a decision
    recipe = learn.recipe, training = learn.training            every parameter and seed

OUTPUTS:
    <results>/learn/attempt.json              what was learned from, and what the gate said
    <results>/learn/structures.tsv, .json     Dice of each structure before and after
  and, outside of the results, for a model outlives them:
    <learn.models>/versions/<version>/        where the gate accepts: a model folder with version.json
    <learn.models>/ledger.jsonl, .head        every attempt, also refused ones
    <learn.models>/people.json                who is learned from, and who is held out for good
    <learn.models>/replay/                    the synthetic people, kept for the next time

`make learn` asks for it; to use a version set segment.model to learn.models, and segment.version.
"""

LEARNED_FROM = [scan for scan in REVIEWED if scan in ALL_DECIDED]


rule learn:
    """Learn from the corrections of the run; the current model stays where the gate refuses the new one."""
    input:
        configuration="<results>/report/configuration.json",
        decisions=if_there(f"{settings.review.folder}/decisions.tsv"),
        masks=[CORRECTED[scan] for scan in LEARNED_FROM if scan in CORRECTED],
        images=of_scans(LEARNED_FROM, SEEN_IMAGE),
        own=of_scans(LEARNED_FROM, "<results>/segment/{folder}/{scan}_dseg.nii.gz"),
        t2=of_scans(LEARNED_FROM, "<results>/fit/{folder}/{scan}_T2map.nii.gz"),
        labels=of_scans(LEARNED_FROM, "<results>/align/{folder}/{scan}_space-T2_dseg.nii.gz"),
        participants=settings.participants.table,
        label_table=settings.label_table,
        recipe=settings.learn.recipe,
        training=settings.learn.training,
        atlas="src/myot2/simulate/data/atlas.npz",
        script="scripts/learn_from_corrections.py",
        code=code("scripts/learn_from_corrections.py"),
    output:
        attempt="<results>/learn/attempt.json",
        table="<results>/learn/structures.tsv",
        dictionary="<results>/learn/structures.json",
    log:
        "<logs>/learn/learn.log",
    benchmark:
        "<benchmarks>/learn/learn.tsv"
    conda:
        "../envs/network.yaml"
    threads: 2
    resources:
        mem_mb=memory(2000),
        runtime=by_attempt(120),
    shell:
        r"""
        export OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=0
        python {input.script:q} \
            --configfile {input.configuration:q} \
            --attempt {output.attempt:q} \
            --table {output.table:q} \
            >{log:q} 2>&1
        """
