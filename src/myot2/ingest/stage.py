"""The stage as one call: from a DICOM folder to images, sidecars and the series table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.core.images import sidecar_path, write_image, write_sidecar
from myot2.core.tables import write_tsv
from myot2.ingest.headers import Index, read_index
from myot2.ingest.hints import DIXON_ROLES
from myot2.ingest.records import series_table, sidecar_of
from myot2.ingest.selection import Selection, Wanted, select
from myot2.ingest.series import Stack, split_stacks
from myot2.ingest.t2units import read_t2_map
from myot2.ingest.volumes import read_volume, signal

Product = tuple[Path, sitk.Image, dict[str, Any]]


@dataclass(frozen=True)
class Order:
    """What to write where. Only what has a path is needed of the folder.

    `dixon` maps roles (`dixon-in`, ...) to images; `echoes` are the images of the echoes in ascending echo time, and
    their number is the number of echoes that the series must have; `t2_map_scale` is ms per stored value, or None.
    """

    series_table: Path
    dixon: Mapping[str, Path] = field(default_factory=dict)
    echoes: Sequence[Path] = ()
    t2_map: Path | None = None
    t2_map_scale: float | None = None

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
    index = read_index(dicom)
    try:
        selection = select(split_stacks(index.frames), order.wanted)
        products = [*_dixon(selection, order), *_echoes(selection, order), *_t2_map(selection, order)]
    except MyoT2Error as error:
        if not index.unreadable:
            raise
        found = f"{error.found} (files left out for damaged headers: {index.unreadable})"
        raise MyoT2Error(expected=error.expected, found=found, where=error.where, do=error.do) from error
    for path, image, sidecar in products:
        write_image(image, path)
        write_sidecar(path, sidecar)
    write_tsv(series_table(selection), order.series_table)
    return _summary(index, selection)


def _dixon(selection: Selection, order: Order) -> list[Product]:
    return [
        (path, _read_signal(stack := selection.taken[role]), sidecar_of(stack.slices, role, "arbitrary"))
        for role, path in order.dixon.items()
    ]


def _read_signal(stack: Stack) -> sitk.Image:
    return read_volume(stack.slices, signal, stack.name)


def _echoes(selection: Selection, order: Order) -> list[Product]:
    if not order.echoes:
        return []
    stack = selection.taken["mese"]
    named = list(zip(stack.echo_times, stack.echoes, strict=True))
    images = [read_volume(echo, signal, f"{stack.name}, echo of {time:g} ms") for time, echo in named]
    sidecars = [sidecar_of(echo, "mese", "arbitrary") for echo in stack.echoes]
    return list(zip(order.echoes, images, sidecars, strict=True))


def _t2_map(selection: Selection, order: Order) -> list[Product]:
    if order.t2_map is None:
        return []
    stack = selection.taken["t2map"]
    t2 = read_t2_map(stack, order.t2_map_scale)
    scale = {"t2_scale_to_ms": t2.scale_to_ms, "t2_scale_source": t2.source}
    return [(order.t2_map, t2.image, {**sidecar_of(stack.slices, "t2map", "ms"), **scale})]


def _summary(index: Index, selection: Selection) -> str:
    return (
        f"images: {len(index.frames)}, stacks: {len(selection.stacks)}, taken: {len(selection.taken)}; "
        f"left out: objects without image: {index.no_image}, unreadable: {index.unreadable}, copies: {index.copies}"
    )
