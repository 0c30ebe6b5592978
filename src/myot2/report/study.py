"""Everything that a report is made from, read from its folder of inputs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from myot2.core.errors import MyoT2Error
from myot2.core.labels import LabelTable, read_labels
from myot2.core.scans import Scan
from myot2.core.stopnote import StopNote, raise_if_stopped, read_stop_note
from myot2.core.tables import read_table
from myot2.core.voxel_status import REASONS
from myot2.report.analysis_log import LOG, read_log
from myot2.report.claims_check import ClaimsCheck, read_claims_check
from myot2.report.lookup import Statistics
from myot2.report.markdown import is_address

GROUPS = ("patient", "control")
VOXEL_COLUMNS = ("voxels", *(reason.column for reason in REASONS), "voxels_implausible")
"""How many voxels were measured, and how many were left out for each reason."""

FAT_COLUMN = "fat_fraction_mean"
QUALITY_COLUMNS = ("muscles", "volume_ml", "agreement", "risk")
"""What is told of each scan's labels, beside the flags."""


PEOPLE = "analyse/participants.tsv"
MEASURES = "measure/cohort.tsv"
FLOW = "measure/flow.tsv"
QUALITY = "segment/quality_scans.tsv"
INPUT_TABLES = {
    "people": (PEOPLE, ("participant_id", "session", "group", "t2_mean_ms")),
    "roc": ("analyse/roc.tsv", ("cutoff", "sensitivity", "specificity")),
    "multiverse": (
        "analyse/multiverse.tsv",
        ("mask", "t2", "statistic", "aggregation", "main", "auc", "auc_ci_low", "auc_ci_high", "cutoff_ms", "reason"),
    ),
    "measures": (
        MEASURES,
        ("participant_id", "session", "region", "side", "t2_mean_ms", FAT_COLUMN, *VOXEL_COLUMNS),
    ),
    "quality": (QUALITY, ("participant_id", "session", "status", *QUALITY_COLUMNS, "flags")),
    "flow": (FLOW, ("participant_id", "session", "status", "stage", "expected", "found", "do")),
}
"""Name of each table, its path below the results folder, and the columns that the report needs."""

MULTIVERSE_NUMBERS = ("auc", "auc_ci_low", "auc_ci_high", "cutoff_ms")
BAND = "analyse/roc_band.tsv"
BAND_COLUMNS = ("false_positive_rate", "sensitivity", "low", "high")
"""The band around the ROC curve, which analyse writes where it can."""

RECONSTRUCTION = "reconstruct/scans.tsv"
RECONSTRUCTION_NUMBERS = (
    "chi_square",
    "acceleration",
    "phase_deg",
    "difference_percent",
    "largest_percent",
    "rms_percent",
    "fat_left",
)
RECONSTRUCTION_COLUMNS = (
    "participant_id",
    "session",
    "status",
    *RECONSTRUCTION_NUMBERS,
    "pattern",
    "b1_source",
    "flags",
)
"""The scans that were reconstructed, where a run starts from raw k-space."""
MASKS = "analyse/masks.tsv"
MASKS_COLUMNS = ("participant_id", "mask", "t2_ms")
"""Everybody's T2 by each mask, where the run compares masks."""

REVIEW = "review/scans.tsv"
REVIEW_NUMBERS = (
    "minutes",
    "voxels_added",
    "voxels_removed",
    "dice",
    "hd95_mm",
    "t2_own_ms",
    "t2_corrected_ms",
    "t2_change_ms",
)
REVIEW_COLUMNS = (
    "participant_id",
    "session",
    "rater",
    "decision",
    "state",
    "found",
    "muscles",
    "reason",
    *REVIEW_NUMBERS,
    "crosses_cutoff",
)
"""What a person decided about each scan, and what a correction did."""

MUSCLE_NUMBERS = (
    "scans",
    "changed",
    "dice_mean",
    "dice_lowest",
    "hd95_mean_mm",
    "t2_difference_mean_ms",
    "t2_difference_lowest_ms",
    "t2_difference_highest_ms",
)
REVIEW_MUSCLES = "review/muscles.tsv"
REVIEW_MUSCLE_COLUMNS = ("region", *MUSCLE_NUMBERS)
"""What corrections did to each muscle."""
RATERS = "review/raters.tsv"
RATER_NUMBERS = (
    *("scans", "equal", "kappa", "kappa_low", "kappa_high", "left_out", "dice_mean", "hd95_mean_mm", "masks"),
    *("t2_bias_ms", "t2_bias_low_ms", "t2_bias_high_ms", "t2_lower_ms", "t2_upper_ms", "icc", "icc_low", "icc_high"),
)
RATER_COLUMNS = ("kind", "first", "second", "kappa_missing", *RATER_NUMBERS)
"""How far two raters agree, and one with the own second look."""
RATER_MUSCLES = "review/rater_muscles.tsv"
RATER_MUSCLE_COLUMNS = ("kind", "first", "second", *REVIEW_MUSCLE_COLUMNS)

