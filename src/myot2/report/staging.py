"""A folder that holds a report's document and all that it reads, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from myot2.core.errors import MyoT2Error
from myot2.core.files import sha256, temporary_beside, write_json
from myot2.core.stopnote import read_stop_note
from myot2.report import captions
from myot2.report.analysis_log import LOG
from myot2.report.inputs import (
    FACTS,
    FIGURES,
    INPUT_TABLES,
    LABELS,
    OPTIONAL,
    PANEL_SUFFIX,
    PANELS,
    PICTURES,
    STATISTICS,
    THUMBNAILS,
)
from myot2.report.participant_page import thumbnail

INPUTS = "inputs"
CHECKLISTS = "checklists"


def stage_document(document: Path, folder: Path) -> Path:
    """Copy the document, the files beside it (style sheets, references) and its checklists; return the copy's path."""
    if not document.is_file():
        raise MyoT2Error(expected="a Quarto document", found="no such file", where=document, do="Check --report.")
    for path in sorted(document.parent.iterdir()):
        if path.is_file():
            shutil.copyfile(path, folder / path.name)
    shutil.copytree(document.parent / CHECKLISTS, folder / CHECKLISTS)
    return folder / document.name


def stage_inputs(
    folder: Path,
    *,
    results: Path,
    labels: Path,
    panels: Sequence[Path],
    figures: Path,
    pictures: Sequence[Path] = (),
    pages: str | None,
    configuration: Path,
    seal: Path | None = None,
    audit_table: str | None = None,
    renderer: str,
) -> None:
    """Copy what the document reads to `folder`/inputs, as `myot2.report.study` expects it.

    Parameters
    ----------
    folder : Path
        The folder that holds the document.
    results : Path
        The run's results, with its folders measure/ and analyse/.
    labels : Path
        The label table.
    panels : sequence of Path
        One picture per scan, each named <scan>_panel.png; a stop note may stand in a picture's place.
    pictures : sequence of Path
        One picture per reconstruction, each named <scan>_reconstruction.png, or a stop note in its place.
    figures : Path
        The folder of the figures, as `scripts/draw_figures.py` makes it.
    pages : str or None
        The folder of the participants' pages, relative to the report; None where there are none.
    configuration : Path
        The run's configuration as JSON.
    seal : Path, optional
        The list of the results' SHA-256; its own stands in the footer.
    audit_table : str, optional
        The page that says how far each scan came, relative to the report; it is written after it.
    renderer : str
        What renders the page, for its footer.
    """
    inputs = folder / INPUTS
    for path in [*(path for path, _ in INPUT_TABLES.values()), STATISTICS, LOG]:
        _copy(results / path, inputs / path)
    _copy(labels, inputs / LABELS)
    for path in OPTIONAL:
        if (results / path).is_file():
            _copy(results / path, inputs / path)
    for figure in captions.FIGURES:
        _copy(figures / f"{figure.file}.svg", inputs / FIGURES / f"{figure.file}.svg")
    (inputs / PANELS).mkdir()
    (inputs / THUMBNAILS).mkdir()
    for panel in panels:
        if not panel.name.endswith(PANEL_SUFFIX):
            raise MyoT2Error(
                expected=f"panels named <scan>{PANEL_SUFFIX}", found=panel.name, where=panel, do="Rename the file."
            )
        _copy(panel, inputs / PANELS / panel.name)
        if read_stop_note(panel) is None:
            name = f"{panel.name.removesuffix(PANEL_SUFFIX)}.jpg"
            (inputs / THUMBNAILS / name).write_bytes(thumbnail(panel))
    for picture in pictures:
        _copy(picture, inputs / PICTURES / picture.name)
    facts = {
        "configuration": _read_configuration(configuration),
        "renderer": renderer,
        "pages": pages,
        "seal": sha256(seal) if seal else None,
        "audit_table": audit_table,
    }
    write_json(inputs / FACTS, facts)


def replace_folder(made: Path, folder: Path) -> None:
    """Put a whole folder in a place where a folder may be already; until the last moment the old one is there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    new, old = temporary_beside(folder), temporary_beside(folder.with_name(f"old-{folder.name}"))
    try:
        shutil.copytree(made, new)
        if folder.exists():
            os.replace(folder, old)
        os.replace(new, folder)
    finally:
        for path in (new, old):
            shutil.rmtree(path, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    if not source.is_file():
        raise MyoT2Error(
            expected="a file that the report needs",
            found="no such file",
            where=source,
            do="Run the workflow up to the analyse stage first.",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _read_configuration(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MyoT2Error(
            expected="the run's configuration as JSON", found=str(error), where=path, do="Check --config-summary."
        ) from error
    if not isinstance(content, dict):
        raise MyoT2Error(
            expected="a JSON object of sections", found=type(content).__name__, where=path, do="Check --config-summary."
        )
    return content
