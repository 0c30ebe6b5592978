"""Readouts as a scanner wrote them: one table for all vendors, filled by `mrd` and `twix`, used by `preparation`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from myot2.core.errors import MyoT2Error

READOUT = np.dtype(
    [
        ("number", "i8"),  # in the file, from 0: the name of the readout in messages
        ("slice", "i4"),
        ("echo", "i4"),
        ("line", "i4"),  # as the file counts them
        ("average", "i4"),
        ("partition", "i4"),
        ("repetition", "i4"),
        ("set", "i4"),
        ("phase", "i4"),
        ("encoding", "i4"),
        ("coils", "i4"),
        ("samples", "i4"),
        ("centre", "i4"),  # the stored sample at the centre of k-space
        ("first", "i4"),  # samples first to last - 1 count
        ("last", "i4"),
        ("dwell_us", "f8"),
        ("imaging", "?"),
        ("calibration", "?"),
        ("noise", "?"),
        ("reverse", "?"),
        ("position", "f8", (3,)),
        ("read", "f8", (3,)),
        ("along", "f8", (3,)),  # the phase-encode direction
        ("normal", "f8", (3,)),
    ]
)
"""A readout without its samples. Positions and directions are LPS; millimetres."""

DEFAULT_NOISE_BANDWIDTH = 0.793
"""Of a scanner that does not tell: what Gadgetron takes (Kellman and McVeigh, doi:10.1002/mrm.20713)."""


@dataclass(frozen=True)
class Encoding:
    """One space in which lines are counted.

    Attributes
    ----------
    columns, rows, partitions : int
        Matrix as encoded, the readout with its oversampling.
    fov_mm : tuple of float
        Along readout, phase and slice, as encoded.
    image_fov_mm : float
        Along the readout, without oversampling.
    centre_line : int
        The line at the centre of k-space, as the file counts.
    """

    columns: int
    rows: int
    partitions: int
    fov_mm: tuple[float, float, float]
    image_fov_mm: float
    centre_line: int

    @property
    def kept(self) -> int:
        """Columns of the image once oversampling is cropped."""
        return min(self.columns, int(np.ceil(self.columns * self.image_fov_mm / self.fov_mm[0] - 1e-3)))


@dataclass(frozen=True)
class ScanHeader:
    """What a file says of its scan as a whole; `facts` and `notes` as in `myot2.reconstruct.raw.RawScan`."""

    encodings: tuple[Encoding, ...]
    echo_times_ms: tuple[float, ...]
    echoes: int | None
    slices: int | None
    noise_bandwidth: float | None
    coil_names: tuple[str, ...]
    facts: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Readouts:
    """All readouts of a file.

    Attributes
    ----------
    where : str
        The file, for messages.
    header : ScanHeader
    table : np.ndarray
        Of dtype `READOUT`, in the order of the file; what is neither imaging, calibration nor noise is left out.
    load : callable
        From rows of the table that have equal numbers of coils and samples to their samples, complex64, shape
        (readouts, coils, samples), in the order given.
    """

    where: str
    header: ScanHeader
    table: np.ndarray
    load: Callable[[np.ndarray], np.ndarray]

    def refuse(self, row: np.void | None, *, expected: str, found: str, do: str) -> MyoT2Error:
        """An error that names a readout (or, with None, the file)."""
        return MyoT2Error(expected=expected, found=found, where=self.where if row is None else self.name(row), do=do)

    def name(self, row: np.void) -> str:
        """The readout's name in messages."""
        if row["noise"]:
            return f"{self.where}, acquisition {row['number']} (noise)"
        kind = "" if row["imaging"] else "calibration, "
        place = f"slice {row['slice']}, echo {row['echo']}, line {row['line']}"
        return f"{self.where}, acquisition {row['number']} ({kind}{place}; all counted from 0)"

    def samples(self, rows: np.ndarray) -> np.ndarray:
        """What `load` gives, refused where a value is no number."""
        values = self.load(rows)
        good = np.isfinite(values.view(np.float32)).all(axis=(1, 2))
        if not good.all():
            raise self.refuse(
                rows[int(good.argmin())],
                expected="finite samples",
                found="NaN or infinity",
                do="Convert the scanner's file again; a readout with holes cannot be used.",
            )
        return values