CLAIMS = "analyse/claims.json"
"""What the check of printed numbers found, where it was run."""

OPTIONAL = (BAND, MASKS, REVIEW, REVIEW_MUSCLES, RATERS, RATER_MUSCLES, CLAIMS, RECONSTRUCTION)
"""Files of the results that a report can do without."""

STATISTICS = "analyse/statistics.json"
LABELS = "labels.tsv"
FACTS = "facts.json"
PANELS = "panels"
FIGURES = "figures"
THUMBNAILS = "thumbnails"
PANEL_SUFFIX = "_panel.png"
PICTURES = "reconstructions"
PICTURE_SUFFIX = "_reconstruction.png"

_SCAN = re.compile(r"sub-[A-Za-z0-9]+(_ses-[A-Za-z0-9]+)?")


@dataclass(frozen=True)
class Findings:
    """The results of one run, in numbers.

    Parameters
    ----------
    statistics : Statistics
        statistics.json.
    people : pd.DataFrame
        One row per person; `t2_mean_ms` is the study's value (ms, NaN where not measured).
    roc : pd.DataFrame
        All operating points: cutoff (ms), sensitivity and specificity (0-1).
    multiverse : pd.DataFrame
        One row per variant of mask, T2 map, statistic and aggregation, as `specification_curve` draws it.
    band : pd.DataFrame
        `BAND_COLUMNS` (all 0-1); no rows where the run made no band.
    masks : pd.DataFrame
        `MASKS_COLUMNS`, one row per mask and person, T2 in ms (NaN where there is none); no rows without such a table.
    review : pd.DataFrame
        `REVIEW_COLUMNS`, one row per scan that a person decided about; no rows without such a table.
    review_muscles, rater_muscles : pd.DataFrame
        `REVIEW_MUSCLE_COLUMNS` of corrected against own masks, and `RATER_MUSCLE_COLUMNS` of two readings.
    raters : pd.DataFrame
        `RATER_COLUMNS`, one row per pair of readings; no rows where no scan was read twice.
    regions : pd.DataFrame
        The measures: one row per scan, region and side, with the scan's name in `scan`.
    muscles : pd.DataFrame
        T2 in ms of each muscle, both sides together; rows are muscles in the label table's order, columns scan names.
    sides : pd.DataFrame
        The same of left minus right.
    voxels : pd.DataFrame
        Voxels of the thighs, measured and left out, and their mean fat fraction (0-1): rows are scan names, columns
        `VOXEL_COLUMNS` and `FAT_COLUMN`; NaN where no fit of ours says what became of them, or no Dixon scan the fat.
    quality : pd.DataFrame
        The labels of each scan: rows are scan names, columns `status`, `QUALITY_COLUMNS` (NaN where unknown) and
        `flags`, sentences joined by semicolons, missing where there is none.
    reconstruction : pd.DataFrame
        The reconstructions: rows are scan names, columns `RECONSTRUCTION_COLUMNS` but for the names; no rows where T2
        is not from raw k-space.
    flow : pd.DataFrame
        One row per scan with its `scan` name, `group` (missing where unknown), status, and the parts of its stop note.
    """

    statistics: Statistics
    people: pd.DataFrame
    roc: pd.DataFrame
    multiverse: pd.DataFrame
    band: pd.DataFrame
    masks: pd.DataFrame
    review: pd.DataFrame
    review_muscles: pd.DataFrame
    raters: pd.DataFrame
    rater_muscles: pd.DataFrame
    regions: pd.DataFrame
    muscles: pd.DataFrame
    sides: pd.DataFrame
    voxels: pd.DataFrame
    quality: pd.DataFrame
    reconstruction: pd.DataFrame
    flow: pd.DataFrame
    labels: LabelTable

    def group_of(self, scan: str) -> str | None:
        """'patient' or 'control'; None where the scan's group is unknown."""
        found = self.flow.loc[self.flow["scan"] == scan, "group"].dropna()
        return found.iloc[0] if len(found) else None

    def t2_of(self, group: str) -> pd.Series:
        """T2 in ms of each measured person of a group, indexed by participant_id."""
        chosen = self.people[(self.people["group"] == group) & self.people["t2_mean_ms"].notna()]
        return chosen.set_index("participant_id")["t2_mean_ms"]

    def clinical(self, name: str, group: str = "patient") -> pd.Series:
        """A number of the participants table of each person of a group, NaN where unknown or no such column."""
        chosen = self.people[self.people["group"] == group].set_index("participant_id")
        if name not in chosen:
            return pd.Series(float("nan"), index=chosen.index, name=name)
        return pd.to_numeric(chosen[name], errors="coerce").astype("float64")


