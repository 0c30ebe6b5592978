"""Two raters and a rater's second look in the workflow and its report, and the page that needs no server."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml

from myot2.core.files import sha256
from myot2.core.images import array_of, image_like, read_image, write_image
from myot2.review.decisions import checked, read_decisions
from myot2.review.keep import keep

pytestmark = pytest.mark.workflow

# rater, person, decision, label and rows that the rater takes off its lower edge, whether it is the second look
READINGS = [
    ("anna", "P01", "corrected", (1, 3), "no"),
    ("anna", "P02", "corrected", (2, 4), "no"),
    ("anna", "C01", "accept", None, "no"),
    ("anna", "C02", "accept", None, "no"),
    ("anna", "P01", "corrected", (1, 5), "yes"),
    ("anna", "C01", "accept", None, "yes"),
    ("ben", "P01", "corrected", (3, 6), "no"),
    ("ben", "P02", "accept", None, "no"),
    ("ben", "C01", "accept", None, "no"),
    ("ben", "C02", "accept", None, "no"),
]


@pytest.fixture(scope="module", autouse=True)
def left_as_it_was(project, finished):
    """The results of the four, for the tests that come after."""
    yield
    project.snakemake(finished)


@pytest.fixture
def reviewed(project, finished):
    """Give the run of the four a folder of decisions, for one test."""
    path = project.folder / finished
    before = path.read_text()

    def use(**review):
        path.write_text(yaml.safe_dump({**yaml.safe_load(before), "review": review}))
        return finished

    yield use
    path.write_text(before)


def own_labels(project, person: str):
    return project.folder / f"results/four/segment/sub-{person}/anat/sub-{person}_dseg.nii.gz"


def simulated_rater(project, folder, number, rater, person, decision, cut, repeat) -> None:
    """Decide as a person would; a correction takes rows of voxels off the lower edge of a muscle on every slice."""
    own, drawn = own_labels(project, person), None
    if cut:
        labels = read_image(own)
        numbers = array_of(labels).copy()
        for slice_ in numbers:
            for row in np.nonzero((slice_ == cut[0]).any(axis=1))[0][-cut[1] :]:
                slice_[row][slice_[row] == cut[0]] = 0
        drawn = project.folder / f"drawn-{rater}-{person}.nii.gz"
        write_image(image_like(numbers, labels), drawn)
    image = project.folder / f"results/four/ingest/sub-{person}/anat/sub-{person}_acq-dixonin_T2w.nii.gz"
    record = {
        "rater": rater,
        "time": f"2026-01-31T08:{number:02d}:00Z",
        "participant_id": person,
        "decision": decision,
        "minutes": 2.5,
        "image_sha256": sha256(image),
        "mask_sha256": sha256(own),
        "corrected_sha256": sha256(drawn) if drawn else None,
        "repeat": repeat,
    }
    keep(folder, checked(record, "simulated"), drawn, None)


def on_t2(project, person: str, name: str) -> np.ndarray:
    stage, end = ("review", f"_desc-{name}") if name else ("align", "")
    folder = project.folder / f"results/four/{stage}/sub-{person}/anat"
    return array_of(read_image(folder / f"sub-{person}_space-T2{end}_dseg.nii.gz"))


def test_two_raters_give_kappa_and_agreement_tables_in_the_report(project, reviewed):
    folder = project.folder / "corrections/raters"
    for number, reading in enumerate(READINGS):
        simulated_rater(project, folder, number, *reading)
    configuration = reviewed(folder="corrections/raters")
    project.snakemake(configuration)
    results = project.folder / "results/four"
    raters = pd.read_csv(results / "review/raters.tsv", sep="\t").set_index(["first", "second"])
    # two of two alike by chance: (2/4 x 1/4) corrected + (2/4 x 3/4) accepted = 1/2; kappa = (3/4 - 1/2) / (1 - 1/2)
    between, within = raters.loc[("anna", "ben")], raters.loc[("anna", "anna")]
    assert (between["scans"], between["equal"], between["kappa"]) == (4, 3, 0.5)
    assert (within["scans"], within["equal"], within["kappa"]) == (2, 2, 1)

    readings = pd.read_csv(results / "review/readings.tsv", sep="\t").set_index(["second", "participant_id"])
    pairs = {("ben", "P01"): ("anna1", "ben1"), ("ben", "P02"): ("anna1", ""), ("anna", "P01"): ("anna1", "anna2")}
    table = pd.read_csv(project.folder / "config/labels.tsv", sep="\t")
    muscles = table.loc[table["group"] != "bone", "index"].tolist()
    for (second, person), names in pairs.items():
        one, other = (np.isin(on_t2(project, person, name), muscles) for name in names)
        dice = 2 * (one & other).sum() / (one.sum() + other.sum())
        assert readings.loc[(second, person), "dice"] == pytest.approx(dice) and dice < 1
    assert readings.loc[("ben", "C01"), ["dice", "t2_difference_ms"]].tolist() == [1, 0]
    measured = pd.read_csv(results / "measure/cohort.tsv", sep="\t").set_index(["region", "side", "participant_id"])
    for person in ("P01", "P02", "C01", "C02"):
        t2 = measured.loc[("thigh", "both", person), "t2_mean_ms"]
        assert readings.loc[("ben", person), "t2_first_ms"] == pytest.approx(t2, rel=1e-9), "anna's mask is measured"
    difference = readings.loc["ben", "t2_difference_ms"]
    assert between["t2_bias_ms"] == pytest.approx(difference.mean())
    limits = 2 * 1.959964 * difference.std(ddof=1)
    assert between["t2_upper_ms"] - between["t2_lower_ms"] == pytest.approx(limits, rel=1e-6)

    report = (results / "report/report.html").read_text(encoding="utf-8")
    for what in ("tbl-raters", "tbl-rater-muscles", "tbl-review-muscles"):
        assert f'id="{what}"' in report
    assert "anna, ben: 3 of 4 decisions equal, kappa 0.50" in report and "anna, twice: 2 of 2" in report
    assert not project.planned(configuration), "and nothing is left to do"

    # whose mask is measured is for the configuration to say, and moves no file
    before = {path: sha256(path) for path in folder.rglob("*.nii.gz")}
    configuration = reviewed(folder="corrections/raters", raters=["ben"])
    project.snakemake(configuration, "results/four/measure/cohort.tsv")
    measured = pd.read_csv(results / "measure/cohort.tsv", sep="\t").set_index(["region", "side", "participant_id"])
    for person in ("P01", "P02"):
        t2 = measured.loc[("thigh", "both", person), "t2_mean_ms"]
        assert readings.loc[("ben", person), "t2_second_ms"] == pytest.approx(t2, rel=1e-9), "ben's mask is measured"
    assert {path: sha256(path) for path in folder.rglob("*.nii.gz")} == before


PAYLOAD = "<img src=x onerror=\"document.title='run'\">"


def test_a_page_from_the_disk_shows_the_cases_and_its_decisions_are_imported(project, reviewed, browser, tmp_path):
    configuration = reviewed(folder="corrections/exported", repeats=0.25)
    project.snakemake(configuration, "review_page")
    folder = project.folder / "results/four/review/page"
    asked, errors = [], []
    page = browser.new_page(viewport={"width": 1300, "height": 800})
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((folder / "review.html").as_uri())
    page.wait_for_selector("body[data-ready=yes]", timeout=60_000)
    assert page.inner_text("#progress") == "0 of 5 done" and page.locator("#flags li").count() > 0
    assert not page.is_visible("#brush") and page.is_visible("#export")
    page.fill("#comment", PAYLOAD)
    page.click("#accept")
    page.wait_for_selector("#message:has-text('Saved: accept')")
    page.keyboard.press("n")
    page.wait_for_selector("#message:has-text('Case 2')")
    page.click("#reject-scan")
    assert "reason" in page.inner_text("#message")
    page.fill("#reason", "motion")
    page.click("#reject-scan")
    page.wait_for_selector("#message:has-text('Saved: reject scan')")
    page.click("#cases li:nth-child(5) button")
    page.wait_for_selector("#message:has-text('Case 5')")
    page.fill("#reason", "cut off")
    page.click("#reject-muscle")
    page.wait_for_selector("#message:has-text('Saved: reject muscle')")
    page.reload()
    page.wait_for_selector("body[data-ready=yes]", timeout=60_000)
    assert page.inner_text("#progress") == "3 of 5 done", "closing the page loses nothing"
    page.click("#export")
    assert "who you are" in page.inner_text("#message")
    page.fill("#rater-name", "ben")
    with page.expect_download() as download:
        page.click("#export")
    download.value.save_as(tmp_path / "exported.json")
    assert page.title() == "MyoT2 review" and not errors
    assert all(url.startswith((folder.as_uri(), "blob:", "data:")) for url in asked), "nothing from a network"
    page.close()

    words = [
        sys.executable,
        "scripts/import_decisions.py",
        str(tmp_path / "exported.json"),
        "--configfile",
        configuration,
    ]
    told = subprocess.run(words, cwd=project.folder, env=project.environment(), capture_output=True, text=True)
    assert told.returncode == 0 and "3 decisions added" in told.stdout, told.stdout + told.stderr
    first, second, third = read_decisions(project.folder / "corrections/exported")
    assert (first.decision, first.comment, first.rater, first.repeat) == ("accept", PAYLOAD, "ben", "no")
    assert (second.decision, second.reason, second.scan != first.scan) == ("reject scan", "motion", True)
    assert (third.rejected_muscles, third.repeat) == (["left vastus lateralis"], "yes")
    stale = json.loads((tmp_path / "exported.json").read_text())
    stale["decisions"][0] |= {"mask_sha256": "0" * 64, "time": "2027-01-01T00:00:00Z"}
    (tmp_path / "exported.json").write_text(json.dumps(stale))
    told = subprocess.run(words, cwd=project.folder, env=project.environment(), capture_output=True, text=True)
    assert told.returncode != 0 and "stale" in told.stderr
