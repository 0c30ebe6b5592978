"""A small run of real files, recorded as the workflow records one: two people from DICOM folders to a report."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from myot2.audit.history import History, read_history
from myot2.audit.ledger import merge
from myot2.audit.recording import Job, Recorder
from myot2.audit.seal import write_seal
from myot2.audit.verify import verify
from myot2.core.files import sha256, write_json, write_text
from myot2.core.images import write_image

PEOPLE = ("sub-A", "sub-B")
LABELS = {1, 2}
SETTINGS = {"fit": {"source": "vendor-map", "limit": 0.5}}
STAGES = {"apply_decision": "review"}
"""Rules whose output lies in the folder of another stage."""
CODE = ["scripts/fit_t2.py", "src/myot2/fit.py"]


@dataclass
class Run:
    """A project's folder with a recorded run in results/."""

    project: Path
    recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        self.recorder = Recorder("results", self.project)

    @property
    def results(self) -> Path:
        return self.project / "results"

    @property
    def audit(self) -> Path:
        return self.results / "audit"

    def do(self, rule: str, inputs: list[str], outputs: list[str], work: Callable[[], None], scan="", **params) -> None:
        """Do a job and record it."""
        wildcards = {"scan": scan, "folder": f"{scan}/anat"} if scan else {}
        log = f"results/logs/{STAGES.get(rule) or outputs[0].split('/')[1]}/{rule}.log"
        job = Job(rule, [*inputs, *CODE, "envs/run.lock"], outputs, [log], wildcards, params)
        with self.recorder.recording(job):
            work()

    def image(self, path: str, value: float, size=(6, 5, 4), seed: int = 0) -> None:
        """Write an image whose voxels are `value` with a little noise, or labels where it is 0."""
        rng = np.random.default_rng(seed)
        shape = size[::-1]
        array = rng.normal(value, value / 50, shape).astype(np.float32) if value else rng.integers(0, 3, shape)
        image = sitk.GetImageFromArray(array if value else array.astype(np.uint8))
        image.SetSpacing((1.5, 1.5, 6.0))
        write_image(image, self.project / path)

    def history(self) -> History:
        return read_history(self.recorder.places)

    def verify(self, scans=frozenset(PEOPLE), settings=SETTINGS, reviewed=None):
        return verify(self.history(), settings=settings, scans=set(scans), labels=LABELS, reviewed=reviewed)


def examine(run: Run, scan: str, number: int) -> None:
    """All jobs of one person."""
    at = f"results/{{}}/{scan}/anat/{scan}".format
    dicom = str(run.project.parent / f"archive/Doe^Jane {number}")
    image, dseg = f"{at('ingest')}_acq-dixonin_T2w.nii.gz", f"{at('segment')}_dseg.nii.gz"
    given, aligned = f"{at('ingest')}_T2map.nii.gz", f"{at('align')}_space-T2_dseg.nii.gz"
    t2, table = f"{at('fit')}_T2map.nii.gz", f"{at('measure')}_muscles.tsv"

    def ingest():
        run.image(image, 300, size=(8, 6, 4), seed=number)
        run.image(given, 0.04, seed=number)

    rows = f"participant_id\tregion\tt2_mean_ms\tvolume_ml\n{scan}\tvastus\t4{number}.5\t61\n"
    run.do("ingest", [dicom, "config/key"], [image, given], ingest, scan, dicom=dicom, scale=[])
    run.do("segment", [image], [dseg], lambda: run.image(dseg, 0, (8, 6, 4), number), scan)
    run.do("align", [dseg, given], [aligned], lambda: run.image(aligned, 0, seed=number), scan)
    run.do("take_vendor_map", [given], [t2], lambda: run.image(t2, 40, seed=number), scan, limit=0.5)
    run.do("measure", [t2, aligned], [table], lambda: write_text(run.project / table, rows), scan)


def conclude(run: Run, scans: Sequence[str] = PEOPLE) -> None:
    """The jobs of the cohort."""
    tables = [f"results/measure/{scan}/anat/{scan}_muscles.tsv" for scan in scans]
    statistics, settings = "results/analyse/statistics.json", "results/report/configuration.json"
    seal, report = "results/audit/results.sha256", "results/report/report.html"
    figures = {"roc.auc": {"value": 0.9, "printed": "0.90"}}
    run.do("analyse", tables, [statistics], lambda: write_json(run.project / statistics, figures))
    run.do("record_configuration", [], [settings], lambda: write_json(run.project / settings, SETTINGS))
    sealed = [run.project / path for path in [*tables, statistics, settings]]
    run.do(
        "seal",
        [*tables, statistics, settings],
        [seal],
        lambda: write_seal(sealed, results=run.results, path=run.project / seal),
    )

    def page():
        write_text(run.project / report, f"<html>of {sha256(run.project / seal)}</html>\n")

    run.do("report", [statistics, settings, seal], [report], page)


def make_run(folder: Path) -> Run:
    """A project's folder with the whole run, its records in the ledger."""
    project = folder / "project"
    for name in [*CODE, "envs/run.lock", "config/key"]:
        write_text(project / name, f"# {name}\n")
    for number in (1, 2):
        for instance in range(3):
            write_text(folder / f"archive/Doe^Jane {number}/IM{instance}", f"DICM {number} {instance}")
    made = Run(project)
    for number, scan in enumerate(PEOPLE, 1):
        examine(made, scan, number)
    conclude(made)
    merge(made.audit)
    return made


def ledger_lines(run: Run) -> list[dict]:
    """The lines of the ledger."""
    return [json.loads(line) for line in (run.audit / "ledger.jsonl").read_text().splitlines()]
