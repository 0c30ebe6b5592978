"""A folder that holds a report's document and all that it reads, and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from myot2.core.errors import MyoT2Error
from myot2.core.files import write_json
from myot2.report.study import FACTS, INPUT_TABLES, LABELS, PANEL_SUFFIX, PANELS, STATISTICS

INPUTS = "inputs"


def stage_document(document: Path, folder: Path) -> Path:
    """Copy the document and the files beside it (style sheets, references); return the copy's path."""
    if not document.is_file():
        raise MyoT2Error(expected="a Quarto document", found="no such file", where=document, do="Check --report.")
    for path in sorted(document.parent.iterdir()):
        if path.is_file():
            shutil.copyfile(path, folder / path.name)
    return folder / document.name


def stage_inputs(
    folder: Path, *, results: Path, labels: Path, panels: Sequence[Path], configuration: Path, renderer: str
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
    configuration : Path
        The run's configuration as JSON.
    renderer : str
        What renders the page, for its footer.
    """
    inputs = folder / INPUTS
    for path in [*(path for path, _ in INPUT_TABLES.values()), STATISTICS]:
        _copy(results / path, inputs / path)
    _copy(labels, inputs / LABELS)
    (inputs / PANELS).mkdir()
    for panel in panels:
        if not panel.name.endswith(PANEL_SUFFIX):
            raise MyoT2Error(
                expected=f"panels named <scan>{PANEL_SUFFIX}", found=panel.name, where=panel, do="Rename the file."
            )
        _copy(panel, inputs / PANELS / panel.name)
    write_json(inputs / FACTS, {"configuration": _read_configuration(configuration), "renderer": renderer})


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
