"""No number of the shareable report is one person's, on the golden cohort (test_golden_cohort.py says what that is).

Whether a number is somebody's cannot be seen in one cohort: a mean of 47.4 ms is in order though one of 64 patients
has 47.4 ms. So the same people are made many times over with other values, which each time leave gaps somewhere else (a
comb with holes as wide as its teeth). A number that is one person's, or the lowest, the highest or a middle one, lies
on a tooth each time; any other falls into a hole now and then. The test for this finds planted leaks, and the extremes
that the internal statistics hold.

That the page has no numbers but these is looked at in two pages of two cohorts: outside of what is looked up in
released tables both have the same ones.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from myot2.analyse.claims.page import compare_page
from myot2.core.config import Configuration
from myot2.core.rounding import print_number

COHORTS = 14
MOST = 7
"""A number that more people share is none of theirs."""

RENAMED = {
    "id": "participant_id",
    "dx": "diagnosis",
    "untreated": "treatment",
    "duration_mo": "disease_duration_months",
}
FIELDS = ("t2_ms", "age", "disease_duration_months", "ck", "alt", "ast", "ldh", "ild_score")
CHANGES = {"resamples": 100, "analyses": {"spearman.imputed": None}}
MUSCLES = ("vastus lateralis", "gracilis")
FREE_TEXT = "a word that only one has"
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w])")

Numbers = dict[str, str]


def golden(shared_data: Path) -> pd.DataFrame:
    """The cohort in our own words."""
    people = pd.read_csv(shared_data / "golden-cohort/participants.csv").rename(columns=RENAMED)
    words = {"group": {"IIM": "patient", "HC": "control"}, "treatment": {1.0: "untreated", 0.0: "relapsed"}}
    return people.assign(**{column: people[column].map(theirs) for column, theirs in words.items()})


def combed(people: pd.DataFrame, number: int) -> pd.DataFrame:
    """The same people with other values, shaken and then pushed together into the teeth of a comb, in their order.

    The comb's place goes with the number of the cohort, so that every value lies in a hole in about half of them.
    """
    random = np.random.default_rng(number)

    def comb(values: pd.Series, width: float, decimals: int) -> pd.Series:
        place = width * number / COHORTS
        tooth = np.floor((values + place) / width)
        return (tooth * width + (values + place - tooth * width) / 2 - place).round(decimals)

    def shaken(name: str, spread: float) -> pd.Series:
        return people[name] * np.exp(random.normal(0, spread, len(people)))

    controls = people["group"] == "control"
    t2 = shaken("t2_ms", 0.05).where(~controls, shaken("t2_ms", 0.01))
    return people.assign(
        t2_ms=comb(t2, 10.0, 2),
        age=comb(people["age"] + random.integers(-4, 5, len(people)), 10.0, 0).clip(18),
        disease_duration_months=comb(shaken("disease_duration_months", 0.3), 10.0, 0).clip(1),
        ild_score=(2 * (people["ild_score"] / 2).round() + number % 2).clip(upper=8),
        ck=shaken("ck", 0.2).round(),
        ldh=comb(shaken("ldh", 0.2), 40.0, 0),
        **{name: comb(shaken(name, 0.2), 20.0, 0).clip(1) for name in ("alt", "ast")},
    )


@pytest.fixture(scope="module")
def make(program, root, tmp_path_factory) -> Callable[[pd.DataFrame], Path]:
    """What writes a results folder of people, analyses it and releases it."""

    def made(people: pd.DataFrame) -> Path:
        folder = tmp_path_factory.mktemp("results")
        for name in ("analyse", "measure"):
            (folder / name).mkdir()
        random = np.random.default_rng(7)
        measures = [
            {"participant_id": person, "region": region, "side": "both", "t2_mean_ms": round(t2 + shift, 2)}
            for person, t2 in zip(people["participant_id"], people["t2_ms"], strict=True)
            for region, shift in {"thigh": 0.0, **dict(zip(MUSCLES, random.normal(0, 2, 2), strict=True))}.items()
        ]
        flow = people[["participant_id"]].assign(session="n/a", status="measured", stage="n/a")
        tables = {
            "participants": people.drop(columns="t2_ms"),
            "measure/cohort": pd.DataFrame(measures),
            "measure/flow": flow,
        }
        for name, table in tables.items():
            table.to_csv(folder / f"{name}.tsv", sep="\t", index=False, na_rep="n/a")
        configuration = folder / "config.json"
        configuration.write_text(Configuration().model_dump_json(), encoding="utf-8")
        labels = ["--label-table", str(root / "config/labels.tsv")]
        study = ["--participants", f"{folder}/participants.tsv", "--measures", f"{folder}/measure/cohort.tsv"]
        more = ["--changes", json.dumps(CHANGES), "--out", f"{folder}/analyse"]
        assert program("analyse_cohort")([*study, *labels, *more]) == 0
        results = ["--results", str(folder), "--config-summary", str(configuration), "--out", f"{folder}/release"]
        assert program("release_tables")([*results, *labels]) == 0
        return folder

    return made


@pytest.fixture(scope="module")
def cohorts(make, shared_data) -> list[tuple[pd.DataFrame, Path]]:
    """The others and their results; without one patient, for of 63 people the quartiles are three people's values."""
    people = golden(shared_data)
    people = people.drop(people.index[people["participant_id"] == "P064"])
    every = [combed(people, number) for number in range(COHORTS)]
    return [(one, make(one)) for one in every]


