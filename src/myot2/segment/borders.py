"""Where a muscle ends: an image is asked where the network is in doubt.

A network that learnt from images of all kinds puts a border where such borders lie; the signal of the voxels says where
this one lies. What muscle and what beside it look like is known from where the network is sure. Between them the
network's probability is the prior and the signal's likelihood ratio the evidence (Bayes). Half-way between both means,
where muscle fills half a voxel, a signal tells nothing, so that a voxel is muscle if muscle fills most of it.

The evidence is bounded: where the network is sure nothing changes, and muscle that has turned to fat keeps its label.
Where muscle is the darker side, evidence only takes away: what is dark may be fascia too, and a voxel that holds fascia
and fat looks like muscle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage
from scipy.special import expit, logit

SURE = 0.95
"""Probability from which on a voxel tells what muscle around it looks like; as near to 0, what the rest does."""

WINDOW_MM = 35.0
"""Edge of the square of a slice over which signals are averaged: coils shade images more slowly than this."""

LEAST_SHARE = 0.02
"""Part of that square (25 mm2) that each side of the border has to cover; with less of either nothing is said."""

LEAST_SPREAD = 0.02
"""Standard deviation that signals have at least, relative to the slice's mean, for images without noise."""

MOST_EVIDENCE = 2.0
"""Bound of the evidence, in log-odds: a probability above 0.88 or below 0.12 stays on its side of a half."""

DOUBT = 0.1
"""A probability at least this far from 0 and from 1 marks a voxel at a border."""

MOST_DARK = 0.1
"""Share of the voxels at borders that may be darker than either side; see `Borders.dark_share`."""


@dataclass(frozen=True)
class Borders:
    """What asking the image came to.

    Attributes
    ----------
    dark_share : float or None
        Share of the voxels at borders that are darker than either side by more than a standard deviation, and more than
        a quarter of the contrast; None without borders. What holds some of either has a signal between them, unless fat
        takes away from water, as in opposed phase, or a dark sheet of fascia is all that parts two equal signals.
    used : bool
        Whether the image counted: not if `dark_share` exceeds `MOST_DARK`, for then its signal tells no filling.
    added, removed : int
        Voxels that became structure by it, and that ceased to be.
    """

    dark_share: float | None
    used: bool
    added: int = 0
    removed: int = 0

    def to_json(self) -> dict[str, Any]:
        """As a sidecar says it."""
        share = None if self.dark_share is None else round(self.dark_share, 4)
        return {"ByImage": self.used, "DarkShare": share, "VoxelsAdded": self.added, "VoxelsRemoved": self.removed}


def by_image(
    values: np.ndarray, foreground: np.ndarray, muscle: np.ndarray, body: np.ndarray, pixel_mm: tuple[float, float]
) -> tuple[np.ndarray, Borders]:
    """Weigh the network's probabilities with the signal of each voxel.

    Parameters
    ----------
    values : ndarray, shape (slices, rows, columns)
        Magnitudes of the image that is asked; a Dixon water image tells most, for in it all but muscle is dark.
    foreground : ndarray of float, same shape
        The network's probability of any structure, 0-1.
    muscle : ndarray of bool, same shape
        Where a muscle is likelier than any other structure; elsewhere nothing changes.
    body : ndarray of bool, same shape
    pixel_mm : tuple of float
        Of rows and of columns.

    Returns
    -------
    foreground : ndarray of float32, same shape
    borders : Borders
    """
    window = [2 * round(WINDOW_MM / 2 / size) + 1 for size in pixel_mm]
    evidence = np.zeros(foreground.shape, np.float32)
    dark = borders = 0
    for index, own in enumerate(foreground):
        inside, outside = muscle[index] & (own > SURE), body[index] & (own < 1 - SURE)
        if not (inside.any() and outside.any()):
            continue
        signal = values[index].astype(float)
        pair = _Pair.around(signal, inside, outside, window)
        known = muscle[index] & pair.known
        evidence[index][known] = pair.log_likelihood_ratio(signal)[known]
        border = known & (own > DOUBT) & (own < 1 - DOUBT)
        borders, dark = borders + int(border.sum()), dark + int((border & pair.darker(signal)).sum())
    dark_share = dark / borders if borders else None
    if dark_share is None or dark_share > MOST_DARK:
        return foreground, Borders(dark_share, used=False)
    result = np.where(evidence == 0, foreground, expit(logit(foreground) + evidence)).astype(np.float32)
    before, after = foreground >= 0.5, result >= 0.5
    return result, Borders(dark_share, True, int((after & ~before).sum()), int((before & ~after).sum()))


@dataclass(frozen=True)
class _Pair:
    """The signals of both sides around every voxel of a slice, and where there is enough of either.

    Attributes
    ----------
    inside, outside : ndarray
        Mean signal of what is surely muscle, and of what surely is not.
    spread : ndarray
        Standard deviation within a side, by the mean of both variances.
    known : ndarray of bool
    """

    inside: np.ndarray
    outside: np.ndarray
    spread: np.ndarray
    known: np.ndarray

    @classmethod
    def around(cls, signal: np.ndarray, inside: np.ndarray, outside: np.ndarray, window: list[int]) -> _Pair:
        """Average in a window about each voxel."""
        means, variances, known = zip(*(_moments(signal, side, window) for side in (inside, outside)), strict=True)
        least = LEAST_SPREAD * signal[inside | outside].mean()
        return cls(*means, np.sqrt(np.maximum(sum(variances) / 2, least**2)), known[0] & known[1])

    def log_likelihood_ratio(self, signal: np.ndarray) -> np.ndarray:
        """How much likelier a signal is inside than outside, bounded; nothing is where inside is the darker side.

        Of two normal distributions with one variance (Fisher's linear discriminant): the distance from the middle of
        their means, times the distance of these, over the variance.
        """
        middle, contrast = (self.inside + self.outside) / 2, self.inside - self.outside
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = (signal - middle) * contrast / self.spread**2
        most = np.where(contrast < 0, 0.0, MOST_EVIDENCE)
        return np.clip(np.nan_to_num(ratio, nan=0.0), -MOST_EVIDENCE, most)

    def darker(self, signal: np.ndarray) -> np.ndarray:
        """Where a signal lies clearly below that of either side."""
        margin = np.maximum(self.spread, np.abs(self.inside - self.outside) / 4)
        return signal < np.minimum(self.inside, self.outside) - margin


def _moments(signal: np.ndarray, side: np.ndarray, window: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and variance of one side in a window about each voxel, and where there is enough of it."""
    share, total, squares = (
        ndimage.uniform_filter(np.where(side, part, 0.0), window, mode="constant") for part in (1.0, signal, signal**2)
    )
    known = share >= LEAST_SHARE
    share = np.where(known, share, 1.0)
    mean = total / share
    return mean, np.maximum(squares / share - mean**2, 0.0), known
