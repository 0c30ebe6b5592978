"""The network without MONAI: MONAI's `UNet` with residual units and instance norm, in torch alone.

To import MONAI takes 2.8 CPU seconds, as long as the network takes for both thighs of a scan (docs/performance.md), so
what labels scans does without. Training builds MONAI's own class (`myot2.segment.model.build_network`); modules and
parameters have the same names here, and tests hold outputs and gradients against MONAI's, bit by bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


class Convolution(nn.Sequential):
    """A 3 x 3 convolution (`up`: transposed), then instance norm and PReLU unless it is `bare`."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, *, up: bool = False, bare: bool = False):
        super().__init__()
        if up:
            self.conv = nn.ConvTranspose2d(inputs, outputs, 3, stride, padding=1, output_padding=stride - 1)
        else:
            self.conv = nn.Conv2d(inputs, outputs, 3, stride, padding=1)
        if not bare:
            self.adn = nn.Sequential()
            self.adn.N, self.adn.A = nn.InstanceNorm2d(outputs), nn.PReLU()


class ResidualUnit(nn.Module):
    """Convolutions whose input is added to their output, by a convolution where sizes or channels differ."""

    def __init__(self, inputs: int, outputs: int, stride: int, units: int, *, bare: bool = False):
        super().__init__()
        self.conv = nn.Sequential()
        for number in range(units):
            first, last = number == 0, number == units - 1
            unit = Convolution(inputs if first else outputs, outputs, stride if first else 1, bare=bare and last)
            self.conv.add_module(f"unit{number}", unit)
        self.residual: nn.Module = nn.Identity()
        if stride > 1:
            self.residual = nn.Conv2d(inputs, outputs, 3, stride, padding=1)
        elif inputs != outputs:
            self.residual = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Batch, channels, rows, columns in and out."""
        kept = self.residual(x)
        return self.conv(x) + kept


class Skip(nn.Module):
    """What goes into the levels below, with what comes out of them as further channels."""

    def __init__(self, below: nn.Module):
        super().__init__()
        self.submodule = below

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Batch, channels, rows, columns in and out."""
        return torch.cat([x, self.submodule(x)], dim=1)


class ResidualUNet(nn.Module):
    """The whole network.

    Parameters
    ----------
    inputs, outputs : int
        Channels of images and of scores.
    channels : sequence of int
        Features per level, two levels or more.
    strides : sequence of int
        Reduction between the levels.
    units : int
        Convolutions of a residual unit, 1 or more.
    """

    def __init__(self, inputs: int, outputs: int, channels: Sequence[int], strides: Sequence[int], units: int):
        super().__init__()
        self.model = _levels(inputs, outputs, channels, strides, units, top=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores (batch, outputs, rows, columns) of images (batch, inputs, rows, columns)."""
        return self.model(x)


def _levels(
    inputs: int, outputs: int, channels: Sequence[int], strides: Sequence[int], units: int, *, top: bool
) -> nn.Sequential:
    """A level and all below it."""
    own, stride, deeper = channels[0], strides[0], channels[1]
    if len(channels) > 2:
        below, back = _levels(own, own, channels[1:], strides[1:], units, top=False), own
    else:
        below, back = ResidualUnit(own, deeper, 1, units), deeper
    down = ResidualUnit(inputs, own, stride, units)
    up = Convolution(own + back, outputs, stride, up=True)
    return nn.Sequential(down, Skip(below), nn.Sequential(up, ResidualUnit(outputs, outputs, 1, 1, bare=top)))
