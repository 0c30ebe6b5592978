"""Serve the review page on this machine alone: look at each case, accept, correct or reject it.

The address that is printed holds a token that works once. Decisions go to decisions.tsv in the folder that the
configuration names (review.folder), corrected label maps beside it; `snakemake` then reruns what depends on them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import uvicorn
import yaml

from myot2.core.command import run_stage
from myot2.core.config import Configuration, read_configuration
from myot2.core.errors import MyoT2Error
from myot2.core.labels import read_labels
from myot2.core.participants import Participant, read_participants
from myot2.core.scans import Scan
from myot2.core.stopnote import read_stop_note
from myot2.review.cases import Case, flags_of, in_order, read_quality
from myot2.review.decisions import read_decisions
from myot2.review.server import Review, make_app


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--configfile", default="config/config.yaml", metavar="YAML", help="the run's configuration")
    parser.add_argument("--rater", required=True, metavar="RATER", help="who decides: letters and digits")
    parser.add_argument("--port", type=int, default=8765, help="default %(default)s")
    options = parser.parse_args(argv)
    if not (options.rater.isascii() and options.rater.isalnum() and len(options.rater) <= 32):
        parser.error("--rater is made of up to 32 letters and digits")
    return options


def review_of(configfile: str, rater: str) -> Review:
    """The cases of a run, as far as the workflow has made them.

    Raises
    ------
    MyoT2Error
        The configuration or a table is not valid, or no scan has images and labels yet.
    """
    path = Path(configfile)
    if not path.is_file():
        raise MyoT2Error(expected="a configuration", found="no such file", where=path, do="Check --configfile.")
    settings = read_configuration(yaml.safe_load(path.read_text(encoding="utf-8")) or {}, where=path)
    people = read_participants(
        settings.participants.table,
        columns=settings.participants.columns,
        values=settings.participants.values,
        require_dicom=False,
    )
    quality = read_quality(Path(settings.results) / "segment/quality_scans.tsv")
    cases = [case for person in people if (case := case_of(person, settings, quality))]
    if not cases:
        raise MyoT2Error(
            expected="scans with labels", found="none", where=settings.results, do="Run the workflow first (snakemake)."
        )
    read_decisions(settings.review.folder)  # a bad table is told before the work
    return Review(
        cases=in_order(cases, seed=settings.review.seed, repeats=settings.review.repeats),
        folder=Path(settings.review.folder),
        rater=rater,
        deciding_rater=settings.review.rater,
        table=read_labels(settings.label_table),
    )


def case_of(person: Participant, settings: Configuration, quality: dict) -> Case | None:
    """The files of one scan; None where one is not made yet, or is a stop note."""
    results, scan = Path(settings.results), Scan(person.participant_id, person.session)
    names = {
        "image": f"ingest/{scan.folder}/{scan.name}{seen_image(settings)}.nii.gz",
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


def seen_image(settings: Configuration) -> str:
    """What follows the scan's name in the image that was labelled, or where none was that of the T2 grid."""
    if settings.segment.backend != "labels":
        return f"_acq-dixon{settings.segment.image}_T2w"
    return "_echo-01_MESE" if settings.ingest.echoes else "_T2map"


def serve(options: argparse.Namespace) -> None:
    """Serve until the program is stopped."""
    app = make_app(review_of(options.configfile, options.rater), port=options.port)
    print(f"Open http://127.0.0.1:{options.port}/?token={app.token}  (works once; Ctrl-C ends)", flush=True)
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning", server_header=False, lifespan="off")


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parse(argv)
    return run_stage("review", lambda: serve(options), outputs=[], leave_stop_notes=False)


if __name__ == "__main__":
    sys.exit(main())
