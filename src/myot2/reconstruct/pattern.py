"""Which lines of k-space each echo has, as the data say: acceleration, blocks, a sentence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from myot2.reconstruct.raw import RawScan


@dataclass(frozen=True)
class Pattern:
    """The sampling of a slice (all slices of a scan have the same).

    Attributes
    ----------
    repeats : np.ndarray
        Readouts of each line, 0 where none; whole numbers, shape (echoes, rows).
    echo_times_ms : np.ndarray
        Shape (echoes,).
    """

    repeats: np.ndarray
    echo_times_ms: np.ndarray

    @property
    def sampled(self) -> np.ndarray:
        """Boolean, shape (echoes, rows)."""
        return self.repeats > 0

    @property
    def acceleration(self) -> float:
        """Lines of the full matrix over lines sampled, all echoes together, what is sampled for calibration too."""
        return self.repeats.size / int(self.sampled.sum())

    @property
    def spacing(self) -> int:
        """The usual distance of neighbouring lines within an echo: the acceleration within blocks."""
        gaps = np.concatenate([np.diff(np.flatnonzero(echo)) for echo in self.sampled])
        return int(np.bincount(gaps).argmax()) if gaps.size else 1

    @property
    def blocks(self) -> tuple[int, ...]:
        """The block that each echo samples, from 0 at the first line; empty where echoes do not sample blocks.

        Echoes sample blocks where those that share a line have the same extent but for one spacing, and other blocks
        begin where one ends.
        """
        extents = [(rows[0], rows[-1]) for rows in map(np.flatnonzero, self.sampled)]
        order = sorted(set(extents))
        groups: list[list[tuple[int, int]]] = []
        for extent in order:
            if groups and min(extent[1], groups[-1][0][1]) - extent[0] >= self.spacing:
                groups[-1].append(extent)
            else:
                groups.append([extent])
        alike = all(np.ptp(group, axis=0).max() <= self.spacing for group in groups)
        if not alike or len(groups) < 2:
            return ()
        of_extent = {extent: number for number, group in enumerate(groups) for extent in group}
        return tuple(of_extent[extent] for extent in extents)

    @property
    def central_echoes(self) -> tuple[int, ...]:
        """Echoes, from 0, that have the centre of k-space or the line next to it: they give the image its contrast."""
        middle = self.repeats.shape[1] // 2
        near = self.sampled[:, max(0, middle - self.spacing + 1) : middle + self.spacing].any(axis=1)
        exact = self.sampled[:, middle]
        return tuple(np.flatnonzero(exact if exact.any() else near).tolist())

    @property
    def central_times_ms(self) -> tuple[float, ...]:
        """The echo times of these."""
        return tuple(float(self.echo_times_ms[echo]) for echo in self.central_echoes)

    def sentence(self) -> str:
        """The pattern in words, for reports."""
        echoes, rows = self.repeats.shape
        if self.sampled.all():
            said = f"Every echo has all {rows} lines"
        elif self.blocks:
            within = "every line" if self.spacing == 1 else f"every {_ordinal(self.spacing)} line"
            order = ", ".join(str(block + 1) for block in self.blocks)
            said = f"Each of {echoes} echoes has {within} of one of {max(self.blocks) + 1} blocks, in the order {order}"
        else:
            counts = self.sampled.sum(axis=1)
            few = str(counts[0]) if np.ptp(counts) == 0 else f"{counts.min()} to {counts.max()}"
            said = f"Each of {echoes} echoes has {few} of {rows} lines"
        times = " and ".join(f"{time:g}" for time in self.central_times_ms)
        middle = f"the centre of k-space is sampled at TE {times} ms" if times else "no echo has the centre of k-space"
        most = int(self.repeats.max())
        averages = f", up to {most} times" if most > 1 else ""
        return f"{said}{averages}: {self.acceleration:.1f}-fold acceleration; {middle}."


def pattern_of(scan: RawScan) -> Pattern:
    """The pattern of a scan, that of its first slice."""
    repeats = np.zeros((len(scan.echo_times_ms), scan.rows), np.int64)
    first = scan.slices[0]
    for echo, (lines, counts) in enumerate(zip(first.lines, first.repeats, strict=True)):
        repeats[echo, lines] = counts
    return Pattern(repeats, scan.echo_times_ms)


def _ordinal(number: int) -> str:
    return {2: "second", 3: "third"}.get(number, f"{number}th")