@pytest.fixture(scope="module")
def itself(make, shared_data) -> tuple[pd.DataFrame, Path]:
    """The golden cohort as it is."""
    people = golden(shared_data)
    return people, make(people)


def numbers_in(statistics: Mapping[str, Mapping[str, object]]) -> Numbers:
    """Every number that statistics print, by key and part."""
    found = {}
    for key, entry in statistics.items():
        for part, value in entry.items():
            if part == "n" or part in ("numerator", "denominator") or part.endswith("printed"):
                for place, number in enumerate(NUMBER.findall(str(value))):
                    found[f"{key}:{part}:{place}"] = number
    return found


def numbers_of(folder: Path) -> Numbers:
    """Every number of a release: of its statistics and of its tables."""
    found = numbers_in(json.loads((folder / "release/statistics.json").read_text(encoding="utf-8")))
    for name in ("flow", "histogram", "roc", "correlations"):
        table = pd.read_csv(folder / f"release/{name}.tsv", sep="\t", dtype=str).fillna("")
        for row, cells in enumerate(table.to_dict("records")):
            for column, cell in cells.items():
                if NUMBER.fullmatch(cell):
                    found[f"{name}.tsv:{row}:{column}"] = cell
    return found


def sharing(number: str, values: pd.Series) -> int:
    """How many people's value prints as the number does."""
    decimals = len(number.partition(".")[2])
    return sum(print_number(value, decimals) == number for value in values.dropna())


def leaks(cohorts: list[tuple[pd.DataFrame, Numbers]]) -> set[str]:
    """The numbers that in each cohort that has them (half of all at least) are the value of one person or a few."""
    found = set()
    for address in set().union(*(numbers for _, numbers in cohorts)):
        shown = [(people, numbers[address]) for people, numbers in cohorts if address in numbers]
        for field in FIELDS:
            if len(shown) >= COHORTS // 2 and all(
                1 <= sharing(number, people[field]) <= MOST for people, number in shown
            ):
                found.add(address)
    return found


def test_no_number_is_one_persons(cohorts):
    released = [(people, numbers_of(folder)) for people, folder in cohorts]
    assert min(len(numbers) for _, numbers in released) > 200
    assert leaks(released) == set()


PLANTED: dict[str, Callable[[pd.DataFrame], float]] = {
    "highest T2": lambda people: people["t2_ms"].max(),
    "lowest T2 of a group": lambda people: people.loc[people["group"] == "control", "t2_ms"].min(),
    "somebody's CK": lambda people: people["ck"].iloc[4],
    "the youngest": lambda people: people["age"].min(),
    "the middle one": lambda people: people["t2_ms"].sort_values().iloc[37],
    "the longest disease": lambda people: people["disease_duration_months"].max(),
}


@pytest.mark.parametrize(("planted", "decimals"), [(name, 1) for name in PLANTED] + [("highest T2", 0)])
def test_a_planted_leak_is_found(cohorts, planted, decimals):
    spoilt = [
        (people, numbers_of(folder) | {"planted": print_number(PLANTED[planted](people), decimals)})
        for people, folder in cohorts
    ]
    assert leaks(spoilt) == {"planted"}


def test_the_internal_statistics_hold_leaks_of_this_kind(cohorts):
    """Else the test above would look at nothing."""
    internal = [
        (people, numbers_in(json.loads((folder / "analyse/statistics.json").read_text(encoding="utf-8"))))
        for people, folder in cohorts
    ]
    found = leaks(internal)
    extremes = (
        "t2.patient.median",
        "t2.patient.q1",
        "t2.patient.max",
        "t2.patient.min",
        "t2.control.max",
        "cohort.patient.age.max",
        "cohort.patient.ck.max",
    )
    assert {f"{key}:printed:0" for key in extremes} <= found


def test_no_number_follows_one_person_by_more_than_an_eighth(make, itself):
    """The patient of the highest T2 gets 40 ms more; so does one in the middle, who then is the highest."""
    people, folder = itself
    before = numbers_of(folder)
    patients = people.loc[people["group"] == "patient", "t2_ms"]
    for person in (patients.idxmax(), patients.sort_values().index[32]):
        moved = people.assign(t2_ms=people["t2_ms"].where(people.index != person, people["t2_ms"] + 40.0))
        after = numbers_of(make(moved))
        in_ms = [
            address for address in before.keys() & after.keys() if re.match(r"t2\.|muscle|correlations.*t2_ms", address)
        ]
        assert len(in_ms) > 100
        # to the precision of the quantiles, whose step follows the spread
        shifts = {address: abs(float(after[address]) - float(before[address])) for address in in_ms}
        assert max(shifts.values()) <= 40 / 8 + 0.1, max(shifts, key=shifts.get)


