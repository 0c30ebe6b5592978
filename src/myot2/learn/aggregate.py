"""From the updates of several sites one change: means weighted by people, muscle by muscle.

A tensor's rows that make one structure's output are averaged with the number of people of that structure at each site
as weights, everything else (the trunk, and the row of the background) with the number of all people: FedAvg (McMahan et
al., AISTATS 2017, arXiv 1602.05629) per structure. A site that has drawn no sartorius has no say in the sartorius' row;
where no site has, that row stays. Sums are in float64 and in the order of the sites' names, so that the result does not
depend on who was faster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from myot2.core.errors import MyoT2Error
from myot2.learn.updates import Tensors
from myot2.segment.model import ModelConfiguration

HeadAxes = Mapping[str, int]
"""Name of each tensor of the last level to the axis along which its output channels lie."""


@dataclass(frozen=True)
class Contribution:
    """What one site brings.

    Attributes
    ----------
    difference : mapping of str to ndarray
    people : int
        Who were learned from.
    people_of : mapping of str to int
        Per structure; a structure without any may be left out.
    """

    difference: Tensors
    people: int
    people_of: Mapping[str, int]


def head_axes(configuration: ModelConfiguration, ensemble: int = 1) -> dict[str, int]:
    """Which tensors of a model have a row per output channel.

    Parameters
    ----------
    configuration : ModelConfiguration
    ensemble : int
        Number of networks.

    Returns
    -------
    dict of str to int
        The tensors of the last level (MONAI's UNet: `model.2`), whose convolutions have the output channels as theirs
        and are joined channel by channel by the residual path; a transposed convolution has its outputs on axis 1.
    """
    from torch import nn

    from myot2.segment.model import build_network

    channels = len(configuration.structures) + 1
    axes: dict[str, int] = {}
    for name, module in build_network(configuration).named_modules():
        is_convolution = isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d)
        is_transposed = isinstance(module, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d)
        last = name.startswith("model.2") and (is_convolution or is_transposed) and module.out_channels == channels
        if not last:
            continue
        axes[f"{name}.weight"] = 1 if is_transposed else 0
        if module.bias is not None:
            axes[f"{name}.bias"] = 0
    return {f"{number}.{name}": axis for number in range(ensemble) for name, axis in axes.items()}


def aggregate(
    contributions: Mapping[str, Contribution],
    *,
    structures: Sequence[str],
    head: HeadAxes,
    trim: int = 0,
) -> dict[str, np.ndarray]:
    """The change that the sites make together.

    Parameters
    ----------
    contributions : mapping of str to Contribution
        By the site's name; checked ones (`myot2.learn.updates.read_update`).
    structures : sequence of str
        Of output channel 1 on; channel 0 is the background.
    head : mapping of str to int
        See `head_axes`.
    trim : int
        Of each number the so many smallest and largest values over the sites are left out (trimmed mean, Yin et al.,
        ICML 2018, arXiv 1803.01498): with `trim` sites that send whatever they like, each number stays between those
        of honest ones. Where 2 `trim` or fewer sites have people of a structure, its row stays as it was: nothing
        robust can be said of it.

    Returns
    -------
    dict of str to ndarray
        Float32, to be added to the parent's weights.

    Raises
    ------
    MyoT2Error
        There are no contributions, or too few for the trimming.
    """
    sites = sorted(contributions)
    if len(sites) <= 2 * trim or not sites:
        raise MyoT2Error(
            expected=f"at least {2 * trim + 1} sites" + (f" to leave out {trim} at either end" if trim else ""),
            found=str(len(sites)),
            where="the round's updates",
            do="Wait for more sites, or lower `trim`.",
        )
    all_people = [contributions[site].people for site in sites]
    result: dict[str, np.ndarray] = {}
    for name in sorted(contributions[sites[0]].difference):
        values = np.stack([contributions[site].difference[name] for site in sites]).astype(np.float64)
        mean = _mean(values, all_people, trim)
        if name in head:
            rows, given = np.moveaxis(mean, head[name], 0), np.moveaxis(values, head[name] + 1, 1)
            for channel, structure in enumerate(structures, 1):
                people = [contributions[site].people_of.get(structure, 0) for site in sites]
                rows[channel] = _mean(given[:, channel], people, trim)
        result[name] = mean.astype(np.float32)
    return result


def _mean(values: np.ndarray, people: Sequence[int], trim: int) -> np.ndarray:
    """Weighted (and trimmed) mean over the first axis; zeros where nobody, or too few, have a say."""
    weights = np.asarray(people, np.float64)
    values, weights = values[weights > 0], weights[weights > 0]
    if len(values) <= 2 * trim:
        return np.zeros(values.shape[1:])
    spread = np.broadcast_to(weights.reshape(-1, *[1] * (values.ndim - 1)), values.shape)
    if trim:
        order = np.argsort(values, axis=0, kind="stable")[trim : len(values) - trim]
        values, spread = np.take_along_axis(values, order, 0), np.take_along_axis(spread, order, 0)
    return (values * spread).sum(axis=0) / spread.sum(axis=0)
