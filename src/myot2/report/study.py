"""Everything that a report is made from, read from its folder of inputs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from myot2.core.errors import MyoT2Error
from myot2.core.labels import LabelTable, read_labels
from myot2.core.stopnote import StopNote, raise_if_stopped, read_stop_note
from myot2.core.tables import read_table
from myot2.report.analysis_log import LOG, read_log
from myot2.report.claims_check import ClaimsCheck, read_claims_check
from myot2.report.inputs import (
    BAND,
    BAND_COLUMNS,
    CLAIMS,
    FACTS,
    FAT_COLUMN,
    INPUT_TABLES,
    LABELS,
    MASKS,
    MASKS_COLUMNS,
    MEASURES,
    MULTIVERSE_NUMBERS,
    MUSCLE_NUMBERS,
    PANEL_SUFFIX,
    PANELS,
    PEOPLE,
    PICTURE_SUFFIX,
    PICTURES,
    QUALITY_COLUMNS,
    RATER_COLUMNS,
    RATER_MUSCLE_COLUMNS,
    RATER_MUSCLES,
    RATER_NUMBERS,
    RATERS,
    RECONSTRUCTION,
    RECONSTRUCTION_COLUMNS,
    RECONSTRUCTION_NUMBERS,
    REVIEW,
    REVIEW_COLUMNS,
    REVIEW_MUSCLE_COLUMNS,
    REVIEW_MUSCLES,
    REVIEW_NUMBERS,
    STATISTICS,
    THUMBNAILS,
    VOXEL_COLUMNS,
    numeric,
    read_if_there,
    scan_names,
)
from myot2.report.lookup import Statistics
from myot2.report.markdown import is_address


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
    tables = {name: read_table(results / path, columns=columns) for name, (path, columns) in INPUT_TABLES.items()}
    raise_if_stopped(results / STATISTICS)
    label_table = read_labels(labels)
    people = numeric(tables["people"], ("t2_mean_ms",), PEOPLE)
    measures = numeric(tables["measures"], ("t2_mean_ms", FAT_COLUMN, *VOXEL_COLUMNS), MEASURES)
    regions = measures.assign(scan=scan_names(measures))
    by_side = {side: _by_muscle(regions, side, label_table) for side in ("left", "right", "both")}
    return Findings(
        statistics=read_statistics(results / STATISTICS),
        people=people,
        roc=numeric(tables["roc"], INPUT_TABLES["roc"][1], "analyse/roc.tsv"),
        multiverse=numeric(tables["multiverse"], MULTIVERSE_NUMBERS, "analyse/multiverse.tsv"),
        band=read_if_there(results / BAND, BAND_COLUMNS, BAND_COLUMNS),
        masks=read_if_there(results / MASKS, MASKS_COLUMNS, ("t2_ms",)),
        review=read_if_there(results / REVIEW, REVIEW_COLUMNS, REVIEW_NUMBERS),
        review_muscles=read_if_there(results / REVIEW_MUSCLES, REVIEW_MUSCLE_COLUMNS, MUSCLE_NUMBERS),
        raters=read_if_there(results / RATERS, RATER_COLUMNS, RATER_NUMBERS),
        rater_muscles=read_if_there(results / RATER_MUSCLES, RATER_MUSCLE_COLUMNS, MUSCLE_NUMBERS),
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


def _by_muscle(regions: pd.DataFrame, side: str, labels: LabelTable) -> pd.DataFrame:
    muscles = regions[(regions["side"] == side) & regions["region"].isin(labels.muscles)]
    wide = muscles.drop_duplicates(["region", "scan"]).pivot(index="region", columns="scan", values="t2_mean_ms")
    return wide.reindex([name for name in labels.muscles if name in wide.index]).rename_axis(index=None, columns=None)


def _voxels(measures: pd.DataFrame) -> pd.DataFrame:
    whole = measures[(measures["side"] == "both") & (measures["region"] == "thigh")]
    return whole[[*VOXEL_COLUMNS, FAT_COLUMN]].set_axis(scan_names(whole), axis=0)


def _quality(table: pd.DataFrame) -> pd.DataFrame:
    known = numeric(table, QUALITY_COLUMNS, INPUT_TABLES["quality"][0])
    return known[["status", *QUALITY_COLUMNS, "flags"]].set_axis(scan_names(table), axis=0)


def _reconstruction(path: Path) -> pd.DataFrame:
    if not path.is_file():
        return pd.DataFrame(columns=list(RECONSTRUCTION_COLUMNS[2:]))
    table = numeric(read_table(path, columns=RECONSTRUCTION_COLUMNS), RECONSTRUCTION_NUMBERS, RECONSTRUCTION)
    return table[list(RECONSTRUCTION_COLUMNS[2:])].set_axis(scan_names(table), axis=0)


def _with_groups(flow: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    groups = people.set_index("participant_id")["group"]
    return flow.assign(scan=scan_names(flow), group=flow["participant_id"].map(groups))


def _panel(path: Path) -> Path | StopNote:
    return read_stop_note(path) or path
