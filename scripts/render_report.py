"""Render the report: report.qmd and the run's results in, one self-contained HTML page and a PDF out.

With --released, the shareable report: shareable.qmd and released tables in, and nothing else.

Quarto's own program is used where it is on PATH; else the same document is run by Jupyter and set by pandoc and Typst,
which come with the Python environment. The page's footer says which. docs/stages/report.md tells more.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from myot2.core.command import run_stage, stage_parser
from myot2.core.errors import MyoT2Error
from myot2.core.files import atomic
from myot2.report import fallback, quarto
from myot2.report.markdown import escape
from myot2.report.offline import require_offline
from myot2.report.participant_page import write_pages
from myot2.report.policy import with_policy, without_scripts
from myot2.report.shareable.staging import stage_released
from myot2.report.shareable.study import SETTINGS
from myot2.report.staging import INPUTS, replace_folder, stage_document, stage_inputs
from myot2.report.study import Study, read_study


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    if options.results and not options.config_summary:
        parser.error("--results needs --config-summary")
    if options.released and (options.participants or options.panels or options.config_summary):
        parser.error("--released goes without --participants, --panels and --config-summary")
    outputs = [options.html, options.pdf]
    return run_stage("report", lambda: _render(options), outputs=outputs, leave_stop_notes=options.leave_stop_notes)


def _render(options: argparse.Namespace) -> None:
    with_quarto = _use_quarto(options.renderer)
    pages = os.path.relpath(options.participants, options.html.parent) if options.participants else None
    with TemporaryDirectory(prefix="myot2-report-") as temporary:
        folder = Path(temporary)
        document = stage_document(options.report, folder)
        _stage(options, folder, pages, renderer=(quarto if with_quarto else fallback).renderer_name())
        title = _title(options.released / SETTINGS if options.released else options.config_summary)
        if with_quarto:
            quarto.render(document, title=title)
        else:
            fallback.render(document, filters=options.report.parent / "filters", title=title)
        page = document.with_suffix(".html")
        page.write_text(with_policy(without_scripts(page.read_text(encoding="utf-8"))), encoding="utf-8")
        study = read_study(folder / INPUTS) if options.participants else None
        beside = [f"{pages}/{scan}.html" for scan in study.flow["scan"]] if study else []
        require_offline(page, beside=[*beside, *filter(None, [_audit_table(options)])])
        if study:
            _write_pages(study, folder, options)
        for output in (options.html, options.pdf):
            with atomic(output) as path:
                shutil.copyfile(document.with_suffix(output.suffix), path)


def _stage(options: argparse.Namespace, folder: Path, pages: str | None, renderer: str) -> None:
    """Lay out what the document reads."""
    if options.released:
        stage_released(folder, released=options.released, figures=options.figures, renderer=renderer)
        return
    stage_inputs(
        folder,
        results=options.results,
        labels=options.label_table,
        panels=options.panels,
        figures=options.figures,
        pictures=options.reconstructions,
        pages=pages,
        configuration=options.config_summary,
        seal=options.seal,
        audit_table=_audit_table(options),
        renderer=renderer,
    )


def _audit_table(options: argparse.Namespace) -> str | None:
    """Where the run's end will write how far each scan came, relative to the report: beside the list of the results."""
    return os.path.relpath(options.seal.parent / "cohort.html", options.html.parent) if options.seal else None


def _write_pages(study: Study, folder: Path, options: argparse.Namespace) -> None:
    """The participants' pages, all anew: a page of a scan that is no longer there would be a wrong one."""
    made = folder / "participants"
    back = os.path.relpath(options.html, options.participants)
    style = (options.report.parent / "styles.css").read_text(encoding="utf-8")
    write_pages(study, made, style=style, back=back)
    for path in sorted(made.iterdir()):
        require_offline(path, beside=[back, *(f"{scan}.html" for scan in study.flow["scan"])])
    replace_folder(made, options.participants)


def _title(configuration: Path) -> str | None:
    settings = json.loads(configuration.read_text(encoding="utf-8")).get("report") or {}
    return escape(settings["title"]) if settings.get("title") else None


def _use_quarto(renderer: str) -> bool:
    if renderer == "quarto" and not quarto.is_installed():
        raise MyoT2Error(
            expected="the program quarto",
            found="none on PATH",
            where="--renderer quarto",
            do="Install Quarto, or set report.renderer to auto or pandoc.",
        )
    return renderer == "quarto" or (renderer == "auto" and quarto.is_installed())


def _parser() -> argparse.ArgumentParser:
    parser = stage_parser(__doc__)
    parser.add_argument(
        "--report", type=Path, required=True, metavar="QMD", help="report/report.qmd, or shareable.qmd with --released"
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--results", type=Path, metavar="DIR", help="holds measure/ and analyse/")
    source.add_argument("--released", type=Path, metavar="DIR", help="of scripts/release_tables.py; goes with no other")
    parser.add_argument("--config-summary", type=Path, metavar="JSON", help="the run's configuration; with --results")
    parser.add_argument(
        "--seal", type=Path, metavar="SHA256", help="list of the results' SHA-256, whose own stands in the footer"
    )
    parser.add_argument("--label-table", type=Path, default=Path("config/labels.tsv"), metavar="TABLE")
    parser.add_argument(
        "--panels",
        type=Path,
        nargs="*",
        default=[],
        metavar="PNG",
        help="one per scan, <scan>_panel.png (or stop note)",
    )
    parser.add_argument(
        "--reconstructions",
        type=Path,
        nargs="*",
        default=[],
        metavar="PNG",
        help="one per scan that was reconstructed from k-space, <scan>_reconstruction.png (or stop note)",
    )
    parser.add_argument("--figures", type=Path, required=True, metavar="DIR", help="from scripts/draw_figures.py")
    parser.add_argument(
        "--participants", type=Path, metavar="DIR", help="folder for one page per scan, to which the report leads"
    )
    parser.add_argument("--html", type=Path, required=True, metavar="OUT.html")
    parser.add_argument("--pdf", type=Path, required=True, metavar="OUT.pdf")
    parser.add_argument(
        "--renderer",
        choices=["auto", "quarto", "pandoc"],
        default="auto",
        help="Quarto where installed, else pandoc and Typst (auto), or one of them (default: auto)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
