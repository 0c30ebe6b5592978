"""A trained model of nnU-Net version 2, by the program that nnU-Net installs.

The model is the folder that nnU-Net's training leaves, `nnUNet_results/DatasetXXX_NAME/TRAINER__PLANS__CONFIGURATION`
with dataset.json, plans.json and fold_*/checkpoint_final.pth. nnU-Net does not look at the order of an image's axes; it
is given the volume with the axes of `axes`, and must have been trained so.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of, read_volume, require_same_grid, write_image
from myot2.core.labels import LabelTable
from myot2.segment.backends.axes import turned, turned_back
from myot2.segment.backends.program import require_output, run
from myot2.segment.backends.result import Labelled, Options, labelled
from myot2.segment.numbering import translation
from myot2.segment.weights import require_listed, require_only_numbers

PROGRAM = "nnUNetv2_predict_from_modelfolder"
CHECKPOINT = "checkpoint_final.pth"
DESCRIPTIONS = ("dataset.json", "plans.json")

_ENDINGS = (".nii.gz", ".nii")


def segment(image: sitk.Image, table: LabelTable, options: Options, where: str | Path) -> Labelled:
    """Label a volume.

    Raises
    ------
    MyoT2Error
        The model lacks a file, takes more than one image or other files than NIfTI, has a class that is neither known
        nor ignored; or a file is not in the folder's SHA256SUMS, or holds more than numbers.
    ProgramError
        nnU-Net is not installed, or failed.
    """
    model = options.model.resolve()
    folds = options.folds or folds_of(model)
    files = [*DESCRIPTIONS, *(f"fold_{fold}/{CHECKPOINT}" for fold in folds)]
    digests = {name: require_listed(model / name, folder=model) for name in files}
    for fold in folds:
        require_only_numbers(model / f"fold_{fold}" / CHECKPOINT)
    dataset = json.loads((model / DESCRIPTIONS[0]).read_text(encoding="utf-8"))
    ending, classes = _description(dataset, model / DESCRIPTIONS[0])
    translated = translation(table, classes, options.numbering, ignore=options.ignore, where=model / DESCRIPTIONS[0])
    volume = turned(image)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "in").mkdir()
        write_image(sitk.Cast(volume, sitk.sitkFloat32), work / "in" / f"case_0000{ending}")
        command = [PROGRAM, "-i", work / "in", "-o", work / "out", "-m", model, "-f", *folds, "-chk", CHECKPOINT]
        one_process = ["-npp", "1", "-nps", "1", "-device", "cpu", "--disable_progress_bar"]
        folders = dict.fromkeys(("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"), folder)
        environment = {**folders, "nnUNet_compile": "f"}
        run([*command, *one_process], work, threads=options.threads, environment=environment)
        found = read_volume(require_output(work / "out" / f"case{ending}", PROGRAM))
    require_same_grid(volume, found, where=where, what="image and nnU-Net's label map")
    record = {"Model": "/".join(model.parts[-2:]), "ModelSha256": digests, "Folds": [*folds]}
    return turned_back(labelled(array_of(found).astype(int), volume, table, translated, record), image)


def folds_of(model: Path) -> tuple[str, ...]:
    """The folds that a model's folder has, in the order of their names."""
    folders = sorted(path.parent.name for path in model.glob(f"fold_*/{CHECKPOINT}"))
    if not folders:
        raise _refused(f"fold_*/{CHECKPOINT} in the folder of a trained model", "none", model)
    return tuple(name.removeprefix("fold_") for name in folders)


def _description(dataset: Mapping[str, Any], path: Path) -> tuple[str, dict[int, tuple[str]]]:
    """File ending and classes of a model's dataset.json."""
    channels = dataset.get("channel_names", {})
    if len(channels) != 1:
        raise _refused("a model of one image (channel_names)", f"{len(channels)}: {channels}", path)
    ending = dataset.get("file_ending")
    if ending not in _ENDINGS:
        raise _refused(f"file_ending {' or '.join(_ENDINGS)}", repr(ending), path)
    labels = dataset.get("labels", {})
    regions = [name for name, number in labels.items() if not isinstance(number, int)]
    if regions or labels.get("background") != 0:
        raise _refused("labels with one number each, background 0", f"others: {regions or labels}"[:80], path)
    return ending, {number: (name,) for name, number in labels.items() if number}


def _refused(expected: str, found: str, where: Path) -> MyoT2Error:
    return MyoT2Error(
        expected=expected,
        found=found,
        where=where,
        do="Give another model; docs/how-to/other-models.md says which fit.",
    )
