"""A study in which every text is an attack, and a browser that looks whether any of them lives."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from itertools import cycle
from pathlib import Path

import pandas as pd
import pytest
from report_browser import DESKTOP, PHONE, PROGRAM, WHY_SKIPPED, Page, browser
from report_payloads import PAYLOADS
from report_release import release, render_shareable, run
from report_variants import write_multiverse

from myot2.core.config import Configuration
from myot2.core.labels import read_labels
from myot2.core.releasable import require_releasable, write_mark
from myot2.core.stopnote import StopNote
from myot2.core.voxel_status import REASONS
from myot2.report.captions import FIGURES
from myot2.report.figure_style import write_png
from myot2.report.legible import legible
from myot2.report.policy import with_policy
from myot2.report.shareable.captions import FIGURES as SHAREABLE_FIGURES

PEOPLE = [f"P{number:02d}" for number in range(1, 13)] + [f"C{number:02d}" for number in range(1, 9)]
STOPPED = len(PAYLOADS)
needs_chromium = pytest.mark.skipif(PROGRAM is None, reason=WHY_SKIPPED)


def one_line(text: str) -> str:
    """What no table of text can hold within a cell, as its reader would have it."""
    return re.sub(r"[\t\r\n\x85\u2028\u2029]+", " ", text).replace("\x00", "")


def hostile_labels(root: Path, path: Path) -> list[str]:
    """The project's label table with an attack for each muscle's name; return the names."""
    table = pd.read_csv(root / "config/labels.tsv", sep="\t", dtype=str)
    old = list(dict.fromkeys(table["name"]))
    new = [one_line(text).strip()[:200] for text in PAYLOADS.values()][: len(old)]
    table["name"] = table["name"].map(dict(zip(old, new, strict=True)))
    path.write_text(table.to_csv(sep="\t", index=False), encoding="utf-8")
    return list(read_labels(path).muscles)


def write_tables(root: Path, folder: Path) -> None:
    """The tables of a study; diagnosis, treatment, muscles and every part of the stop notes are attacks."""
    attacks = cycle(one_line(text) for text in PAYLOADS.values())
    muscles = hostile_labels(root, folder / "labels.tsv")
    for name in ("measure", "segment"):
        (folder / name).mkdir()
    rows, measures = [], []
    counts = {"voxels": 900, **{reason.column: 3 for reason in REASONS}, "voxels_implausible": 1}
    for number, person in enumerate(PEOPLE):
        patient = person.startswith("P")
        facts = {
            "diagnosis": next(attacks),
            "treatment": next(attacks),
            "ck": 90 + 50 * number,
            "ild_score": number % 4,
        }
        rows.append(
            {"participant_id": person, "group": "patient" if patient else "control", "sex": "F", "age": 30 + number}
            | (facts if patient else {})
        )
        for region in ("thigh", *muscles):
            for side in ("left", "right", "both"):
                t2 = 38.0 + 2 * number if patient else 33.0
                where = {"participant_id": person, "session": "n/a", "region": region, "side": side, "t2_mean_ms": t2}
                measures.append({**where, "fat_fraction_mean": 0.1, **counts})
    flow = [{"participant_id": person, "session": "n/a", "status": "measured"} for person in PEOPLE]
    for number in range(STOPPED):
        parts = {part: next(attacks) for part in ("stage", "expected", "found", "where", "do")}
        flow.append({"participant_id": f"X{number:02d}", "session": "n/a", "status": "stopped", **parts})
    facts = {"muscles": 26, "volume_ml": 2500, "agreement": 0.9, "risk": 0.1}
    quality = [
        {
            "participant_id": person,
            "session": "n/a",
            "status": "judged",
            **facts,
            "flags": f"{next(attacks)}; {next(attacks)}",
        }
        for person in PEOPLE
    ]
    tables = {"participants": rows, "measure/cohort": measures, "measure/flow": flow, "segment/quality_scans": quality}
    for name, content in tables.items():
        pd.DataFrame(content).to_csv(folder / f"{name}.tsv", sep="\t", index=False, na_rep="n/a")


@pytest.fixture(scope="module")
def attacked(root, tmp_path_factory) -> Path:
    """A folder with the report of such a study, in report/."""
    folder = tmp_path_factory.mktemp("attacked")
    write_tables(root, folder)
    table = ("--label-table", folder / "labels.tsv")
    study = ("--participants", folder / "participants.tsv", "--measures", folder / "measure/cohort.tsv")
    measured = {person: 38.0 + 2 * number if person[0] == "P" else 33.0 for number, person in enumerate(PEOPLE)}
    multiverse = write_multiverse(root, folder, measured, one_line(PAYLOADS["event"]))
    run(root, "analyse_cohort.py", *study, *table, "--multiverse", multiverse, "--out", folder / "analyse")
    configuration = Configuration(report={"title": "".join(PAYLOADS.values())}).model_dump()
    (folder / "config.json").write_text(json.dumps(configuration, default=str), encoding="utf-8")
    release(root, folder, folder / "config.json", folder / "labels.tsv")
    statistics = json.loads((folder / "analyse/statistics.json").read_text(encoding="utf-8"))
    attack_texts(statistics)
    statistics["spearman.alt"] = {"value": None, "n": 0, "printed": "n/a", "reason": PAYLOADS["event"]}
    (folder / "analyse/statistics.json").write_text(json.dumps(statistics), encoding="utf-8")
    attack_log(folder / "analyse/log.jsonl")
    configuration["segment"] = {text: text for text in PAYLOADS.values()}
    (folder / "config.json").write_text(json.dumps(configuration, default=str), encoding="utf-8")
    panels = [folder / f"sub-{person}_panel.png" for person in PEOPLE]
    for number, (panel, text) in enumerate(zip(panels, PAYLOADS.values(), strict=False)):
        if number % 2:
            StopNote(*[text] * 5).write(panel)
        else:
            write_png(_red(), panel)
    run(root, "draw_figures.py", "--results", folder, *table, "--out", folder / "report/figures")
    outputs = ("--html", folder / "report/report.html", "--pdf", folder / "report/report.pdf")
    more = ("--participants", folder / "report/participants", "--figures", folder / "report/figures", *outputs)
    document = ("--report", root / "report/report.qmd", "--renderer", "pandoc", "--results", folder, *table)
    run(root, "render_report.py", *document, "--config-summary", folder / "config.json", "--panels", *panels, *more)
    attack_release(folder / "release")
    run(root, "draw_figures.py", "--released", folder / "release", "--out", folder / "release/figures")
    done = render_shareable(root, folder / "release", folder / "report")
    assert done.returncode == 0, done.stderr
    return folder


def attack_texts(statistics: dict) -> None:
    """Put an attack in the place of every text of statistics that is no number."""
    attacks = cycle(PAYLOADS.values())
    for entry in statistics.values():
        for part, value in entry.items():
            if isinstance(value, str) and part not in ("printed", "unit") and not part.endswith("_printed"):
                entry[part] = next(attacks)


def attack_release(folder: Path) -> None:
    """Put an attack in the place of every text of released files, marked anew, as if a rule had let it through."""
    rules = require_releasable(folder / "statistics.json")
    statistics = json.loads((folder / "statistics.json").read_text(encoding="utf-8"))
    attack_texts(statistics)
    (folder / "statistics.json").write_text(json.dumps(statistics), encoding="utf-8")
    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    settings["segment"] |= {text: text for text in PAYLOADS.values()}
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    attacks = cycle(one_line(text) for text in PAYLOADS.values())
    for name, columns in {
        "analyses": ["id", "kind", "role", "family"],
        "disclosure": ["rule"],
        "flow": ["scans"],
    }.items():
        table = pd.read_csv(folder / f"{name}.tsv", sep="\t", dtype=str)
        table = pd.concat([table] * (2 if name == "analyses" else 1))
        table = table.assign(**{column: [next(attacks) for _ in range(len(table))] for column in columns})
        table.to_csv(folder / f"{name}.tsv", sep="\t", index=False)
    for name in ("statistics.json", "settings.json", "analyses.tsv", "disclosure.tsv", "flow.tsv"):
        write_mark(folder / name, {}, rules)


def attack_log(path: Path) -> None:
    """Put an attack in the place of every text of the log of analyses."""
    attacks, lines = cycle(PAYLOADS.values()), []
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        texts = {name: next(attacks) for name in ("id", "kind", "role", "family", "status", "reason")}
        lines.append(json.dumps({**entry, **texts, "warnings": [next(attacks)]}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _red():
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([0, 1])
    return figure


def pages_of(folder: Path) -> list[Path]:
    return [
        folder / "report/report.html",
        folder / "report/shareable.html",
        *sorted((folder / "report/participants").iterdir()),
    ]


@pytest.fixture(scope="module")
def page(attacked, tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


LIVE = """(() => {
    const found = [];
    if (window.pwned) found.push('script ran');
    if (document.getElementById('pwned')) found.push('raw HTML');
    for (const element of document.querySelectorAll('*')) {
        if (element.matches('script, iframe, object, embed, form, base, link, use'))
            found.push(element.outerHTML.slice(0, 200));
        for (const {name, value} of element.attributes) {
            if (name.startsWith('on')) found.push(name + '=' + value);
            const known = /^(#[\\w-]+|(\\.\\.\\/)?(participants\\/)?(report|sub-\\w+)\\.html(#[\\w-]+)?)$/;
            if (name === 'href' && !known.test(value))
                found.push('href ' + value);
            if (name === 'src' && !value.startsWith('data:image/')) found.push('src ' + value);
        }
    }
    return found;
})()"""


@needs_chromium
@pytest.mark.parametrize("name", ["script", "event", "frame", "link", "raw block", "end of a title"])
def test_an_attack_that_is_not_escaped_would_be_seen(page: Page, tmp_path, name):
    text = PAYLOADS[name].replace("[click](", "<a href='").replace("=1) <", "=1'>x</a> <")
    (tmp_path / "page.html").write_text(f"<!DOCTYPE html><title>x</title><p>{text}", encoding="utf-8")
    page.open(tmp_path / "page.html", DESKTOP)
    assert page.evaluate(LIVE) != []


@needs_chromium
def test_the_policy_stops_an_attack_that_got_through(page: Page, tmp_path):
    text = PAYLOADS["script"] + PAYLOADS["event"] + "<img src='http://127.0.0.1:9/x.png'>"
    content = with_policy(f"<!DOCTYPE html><html><head><title>x</title></head><body>{text}</body></html>")
    (tmp_path / "page.html").write_text(content, encoding="utf-8")
    page.open(tmp_path / "page.html", DESKTOP)
    assert page.evaluate("window.pwned === undefined")
    assert any("Content Security Policy" in complaint for complaint in page.complaints)


@needs_chromium
def test_no_attack_lives_in_any_page(attacked, page: Page):
    for path in pages_of(attacked):
        page.open(path, DESKTOP)
        assert page.evaluate(LIVE) == [], path.name
        assert [url for url in page.requests if not url.startswith("data:")] == [path.as_uri()]
        assert page.complaints == [], path.name


@needs_chromium
@pytest.mark.parametrize("name", ["report", "shareable"])
def test_every_attack_is_shown_letter_by_letter(attacked, page: Page, name):
    page.open(attacked / f"report/{name}.html", DESKTOP)
    shown = " ".join(page.evaluate("document.body.textContent").split())
    for attack, text in PAYLOADS.items():
        assert " ".join(legible(one_line(text)).split()) in shown, attack
    title = " ".join(page.evaluate("document.title").split())
    assert title.startswith("<script>window.pwned = 1</script></script>")


@needs_chromium
@pytest.mark.parametrize(("size", "mobile"), [(DESKTOP, False), (PHONE, True)], ids=["desktop", "phone"])
def test_nothing_is_wider_than_the_window_but_what_scrolls_within_itself(attacked, page: Page, size, mobile):
    for path in pages_of(attacked)[:3]:
        page.open(path, size, mobile=mobile)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], path.name


@needs_chromium
@pytest.mark.parametrize("name", ["report", "shareable"])
def test_the_keyboard_reaches_the_content_first_and_shows_where_it_is(attacked, page: Page, name):
    page.open(attacked / f"report/{name}.html", DESKTOP)
    page.press_tab()
    first = page.evaluate("[document.activeElement.textContent, document.activeElement.getAttribute('href')]")
    assert first == ["Skip to the content", "#content"]
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0, "seen while it has the focus"
    page.press_tab()
    assert page.evaluate("document.activeElement.closest('#TOC') !== null")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2


@needs_chromium
@pytest.mark.parametrize("name", ["report", "shareable"])
def test_headings_pictures_and_tables_are_named_for_those_who_hear_the_page(attacked, page: Page, name):
    page.open(attacked / f"report/{name}.html", DESKTOP)
    assert page.evaluate("[...document.images].filter(image => !image.alt.trim()).length") == 0
    assert page.evaluate("[...document.images].filter(image => !image.naturalWidth).length") == 0, "all are drawn"
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.evaluate("document.querySelectorAll('main').length") == 1
    assert page.evaluate("[...document.querySelectorAll('main table')].filter(table => !table.caption).length") == 0
    identifiers = page.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id)")
    assert len(identifiers) == len(set(identifiers))
    broken = (
        "[...document.querySelectorAll('a[href^=\"#\"]')].filter(a => !document.getElementById(a.hash.slice(1))).length"
    )
    assert page.evaluate(broken) == 0


def test_no_attack_lives_in_a_figure(attacked):
    drawn = sorted(attacked.glob("re*/figures/*.svg"))
    assert len(drawn) == len(FIGURES) + len(SHAREABLE_FIGURES)
    for path in drawn:
        elements = list(ElementTree.parse(path).getroot().iter())
        names = {element.tag.rpartition("}")[2] for element in elements if isinstance(element.tag, str)}
        assert names.isdisjoint({"script", "a", "foreignObject", "iframe", "text"}), path.name
        for element in elements:
            for name, value in element.attrib.items():
                assert not name.lower().startswith("on"), path.name
                assert "href" not in name or value.startswith(("#", "data:image/png;base64,")), path.name


def test_the_print_form_is_made_for_typst_ran_nothing(attacked):
    assert (attacked / "report/report.pdf").read_bytes().startswith(b"%PDF-")


@pytest.mark.parametrize("text", PAYLOADS.values(), ids=PAYLOADS)
def test_text_is_legible_on_one_line_without_anything_unseen(text):
    shown = legible(text)
    assert shown.isprintable() and "\n" not in shown and len(shown) <= 2200
