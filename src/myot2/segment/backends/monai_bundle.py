"""A MONAI bundle in a local folder: configs/inference.json (or .yaml), configs/metadata.json, models/model.pt.

Of the bundle are taken the definition of its network, its preprocessing and its inferer, within the limits of
`bundle_configuration`; its own workflow is not run. Probabilities (softmax) are brought back to the grid of the image
by inverting the transforms, with linear interpolation; the likeliest class wins.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import SimpleITK as sitk
import yaml

from myot2.core.errors import MyoT2Error
from myot2.core.labels import LabelTable
from myot2.segment.backends.axes import turned, turned_back
from myot2.segment.backends.bundle_configuration import BundleConfiguration
from myot2.segment.backends.result import Labelled, Options, labelled
from myot2.segment.model_files import bundle_weights
from myot2.segment.numbering import translation
from myot2.segment.weights import load_weights

_KEY = "image"


def segment(image: sitk.Image, table: LabelTable, options: Options, where: str | Path) -> Labelled:
    """Label a volume; axes of the volume as in `axes`, whatever the bundle's transforms do then.

    Raises
    ------
    MyoT2Error
        The bundle lacks a file or key, uses more of MONAI's configuration than is read, has more than one input
        channel, or a class that is neither known nor ignored; or the weights are not listed or do not fit.
    """
    metadata_path = options.model / "configs" / "metadata.json"
    metadata = _read(metadata_path)
    names = _channels(metadata, metadata_path)
    classes = {number: (name,) for number, name in names.items()}
    translated = translation(table, classes, options.numbering, ignore=options.ignore, where=metadata_path)
    path = _configuration_path(options.model)
    configuration = BundleConfiguration(_read(path), path, _KEY)
    definitions = {
        "network": configuration.network,
        "preprocessing": {"_target_": "monai.transforms.Compose", "transforms": configuration.transforms},
        "inferer": configuration.inferer,
    }
    # torch and MONAI take seconds to import; what is wrong with the bundle is said before that
    from monai.bundle.config_parser import ConfigParser

    from myot2.segment.backends.monai_volumes import predict

    parser = ConfigParser(definitions)
    try:
        network, transforms, inferer = (parser.get_parsed_content(name) for name in definitions)
    except (RuntimeError, TypeError, ValueError) as error:
        raise _refused("arguments that MONAI's classes take", _last_line(error), path) from error
    digest = load_weights(network, options.weights or bundle_weights(options.model), options.weights_sha256)
    volume = turned(image)
    channel, probability = predict(
        volume,
        transforms,
        network.eval(),
        inferer,
        softmax_first=True,
        threads=options.threads,
        channels=len(names) + 1,
        where=path,
    )
    record = {"Model": f"{metadata.get('name') or options.model.name} {metadata['version']}", "ModelSha256": digest}
    return turned_back(labelled(channel, volume, table, translated, record, probability), image)


def _channels(metadata: dict[str, Any], path: Path) -> dict[int, str]:
    """The classes of the output channels but the first, which is background."""
    try:
        formats = metadata["network_data_format"]
        inputs, definition = formats["inputs"]["image"]["num_channels"], formats["outputs"]["pred"]["channel_def"]
        metadata["version"]
        names = {int(number): str(name) for number, name in definition.items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _refused(
            "version, network_data_format.inputs.image.num_channels and .outputs.pred.channel_def",
            f"no {error}",
            path,
        ) from error
    if inputs != 1:
        raise _refused("inputs.image.num_channels: 1", str(inputs), path)
    if sorted(names) != list(range(len(names))) or names[0].strip().lower() != "background":
        raise _refused("channel_def: 0: background, and one class per further number", str(names)[:80], path)
    return {number: names[number] for number in range(1, len(names))}


def _configuration_path(folder: Path) -> Path:
    found = [path for end in ("json", "yaml", "yml") if (path := folder / "configs" / f"inference.{end}").is_file()]
    if len(found) != 1:
        raise _refused("configs/inference.json or configs/inference.yaml", f"{len(found)} of them", folder)
    return found[0]


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
        if not isinstance(content, dict):
            raise ValueError(f"a {type(content).__name__}")
    except (OSError, ValueError, yaml.YAMLError) as error:
        found = f"unreadable content ({_last_line(error)})" if path.is_file() else "no such file"
        raise _refused("a JSON or YAML file with keys", found, path) from error
    return content


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()


def _refused(expected: str, found: str, where: str | Path) -> MyoT2Error:
    return MyoT2Error(
        expected=expected,
        found=found,
        where=where,
        do="Restore the bundle; docs/how-to/other-models.md says its parts.",
    )
