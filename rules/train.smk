"""This part of the workflow trains the segmentation network; no other rule asks for it.

REQUIRED INPUTS:
    recipe = train.recipe of the configuration   every parameter and seed
    train.maps, train.whole_leg   label maps, where the recipe learns from them

OUTPUTS:
    <results>/train/model/model.json, models/model.safetensors, SHA256SUMS

`snakemake -c2 train` makes a model; to use it set segment.model to its folder.
"""


rule train:
    """Train the network; minutes to hours, depending on the recipe."""
    input:
        recipe=settings.train.recipe,
        maps=[path for path in (settings.train.maps, settings.train.whole_leg) if path],
        atlas="src/myot2/simulate/data/atlas.npz",
        label_table="config/labels.tsv",
        script="scripts/train_model.py",
        code=code("scripts/train_model.py"),
    output:
        weights="<results>/train/model/models/model.safetensors",
        network="<results>/train/model/model.json",
        sums="<results>/train/model/SHA256SUMS",
    log:
        "<logs>/train/train.log",
    benchmark:
        "<benchmarks>/train/train.tsv"
    conda:
        "../envs/network.yaml"
    threads: 2
    resources:
        mem_mb=memory(8000),
        runtime=by_attempt(240),
    params:
        work=subpath(output.sums, ancestor=2),
        model=subpath(output.sums, parent=True),
        maps=[] if settings.train.maps is None else ["--maps", settings.train.maps],
        whole_leg=[] if settings.train.whole_leg is None else ["--whole-leg", settings.train.whole_leg],
    shell:
        r"""
        export OMP_NUM_THREADS={threads} OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=0
        python {input.script:q} \
            --recipe {input.recipe:q} \
            --label-table {input.label_table:q} \
            --work {params.work:q}/work \
            --model {params.model:q} \
            {params.maps:q} \
            {params.whole_leg:q} \
            --threads {threads} \
            >{log:q} 2>&1
        """
