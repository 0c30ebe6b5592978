"""The stage as one call: from a DICOM folder to images, sidecars and the series table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from myot2.core.bids import map_in_seconds
from myot2.core.errors import MyoT2Error
from myot2.core.images import sidecar_path, write_image, write_sidecar
from myot2.core.rows import write_rows
from myot2.core.scans import Scan
from myot2.core.stopnote import raise_if_stopped
from myot2.ingest.choosing.decision import select_by_table
from myot2.ingest.choosing.selection import Selection, Wanted, select
from myot2.ingest.identity import Pseudonyms, read_key
from myot2.ingest.pacs.source import STOP_NOTE
from myot2.ingest.reading.headers import Index, read_index
from myot2.ingest.reading.hints import DIXON_ROLES
from myot2.ingest.reading.volumes import signal
from myot2.ingest.records import SERIES_COLUMNS, series_rows, sidecar_of
from myot2.ingest.stacking.joining import find_stacks
from myot2.ingest.stacking.series import Stack
from myot2.ingest.stacking.stations import read_stack
from myot2.ingest.t2units import read_t2_map

Product = tuple[Path, sitk.Image, dict[str, Any]]


@dataclass(frozen=True)
class Order:
    """What to write where. Only what has a path is needed of the folder.

    `dixon` maps roles (`dixon-in`, ...) to images; `echoes` are the images of the echoes in ascending echo time, and
    their number is the number of echoes that the series must have; `t2_map_scale` is ms per stored value, or None.
    `scan` is written into the series table, and names the rows of `choices`, an edited series table, that hold here;
    `key` is the file of the secret from which pseudonyms are made, needed where there are choices.
    """

    series_table: Path
    dixon: Mapping[str, Path] = field(default_factory=dict)
    echoes: Sequence[Path] = ()
    t2_map: Path | None = None
    t2_map_scale: float | None = None
    scan: Scan | None = None
    key: Path | None = None
    choices: Path | None = None

    @property
    def wanted(self) -> Wanted:
        """What the folder must hold."""
        roles = tuple(role for role in DIXON_ROLES if role in self.dixon)
        return Wanted(roles, len(self.echoes), self.t2_map is not None)

    @property
    def outputs(self) -> list[Path]:
        """Every file that is written, sidecars included."""
        images = [*self.dixon.values(), *self.echoes, *([self.t2_map] if self.t2_map else [])]
        return [self.series_table, *images, *map(sidecar_path, images)]


def ingest(dicom: str | Path, order: Order) -> str:
    """Find, check, read and write what is ordered; return a line about what the folder held.

    Raises
    ------
    MyoT2Error
        Something ordered is missing, ambiguous, faulty or unreadable. Then nothing is written.
    """
    pseudonyms = read_key(order.key) if order.key else None
    raise_if_stopped(Path(dicom) / STOP_NOTE)
    index = read_index(dicom)
    try:
        selection = select_ordered(index, order, pseudonyms)
        products = [*_dixon(selection, order), *_echoes(selection, order), *_t2_map(selection, order)]
    except MyoT2Error as error:
        if not index.left_out:
            raise
        found = f"{error.found} ({index.left_out})"
        raise MyoT2Error(expected=error.expected, found=found, where=error.where, do=error.do) from error
    for path, image, sidecar in products:
        write_image(image, path)
        stack = selection.taken[sidecar["Role"]]
        write_sidecar(path, {**sidecar, **({"SeriesPseudonym": pseudonyms.of(stack.identity)} if pseudonyms else {})})
    write_rows(series_rows(selection, order.scan, pseudonyms), SERIES_COLUMNS, order.series_table)
    return _summary(index, selection)


def select_ordered(index: Index, order: Order, pseudonyms: Pseudonyms | None) -> Selection:
    """The stacks that an order asks for, by its edited table where it has one (raises as `select`)."""
    stacks = find_stacks(index.frames)
    if order.choices is None:
        return select(stacks, order.wanted)
    return select_by_table(stacks, order.wanted, order.choices, order.scan, pseudonyms)


def _dixon(selection: Selection, order: Order) -> list[Product]:
    return [
        (path, _read_signal(stack := selection.taken[role]), sidecar_of(stack.slices, role, "arbitrary"))
        for role, path in order.dixon.items()
    ]


def _read_signal(stack: Stack) -> sitk.Image:
    return read_stack(stack.slices, signal, stack.name)


def _echoes(selection: Selection, order: Order) -> list[Product]:
    if not order.echoes:
        return []
    stack = selection.taken["mese"]
    named = list(zip(stack.echo_times, stack.echoes, strict=True))
    images = [read_stack(echo, signal, f"{stack.name}, echo of {time:g} ms") for time, echo in named]
    sidecars = [sidecar_of(echo, "mese", "arbitrary") for echo in stack.echoes]
    return list(zip(order.echoes, images, sidecars, strict=True))


def _t2_map(selection: Selection, order: Order) -> list[Product]:
    if order.t2_map is None:
        return []
    stack = selection.taken["t2map"]
    t2 = read_t2_map(stack, order.t2_map_scale)
    scale = {"T2ScaleToMs": t2.scale_to_ms, "T2ScaleSource": t2.source}
    return [(order.t2_map, map_in_seconds(t2.image), sidecar_of(stack.slices, "t2map", "s", **scale))]


def _summary(index: Index, selection: Selection) -> str:
    return (
        f"images: {len(index.frames)}, stacks: {len(selection.stacks)}, taken: {len(selection.taken)}; "
        f"left out: objects without image: {index.no_image}, unreadable: {index.unreadable}, copies: {index.copies}"
    )
