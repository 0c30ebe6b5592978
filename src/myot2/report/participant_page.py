"""One page per scan: its picture in full size and the T2 of each muscle and side."""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path

import pandas as pd
from PIL import Image

from myot2.core.stopnote import StopNote
from myot2.report.inputs import MEASURES
from myot2.report.legible import legible
from myot2.report.lookup import DASH
from myot2.report.policy import POLICY
from myot2.report.study import Study

THUMBNAIL_WIDTH = 600
_THUMBNAIL_DPI = 200
"""So that a thumbnail is three inches wide in print."""

_COLUMNS = (
    ("t2_mean_ms", "T2 mean (ms)", 1),
    ("t2_median_ms", "median", 1),
    ("t2_sd_ms", "SD", 1),
    ("volume_ml", "Volume (ml)", 1),
    ("fat_fraction_mean", "Fat fraction", 2),
    ("voxels", "Voxels", 0),
)
_SIDES = ("left", "right", "both")


def write_pages(study: Study, folder: Path, *, style: str, back: str) -> None:
    """Write `folder`/<scan>.html for each scan of the flow.

    Parameters
    ----------
    study : Study
        The results; a scan without a picture has a page that says why.
    folder : Path
        Made where missing.
    style : str
        The report's style sheet.
    back : str
        Where the report lies, relative to the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scans = study.flow["scan"].tolist()
    for number, scan in enumerate(scans):
        around = {"Previous": scans[number - 1] if number else None, "Next": (scans + [None])[number + 1]}
        page = _page(study, scan, style, {"Report": f"{back}#sec-panels"} | _links(around))
        (folder / f"{scan}.html").write_text(page, encoding="utf-8")


def thumbnail(panel: Path) -> bytes:
    """The panel as a small JPEG, for the report; equal pictures give equal bytes."""
    with Image.open(panel) as image:
        small = image.convert("RGB")
        small.thumbnail((THUMBNAIL_WIDTH, THUMBNAIL_WIDTH * 4), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80, optimize=True, dpi=(_THUMBNAIL_DPI, _THUMBNAIL_DPI))
    return buffer.getvalue()


def _links(scans: dict[str, str | None]) -> dict[str, str]:
    return {word: f"{scan}.html" for word, scan in scans.items() if scan}


def _page(study: Study, scan: str, style: str, links: dict[str, str]) -> str:
    title = _text(f"{scan}, {study.group_of(scan) or 'group unknown'}")
    navigation = "".join(f'<li><a href="{_text(target)}">{word}</a></li>' for word, target in links.items())
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta http-equiv="Content-Security-Policy" content="{POLICY}">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>{title}</title>
  <style>{style}</style>
</head>
<body class="single-page">
<a class="skip-link" href="#content">Skip to the content</a>
<nav class="page-links" aria-label="Pages"><ul>{navigation}</ul></nav>
<main id="content">
<h1>{title}</h1>
{_picture(study.panels.get(scan), scan)}
{_table(study.regions[study.regions["scan"] == scan], study.labels.muscles)}
</main>
</body>
</html>
"""


def _picture(panel: Path | StopNote | None, scan: str) -> str:
    if panel is None:
        return "<p>No picture was made.</p>"
    if isinstance(panel, StopNote):
        return (
            f"<p>Stopped at {_text(panel.stage)}: expected {_text(panel.expected)}, found {_text(panel.found)}. "
            f"{_text(panel.do)}</p>"
        )
    data = base64.b64encode(panel.read_bytes()).decode()
    words = f"Muscle outlines on the image, and T2 in colour, of {scan}"
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{_text(words)}">\n<figcaption>Left: the image on which '
        "the muscles were outlined; look for outlines that leave their muscle. Right: T2 within the outlines, in "
        "colours of one fixed range; look for bright muscle.</figcaption></figure>"
    )


def _table(regions: pd.DataFrame, muscles: tuple[str, ...]) -> str:
    columns = [(name, title, decimals) for name, title, decimals in _COLUMNS if name in regions]
    known = [name for name in ("thigh", *muscles) if name in set(regions["region"])]
    if not known:
        return "<p>Nothing was measured.</p>"
    header = "".join(
        f'<th scope="col">{title}</th>' for title in ("Muscle", "Side", *(title for _, title, _ in columns))
    )
    rows = []
    for region in known:
        named = f'<th scope="rowgroup" rowspan="{len(_SIDES)}">{_text(region)}</th>'
        for side in _SIDES:
            found = regions[(regions["region"] == region) & (regions["side"] == side)]
            cells = "".join(f"<td>{_number(found, name, decimals)}</td>" for name, _, decimals in columns)
            rows.append(f'<tr>{named if side == _SIDES[0] else ""}<th scope="row">{side}</th>{cells}</tr>')
    return (
        '<div class="scrolls" tabindex="0" role="region" aria-label="T2 of each muscle"><table class="numbers">\n'
        f"<caption>T2 of each muscle and side.</caption>\n<thead><tr>{header}</tr></thead>\n"
        f"<tbody>\n{chr(10).join(rows)}\n</tbody></table></div>"
    )


def _number(found: pd.DataFrame, name: str, decimals: int) -> str:
    value = pd.to_numeric(found[name]).iloc[0] if len(found) else None
    if value is None or pd.isna(value):
        return DASH
    return f'<span class="counted" data-table="{MEASURES}">{float(value):.{decimals}f}</span>'


def _text(text: object) -> str:
    return escape(legible(text))
