"""The real report.qmd, rendered by the program from small results folders."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure
from report_variants import write_multiverse

from myot2.analyse.claims.page import claims_in, compare_page
from myot2.core.config import Configuration
from myot2.core.stopnote import StopNote
from myot2.core.tables import write_tsv
from myot2.report.figure_style import write_png
from myot2.report.offline import external_references
from myot2.report.policy import POLICY

HOSTILE = "</script><img src=x onerror=alert(1)> | `{python} 1` @fig-groups {{< x >}} http://example.org"
PATIENTS = {"P01": 48.0, "P02": 39.5, "P03": 57.2, "P04": None}
CONTROLS = {"C01": 33.6, "C02": 34.9, "C03": 34.1}
FLOW = ["participant_id", "session", "status", "stage", "expected", "found", "where", "do"]
QUALITY = ["participant_id", "session", "status", "muscles", "volume_ml", "agreement", "risk", "flags"]
VOXELS_LEFT_OUT = {
    "voxels_not_fitted": 0,
    "voxels_low_signal": 71,
    "voxels_at_bound": 13,
    "voxels_not_converged": 0,
    "voxels_fat_above_limit": 0,
    "voxels_implausible": 0,
}
MUSCLES = ("vastus lateralis", "biceps femoris long head")


def make_results(root: Path, folder: Path, people: dict[str, float | None]) -> Path:
    """A results folder of people with the given T2 (ms; None: stopped), analysed by the analyse stage's program."""
    rows, flow, measures, quality = [], [], [], []
    for number, (person, t2) in enumerate(people.items()):
        patient = person.startswith("P")
        enzymes = dict.fromkeys(("ck", "alt", "ast", "ldh"), 100.0 + 37 * number + 11 * (number % 2))
        clinical = {"diagnosis": HOSTILE if number == 1 else "DM", **enzymes, "ild_score": number} if patient else {}
        group = "patient" if patient else "control"
        rows.append({"participant_id": person, "group": group, "sex": "F", "age": 40 + number, **clinical})
        if t2 is None:
            flow.append([person, None, "stopped", "ingest", HOSTILE, "9 echoes", "dicom/x", "Send the missing echo."])
            quality.append([person, None, "stopped", *[None] * 5])
            continue
        flow.append([person, None, "measured", *[None] * 5])
        quality.append([person, None, "judged", 26, 2500 + number, 0.9, 0.1 * number, HOSTILE if number == 1 else None])
        for shift, region in enumerate(("thigh", *MUSCLES)):
            measures.append([person, None, region, "both", t2 + shift, 0.06, 5000, *VOXELS_LEFT_OUT.values()])
    write_tsv(pd.DataFrame(rows), folder / "participants.tsv")
    write_tsv(pd.DataFrame(flow, columns=FLOW), folder / "measure/flow.tsv")
    write_tsv(pd.DataFrame(quality, columns=QUALITY), folder / "segment/quality_scans.tsv")
    names = ("participant_id", "session", "region", "side", "t2_mean_ms", "fat_fraction_mean", "voxels")
    columns = [*names, *VOXELS_LEFT_OUT]
    write_tsv(pd.DataFrame(measures, columns=columns), folder / "measure/cohort.tsv")
    inputs = ["--participants", f"{folder}/participants.tsv", "--measures", f"{folder}/measure/cohort.tsv"]
    multiverse = str(write_multiverse(root, folder, people, HOSTILE))
    words = ["--label-table", str(root / "config/labels.tsv"), "--multiverse", multiverse, "--out", f"{folder}/analyse"]
    words += ["--masks", f"{folder}/analyse/masks.tsv"]
    subprocess.run([sys.executable, str(root / "scripts/analyse_cohort.py"), *inputs, *words], check=True)
    check = [sys.executable, str(root / "scripts/check_claims.py"), "--statistics", f"{folder}/analyse/statistics.json"]
    subprocess.run([*check, "--out", f"{folder}/analyse"], check=True)
    draw(root, folder)
    configuration = Configuration(simulate={"preset": "demo"}, report={"title": f"Trial {HOSTILE}"})
    (folder / "config.json").write_text(configuration.model_dump_json(), encoding="utf-8")
    return folder


def draw(root: Path, results: Path) -> None:
    """The figures, by their program."""
    command = [sys.executable, str(root / "scripts/draw_figures.py"), "--results", str(results)]
    table = ["--label-table", str(root / "config/labels.tsv")]
    subprocess.run([*command, *table, "--out", f"{results}/figures"], check=True)


