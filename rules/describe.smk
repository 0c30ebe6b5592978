"""This part of the workflow makes the folders of images BIDS datasets.

REQUIRED INPUTS:
    images = every image of the stage, of the whole cohort

OUTPUTS:
    <results>/ingest/{dataset_description.json,README,participants.tsv,participants.json,.bidsignore}
    <results>/{segment,align,fit,reconstruct}/{dataset_description.json,README,dseg.tsv,.bidsignore}
"""


localrules:
    describe_ingest,
    describe_derivative,


IMAGE_OF = {
    "segment": "segment/{folder}/{scan}_dseg.nii.gz",
    "align": "align/{folder}/{scan}_space-T2_dseg.nii.gz",
    "fit": "fit/{folder}/{scan}_T2map.nii.gz",
    **({"reconstruct": "reconstruct/{folder}/{scan}_T2map.nii.gz"} if FROM_KSPACE else {}),
}
TOP_FILES = {
    "ingest": ["dataset_description.json", "README", "participants.tsv", "participants.json", ".bidsignore"],
    **dict.fromkeys(IMAGE_OF, ["dataset_description.json", "README", "dseg.tsv", ".bidsignore"]),
}
DESCRIPTIONS = [
    *(f"<results>/{stage}/{name}" for stage, names in TOP_FILES.items() for name in names),
    *(f"<results>/ingest/sub-{person}/sub-{person}_sessions.tsv" for person in VISITS),
]


rule describe_ingest:
    """Say whose images the dataset holds."""
    input:
        participants=settings.participants.table,
        images=[path for image in chain(*IMAGES.values()) for path in every_scan(image)],
        script="scripts/describe_ingest.py",
        code=code("scripts/describe_ingest.py"),
    output:
        description="<results>/ingest/dataset_description.json",
        readme="<results>/ingest/README",
        participants="<results>/ingest/participants.tsv",
        dictionary="<results>/ingest/participants.json",
        ignored="<results>/ingest/.bidsignore",
    log:
        "<logs>/ingest/describe.log",
    benchmark:
        "<benchmarks>/ingest/describe.tsv"
    conda:
        "../envs/imaging.yaml"
    resources:
        mem_mb=memory(500),
        runtime=by_attempt(5),
    params:
        **PARTICIPANTS_OPTIONS,
        dataset=subpath(output.description, parent=True),
    shell:
        r"""
        printf '%s\n' {input.images:q} \
            | python {input.script:q} \
                --participants {input.participants:q} \
                --columns {params.columns:q} \
                --values {params.values:q} \
                --images - \
                --dataset {params.dataset:q} \
                >{log:q} 2>&1
        """


rule describe_derivative:
    """Say what the images of a later stage derive from, and what the numbers of label maps mean."""
    input:
        images=lambda wildcards: every_scan(f"{settings.results}/{IMAGE_OF[wildcards.stage]}"),
        label_table=settings.label_table,
        script="scripts/describe_derivative.py",
        code=code("scripts/describe_derivative.py"),
    output:
        description="<results>/{stage}/dataset_description.json",
        readme="<results>/{stage}/README",
        lookup="<results>/{stage}/dseg.tsv",
        ignored="<results>/{stage}/.bidsignore",
    log:
        "<logs>/{stage}/describe.log",
    benchmark:
        "<benchmarks>/{stage}/describe.tsv"
    wildcard_constraints:
        stage="|".join(IMAGE_OF),
    conda:
        "../envs/imaging.yaml"
    resources:
        mem_mb=memory(500),
        runtime=by_attempt(5),
    params:
        dataset=subpath(output.description, parent=True),
        reconstructed="--reconstructed" if FROM_KSPACE else "",
    shell:
        r"""
        python {input.script:q} \
            --stage {wildcards.stage:q} \
            --images {input.images:q} \
            --label-table {input.label_table:q} \
            {params.reconstructed} \
            --dataset {params.dataset:q} \
            >{log:q} 2>&1
        """
