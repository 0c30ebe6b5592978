"""From raw k-space to report, as config/examples/kspace.yaml does, with three of its people; one has a broken file."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys

import pandas as pd
import pytest
import yaml

from myot2.core.images import read_image, same_grid

pytestmark = pytest.mark.workflow

PEOPLE = ("P01", "C01", "C02")
BROKEN = "C02"
GZIP = b"\x1f\x8b"


@pytest.fixture(scope="module")
def scanned(project, root) -> str:
    """The configuration of the example for three people, after their examination; one raw file is cut short."""
    header, *rows = (root / "config/examples/kspace-participants.tsv").read_text().splitlines()
    kept = [row.replace("results/kspace/", "results/raw/") for row in rows if row.split("\t")[0] in PEOPLE]
    content = yaml.safe_load((root / "config/examples/kspace.yaml").read_text())
    content["reconstruct"]["b1_map"] = content["reconstruct"]["b1_map"].replace("results/kspace/", "results/raw/")
    content = {key: value for key, value in content.items() if key not in ("results", "participants")}
    configuration = project.configure("raw", content, "\n".join([header, *kept, ""]))
    project.snakemake(configuration, "--until", "simulate")
    raw = project.folder / f"results/raw/simulate/sub-{BROKEN}/kspace/raw.h5"
    os.truncate(raw, raw.stat().st_size // 2)
    return configuration


@pytest.fixture(scope="module")
def reported(project, scanned) -> str:
    """The same after the whole run."""
    project.snakemake(scanned)
    return scanned


@pytest.fixture(scope="module")
def results(project, reported):
    return project.folder / "results/raw"


def test_a_tenth_of_k_space_gives_the_t2_of_all_of_it(results):
    scans = pd.read_csv(results / "reconstruct/scans.tsv", sep="\t").set_index("participant_id")
    made = scans[scans["status"] == "reconstructed"]
    assert set(made.index) == {"P01", "C01"}
    assert (made["acceleration"] == 10).all()
    assert made["chi_square"].between(0.8, 1.0).all() and made["flags"].isna().all()
    assert made["phase_deg"].sub(6).abs().max() < 0.5
    assert made["difference_percent"].abs().max() < 2.5
    assert made["rms_percent"].max() < 9.5


def test_the_echoes_tell_that_fat_was_suppressed_so_that_it_is_not_in_the_model(results):
    told = json.loads((results / "reconstruct/sub-P01/anat/sub-P01_reconstruction.json").read_text())
    assert told["FatLeft"] is None and "it was suppressed (fat has 0." in told["Fat"]


def test_t2_of_the_thighs_is_near_the_truth(results):
    for person in ("P01", "C01"):
        truth = json.loads((results / f"simulate/sub-{person}/truth/truth.json").read_text())["t2_mean_ms"]
        table = pd.read_csv(results / f"measure/sub-{person}/anat/sub-{person}_muscles.tsv", sep="\t")
        whole = table[(table["region"] == "thigh") & (table["side"] == "both")].iloc[0]
        assert whole["t2_mean_ms"] == pytest.approx(truth, rel=0.05)
        assert whole["voxels_fat_above_limit"] > 0


def test_the_map_lies_on_the_grid_of_the_simulated_scan(results):
    t2 = read_image(results / "fit/sub-P01/anat/sub-P01_T2map.nii.gz")
    assert same_grid(t2, read_image(results / "simulate/sub-P01/truth/sub-P01_space-T2_T2map.nii.gz"))


def test_a_broken_file_stops_its_own_participant_and_the_report_says_so(results):
    flow = pd.read_csv(results / "measure/flow.tsv", sep="\t").set_index("participant_id")
    assert flow["status"].to_dict() == {"P01": "measured", "C01": "measured", BROKEN: "stopped"}
    assert flow.loc[BROKEN, "stage"] == "reconstruct"
    page = re.sub(r"<[^>]+>", "", (results / "report/report.html").read_text(encoding="utf-8"))
    assert "Of 3 scans 2 were reconstructed from raw k-space" in " ".join(page.split())
    assert (results / "report/sub-P01/anat/sub-P01_reconstruction.png").stat().st_size > 10_000


def test_no_name_of_the_raw_header_is_in_any_result(results):
    identities = {
        text
        for person in PEOPLE
        for text in json.loads((results / f"simulate/sub-{person}/truth/identity.json").read_text()).values()
    }
    read = 0
    for path in results.rglob("*"):
        if path.is_file() and "simulate" not in path.relative_to(results).parts[:1]:
            content = path.read_bytes()
            # a stop note lies in place of an image
            content = gzip.decompress(content) if content.startswith(GZIP) else content
            read += 1
            # a PDF's places of objects are numbers too; the page is of the same text
            for text in identities:
                if path.suffix != ".pdf" or not text.isdigit():
                    assert text.encode() not in content, path
    assert read > 50


def test_one_core_gives_the_bytes_of_two(project, results, tmp_path):
    of_scan = results / "reconstruct/sub-P01/anat"
    kspace = results / "simulate/sub-P01/kspace"
    out = {name: str(tmp_path / name) for name in ("t2", "m0", "sd", "status", "phase-map", "b1-map")}
    words = [word for name, path in out.items() for word in (f"--{name}", f"{path}.nii.gz")]
    words += ["--raw", str(kspace), "--b1-from", str(kspace / "TB1map.nii.gz"), "--cores", "1"]
    words += ["--slice-profile", "hann-sinc", "--time-bandwidth", "6", "6", "--refocusing-width", "1.5"]
    dixon = results / "ingest/sub-P01/anat"
    for option, contrast in (("--water", "water"), ("--fat", "fat"), ("--in-phase", "in")):
        words += [option, str(dixon / f"sub-P01_acq-dixon{contrast}_T2w.nii.gz")]
    words += ["--summary", str(tmp_path / "summary.json")]
    words += ["--course", str(tmp_path / "slices.tsv"), "--pattern", str(tmp_path / "pattern.tsv")]
    subprocess.run(
        [sys.executable, "scripts/reconstruct_t2.py", *words],
        cwd=project.folder,
        env=project.environment(),
        check=True,
    )
    pairs = [
        ("t2.nii.gz", "sub-P01_T2map.nii.gz"),
        ("m0.nii.gz", "sub-P01_M0map.nii.gz"),
        ("sd.nii.gz", "sub-P01_desc-sd_T2map.nii.gz"),
        ("status.nii.gz", "sub-P01_desc-status_dseg.nii.gz"),
        ("phase-map.nii.gz", "sub-P01_desc-oddeven_phase.nii.gz"),
        ("slices.tsv", "sub-P01_slices.tsv"),
        ("summary.json", "sub-P01_reconstruction.json"),
    ]
    for mine, theirs in pairs:
        assert (tmp_path / mine).read_bytes() == (of_scan / theirs).read_bytes(), theirs


def test_the_second_run_has_nothing_to_do(project, reported):
    assert "Nothing to be done" in project.snakemake(reported)