def render(root: Path, results: Path, out: Path, *more: str, panels: tuple[Path, ...] = ()):
    command = [sys.executable, str(root / "scripts/render_report.py"), "--report", str(root / "report/report.qmd")]
    command += ["--results", str(results), "--config-summary", f"{results}/config.json"]
    command += ["--label-table", str(root / "config/labels.tsv"), "--panels", *map(str, panels)]
    command += ["--figures", f"{results}/figures", "--participants", f"{out}/participants"]
    command += ["--html", f"{out}/report.html", "--pdf", f"{out}/report.pdf", *(more or ("--renderer", "pandoc"))]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def study(root, tmp_path_factory):
    """The rendered page, its results folder and what is needed to render it again."""
    folder = make_results(root, tmp_path_factory.mktemp("study"), PATIENTS | CONTROLS)
    panels = tuple(folder / f"sub-{person}_panel.png" for person in ("P01", "P02", "P04"))
    for panel in panels[:2]:
        figure = Figure(figsize=(2, 1))
        figure.subplots().plot([0, 1])
        write_png(figure, panel)
    StopNote("ingest", HOSTILE, "9 echoes", "dicom/x", "Send it.").write(panels[2])
    done = render(root, folder, folder / "first", panels=panels)
    assert done.returncode == 0, done.stderr
    return folder, panels, (folder / "first/report.html").read_text(encoding="utf-8")


def text_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", "", re.sub(r"(?s)<style.*?</style>", "", page))).split())


def test_the_page_shows_what_is_printed_in_the_statistics_under_every_key_that_it_names(study):
    folder, _, page = study
    statistics = json.loads((folder / "analyse/statistics.json").read_text(encoding="utf-8"))
    claims = claims_in(page)
    assert len(claims) > 80 and page.count("data-claim") == len(claims)
    assert {address.partition(":")[2] for address, _ in claims} >= {"", "n", "ci", "p", "p_adjusted", "z", "numerator"}
    assert [finding.sentence for finding in compare_page(page, statistics)] == []


def test_a_digit_that_is_changed_in_the_page_is_found(study):
    folder, _, page = study
    statistics = json.loads((folder / "analyse/statistics.json").read_text(encoding="utf-8"))
    printed = statistics["roc.interval.wilson"]["ci_printed"]
    changed = re.sub(f'(data-claim="roc.interval.wilson:ci">){re.escape(printed)}', r"\g<1>0.9 to 1.0", page, count=1)
    assert [finding.id for finding in compare_page(changed, statistics)] == ["roc.interval.wilson:ci"]


@pytest.mark.parametrize(
    "key",
    [
        "t2.effect.shift",
        "t2.adjusted.ratio",
        "roc.interval.wilson:ci",
        "roc.bootstrap.cutoff:ci",
        "roc.bootstrap.sensitivity_corrected",
        "roc.bootstrap.specificity_out_of_bag",
        "normal_ck.left_out.detected",
        "spearman.ck:p_adjusted",
        "spearman.imputed.ck",
        "missing.patient.ck",
        "muscle.vastus_lateralis.mann_whitney:p_adjusted",
        "muscle_model.average",
        "muscle_model.interaction:p",
    ],
)
def test_what_the_plan_asks_beyond_the_study_is_in_the_page_or_its_reason_is(study, key):
    folder, _, page = study
    statistics = json.loads((folder / "analyse/statistics.json").read_text(encoding="utf-8"))
    entry = statistics[key.partition(":")[0]]
    if entry["value"] is None:
        assert "not computed" in text_of(page) and f"({entry['reason']})" in text_of(page).replace("’", "'")
    else:
        assert f'data-claim="{key}"' in page


def test_without_corrected_masks_or_a_second_reader_the_page_says_so_or_nothing(study):
    page = study[2]
    said = text_of(page)
    assert "T2 of the run’s own masks could not be held against that of corrected ones: " + HOSTILE[:20] in said
    assert 'id="fig-masks"' not in page and 'id="tbl-masks"' not in page and 'id="sec-readers"' not in page


def test_the_page_says_how_many_of_its_numbers_were_checked(study):
    folder, _, page = study
    summary = json.loads((folder / "analyse/claims.json").read_text(encoding="utf-8"))["summary"]
    assert [each["source"] for each in summary] == ["statistics"] and summary[0]["checks"] > 300
    assert f"{summary[0]['checks']} checks, 0 inconsistencies." in text_of(page)


