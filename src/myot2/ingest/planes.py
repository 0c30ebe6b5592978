"""Which DICOM image planes each slice of an ingested image came from, for what is made of it and goes back."""

from __future__ import annotations

from collections.abc import Sequence

from myot2.core.source_series import SourceFrame, SourceSeries
from myot2.ingest.reading.headers import Frame
from myot2.ingest.stacking.geometry import Grid, SliceStack
from myot2.ingest.stacking.series import Stack


def source_series(stack: Stack) -> SourceSeries:
    """The planes of a stack, all echoes and stations, slice by slice (raises `MyoT2Error` as `Stack.echoes` does)."""
    grids: Sequence[Grid] = stack.echoes if len(stack.echo_times) > 1 else [stack.slices]
    tiles = [grid for whole in grids for grid in _tiles(whole)]
    first = grids[0]
    planes = zip(*(tile.frames for tile in tiles), strict=True)
    return SourceSeries(
        planes=tuple(tuple(map(_source, plane)) for plane in planes),
        origin=first.origin,
        direction=first.direction,
        spacing=first.spacing,
        matrix=first.matrix,
        thickness=tiles[0].frames[0].slice_thickness,
        tiled=not isinstance(first, SliceStack),
    )


def _tiles(grid: Grid) -> Sequence[SliceStack]:
    return [grid] if isinstance(grid, SliceStack) else grid.tiles


def _source(frame: Frame) -> SourceFrame:
    return SourceFrame(frame.file.path, frame.index + 1 if frame.enhanced else None)
