"""This part of the workflow draws the muscles on the Dixon in-phase image, or takes the label maps that were given.

REQUIRED INPUTS:
    image = <results>/ingest/{folder}/{scan}_acq-dixonin_T2w.nii.gz   segment.source: network
    given = the label map that the configuration names                 segment.source: given

OUTPUTS:
    labels = <results>/segment/{folder}/{scan}_dseg.nii.gz   numbers of config/labels.tsv
    sidecar = <results>/segment/{folder}/{scan}_dseg.json    volumes and quality flags
"""

if settings.segment.source == "network":

    rule segment:
        """Label the muscles with the network."""
        input:
            image="<results>/ingest/{folder}/{scan}_acq-dixonin_T2w.nii.gz",
            weights=f"{settings.segment.model}/model.safetensors",
            network=f"{settings.segment.model}/model.json",
            sums=f"{settings.segment.model}/SHA256SUMS",
            labels=settings.label_table,
            script="scripts/segment_muscles.py",
            code=code("scripts/segment_muscles.py"),
        output:
            labels="<results>/segment/{folder}/{scan}_dseg.nii.gz",
            sidecar="<results>/segment/{folder}/{scan}_dseg.json",
        log:
            "<logs>/segment/{folder}/{scan}.log",
        benchmark:
            "<benchmarks>/segment/{folder}/{scan}.tsv"
        conda:
            "../envs/network.yaml"
        resources:
            mem_mb=3000,
            runtime=20,
        params:
            model=subpath(input.weights, parent=True),
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                --image {input.image:q} \
                --model {params.model:q} \
                --label-table {input.labels:q} \
                --labels {output.labels:q} \
                >{log:q} 2>&1
            """

else:

    rule take_labels:
        """Take the label map that was given, after checking its numbers."""
        input:
            given_labels,
            labels=settings.label_table,
            script="scripts/take_labels.py",
            code=code("scripts/take_labels.py"),
        output:
            labels="<results>/segment/{folder}/{scan}_dseg.nii.gz",
            sidecar="<results>/segment/{folder}/{scan}_dseg.json",
        log:
            "<logs>/segment/{folder}/{scan}.log",
        benchmark:
            "<benchmarks>/segment/{folder}/{scan}.tsv"
        conda:
            "../envs/imaging.yaml"
        resources:
            mem_mb=1000,
            runtime=5,
        params:
            given=given_labels_path,
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                --given {params.given:q} \
                --label-table {input.labels:q} \
                --labels {output.labels:q} \
                >{log:q} 2>&1
            """
