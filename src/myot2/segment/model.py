"""The shipped network: its configuration, its weights and the check that they belong together.

A model is a folder with `model.json` (configuration), `models/model.safetensors` (weights) and `SHA256SUMS`; it is a
MONAI bundle too (`myot2.segment.bundle`). Nothing is ever unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myot2.core.errors import MyoT2Error
from myot2.core.files import sha256, write_bytes, write_json, write_text
from myot2.segment.bundle import inference_configuration, metadata, network_definition
from myot2.segment.risk import FILE as RISK

if TYPE_CHECKING:
    import torch

CONFIGURATION = "model.json"
WEIGHTS = "models/model.safetensors"
CHECKSUMS = "SHA256SUMS"


@dataclass(frozen=True)
class ModelConfiguration:
    """What a network needs to know about itself.

    Attributes
    ----------
    name : str
        Name and version, written into the sidecar of every label map.
    structures : tuple of str
        Muscle or bone of each output channel from 1 on (channel 0 is background), named as in config/labels.tsv.
    pixel_mm : float
        In-plane pixel size that the network sees.
    crop_pixels : int
        Rows and columns of the square crop around one leg.
    context : int
        Slices on either side of a slice that the network sees with it.
    channels : tuple of int
        Feature channels per level.
    strides : tuple of int
        Reduction in the plane between the levels.
    residual_units : int
        Convolutions in each residual unit.
    """

    name: str
    structures: tuple[str, ...]
    pixel_mm: float
    crop_pixels: int
    context: int
    channels: tuple[int, ...]
    strides: tuple[int, ...]
    residual_units: int

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> ModelConfiguration:
        """Read what `to_json` gave."""
        return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in content.items()})

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class Model:
    """Networks of one kind ready for inference, an ensemble, and the SHA-256 of their weights."""

    configuration: ModelConfiguration
    networks: tuple[torch.nn.Module, ...]
    weights_sha256: str


def build_network(configuration: ModelConfiguration) -> torch.nn.Module:
    """A residual encoder-decoder of the V-Net family in 2.5 dimensions (MONAI `UNet` with residual units), untrained.

    It labels one slice and sees its neighbours as further input channels: slices of clinical thigh images lie 3-26 mm
    apart, too far for convolutions across them. Strided convolutions go down, transposed convolutions up, every level
    adds its input to its output (Milletari et al., V-Net, 3DV 2016; Kerfoot et al., STACOM 2018).
    """
    from monai.networks.nets.unet import UNet

    arguments = network_definition(configuration)
    del arguments["_target_"]
    return UNet(**arguments)


def _without_monai(configuration: ModelConfiguration) -> torch.nn.Module:
    """The same network for those who load weights; see `myot2.segment.network`."""
    from myot2.segment.network import ResidualUNet

    return ResidualUNet(
        2 * configuration.context + 1,
        len(configuration.structures) + 1,
        configuration.channels,
        configuration.strides,
        configuration.residual_units,
    )


def save_model(folder: str | Path, configuration: ModelConfiguration, networks: Sequence[torch.nn.Module]) -> None:
    """Write configuration, weights, checksums of both, and what makes it a MONAI bundle, into `folder`.

    A risk that lies there is removed, for it belongs to other weights.
    The weights of the n-th network have names that begin with n and a dot.
    """
    from safetensors.torch import save

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / WEIGHTS, save(state_of(networks)))
    (folder / RISK).unlink(missing_ok=True)
    write_json(folder / CONFIGURATION, configuration.to_json())
    write_json(folder / "configs" / "metadata.json", metadata(configuration))
    write_json(folder / "configs" / "inference.json", inference_configuration(configuration, len(networks)))
    lines = [f"{sha256(folder / name)}  {name}\n" for name in (CONFIGURATION, WEIGHTS)]
    write_text(folder / CHECKSUMS, "".join(lines))


def load_model(folder: str | Path) -> Model:
    """Load a model after checking both files against SHA256SUMS.

    Raises
    ------
    MyoT2Error
        A file is missing or differs from its checksum, or the weights do not fit the configuration.
    """
    from safetensors.torch import load_file

    folder = Path(folder)
    sums = _checked_sums(folder)
    configuration = ModelConfiguration.from_json(json.loads((folder / CONFIGURATION).read_text(encoding="utf-8")))
    networks = networks_of(configuration, load_file(folder / WEIGHTS), where=folder / WEIGHTS)
    return Model(configuration, networks, sums[WEIGHTS])


def state_of(networks: Sequence[torch.nn.Module]) -> dict[str, torch.Tensor]:
    """The weights of an ensemble by name, as models/model.safetensors holds them; copies are made by who needs them."""
    return {
        f"{number}.{name}": tensor.detach().contiguous()
        for number, network in enumerate(networks)
        for name, tensor in sorted(network.state_dict().items())
    }


def networks_of(
    configuration: ModelConfiguration, state: Mapping[str, torch.Tensor], *, where: str | Path = "weights"
) -> tuple[torch.nn.Module, ...]:
    """The ensemble that such weights belong to, ready for inference.

    Raises
    ------
    MyoT2Error
        The weights have other names or shapes than the networks of the configuration.
    """
    states: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in state.items():
        number, _, parameter = name.partition(".")
        states.setdefault(number, {})[parameter] = tensor
    networks = [_without_monai(configuration) for _ in states]
    try:
        for number, network in enumerate(networks):
            network.load_state_dict(states[str(number)])
    except (KeyError, RuntimeError) as error:
        raise MyoT2Error(
            expected=f"weights that fit {CONFIGURATION}",
            found="other names or shapes",
            where=where,
            do="Take both files from the same model.",
        ) from error
    return tuple(network.eval() for network in networks)


def _checked_sums(folder: Path) -> dict[str, str]:
    missing = [name for name in (CHECKSUMS, CONFIGURATION, WEIGHTS) if not (folder / name).is_file()]
    if missing:
        raise MyoT2Error(
            expected=f"a model folder with {CONFIGURATION}, {WEIGHTS} and {CHECKSUMS}",
            found=f"no {', '.join(missing)}",
            where=folder,
            do="Restore the folder, or give another with --model.",
        )
    lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    sums = {name: digest for digest, name in (line.split(maxsplit=1) for line in lines if line.strip())}
    for name in (CONFIGURATION, WEIGHTS):
        found = sha256(folder / name)
        if sums.get(name) != found:
            raise MyoT2Error(
                expected=f"SHA-256 {sums.get(name, 'listed in ' + CHECKSUMS)}",
                found=found,
                where=folder / name,
                do="The file was changed or damaged: restore it from its source.",
            )
    return sums
