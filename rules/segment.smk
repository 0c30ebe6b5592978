"""This part of the workflow labels the muscles on a Dixon image by a model, or takes the label maps that were given.

REQUIRED INPUTS:
    image = <results>/ingest/{folder}/{scan}_acq-dixon{in,opp,water,fat}_T2w.nii.gz   the one that segment.image names
    fat = the Dixon water and fat images, or the map that fit.fat.given names    segment.fat.action: flag or cut
    model = the files of segment.model
  or, with segment.backend: labels
    given = the label map or folder of masks that the configuration names

OUTPUTS:
    labels = <results>/segment/{folder}/{scan}_dseg.nii.gz   numbers of the label table
    sidecar = <results>/segment/{folder}/{scan}_dseg.json    the model, volumes and quality flags
  where the model's weights are PyTorch's
    weights = <results>/weights/model.safetensors, SHA256SUMS   the same weights, converted once
"""

from pathlib import Path

from myot2.learn.versions import model_folder
from myot2.segment.model_files import model_files, torch_weights

BACKEND = settings.segment.backend
LABELLED = None if BACKEND == "labels" else DIXON[settings.ingest.dixon.index(settings.segment.image)]
try:
    MODEL = model_folder(settings.segment.model, settings.segment.version).as_posix()
except MyoT2Error as error:
    raise WorkflowError(str(error)) from error
WEIGHTS_SHA256 = settings.segment.weights_sha256
TORCH_WEIGHTS = torch_weights(BACKEND, MODEL)
MODEL_OPTIONS = [
    *("--backend", BACKEND, "--model", MODEL),
    *(["--overlap", settings.segment.overlap] if BACKEND == "musclemap" else []),
    *(["--task", settings.segment.task] if BACKEND == "totalsegmentator" else []),
    *(["--folds", *settings.segment.folds] if settings.segment.folds else []),
    *(["--numbering", settings.segment.numbering] if BACKEND in ("monai-bundle", "nnunet") else []),
    *(["--ignore", *settings.segment.ignore] if settings.segment.ignore else []),
    *(["--weights-sha256", settings.segment.weights_sha256] if WEIGHTS_SHA256 and not TORCH_WEIGHTS else []),
]
"""How the program is told the backend, and the settings that it reads: a change of others reruns nothing."""

WATER_AND_FAT = (
    [DIXON[settings.ingest.dixon.index(part)] for part in ("water", "fat")] if FAT_TOLD_BY == "water-fat" else []
)


if TORCH_WEIGHTS:

    rule convert_weights:
        """Convert the model's weights to safetensors, after checking their SHA-256: once, not for every scan."""
        input:
            weights=TORCH_WEIGHTS,
            sums=if_there(str(Path(TORCH_WEIGHTS).with_name("SHA256SUMS"))),
            script="scripts/convert_weights.py",
            code=code("scripts/convert_weights.py"),
        output:
            weights="<results>/weights/model.safetensors",
            sums="<results>/weights/SHA256SUMS",
        log:
            "<logs>/segment/convert_weights.log",
        benchmark:
            "<benchmarks>/segment/convert_weights.tsv"
        conda:
            "../envs/network.yaml"
        resources:
            mem_mb=memory(4000),
            runtime=by_attempt(10),
        params:
            listed=["--sha256", WEIGHTS_SHA256] if WEIGHTS_SHA256 else [],
        shell:
            r"""
            export OMP_NUM_THREADS={threads} OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=0
            python {input.script:q} \
                --weights {input.weights:q} \
                {params.listed:q} \
                --out {output.weights:q} \
                >{log:q} 2>&1
            """


if BACKEND == "labels":

    rule take_labels:
        """Take the labels that were given, after checking and translating their numbers."""
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
            mem_mb=memory(600),
            runtime=by_attempt(5),
        params:
            given=given_labels_path,
            numbering=settings.segment.numbering,
            ignore=settings.segment.ignore,
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                --given {params.given:q} \
                --numbering {params.numbering:q} \
                --ignore {params.ignore:q} \
                --label-table {input.labels:q} \
                --labels {output.labels:q} \
                >{log:q} 2>&1
            """

else:

    rule segment:
        """Label the muscles with a model."""
        input:
            image=LABELLED,
            model=model_files(BACKEND, MODEL),
            weights="<results>/weights/model.safetensors" if TORCH_WEIGHTS else [],
            fat=given_fraction if FAT_TOLD_BY == "given" else WATER_AND_FAT,
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
            # MuscleMap keeps some hundred channels of the volume at once; the others' own needs are not known here
            mem_mb=memory(2000 if BACKEND == "myot2" else 12000),
            runtime=by_attempt(20 if BACKEND == "myot2" else 240),
        params:
            weights="--weights" if TORCH_WEIGHTS else "",
            options=MODEL_OPTIONS,
            fat=label_fat_options,
        shell:
            r"""
            export OMP_NUM_THREADS={threads} OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=0
            python {input.script:q} \
                --leave-stop-notes \
                --image {input.image:q} \
                {params.options:q} \
                {params.weights} {input.weights:q} \
                {params.fat:q} \
                --threads {threads} \
                --label-table {input.labels:q} \
                --labels {output.labels:q} \
                >{log:q} 2>&1
            """
