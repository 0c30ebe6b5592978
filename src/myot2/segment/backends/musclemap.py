"""MuscleMap's network, with weights that the user gives.

Definition and processing are those that MuscleMap publishes (https://github.com/MuscleMap/MuscleMap, MIT licence,
scripts/mm_segment.py and mm_util.py, for models up to 1.4): RAS axes, pixels of the size in the model's JSON, each
volume normalised over its voxels that are not 0, cropped to what is above 0 with a margin of 20 voxels, padded at the
end to the window; slices one by one in overlapping windows weighted by a Gaussian; the network's output, not yet
probabilities, interpolated to the image; the largest value wins; per structure the largest piece stays. MuscleMap may
normalise a long volume in chunks of slices to save memory; here the volume is one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from myot2.core.errors import MyoT2Error
from myot2.core.labels import LabelTable
from myot2.segment.backends.axes import turned, turned_back
from myot2.segment.backends.result import Labelled, Options, labelled
from myot2.segment.numbering import Translation, translation
from myot2.segment.weights import load_weights

if TYPE_CHECKING:
    from monai.networks.nets.unet import UNet
    from monai.transforms.compose import Compose

REGION = "thigh"
"""Structures of other regions of the body become background where the label table does not know them."""

MARGIN = 20
"""Voxels around the foreground that are kept."""

_NETWORK = ("spatial_dims", "in_channels", "out_channels", "channels", "act", "strides", "num_res_units", "norm")
_LABEL = ("region", "anatomy", "side", "value")
_PARAMETERS = ("roi_size", "spatial_window_batch_size", "pix_dim")


def segment(image: sitk.Image, table: LabelTable, options: Options, where: str | Path) -> Labelled:
    """Label a volume.

    Raises
    ------
    MyoT2Error
        The model's JSON lacks a key or names no structure of the label table, the weights are not listed or do not fit.
    """
    path = options.model.with_suffix(".json")
    configuration = read_configuration(path)
    translated = translate(configuration, table, options.ignore, path)
    # torch takes seconds to import; what is wrong with the configuration is said before that
    from monai.inferers.inferer import SliceInferer

    from myot2.segment.backends.monai_volumes import predict

    network = build_network(configuration)
    digest = load_weights(network, options.weights or options.model, options.weights_sha256)
    inferer = SliceInferer(
        roi_size=tuple(configuration["parameters"]["roi_size"]),
        sw_batch_size=configuration["parameters"]["spatial_window_batch_size"],
        spatial_dim=2,
        mode="gaussian",
        overlap=options.overlap,
    )
    volume = turned(image)
    transforms = build_transforms(configuration)
    channel, probability = predict(
        volume,
        transforms,
        network.eval(),
        inferer,
        softmax_first=False,
        threads=options.threads,
        channels=configuration["model"]["out_channels"],
        where=path,
    )
    record = {
        "Model": f"MuscleMap {options.model.stem} {configuration['model']['version']}",
        "ModelSha256": digest,
        "Overlap": options.overlap,
    }
    result = labelled(largest_pieces(channel), volume, table, translated, record, probability)
    return turned_back(result, image)


def read_configuration(path: Path) -> dict[str, Any]:
    """The JSON that MuscleMap publishes with a model's weights; `MyoT2Error` where it is missing or lacks a key."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MyoT2Error(
            expected="the JSON of the model beside its weights, with the same name",
            found=f"unreadable content ({error})" if path.is_file() else "no such file",
            where=path,
            do="Copy it from where the weights were published.",
        ) from error
    needed = {"parameters": _PARAMETERS, "model": _NETWORK, "labels": ()}
    missing = [part for part in needed if part not in content] or [
        f"{part}.{key}" for part, keys in needed.items() for key in keys if key not in content[part]
    ]
    missing += sorted({f"labels.{key}" for entry in content.get("labels", []) for key in _LABEL if key not in entry})
    if missing:
        raise MyoT2Error(
            expected="the keys of MuscleMap's models",
            found=f"no {', '.join(missing)}",
            where=path,
            do="Give the JSON as it was published with the weights.",
        )
    return content


def translate(configuration: dict[str, Any], table: LabelTable, ignore: tuple[str, ...], path: Path) -> Translation:
    """From the network's channels to the label table, by MuscleMap's numbers and, for old models, by name.

    Channels follow the values in rising order, as MuscleMap numbers them; 0 is background.
    """
    entries = sorted(configuration["labels"], key=lambda entry: entry["value"])
    channels = configuration["model"]["out_channels"] - 1
    if len(entries) != channels:
        raise MyoT2Error(
            expected=f"{channels} labels, one for each channel but the background's",
            found=str(len(entries)),
            where=path,
            do="Give the JSON as it was published with the weights.",
        )
    names = {number: (f"{e['anatomy']} {e['side']}", str(e["value"])) for number, e in enumerate(entries, start=1)}
    elsewhere = [names[number][0] for number, entry in enumerate(entries, start=1) if entry["region"] != REGION]
    return translation(table, names, "musclemap", ignore=[*ignore, *elsewhere], where=path)


def build_network(configuration: dict[str, Any]) -> UNet:
    """MuscleMap's network: MONAI's `UNet` as the model's JSON describes it."""
    from monai.networks.nets.unet import UNet

    return UNet(**{key: configuration["model"][key] for key in _NETWORK})


def build_transforms(configuration: dict[str, Any]) -> Compose:
    """What MuscleMap does to a volume before the network sees it."""
    from monai.transforms.compose import Compose
    from monai.transforms.croppad.dictionary import CropForegroundd, SpatialPadd
    from monai.transforms.intensity.dictionary import NormalizeIntensityd
    from monai.transforms.spatial.dictionary import Orientationd, Spacingd

    from myot2.segment.backends.monai_volumes import KEY

    parameters = configuration["parameters"]
    return Compose(
        [
            Orientationd(keys=KEY, axcodes="RAS", labels=None),
            Spacingd(keys=KEY, pixdim=tuple(parameters["pix_dim"]), mode="bilinear"),
            NormalizeIntensityd(keys=KEY, nonzero=True),
            # at the edge of the volume the margin ends: MuscleMap was made with a MONAI whose default that was
            CropForegroundd(keys=KEY, source_key=KEY, margin=MARGIN, allow_smaller=True),
            SpatialPadd(keys=KEY, spatial_size=(*parameters["roi_size"], 1), method="end"),
        ]
    )


def largest_pieces(labels: np.ndarray) -> np.ndarray:
    """Only the largest piece of each label, where pieces touch by faces; of equal ones the first.

    Parameters
    ----------
    labels : ndarray of integer, shape (slices, rows, columns)

    Returns
    -------
    ndarray, same shape and type
    """
    result = np.zeros_like(labels)
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        pieces, _ = ndimage.label(labels[box] == label)
        sizes = np.bincount(pieces.ravel())[1:]
        result[box][pieces == 1 + sizes.argmax()] = label
    return result