def test_counts_are_rounded_and_none_is_small(cohorts):
    for _, folder in cohorts:
        statistics = json.loads((folder / "release/statistics.json").read_text(encoding="utf-8"))
        counts = [
            entry[part] for entry in statistics.values() for part in ("n", "numerator", "denominator") if part in entry
        ]
        known = [count for count in counts if isinstance(count, int)]
        assert len(known) > 50 and all(count % 5 == 0 and count > 7 for count in known)


def test_the_golden_cohort_reads_as_the_rules_say(itself):
    statistics = json.loads((itself[1] / "release/statistics.json").read_text(encoding="utf-8"))
    printed = {key: entry["printed"] for key, entry in statistics.items()}
    assert [printed[f"cohort.{name}"] for name in ("n", "patient.n", "control.n", "control.male")] == [
        "75", "65", "10", "[REDACTED]"
    ]  # fmt: skip
    assert (printed["t2.patient.mean"], printed["t2.control.mean"], printed["roc.cutoff"]) == ("47.4", "33.9", "36")
    assert (printed["roc.auc"], printed["roc.sensitivity"], printed["roc.specificity"]) == ("0.98", *["[REDACTED]"] * 2)
    assert [printed["spearman.ck"], statistics["spearman.ild_score"]["n"]] == ["0.36", 60]


def test_the_released_numbers_are_consistent_among_themselves(program, itself, tmp_path):
    """Rounded p, n, fractions and intervals still fit one another, as the claims check asks of any paper."""
    statistics = itself[1] / "release/statistics.json"
    assert program("check_claims")(["--statistics", str(statistics), "--out", str(tmp_path)]) == 0
    checks = pd.read_csv(tmp_path / "claims.tsv", sep="\t")
    assert len(checks) > 100 and not (checks["status"] == "inconsistent").any()


class _Outside(HTMLParser):
    """The text of a page that is not looked up in a released table."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.inside: list[bool] = []
        self.text: list[str] = []
        self.silent = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent = tag in ("style", "script")
        if tag == "span":
            self.inside.append(bool({"data-claim", "data-table"} & dict(attrs).keys()))

    def handle_endtag(self, tag: str) -> None:
        self.silent = False
        if tag == "span" and self.inside:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        if not self.silent and not any(self.inside):
            self.text.append(data)


def outside(page: str) -> str:
    reader = _Outside()
    reader.feed(page)
    reader.close()
    return " ".join(reader.text)


@pytest.fixture(scope="module")
def pages(cohorts, itself, make, root) -> Iterator[list[tuple[pd.DataFrame, Path, str]]]:
    """The shareable page of the golden cohort, in which one has a word of her own, and of another."""
    sys.path.insert(0, str(root / "tests/unit/report"))
    from report_release import render_shareable, run

    people = itself[0].copy()
    people.loc[3, "diagnosis"] = FREE_TEXT
    found = []
    for one, folder in ((people, make(people)), cohorts[0]):
        run(root, "draw_figures.py", "--released", folder / "release", "--out", folder / "release/figures")
        done = render_shareable(root, folder / "release", folder)
        assert done.returncode == 0, done.stderr
        found.append((one, folder, (folder / "shareable.html").read_text(encoding="utf-8")))
    yield found
    sys.path.remove(str(root / "tests/unit/report"))


def test_the_page_shows_released_numbers_and_outside_of_them_the_same_in_every_cohort(pages):
    for _, folder, page in pages:
        statistics = json.loads((folder / "release/statistics.json").read_text(encoding="utf-8"))
        assert compare_page(page, statistics) == []
    first, second = (NUMBER.findall(outside(page)) for _, _, page in pages)
    assert len(first) > 30 and first == second


def test_a_number_that_is_typed_into_the_page_would_be_seen(pages):
    people, _, page = pages[0]
    leak = f"{people['t2_ms'].iloc[0]:.1f}"
    spoilt = page.replace("Mean T2 of the thigh muscles is", f"Mean T2 (somebody has {leak} ms) is", 1)
    assert NUMBER.findall(outside(spoilt)) != NUMBER.findall(outside(pages[1][2]))


def test_no_participant_no_word_of_theirs_and_no_picture_is_in_the_page(pages):
    for people, _, page in pages:
        text = re.sub(r'"data:[^"]*"', '""', page)
        assert not [person for person in people["participant_id"] if person in text]
        assert FREE_TEXT not in text and FREE_TEXT.replace(" ", "_") not in text
        assert set(re.findall(r'src="data:([^;,]+)', page)) == {"image/svg+xml"}
        shown = set(NUMBER.findall(" ".join(outside(text).split())))
        assert not shown & {f"{value:.2f}" for value in people["t2_ms"]}, "T2 as it is in the table"
