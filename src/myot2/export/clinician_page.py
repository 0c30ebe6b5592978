"""One page per participant for the clinician: what stands on it, as plain values; report/clinician_page.typ sets it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import typst

from myot2 import __version__
from myot2.core.errors import MyoT2Error
from myot2.core.files import atomic
from myot2.core.labels import LabelTable
from myot2.export.reference import Range

MOST_FLAGS = 8
_THIGH = "thigh"


def page_content(
    measures: pd.DataFrame,
    ranges: Mapping[str, Range],
    table: LabelTable,
    *,
    participant: str,
    session: str | None,
    flags: Sequence[str],
    masks: str,
    t2_source: str,
) -> dict[str, Any]:
    """What the page says.

    Parameters
    ----------
    measures : DataFrame
        The person's rows: `region`, `side`, and as numbers `t2_mean_ms` and `volume_ml`.
    ranges : mapping
        The controls' range of mean T2 (ms) by region.
    table : LabelTable
    participant, session : str
    flags : sequence of str
        What is odd about the labels, in words.
    masks : str
        How the masks came to be, in words.
    t2_source : str
        Where T2 comes from, in words.

    Returns
    -------
    dict
        Numbers, words and None where a value is unknown; for JSON.
    """
    present = set(measures["region"])
    regions = [(name, True) for name in (_THIGH, *table.groups) if name in present and name not in table.muscles]
    regions += [(name, False) for name in table.muscles if name in present]
    rows = [_row(measures, ranges, region, whole=whole) for region, whole in regions]
    shown = [value for row in rows for key in ("right", "left", "low", "high") if (value := row[key]) is not None]
    hidden = len(flags) - MOST_FLAGS
    return {
        "participant": participant,
        "session": session,
        "rows": rows,
        "axis": _axis(shown),
        "controls": max((found.controls for found in ranges.values()), default=0),
        "flags": [*flags[:MOST_FLAGS], *([f"and {hidden} more: segment/quality_scans.tsv"] if hidden > 0 else [])],
        "masks": masks,
        "t2_source": t2_source,
        "version": __version__,
    }


def set_page(content: Mapping[str, Any], picture: Path, template: Path, out: Path) -> None:
    """Set the page as PDF; equal content gives equal bytes.

    Raises
    ------
    MyoT2Error
        It does not fit on one page.
    """
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)
    with TemporaryDirectory() as folder:  # Typst reads below one folder only
        page = Path(folder) / "page.typ"
        page.write_bytes(template.read_bytes())
        (Path(folder) / "picture.png").write_bytes(picture.read_bytes())
        sys_inputs = {"content": json.dumps(content), "picture": "picture.png"}
        compiler = typst.Compiler(str(page), root=folder, font_paths=fonts, sys_inputs=sys_inputs)
        try:
            pdf = compiler.compile(format="pdf", timestamp=0)
        except typst.TypstError as error:
            raise MyoT2Error(
                expected="a page that Typst sets on one sheet of A4",
                found=" ".join(str(error).split()),
                where=out.name,
                do="Report this with the number of muscles in the label table.",
            ) from error
    with atomic(out) as temporary:
        temporary.write_bytes(pdf)


def _row(measures: pd.DataFrame, ranges: Mapping[str, Range], region: str, *, whole: bool) -> dict[str, Any]:
    """What the page says of a region; a volume of 0 is no volume, but a muscle outside the field, or missed."""
    of_region = measures[measures["region"] == region].set_index("side")
    t2 = {side: _known(of_region, side, "t2_mean_ms") for side in ("right", "left")}
    found = ranges.get(region)
    difference = t2["left"] - t2["right"] if None not in t2.values() else None
    return {
        "region": "both thighs" if region == _THIGH else region,
        "whole": whole,
        **t2,
        "volume_right": _known(of_region, "right", "volume_ml") or None,
        "volume_left": _known(of_region, "left", "volume_ml") or None,
        "difference": difference,
        "low": found.low if found else None,
        "high": found.high if found else None,
    }


def _known(rows: pd.DataFrame, side: str, column: str) -> float | None:
    value = rows[column].get(side) if side in rows.index else None
    return None if value is None or pd.isna(value) else float(value)


def _axis(shown: Sequence[float]) -> list[float]:
    """The ends of the axis of T2 (ms), at multiples of 10."""
    low, high = min(shown, default=20.0), max(shown, default=80.0)
    return [10.0 * (low // 10), 10.0 * (high // 10 + 1)]
