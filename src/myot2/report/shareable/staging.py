"""The folder that the shareable document reads: released files only, each asked for its mark."""

from __future__ import annotations

import shutil
from pathlib import Path

from myot2.core.files import write_json
from myot2.core.releasable import mark_path
from myot2.report.inputs import FACTS, FIGURES
from myot2.report.shareable import captions
from myot2.report.shareable.study import RELEASED, rules_of
from myot2.report.staging import INPUTS


def stage_released(folder: Path, *, released: Path, figures: Path, renderer: str) -> None:
    """Copy released tables and the figures made of them to `folder`/inputs.

    Parameters
    ----------
    folder : Path
        The folder that holds the document.
    released : Path
        The folder that `scripts/release_tables.py` writes.
    figures : Path
        The folder of the figures, as `scripts/draw_figures.py --released` makes it.
    renderer : str
        What renders the page, for its footer.

    Raises
    ------
    MyoT2Error
        A table or a figure is not marked as releasable, was changed since, or was released by other rules.
    """
    inputs = folder / INPUTS
    drawn = [figures / f"{figure.file}.svg" for figure in captions.FIGURES]
    rules_of([*(released / name for name in RELEASED), *drawn])
    (inputs / FIGURES).mkdir(parents=True)
    for name in RELEASED:
        for path in (released / name, mark_path(released / name)):
            shutil.copyfile(path, inputs / path.name)
    for path in drawn:
        shutil.copyfile(path, inputs / FIGURES / path.name)
    write_json(inputs / FACTS, {"renderer": renderer})
