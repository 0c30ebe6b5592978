"""The run that is reviewed: its cases as far as the workflow has made them, and where decisions go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from myot2.core.config import Configuration, read_configuration_file
from myot2.core.errors import MyoT2Error
from myot2.core.labels import LabelTable, read_labels
from myot2.core.participants import Participant, read_participants
from myot2.core.scans import Scan
from myot2.core.stopnote import read_stop_note
from myot2.review.cases import Case, flags_of, in_order, read_quality
from myot2.review.decisions import read_decisions


@dataclass(frozen=True)
class ReviewedRun:
    """Cases in the order in which they are shown, the folder of decisions, who decides, and the label table."""

    cases: Sequence[Case]
    folder: Path
    raters: Sequence[str] | None
    table: LabelTable


def read_review(configfile: str | Path) -> ReviewedRun:
    """The cases of a run, as far as the workflow has made them.

    Raises
    ------
    MyoT2Error
        The configuration or a table is not valid, or no scan has images and labels yet.
    """
    settings = read_configuration_file(configfile)
    people = read_participants(
        settings.participants.table,
        columns=settings.participants.columns,
        values=settings.participants.values,
        require_dicom=False,
    )
    quality = read_quality(Path(settings.results) / "segment/quality_scans.tsv")
    cases = [case for person in people if (case := _case_of(person, settings, quality))]
    if not cases:
        raise MyoT2Error(
            expected="scans with labels", found="none", where=settings.results, do="Run the workflow first (snakemake)."
        )
    read_decisions(settings.review.folder)  # a bad table is told before the work
    return ReviewedRun(
        cases=in_order(cases, seed=settings.review.seed, repeats=settings.review.repeats),
        folder=Path(settings.review.folder),
        raters=settings.review.raters,
        table=read_labels(settings.label_table),
    )


def _case_of(person: Participant, settings: Configuration, quality: dict) -> Case | None:
    """The files of one scan; None where one is not made yet, or is a stop note."""
    results, scan = Path(settings.results), Scan(person.participant_id, person.session)
    names = {
        "image": f"ingest/{scan.folder}/{scan.name}{_seen_image(settings)}.nii.gz",
        "own_labels": f"segment/{scan.folder}/{scan.name}_dseg.nii.gz",
        "t2_map": f"fit/{scan.folder}/{scan.name}_T2map.nii.gz",
        "t2_labels": f"align/{scan.folder}/{scan.name}_space-T2_dseg.nii.gz",
    }
    files = {key: results / name for key, name in names.items()}
    if settings.fit.source == "kspace" and settings.segment.backend == "labels":
        files["image"] = results / f"reconstruct/{scan.folder}/{scan.name}_echo-01_MESE.nii.gz"
    if any(not path.is_file() or read_stop_note(path) for path in files.values()):
        return None
    measures = results / f"measure/{scan.folder}/{scan.name}_muscles.tsv"
    risk, flags = flags_of(scan, quality, files["t2_labels"], measures)
    return Case(scan, **files, risk=risk, flags=flags)


def _seen_image(settings: Configuration) -> str:
    """What follows the scan's name in the image that was labelled, or where none was that of the T2 grid."""
    if settings.segment.backend != "labels":
        return f"_acq-dixon{settings.segment.image}_T2w"
    return "_echo-01_MESE" if settings.ingest.echoes else "_T2map"