def test_every_analysis_of_the_log_is_in_the_page_with_what_came_of_it(study):
    folder, _, page = study
    table = page[page.index('id="tbl-analyses"') :]
    rows = [text_of(row) for row in re.findall(r"(?s)<tr.*?</tr>", table[: table.index("</table>")])[1:]]
    log = [json.loads(line) for line in (folder / "analyse/log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == len(log) > 15 and {entry["status"] for entry in log} == {"done", "not applicable"}
    for row, entry in zip(rows, log, strict=True):
        assert row.startswith(f"{entry['id']} ({entry['kind']}) {entry['role']} {entry['family'] or '–'} ")
        came = entry["status"] + (f": {entry['reason']}" if entry["reason"] else "")
        assert came.replace("'", "’") in row.replace("'", "’")


def test_no_number_of_the_results_stands_outside_a_claim_or_a_count(study):
    page = study[2]
    results = page[page.index('<section id="sec-participants"') : page.index('<section id="sec-methods"')]
    for known in (
        r"<h[12].*?</h[12]>",  # numbered headings
        r'<span class="(?:claim|counted)"[^>]*>.*?</span>',
        r'<a [^>]*class="cross-reference".*?</a>',
        r"<(?:figcaption|caption).*?</(?:figcaption|caption)>",
        r"<th.*?</th>",
        r"95.{0,7}%.{0,8}interval",
    ):
        results = re.sub(f"(?s){known}", " ", results)
    results = text_of(results)
    for known in (
        HOSTILE,
        "alert 1 python 1",
        "error is 0",
        "error of the area is 0",
        "t2 is known of fewer than 10",
        "is known of fewer than 10",
        "9 echoes",
    ):
        results = results.replace(known, "")
    found = re.findall(r"\S*\d\S*", results)
    assert [word for word in found if not re.fullmatch(r"T2[.,]?|sub-[PC]\d\d", word)] == []


@pytest.mark.parametrize(
    "key",
    [
        "t2.patient.mean",
        "roc.auc",
        "roc.cutoff",
        "spearman.ck",
        "spearman.ild_score",
        "normal_ck.detected",
        "multiverse.auc.min",
    ],
)
def test_the_studys_numbers_are_in_the_page(study, key):
    assert f'data-claim="{key}"' in study[2]


def test_the_page_counts_the_voxels_that_were_left_out_by_reason(study):
    text = text_of(study[2])
    assert "Scan measured low signal at bound fat fraction sub-P01 5000 71 13 6.0 %" in text
    assert "not converged" not in text


def test_the_page_lists_the_scans_by_the_risk_of_their_labels(study):
    text = text_of(study[2])
    assert "Of 7 scans the labels of 6 were judged; 1 have at least one flag." in text
    assert "Scan Risk Agreement Muscles Volume (ml) Flags sub-C03 0.60 0.90 26 2506 – sub-C02 0.50" in text
    assert f"sub-P02 0.10 0.90 26 2501 {HOSTILE}" in text


def test_the_page_tells_who_is_missing_where_and_why(study):
    text = text_of(study[2])
    assert f"sub-P04 ingest dicom/x: expected {HOSTILE}; found 9 echoes Send the missing echo." in text
    assert f"sub-P04 (patient): stopped at ingest; expected {HOSTILE}, found 9 echoes." in text
    assert "sub-C01 (control): no picture was made." in text


def test_text_from_tables_and_configuration_is_shown_and_never_becomes_markup(study):
    page = study[2]
    assert "<img src=x" not in page and "<script" not in page
    assert f"Trial {HOSTILE}" in text_of(page)
    assert page.count("<tr") == text_rows(page)


def text_rows(page: str) -> int:
    """Rows of tables in which every row has as many cells as the header."""
    count = 0
    for table in re.findall(r"(?s)<table.*?</table>", page):
        rows = re.findall(r"(?s)<tr.*?</tr>", table)
        cells = {len(re.findall(r"<t[hd]\b", row)) for row in rows}
        count += len(rows) if len(cells) == 1 else 0
    return count


def test_the_page_refers_to_nothing_outside_itself(study):
    page = study[2]
    pages = [f"<a href='participants/sub-{person}.html'>" for person in PATIENTS | CONTROLS]
    assert external_references(page) == pages
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:http|//)|@import|url\(\s*["']?http""", page)


def test_the_page_holds_its_pictures_and_says_what_rendered_it(study):
    page = study[2]
    assert page.count('src="data:image/jpeg;base64,') == 2, "one small picture per panel"
    labels = re.findall(r'<figure id="(fig-[a-z-]+)"', page)
    assert labels == [
        *("fig-flow", "fig-groups", "fig-histogram", "fig-roc", "fig-multiverse", "fig-correlations", "fig-muscles"),
        *("fig-sides", "fig-typical", "fig-normal-ck"),
    ]
    assert page.count('src="data:image/svg+xml;base64,') == 8
    assert len(re.findall(r'<img [^>]*alt="[^"]{15,}"', page)) == page.count("<img ") == 12
    assert re.search(
        r"rendered with MyoT2's own renderer \(pandoc \d[\d.]*, Typst \d[\d.]*\)", text_of(page).replace("’", "'")
    )


def test_the_pictures_in_full_size_are_chosen_by_rule(study):
    text = text_of(study[2])
    assert "sub-P01, the patient whose T2 is nearest to the patients’ median: T2 48.0 ms." in text
    assert "sub-P01, the highest T2 among patients whose CK is normal: T2 48.0 ms." in text


def test_every_scan_has_a_page_of_its_own_that_shows_its_picture_or_why_there_is_none(study):
    folder, panels, _ = study
    pages = {path.stem: path.read_text(encoding="utf-8") for path in (folder / "first/participants").iterdir()}
    assert set(pages) == {f"sub-{person}" for person in PATIENTS | CONTROLS}
    assert base64.b64encode(panels[0].read_bytes()).decode() in pages["sub-P01"]
    assert "49.0" in text_of(pages["sub-P01"]) and "vastus lateralis" in pages["sub-P01"]
    assert f"Stopped at ingest: expected {HOSTILE}, found 9 echoes." in text_of(pages["sub-P04"])
    assert "No picture was made." in text_of(pages["sub-C01"])
    for name, page in pages.items():
        assert external_references(page)[0] == "<a href='../report.html#sec-panels'>", name
        assert POLICY in page and "<img src=x" not in page


def test_the_page_forbids_scripts_and_requests(study):
    page = study[2]
    assert page.index(POLICY) < page.index("<title>") and page.count("Content-Security-Policy") == 1


@pytest.mark.parametrize(("name", "items"), [("stard-2015", 34), ("claim-2024", 44)])
def test_the_checklists_are_in_the_page_with_links_to_what_answers_an_item(study, name, items):
    page = study[2]
    table = page[page.index(f'id="tbl-{name}"') :]
    rows = re.findall(r"(?s)<tr.*?</tr>", table[: table.index("</table>")])[1:]
    assert len(rows) == items
    answered = [row for row in rows if "answered here" in row]
    assert len(answered) >= 8
    for row in answered:
        (target,) = re.findall(r'href="#([^"]+)"', row)
        assert f'id="{target}"' in page


def test_a_second_rendering_gives_the_same_bytes_and_no_machine_path(root, study):
    folder, panels, page = study
    done = render(root, folder, folder / "second", panels=panels)
    assert done.returncode == 0, done.stderr
    assert (folder / "second/report.html").read_text(encoding="utf-8") == page
    assert (folder / "second/report.pdf").read_bytes() == (folder / "first/report.pdf").read_bytes()
    for path in (str(root), str(folder), "/tmp/"):
        assert path not in page


@pytest.mark.parametrize("people", [PATIENTS, {"P01": None, "C01": None}], ids=["no controls", "nobody measured"])
def test_what_could_not_be_computed_is_shown_with_its_reason(root, tmp_path, people):
    results = make_results(root, tmp_path, people)
    done = render(root, results, tmp_path / "report")
    assert done.returncode == 0, done.stderr
    text = text_of((tmp_path / "report/report.html").read_text(encoding="utf-8"))
    assert "No ROC curve could be drawn: a group is empty." in text
    assert "The groups could not be compared: " in text


def test_missing_results_are_named(root, study, tmp_path):
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    done = render(root, tmp_path, tmp_path / "report")
    assert done.returncode == 1
    assert "analyse" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "report/report.html").exists()


def test_asking_for_quarto_without_it_says_what_to_do(root, study, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    done = render(root, study[0], tmp_path / "report", "--renderer", "quarto")
    assert done.returncode == 1
    assert "Install Quarto" in done.stderr
