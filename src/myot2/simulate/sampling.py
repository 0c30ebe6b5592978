"""Which lines of k-space each echo samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Sampling:
    """Blocks of neighbouring lines that the echoes take in turn, with every second line (or third ...) left out.

    Five blocks and an acceleration of 2 are the pattern of GRAPPATINI (Hilbert et al. 2018, doi:10.1002/jmri.25972): a
    tenth of the lines in each echo, all blocks in every five echoes.

    Attributes
    ----------
    blocks : int
        Contiguous parts of k-space.
    acceleration : int
        One line in so many within a block; the middle line is among those kept.
    order : tuple of int
        The block of the first echo, of the second ...; begun again at its end.
    partial_fourier : float
        The part of k-space that is sampled at all, above 0.5 to 1; the first lines are left out.
    """

    blocks: int = 5
    acceleration: int = 2
    order: tuple[int, ...] = (0, 1, 2, 3, 4)
    partial_fourier: float = 1.0

    def __post_init__(self) -> None:
        if self.blocks < 1 or self.acceleration < 1:
            raise ValueError(f"blocks and acceleration are at least 1, not {self.blocks} and {self.acceleration}")
        if not self.order or not set(self.order) <= set(range(self.blocks)):
            raise ValueError(f"the order names blocks from 0 to {self.blocks - 1}, not {self.order}")
        if not 0.5 < self.partial_fourier <= 1:
            raise ValueError(f"partial Fourier is above 0.5 to 1, not {self.partial_fourier}")

    def lines(self, rows: int, echoes: int) -> tuple[np.ndarray, ...]:
        """Sampled lines of each echo, ascending indices into the `rows` lines of k-space (its middle at rows // 2).

        Raises
        ------
        ValueError
            An echo is left without a line.
        """
        index = np.arange(rows)
        kept = ((index - rows // 2) % self.acceleration == 0) & (index >= rows - round(self.partial_fourier * rows))
        block = index * self.blocks // rows
        lines = tuple(index[kept & (block == self.order[echo % len(self.order)])] for echo in range(echoes))
        if not all(of_echo.size for of_echo in lines):
            raise ValueError(f"an echo has no line of {rows}: fewer blocks, or less acceleration")
        return lines


FULL = Sampling(blocks=1, acceleration=1, order=(0,))
"""Every line in every echo."""