@dataclass(frozen=True)
class Study(Findings):
    """The findings, and what a page needs beside them.

    Parameters
    ----------
    panels : dict
        Scan name to the panel's path (relative to the document), or to the stop note that stands in its place.
    pictures : dict
        Scan name to the path of the picture of its reconstruction, of those that have one.
    thumbnails : dict
        Scan name to the path of the panel's small form, of those that have one.
    pages : str or None
        The folder of the participants' pages, relative to the report; None where there are none.
    log : tuple of dict
        One entry per analysis of the plan (`myot2.report.analysis_log`).
    claims : ClaimsCheck or None
        What the check of the printed numbers found; None where it was not run.
    configuration, renderer
        The run's configuration, and the name of what renders the page.
    audit_table : str or None
        The page that says how far each scan came, relative to the report; None where there is none.
    seal : str or None
        The SHA-256 of the list of the results' SHA-256 (audit/results.sha256); None where there is no list.
    """

    panels: Mapping[str, Path | StopNote]
    pictures: Mapping[str, Path]
    thumbnails: Mapping[str, Path]
    pages: str | None
    log: tuple[Mapping[str, Any], ...]
    claims: ClaimsCheck | None
    configuration: Mapping[str, Any]
    renderer: str
    seal: str | None = None
    audit_table: str | None = None


def read_findings(results: Path, labels: Path) -> Findings:
    """Read a run's folder of results, with its folders analyse/ and measure/.

    Raises
    ------
    Stopped
        The statistics could not be made; the note says why.
    MyoT2Error
        A table lacks a column or holds text where a number belongs.
    """
    tables = {name: _read(results / path, columns) for name, (path, columns) in INPUT_TABLES.items()}
    raise_if_stopped(results / STATISTICS)
    label_table = read_labels(labels)
    people = _numeric(tables["people"], ("t2_mean_ms",), PEOPLE)
    measures = _numeric(tables["measures"], ("t2_mean_ms", FAT_COLUMN, *VOXEL_COLUMNS), MEASURES)
    regions = measures.assign(scan=scan_names(measures))
    by_side = {side: _by_muscle(regions, side, label_table) for side in ("left", "right", "both")}
    return Findings(
        statistics=read_statistics(results / STATISTICS),
        people=people,
        roc=_numeric(tables["roc"], INPUT_TABLES["roc"][1], "analyse/roc.tsv"),
        multiverse=_numeric(tables["multiverse"], MULTIVERSE_NUMBERS, "analyse/multiverse.tsv"),
        band=_if_there(results / BAND, BAND_COLUMNS, BAND_COLUMNS),
        masks=_if_there(results / MASKS, MASKS_COLUMNS, ("t2_ms",)),
        review=_if_there(results / REVIEW, REVIEW_COLUMNS, REVIEW_NUMBERS),
        review_muscles=_if_there(results / REVIEW_MUSCLES, REVIEW_MUSCLE_COLUMNS, MUSCLE_NUMBERS),
        raters=_if_there(results / RATERS, RATER_COLUMNS, RATER_NUMBERS),
        rater_muscles=_if_there(results / RATER_MUSCLES, RATER_MUSCLE_COLUMNS, MUSCLE_NUMBERS),
        regions=regions,
        muscles=by_side["both"],
        sides=(by_side["left"] - by_side["right"]).reindex(
            index=by_side["both"].index, columns=by_side["both"].columns
        ),
        voxels=_voxels(measures),
        quality=_quality(tables["quality"]),
        reconstruction=_reconstruction(results / RECONSTRUCTION),
        flow=_with_groups(tables["flow"], people),
        labels=label_table,
    )


