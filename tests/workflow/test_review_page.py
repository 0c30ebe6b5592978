"""From the review page to the report: a person erases part of a muscle in a browser, and its case alone runs again."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml

from myot2.core.images import array_of, read_image

pytestmark = pytest.mark.workflow
OF_THE_CASE = {
    "apply_decision": 1,
    "align_corrected": 1,
    "compare_correction": 1,
    "measure": 1,
    "measure_variants": 1,
    "panel": 1,
}
OF_THE_OTHERS = (
    "simulate",
    "ingest",
    "cross_check",
    "segment",
    "align",
    "resample_dixon",
    "take_vendor_map",
    "fat_fraction",
)


@pytest.fixture(scope="module")
def address(project, finished):
    """The page of the four, served as `make review` does; its decisions go to a folder of their own."""
    path = project.folder / finished
    before = path.read_text()
    path.write_text(
        yaml.safe_dump({**yaml.safe_load(before), "review": {"folder": "corrections/page", "repeats": 0.25}})
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = subprocess.Popen(
        [sys.executable, "scripts/review_cases.py", "--configfile", finished, "--rater", "anna", "--port", str(port)],
        cwd=project.folder,
        env={**os.environ, "PYTHONPATH": f"{project.folder / 'src'}:{os.environ.get('PYTHONPATH', '')}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    yield re.search(r"http\S+", program.stdout.readline()).group(0)
    program.terminate()
    program.wait(20)
    path.write_text(before)


def test_what_is_erased_in_the_page_runs_its_own_case_again_and_nothing_else(project, finished, address, browser):
    results = ["results/four/review/scans.tsv", "results/four/measure/cohort.tsv"]
    project.snakemake(finished, *results, "--until", "collect_review", "collect")
    page = browser.new_page(viewport={"width": 1500, "height": 850})
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    page.wait_for_selector("body[data-ready=yes]", timeout=120_000)
    assert "5" in page.inner_text("#progress"), "four cases and a repeat"
    page.keyboard.press("e")
    page.locator("#size").evaluate("size => { size.value = 9; size.oninput(); }")
    box = page.locator("#image").bounding_box()
    across, down = box["x"] + 0.3 * box["width"], box["y"] + 0.45 * box["height"]
    page.mouse.move(across, down)
    page.mouse.down()
    page.mouse.move(across + 40, down + 20, steps=8)
    page.mouse.up()
    # no wait_for_function: the page's policy allows no eval
    page.wait_for_selector("#changed:not(:text-is('0 voxels changed'))")
    erased = int(page.inner_text("#changed").split()[0])
    page.fill("#comment", "<img src=x onerror=\"document.title='run'\">")
    page.click("#accept")
    page.wait_for_selector("#message:has-text('Saved: corrected')", timeout=60_000)
    assert page.title() == "MyoT2 review" and not errors
    assert all(url.startswith(address.split("?")[0]) or url.startswith(("data:", "blob:")) for url in asked), "offline"

    (row,) = pd.read_csv(project.folder / "corrections/page/decisions.tsv", sep="\t").to_dict("records")
    scan = f"sub-{row['participant_id']}"
    drawn = array_of(read_image(project.folder / f"corrections/page/{scan}_dseg.nii.gz"))
    own = array_of(read_image(project.folder / f"results/four/segment/{scan}/anat/{scan}_dseg.nii.gz"))
    changed = drawn != own
    assert row["decision"] == "corrected" and changed.sum() == erased and not drawn[changed].any()
    assert np.ptp(np.nonzero(changed)[0]) == 0, "one slice was drawn on"

    plan = project.snakemake(finished, "--dry-run")
    count = {name: len(re.findall(rf"^(?:local)?rule {name}:", plan, re.M)) for name in (*OF_THE_CASE, *OF_THE_OTHERS)}
    assert count == {**OF_THE_CASE, **dict.fromkeys(OF_THE_OTHERS, 0)}

    project.snakemake(finished)
    scans = pd.read_csv(project.folder / "results/four/review/scans.tsv", sep="\t")
    assert (
        scans["state"].tolist() == ["applied"] and scans["voxels_added"].iloc[0] == 0 < scans["voxels_removed"].iloc[0]
    )
    report = (project.folder / "results/four/report/report.html").read_text(encoding="utf-8")
    assert 'id="tbl-review"' in report and "A person decided about 1 scans" in report


def test_a_stale_decision_stops_its_scan_and_the_report_names_it(project, finished, address, browser):
    decisions = project.folder / "corrections/page/decisions.tsv"
    before = decisions.read_text()
    table = pd.read_csv(decisions, sep="\t", dtype=str, keep_default_na=False)
    decisions.write_text(table.assign(mask_sha256="0" * 64).to_csv(sep="\t", index=False))
    project.snakemake(finished)
    decisions.write_text(before)
    flow = pd.read_csv(project.folder / "results/four/measure/flow.tsv", sep="\t").set_index("participant_id")
    stopped = flow.loc[table["participant_id"].iloc[0]]
    assert stopped["stage"] == "review" and "the run's own label map changed since" in stopped["found"]
    report = (project.folder / "results/four/report/report.html").read_text(encoding="utf-8")
    assert "stale" in report
