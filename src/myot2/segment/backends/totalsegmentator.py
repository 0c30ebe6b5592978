"""TotalSegmentator, by the program that it installs.

Its thigh task knows groups of muscles, not single ones: quadriceps, medial and posterior compartment, and sartorius.
They are labels of their own, which the label table must have (config/examples/thigh-groups-labels.tsv); they are never
split into muscles.
"""

from __future__ import annotations

import json
import os
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import SimpleITK as sitk

from myot2.core.images import array_of, read_volume, require_same_grid, write_image
from myot2.core.label_names import OWN
from myot2.core.labels import LabelTable
from myot2.segment.backends.program import ProgramError, require_output, run
from myot2.segment.backends.result import Labelled, Options, labelled
from myot2.segment.numbering import translation
from myot2.segment.weights import CHECKSUMS, read_checksums, require_listed, require_only_numbers

PROGRAM = "TotalSegmentator"
GROUPS = "config/examples/thigh-groups-labels.tsv"

_HOME = "TOTALSEG_HOME_DIR"
_ADVICE = f"Set label_table: {GROUPS}, which has TotalSegmentator's groups"


def segment(image: sitk.Image, table: LabelTable, options: Options, where: str | Path) -> Labelled:
    """Label a volume by the task `options.task`; the axes are TotalSegmentator's concern.

    Raises
    ------
    MyoT2Error
        A checkpoint or JSON in the folder of weights is not in its SHA256SUMS, or holds more than numbers; or a class
        is neither known nor ignored.
    ProgramError
        TotalSegmentator is not installed, or failed; also where the task needs other weights or a licence.
    """
    model = options.model.resolve()
    digests = _checked(model)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        write_image(sitk.Cast(image, sitk.sitkFloat32), work / "in.nii.gz")
        (work / "home").mkdir()
        (work / "home" / "config.json").write_text(json.dumps(settings()), encoding="utf-8")
        command = [PROGRAM, "-i", work / "in.nii.gz", "-o", work / "out.nii.gz", "--ml", "--task", options.task]
        environment = {_HOME: str(work / "home"), "TOTALSEG_WEIGHTS_PATH": str(model)}
        run(
            [*command, "--device", "cpu", "-nr", "1", "-ns", "1"],
            work,
            threads=options.threads,
            environment=environment,
        )
        out = require_output(work / "out.nii.gz", PROGRAM)
        found, names = read_volume(out), _names(out)
    require_same_grid(image, found, where=where, what="image and TotalSegmentator's label map")
    classes = {number: (name,) for number, name in names.items()}
    translated = translation(table, classes, OWN, ignore=options.ignore, where=f"task {options.task}", advice=_ADVICE)
    record = {"Model": f"TotalSegmentator {options.task}", "ModelSha256": digests}
    return labelled(array_of(found).astype(int), image, table, translated, record)


def _checked(model: Path) -> dict[str, str]:
    """The SHA-256 of each checkpoint below the folder; each, and each description, must be listed there."""
    files = sorted(path.relative_to(model).as_posix() for path in model.rglob("*") if path.suffix in (".pth", ".json"))
    listed = read_checksums(model / CHECKSUMS) if (model / CHECKSUMS).is_file() else {}
    digests = {name: require_listed(model / name, folder=model) for name in sorted({*files, *listed})}
    checkpoints = [name for name in files if name.endswith(".pth")]
    for name in checkpoints:
        require_only_numbers(model / name)
    return {name: digests[name] for name in checkpoints}


def settings() -> dict[str, object]:
    """TotalSegmentator's settings for a run: those of the user (a licence is among them), without usage statistics."""
    home = Path(os.environ.get(_HOME, Path.home() / ".totalsegmentator")) / "config.json"
    own = json.loads(home.read_text(encoding="utf-8")) if home.is_file() else {}
    fresh = {"totalseg_id": "myot2", "prediction_counter": 0}
    return {**fresh, **own, "send_usage_stats": False, "statistics_disclaimer_shown": True}


def _names(path: Path) -> dict[int, str]:
    """Name of each number, from the extended header that TotalSegmentator writes into its label maps."""
    import nibabel

    for extension in nibabel.load(path).header.extensions:
        content = extension.get_content()
        text = (content if isinstance(content, bytes) else str(content).encode()).strip(b"\0 \n")
        if b"LabelTable" in text:
            labels = ElementTree.fromstring(text).iter("Label")
            return {int(label.attrib["Key"]): (label.text or "").strip() for label in labels}
    raise ProgramError(f"{PROGRAM} wrote no names into its label map; version 2 or later is needed.")
