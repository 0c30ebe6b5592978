"""Between SimpleITK images and MONAI's transforms and networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
import torch
from monai.data.meta_tensor import MetaTensor
from monai.transforms.post.dictionary import Invertd

from myot2.core.errors import MyoT2Error
from myot2.core.images import affine_of, array_of

if TYPE_CHECKING:
    from monai.transforms.compose import Compose

KEY = "image"
"""The name under which the transforms find the image."""

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])

_AT_ONCE = 8
"""Channels that are brought back to the image's grid together; bounds the memory."""


def to_monai(image: sitk.Image) -> MetaTensor:
    """The image as MONAI reads it from a NIfTI file: axes (channel, column, row, slice), affine to RAS millimetres."""
    values = np.ascontiguousarray(array_of(image).astype(np.float32).transpose(2, 1, 0)[None])
    return MetaTensor(torch.from_numpy(values), affine=torch.from_numpy(_LPS_TO_RAS @ affine_of(image)))


def predict(
    image: sitk.Image,
    transforms: Compose,
    network: torch.nn.Module,
    inferer: Callable[..., torch.Tensor],
    *,
    softmax_first: bool,
    threads: int,
    channels: int,
    where: str | Path,
) -> tuple[np.ndarray, np.ndarray]:
    """Run a network and bring what it says back to the grid of the image.

    Parameters
    ----------
    image : SimpleITK.Image
    transforms : Compose
        Invertible, of a dictionary with `KEY`.
    network : torch.nn.Module
        One input channel; output channels are classes, of which the first is background.
    inferer : callable
        Of the volume and the network, as MONAI's inferers are.
    softmax_first : bool
        Whether probabilities are interpolated to the grid of the image, rather than what the network puts out.
    threads : int
    channels : int
        Output channels that there must be.
    where : str or Path
        The file that says so.

    Returns
    -------
    channel : ndarray of integer, shape (slices, rows, columns)
        The class with the largest value; 0 outside the field that the network saw.
    probability : ndarray of float32, same shape
        Of that class (0-1); 1 outside that field.

    Raises
    ------
    MyoT2Error
        The network puts out something else than one volume of so many channels.
    """
    torch.set_num_threads(threads)
    prepared = transforms({KEY: to_monai(image)})
    with torch.inference_mode():
        scores = inferer(prepared[KEY][None].as_tensor().float(), network)
        _require_channels(scores, channels, where)
        scores = scores[0]
        if softmax_first:
            scores = torch.softmax(scores, dim=0)
        native = _on_image_grid(scores, prepared, transforms)
        best, channel = native.max(dim=0)
        seen = native.any(dim=0)
        probability = best if softmax_first else torch.exp(best - torch.logsumexp(native, dim=0))
        probability = torch.where(seen, probability, torch.ones(()))
    return _as_array(channel), _as_array(probability).astype(np.float32)


def _require_channels(scores: object, channels: int, where: str | Path) -> None:
    found = tuple(scores.shape) if torch.is_tensor(scores) else type(scores).__name__
    if not torch.is_tensor(scores) or scores.ndim != 5 or scores.shape[1] != channels:
        raise MyoT2Error(
            expected=f"a network that puts out a volume of {channels} channels",
            found=str(found),
            where=where,
            do="Compare the network's definition with the list of its classes.",
        )


def _on_image_grid(scores: torch.Tensor, prepared: dict, transforms: Compose) -> torch.Tensor:
    """Undo the transforms on each channel, with linear interpolation; 0 where the network saw nothing."""
    invert = Invertd(keys="scores", transform=transforms, orig_keys=KEY, nearest_interp=False)
    blocks = [
        invert({"scores": MetaTensor(scores[first : first + _AT_ONCE], meta=prepared[KEY].meta), KEY: prepared[KEY]})
        for first in range(0, len(scores), _AT_ONCE)
    ]
    return torch.cat([block["scores"].as_tensor() for block in blocks])


def _as_array(volume: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(volume.numpy().transpose(2, 1, 0))
