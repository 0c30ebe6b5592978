"""The audit table as a page: one file, no script, to be read in a browser also where it has thousands of rows."""

from __future__ import annotations

from collections.abc import Collection
from html import escape

import pandas as pd

STATES = {
    "failed": "failed, with what was expected and found",
    "stale": "stale: what it was made of, or what a person saw, has changed since",
    "skipped": "skipped: stopped at an earlier stage, or rejected by a person",
    "corrected": "corrected: of labels that a person changed",
    "not-run": "not run",
    "done": "done",
}
"""The states from the worst on, as the names of style classes, and what they mean."""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
body { margin: 2rem; color: #1b2430; background: #fff;
  font: 1rem/1.5 -apple-system, "Segoe UI", "Helvetica Neue", "Noto Sans", "DejaVu Sans", Arial, sans-serif; }
h1 { margin: 0 0 .5rem; font-size: 1.6rem; }
p { max-width: 48rem; margin: 0 0 1rem; }
a { color: #1d4f7c; }
table { border-collapse: collapse; margin: 1rem 0 2rem; font-size: .9rem; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid #d9dfe7; text-align: left; vertical-align: top; }
td { max-width: 24rem; overflow-wrap: anywhere; }
.counts td { text-align: right; }
.scans tbody th { white-space: nowrap; }
.scans thead th { position: sticky; top: 0; background: #f4f7fa; }
.failed { background: #f8d7d4; }
.stale { background: #fbe7bd; }
.skipped { background: #e6e8ec; }
.corrected { background: #d3e5f7; }
.not-run { color: #566172; }
label { margin-right: 1rem; }
:focus-visible { outline: 3px solid #1d4f7c; outline-offset: 2px; }
"""


def cohort_page(table: pd.DataFrame, pages: Collection[str] = ()) -> str:
    """The page.

    Parameters
    ----------
    table : DataFrame
        Of `myot2.audit.cohort.cohort_table`: a column `scan`, and one per stage.
    pages : collection of str
        The scans that have a page beside the report, to which their names lead.
    """
    stages = list(table.columns[1:])
    states = {stage: table[stage].map(state_of) for stage in stages}
    present = [state for state in STATES if any((states[stage] == state).any() for stage in stages)]
    shown = "main:has(#show-{0}:checked) .scans tbody tr:not(.has-{0}) {{ display: none; }}"
    rules = [shown.format(state) for state in present]
    rows = [
        _row(row, [states[stage].iloc[number] for stage in stages], row[0] in pages)
        for number, row in enumerate(table.itertuples(index=False, name=None))
    ]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.columns)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta http-equiv="Content-Security-Policy" content="{_POLICY}">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Audit table</title>
  <style>{_STYLE}{chr(10).join(rules)}
  </style>
</head>
<body>
<main>
<h1>Audit table</h1>
<p><a href="../report/report.html">Report</a></p>
<p>How far each of {len(table)} scans came, stage by stage; the worst of a stage's jobs counts. Written when a run
ended, well or badly, after the report; <code>make audit</code> writes it anew and compares every file. The same table
is in <code>audit/cohort.tsv</code>.</p>
{_counts(states, present)}
{_choice(present)}
<table class="scans">
<thead><tr>{head}</tr></thead>
<tbody>
{chr(10).join(rows)}
</tbody>
</table>
</main>
</body>
</html>
"""


def state_of(cell: str) -> str:
    """The state of a cell, of `STATES`."""
    return "not-run" if cell == "not run" else cell.split(" (")[0]


def _row(row: tuple[str, ...], states: list[str], has_page: bool) -> str:
    scan, *cells = map(escape, row)
    name = f'<a href="../report/participants/{scan}.html">{scan}</a>' if has_page else scan
    shown = "".join(f'<td class="{state}">{cell}</td>' for cell, state in zip(cells, states, strict=True))
    classes = " ".join(f"has-{state}" for state in STATES if state in states)
    return f'<tr class="{classes}"><th scope="row">{name}</th>{shown}</tr>'


def _counts(states: dict[str, pd.Series], present: list[str]) -> str:
    head = "".join(f'<th scope="col">{escape(stage)}</th>' for stage in states)
    rows = "\n".join(
        f'<tr><th scope="row" class="{state}">{STATES[state]}</th>'
        + "".join(f"<td>{int((of_stage == state).sum())}</td>" for of_stage in states.values())
        + "</tr>"
        for state in present
    )
    head = f'<thead><tr><th scope="col">Scans</th>{head}</tr></thead>'
    return f'<table class="counts">\n{head}\n<tbody>\n{rows}\n</tbody>\n</table>'


def _choice(present: list[str]) -> str:
    """Which rows are shown; the style sheet alone does it."""
    form = '<label><input type="radio" name="show" id="show-{}"{}> {}</label>'
    choices = [form.format(state, "", state.replace("-", " ")) for state in present]
    choices.insert(0, form.format("all", " checked", "anything"))
    return f"<fieldset><legend>Show scans with a stage that is</legend>{''.join(choices)}</fieldset>"
