"""From the review page to the report: a person erases part of a muscle in a browser, and its case alone runs again."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest
import yaml

from myot2.core.images import array_of, image_like, read_image, write_image
from myot2.review.run import read_review

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
    project.snakemake(finished)  # as it was, for the tests that come after


@dataclass
class Heard:
    """What the page asked for, and what went wrong in it."""

    asked: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def heard():
    return Heard()


@pytest.fixture(scope="module")
def page(address, browser, heard):
    """The page, entered by its token, which works once."""
    page = browser.new_page(viewport={"width": 1500, "height": 850})
    page.on("request", lambda request: heard.asked.append(request.url))
    page.on("pageerror", lambda error: heard.errors.append(str(error)))
    page.goto(address)
    page.wait_for_selector("body[data-ready=yes]", timeout=120_000)
    yield page
    page.close()


def test_what_is_erased_in_the_page_runs_its_own_case_again_and_nothing_else(project, finished, address, page, heard):
    project.snakemake(finished)  # also where other tests left their decisions in the results
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
    assert page.title() == "MyoT2 review" and not heard.errors
    own_addresses = (address.split("?")[0], "data:", "blob:")
    assert all(url.startswith(own_addresses) for url in heard.asked), "offline"

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


# rows, columns and slices as NiiVue has them
BITMAP = "Array.from(views.image.drawBitmap)"


def bitmap(page) -> np.ndarray:
    """The drawn labels of the page, shape (slices, rows, columns)."""
    columns, rows, slices = page.evaluate("Array.from(views.image.volumes[0].dimsRAS).slice(1, 4)")
    return np.array(page.evaluate(BITMAP), np.uint8).reshape(slices, rows, columns)


def shown(page) -> str:
    """A digest of what both views show."""
    return page.evaluate(
        "views.image.drawScene(), views.t2.drawScene(), views.image.canvas.toDataURL() + views.t2.canvas.toDataURL()"
    )


def go_to(page, number: int) -> None:
    page.click(f"#cases li:nth-child({number}) button")
    page.wait_for_selector(f"#message:has-text('Case {number}')", timeout=60_000)
    page.wait_for_selector("body[data-ready=yes]", timeout=60_000)


def stroke(page, across: float, down: float) -> None:
    box = page.locator("#image").bounding_box()
    x, y = box["x"] + across * box["width"], box["y"] + down * box["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y + 15, steps=6)
    page.mouse.up()


def test_every_step_is_undone_and_undo_ends_at_the_beginning(page, heard):
    go_to(page, 2)
    before = bitmap(page)
    page.keyboard.press("b")
    stroke(page, 0.45, 0.5)
    page.wait_for_selector("#changed:not(:text-is('0 voxels changed'))")
    page.keyboard.press("ArrowUp")
    stroke(page, 0.5, 0.55)
    assert (bitmap(page) != before).any(axis=(1, 2)).sum() == 2, "two slices were drawn on"
    for _ in range(2):
        page.keyboard.press("z")
    assert np.array_equal(bitmap(page), before) and page.inner_text("#changed") == "0 voxels changed"
    page.keyboard.press("z")
    assert "Nothing more to undo" in page.inner_text("#message") and np.array_equal(bitmap(page), before)
    assert not heard.errors


def test_a_muscle_is_filled_between_slices_and_no_other_label_or_slice_is_touched(page):
    go_to(page, 2)
    before = bitmap(page)
    label = 1
    assert all((before[slice_] == label).any() for slice_ in range(2, 6))
    # as if a person had erased the muscle there
    page.evaluate(
        "([from, to, label]) => { const bitmap = views.image.drawBitmap;"
        "for (let i = from; i < to; i++) if (bitmap[i] === label) bitmap[i] = 0;"
        "views.image.drawAddUndoBitmap(); drawn(); }",
        [3 * before[0].size, 5 * before[0].size, label],
    )
    page.click("#muscles li:nth-child(1) button")
    for _ in range(before.shape[0]):
        page.keyboard.press("ArrowDown")
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("i")
    assert "filled between slices 3 and 6" in page.inner_text("#message")
    after = bitmap(page)
    others = (before != label) & (after != label)
    assert np.array_equal(after[others], before[others])
    assert np.array_equal(np.delete(after, [3, 4], axis=0), np.delete(before, [3, 4], axis=0))
    assert not np.isin(before[after != before], [0, label], invert=True).any(), "no other muscle gives way"
    for slice_ in (3, 4):
        one, other = (labels[slice_] == label for labels in (before, after))
        assert 2 * (one & other).sum() / (one.sum() + other.sum()) > 0.9, "much as the muscle was"
    for _ in range(2):
        page.keyboard.press("z")
    assert np.array_equal(bitmap(page), before)


def test_muscles_and_labels_are_shown_and_hidden_and_both_views_show_the_same_place(page):
    go_to(page, 2)
    whole = shown(page)
    page.click("#muscles li:nth-child(1) input")
    without_one = shown(page)
    page.click("#none")
    without_all = shown(page)
    assert len({whole, without_one, without_all}) == 3
    page.click("#all")
    assert shown(page) == whole
    page.keyboard.press(" ")
    assert shown(page) != whole and page.input_value("#opacity") == "0"
    page.keyboard.press(" ")
    assert shown(page) == whole
    page.keyboard.press("ArrowDown")
    places = [places_of(page)]
    for step in ("ArrowUp", "wheel", "ArrowUp", "ArrowDown"):
        if step == "wheel":
            page.locator("#t2").hover()
            page.mouse.wheel(0, 100)
        else:
            page.keyboard.press(step)
        page.wait_for_timeout(100)
        places.append(places_of(page))
    for image, t2 in places:
        assert image == pytest.approx(t2, abs=0.01)
    moved = np.diff([image[2] for image, _ in places])
    assert np.allclose(np.abs(moved), 6) and np.isclose(moved[0], -moved[3]), "slice by slice, wherever the focus is"


def places_of(page) -> list[list[float]]:
    """Where in the patient (mm) both views are."""
    code = "[views.image, views.t2].map((view) => Array.from(view.frac2mm(view.scene.crosshairPos)).slice(0, 3))"
    return page.evaluate(code)


def test_a_correction_on_the_grid_of_the_t2_map_is_opened_redrawn_and_taken_back(project, finished, page, monkeypatch):
    monkeypatch.chdir(project.folder)
    case = read_review(finished).cases[1]
    given = project.folder / f"corrections/page/{case.scan.name}_dseg.nii.gz"
    labels = read_image(project.folder / case.t2_labels)
    numbers = array_of(labels).copy()
    numbers[numbers == 3] = 0
    write_image(image_like(numbers, labels), given)
    go_to(page, 2)
    assert "the correction lies on this grid" in page.inner_text("#image-title")
    assert page.inner_text("#accept") == "Accept with correction"
    # the page has its axes to the subject's right and front, the file to the left and back
    assert sorted(bitmap(page).ravel().tolist()) == sorted(numbers.ravel().tolist())
    page.keyboard.press("e")
    page.locator("#size").evaluate("size => { size.value = 9; size.oninput(); }")
    stroke(page, 0.3, 0.45)
    page.wait_for_selector("#changed:not(:text-is('0 voxels changed'))")
    erased = int(page.inner_text("#changed").split()[0])
    page.keyboard.press("a")
    page.wait_for_selector("#message:has-text('Saved: corrected')", timeout=60_000)
    saved = array_of(read_image(given))
    assert saved.shape == numbers.shape and (saved != numbers).sum() == erased and not saved[saved != numbers].any()
    page.keyboard.press("o")
    page.wait_for_selector("#image-title:text-is('Image and labels')")
    page.wait_for_selector('#message:has-text("run\'s own labels")')
    page.keyboard.press("a")
    page.wait_for_selector("#message:has-text('Saved: accept')", timeout=60_000)
    assert not given.exists() and given.with_name(f"{given.name}.withdrawn").exists()


def test_a_stale_decision_stops_its_scan_and_the_report_names_it(project, finished, address):
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