def read_study(folder: str | Path) -> Study:
    """Read a folder of inputs as `myot2.report.staging` lays it out; raises what `read_findings` raises."""
    folder = Path(folder)
    findings = read_findings(folder, folder / LABELS)
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    return Study(
        **{field.name: getattr(findings, field.name) for field in fields(Findings)},
        panels={path.name.removesuffix(PANEL_SUFFIX): _panel(path) for path in sorted((folder / PANELS).iterdir())},
        pictures={
            path.name.removesuffix(PICTURE_SUFFIX): path
            for path in sorted((folder / PICTURES).glob(f"*{PICTURE_SUFFIX}"))
            if not read_stop_note(path)
        },
        thumbnails={path.stem: path for path in sorted((folder / THUMBNAILS).glob("*.jpg"))},
        pages=facts["pages"],
        log=read_log(folder / LOG),
        claims=read_claims_check(folder / CLAIMS) if (folder / CLAIMS).is_file() else None,
        configuration=facts["configuration"],
        renderer=facts["renderer"],
        seal=facts.get("seal"),
        audit_table=facts.get("audit_table"),
    )


def read_statistics(path: Path) -> Statistics:
    """Read statistics.json; raise `MyoT2Error` where a key could not be written into a page as it is."""
    content = json.loads(path.read_text(encoding="utf-8"))
    strange = [key for key in content if not is_address(key)]
    if strange:
        raise MyoT2Error(
            expected="keys of letters, digits, dots, underscores and hyphens",
            found=", ".join(map(repr, strange[:3])),
            where=path.name,
            do="Run the analyse stage again.",
        )
    return Statistics(content)


def _read(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    table = read_table(path)
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise MyoT2Error(
            expected=f"columns {', '.join(columns)}",
            found=f"no column {', '.join(missing)}",
            where=path.name,
            do="Run the stage that writes the table again.",
        )
    return table


def _numeric(table: pd.DataFrame, columns: tuple[str, ...], where: str) -> pd.DataFrame:
    try:
        return table.assign(**{name: pd.to_numeric(table[name]).astype("float64") for name in columns})
    except ValueError as error:
        raise MyoT2Error(
            expected=f"numbers in {', '.join(columns)}",
            found=str(error),
            where=where,
            do="Run the stage that writes the table again.",
        ) from error


def scan_names(table: pd.DataFrame) -> list[str]:
    """The scan's name of each row; raises `MyoT2Error` where it could not name a file or a place in a page."""
    pairs = zip(table["participant_id"], table["session"], strict=True)
    names = [Scan(person, None if pd.isna(session) else session).name for person, session in pairs]
    strange = [name for name in names if not _SCAN.fullmatch(name)]
    if strange:
        raise MyoT2Error(
            expected="participants and sessions named by letters and digits",
            found=", ".join(map(repr, strange[:3])),
            where="the results' tables",
            do="Rename them in the participants table and run the workflow again.",
        )
    return names


def _if_there(path: Path, columns: tuple[str, ...], numbers: tuple[str, ...]) -> pd.DataFrame:
    """A table that need not be there: then it has no rows."""
    if not path.is_file():
        return pd.DataFrame(columns=list(columns), dtype=float)
    return _numeric(_read(path, columns), numbers, path.name)


def _by_muscle(regions: pd.DataFrame, side: str, labels: LabelTable) -> pd.DataFrame:
    muscles = regions[(regions["side"] == side) & regions["region"].isin(labels.muscles)]
    wide = muscles.drop_duplicates(["region", "scan"]).pivot(index="region", columns="scan", values="t2_mean_ms")
    return wide.reindex([name for name in labels.muscles if name in wide.index]).rename_axis(index=None, columns=None)


def _voxels(measures: pd.DataFrame) -> pd.DataFrame:
    whole = measures[(measures["side"] == "both") & (measures["region"] == "thigh")]
    return whole[[*VOXEL_COLUMNS, FAT_COLUMN]].set_axis(scan_names(whole), axis=0)


def _quality(table: pd.DataFrame) -> pd.DataFrame:
    numeric = _numeric(table, QUALITY_COLUMNS, INPUT_TABLES["quality"][0])
    return numeric[["status", *QUALITY_COLUMNS, "flags"]].set_axis(scan_names(table), axis=0)


def _reconstruction(path: Path) -> pd.DataFrame:
    if not path.is_file():
        return pd.DataFrame(columns=list(RECONSTRUCTION_COLUMNS[2:]))
    table = _numeric(_read(path, RECONSTRUCTION_COLUMNS), RECONSTRUCTION_NUMBERS, RECONSTRUCTION)
    return table[list(RECONSTRUCTION_COLUMNS[2:])].set_axis(scan_names(table), axis=0)


def _with_groups(flow: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    groups = people.set_index("participant_id")["group"]
    return flow.assign(scan=scan_names(flow), group=flow["participant_id"].map(groups))


def _panel(path: Path) -> Path | StopNote:
    return read_stop_note(path) or path
