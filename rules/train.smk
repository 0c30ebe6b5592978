"""This part of the workflow trains the segmentation network on simulated people; no other rule asks for it.

REQUIRED INPUTS:
    recipe = config/train/thigh.yaml   every parameter and seed

OUTPUTS:
    <results>/train/model/model.{json,safetensors}, SHA256SUMS

`snakemake -c2 train` makes a model; to use it set segment.model to its folder.
"""


rule train:
    """Train the network; minutes to hours, depending on the recipe."""
    input:
        recipe="config/train/thigh.yaml",
        atlas="src/myot2/simulate/data/atlas.npz",
        label_table="config/labels.tsv",
        script="scripts/train_model.py",
        code=code("scripts/train_model.py"),
    output:
        weights="<results>/train/model/model.safetensors",
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
        mem_mb=8000,
        runtime=240,
    params:
        work=subpath(output.weights, ancestor=2),
        model=subpath(output.weights, parent=True),
    shell:
        r"""
        export OMP_NUM_THREADS={threads} OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=0
        python {input.script:q} \
            --recipe {input.recipe:q} \
            --label-table {input.label_table:q} \
            --work {params.work:q}/work \
            --model {params.model:q} \
            --threads {threads} \
            >{log:q} 2>&1
        """
