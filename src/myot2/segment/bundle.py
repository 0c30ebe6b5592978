"""The MONAI bundle around a model: what lets MONAI's own tools build the networks and load the weights.

Specification: https://docs.monai.io/en/stable/mb_specification.html. `configs/metadata.json` says what goes in and out,
`network_def` of `configs/inference.json` builds the networks, whose state is `models/model.safetensors` as it is. The
steps before and after the networks (legs, pixels, poses, cleaning) are `myot2.segment.inference`.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from myot2.segment.model import ModelConfiguration

SCHEMA = "https://project-monai.github.io/schema/meta_schema_20240725.json"


def network_definition(configuration: ModelConfiguration) -> dict[str, Any]:
    """The arguments of one network, and MONAI's class that takes them, as `_target_`."""
    return {
        "_target_": "monai.networks.nets.unet.UNet",
        "spatial_dims": 2,
        "in_channels": 2 * configuration.context + 1,
        "out_channels": len(configuration.structures) + 1,
        "channels": list(configuration.channels),
        "strides": list(configuration.strides),
        "num_res_units": configuration.residual_units,
        "norm": "instance",
    }


def inference_configuration(configuration: ModelConfiguration, networks: int) -> dict[str, Any]:
    """The content of configs/inference.json for an ensemble of that many networks."""
    return {
        "bundle_root": ".",
        "network_def": {
            "_target_": "torch.nn.ModuleList",
            "modules": [network_definition(configuration) for _ in range(networks)],
        },
    }


def metadata(configuration: ModelConfiguration) -> dict[str, Any]:
    """The content of configs/metadata.json."""
    shape = [configuration.crop_pixels, configuration.crop_pixels]
    channels = dict(enumerate(("background", *configuration.structures)))
    neighbours = range(-configuration.context, configuration.context + 1)
    return {
        "schema": SCHEMA,
        "version": "0.1.0",
        "changelog": {"0.1.0": "first version"},
        "monai_version": version("monai"),
        "pytorch_version": version("torch").partition("+")[0],
        "numpy_version": version("numpy"),
        "optional_packages_version": {"safetensors": version("safetensors")},
        "name": configuration.name,
        "task": "labels of the muscles of one thigh and the femur",
        "description": "2.5-dimensional residual encoder-decoders that label an axial slice between its neighbours.",
        "authors": "the MyoT2 developers",
        "copyright": "Apache-2.0",
        "intended_use": "Research only; a person looks at every result.",
        "network_data_format": {
            "inputs": {
                "image": {
                    "type": "image",
                    "format": "magnitude",
                    "modality": "MR",
                    "num_channels": len(neighbours),
                    "spatial_shape": shape,
                    "dtype": "float32",
                    "value_range": [-5, 5],
                    "is_patch_data": True,
                    "channel_def": {str(n): f"slice {offset:+d}" for n, offset in enumerate(neighbours)},
                }
            },
            "outputs": {
                "pred": {
                    "type": "probabilities",
                    "format": "segmentation",
                    "num_channels": len(channels),
                    "spatial_shape": shape,
                    "dtype": "float32",
                    "value_range": [0, 1],
                    "is_patch_data": True,
                    "channel_def": {str(channel): name for channel, name in channels.items()},
                }
            },
        },
    }
