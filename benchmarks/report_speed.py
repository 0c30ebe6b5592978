"""What the report of a study of 74 people costs: CPU seconds and size of each part.

The study is made up: 64 patients and 10 controls with T2, enzymes, two readers' lung scores, the T2 of thirteen muscles
on both sides and T2 in eighteen variants, masks of half of them corrected, drawn from a seeded generator. One panel is
drawn from a made-up thigh of the demo's size and stands in for all, with noise in it so that it is compressed no better
than a real one. Counted are the statistics, the check of their printed numbers, the figures and the report with its
participants' pages, each as the workflow runs it, children included; a panel is a job per scan that is run once and
then cached, and is told apart.

    .venv/bin/python benchmarks/report_speed.py [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import SimpleITK as sitk

from myot2.core.config import Configuration
from myot2.core.images import write_image
from myot2.core.labels import read_labels
from myot2.core.tables import write_tsv
from myot2.core.variants import AGGREGATIONS, OTHER_MASKS, STATISTICS
from myot2.core.voxel_status import REASONS

ROOT = Path(__file__).parents[1]
PATIENTS, CONTROLS = 64, 10
SEED = 20260728
IMAGES = ("image", "labels", "t2", "t2_labels")
PANEL_MATRIX = (30, 144, 256)


def main() -> None:
    """Build the study and its report and print what each part cost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where to build it (default: a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        make_study(folder)
        print("| part | CPU s | MB |\n|---|---|---|")
        for part, command, outputs in commands(folder):
            seconds = cpu_seconds(command)
            size = sum(path.stat().st_size for pattern in outputs for path in folder.glob(pattern)) / 1e6
            print(f"| {part} | {seconds:.1f} | {size:.1f} |", flush=True)
            if part == "one panel":
                copy_panel(folder)


def cpu_seconds(command: list[str]) -> float:
    """User and system time of a program and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], check=True, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def commands(folder: Path) -> list[tuple[str, list[str], list[str]]]:
    """Each part's name, its program and what it writes."""
    table = ["--label-table", "config/labels.tsv"]
    images = [part for name in IMAGES for part in (f"--{name.replace('_', '-')}", f"{folder}/{name}.nii.gz")]
    study = ["--participants", f"{folder}/participants.tsv", "--measures", f"{folder}/measure/cohort.tsv"]
    results = ["--results", str(folder)]
    pages = ["--html", f"{folder}/report/report.html", "--pdf", f"{folder}/report/report.pdf"]
    pages += ["--participants", f"{folder}/report/participants", "--figures", f"{folder}/report/figures"]
    panels = ["--panels", *(f"{folder}/panels/{name}_panel.png" for name in scans())]
    document = ["--report", "report/report.qmd", "--config-summary", f"{folder}/config.json", "--renderer", "pandoc"]
    panel = ["scripts/draw_panel.py", *images, *table, "--title", "sub-P01", "--out", f"{folder}/panel.png"]
    tables = {name: f"{folder}/analyse/{name}.tsv" for name in ("multiverse", "masks")}
    variants = ["scripts/compare_variants.py", *study, "--tables", f"{folder}/measure/variants.tsv"]
    variants += ["--masks", *OTHER_MASKS, "--statistics", *STATISTICS[1:], "--aggregations", *AGGREGATIONS[1:]]
    variants += ["--out", tables["multiverse"], "--by-person", tables["masks"]]
    analysis = ["scripts/analyse_cohort.py", *study, *table, "--out", f"{folder}/analyse"]
    analysis += [word for name, path in tables.items() for word in (f"--{name}", path)]
    claims = ["scripts/check_claims.py", "--statistics", f"{folder}/analyse/statistics.json", "--out"]
    figures = ["scripts/draw_figures.py", *results, *table, "--out", f"{folder}/report/figures"]
    report = ["scripts/render_report.py", *document, *results, *table, *panels, *pages]
    return [
        ("one panel", panel, ["panel.png"]),
        ("variants", variants, [f"analyse/{name}.*" for name in tables]),
        ("statistics", analysis, ["analyse/*"]),
        ("check of the printed numbers", [*claims, f"{folder}/analyse"], ["analyse/claims*"]),
        ("figures", figures, ["report/figures/*"]),
        ("report.html, report.pdf and participants' pages", report, ["report/*.*", "report/participants/*"]),
        ("of these, report.html", ["-c", ""], ["report/report.html"]),
    ]


def people() -> list[tuple[str, bool]]:
    """Ids, and whether each is a patient."""
    patients = [(f"P{number:02d}", True) for number in range(1, PATIENTS + 1)]
    return patients + [(f"C{number:02d}", False) for number in range(1, CONTROLS + 1)]


def scans() -> list[str]:
    """Scan names."""
    return [f"sub-{name}" for name, _ in people()]


def make_study(folder: Path) -> None:
    """Write the participants table, the measures, the configuration, and one scan's images."""
    random = np.random.default_rng(SEED)
    labels = read_labels(ROOT / "config/labels.tsv")
    counts = {"voxels": 5000, **{reason.column: 10 for reason in REASONS}, "voxels_implausible": 2}
    rows, measures, flow, quality, variants = [], [], [], [], []
    for name, patient in people():
        t2 = 34 + random.gamma(2.0, 6.5) if patient else random.normal(33.9, 0.9)
        rows.append(
            {"participant_id": name, "group": "patient" if patient else "control", **clinical(random, t2, patient)}
        )
        flow.append({"participant_id": name, "session": None, "status": "measured"})
        judged = {"status": "judged", "muscles": 26, "volume_ml": 2500, "agreement": 0.9, "risk": 0.1, "flags": None}
        quality.append({"participant_id": name, "session": None, **judged})
        variants += variants_of(random, name, t2)
        muscles = {muscle: t2 + random.normal(0, 2) for muscle in labels.muscles}
        for region, mean in {"thigh": t2, **muscles}.items():
            for side in ("left", "right", "both"):
                shifted = mean + (0 if side == "both" else random.normal(0, 0.7))
                measures.append(
                    {"participant_id": name, "session": None, "region": region, "side": side, "t2_mean_ms": shifted,
                     "t2_median_ms": shifted - 1, "t2_sd_ms": 5.0, "volume_ml": 40.0, "fat_fraction_mean": 0.08,
                     **counts}
                )  # fmt: skip
    write_tsv(pd.DataFrame(rows), folder / "participants.tsv")
    write_tsv(pd.DataFrame(quality), folder / "segment/quality_scans.tsv")
    write_tsv(pd.DataFrame(variants), folder / "measure/variants.tsv")
    write_tsv(pd.DataFrame(measures), folder / "measure/cohort.tsv")
    empty = dict.fromkeys(("stage", "expected", "found", "where", "do"))
    write_tsv(pd.DataFrame(flow).assign(**empty), folder / "measure/flow.tsv")
    (folder / "config.json").write_text(Configuration(simulate={"preset": "demo"}).model_dump_json(), encoding="utf-8")
    draw_thigh(random, folder)


def variants_of(random: np.random.Generator, name: str, t2: float) -> list[dict[str, object]]:
    """Rows of one person's T2 (ms) in every way; every other person has a corrected mask."""
    rows = []
    for mask, statistic, aggregation in product(("automatic", *OTHER_MASKS), STATISTICS, AGGREGATIONS):
        main = (mask, statistic, aggregation) == ("automatic", "mean", "voxel")
        none = mask == "corrected" and int(name[1:]) % 2
        rows.append(
            {"participant_id": name, "session": None, "mask": mask, "t2": "vendor-map", "statistic": statistic,
             "aggregation": aggregation, "t2_ms": None if none else t2 + (0 if main else random.normal(0.2, 0.6)),
             "reason": "no corrected label map is given" if none else None}
        )  # fmt: skip
    return rows


def clinical(random: np.random.Generator, t2: float, patient: bool) -> dict[str, object]:
    """What the participants table says of one person."""
    facts: dict[str, object] = {"sex": str(random.choice(["F", "M"])), "age": int(random.integers(20, 72))}
    if patient:
        scores = random.integers(0, 5, 2) * int(random.random() < 0.5)
        known = random.random() < 0.95
        facts |= {"diagnosis": str(random.choice(["DM", "PM", "ASS"], p=[0.42, 0.45, 0.13]))}
        facts |= {
            "treatment": str(random.choice(["untreated", "relapsed"])),
            "disease_duration_months": int(random.integers(1, 144)),
        }
        facts |= {
            enzyme: round(float(np.exp(random.normal(4.5 + 0.02 * t2, 0.8)))) for enzyme in ("ck", "alt", "ast", "ldh")
        }
        facts |= dict(zip(("ild_severity", "ild_extent"), map(int, scores), strict=True)) if known else {}
        facts |= {"ild_score": int(scores.sum())} if known else {}
        again = np.clip(scores + random.integers(-1, 2, 2), 0, 4)
        facts |= dict(zip(("ild_severity_2", "ild_extent_2"), map(int, again), strict=True)) if known else {}
    return facts


def draw_thigh(random: np.random.Generator, folder: Path) -> None:
    """Two discs of thirteen sectors, noisy, as in-phase image, T2 map and label map on one grid."""
    slices, rows, columns = PANEL_MATRIX
    y, x = np.mgrid[:rows, :columns].astype(float)
    labels = np.zeros(PANEL_MATRIX, np.uint8)
    for first, centre in ((1, 190), (14, 65)):
        angle = np.arctan2(y - rows / 2, x - centre)
        disc = np.hypot(y - rows / 2, x - centre) < 55
        labels[:, disc] = (first + np.floor((angle + np.pi) / (2 * np.pi) * 12.99)).astype(np.uint8)[disc]
    for name, values in (
        ("image", random.normal(300 + 300 * (labels > 0), 40)),
        ("t2", random.normal(np.where(labels > 0, 40 + labels, 90), 6)),
        ("labels", labels),
        ("t2_labels", labels),
    ):
        image = sitk.GetImageFromArray(values if values.dtype == np.uint8 else values.astype(np.float32))
        image.SetSpacing((1.64, 1.64, 6.0))
        write_image(image, folder / f"{name}.nii.gz")


def copy_panel(folder: Path) -> None:
    """The same picture for everybody."""
    (folder / "panels").mkdir(exist_ok=True)
    for name in scans():
        (folder / f"panels/{name}_panel.png").write_bytes((folder / "panel.png").read_bytes())


if __name__ == "__main__":
    main()
