"""A checklist's item is answered only where its place and its numbers are."""

from __future__ import annotations

import pytest

from myot2.report.checklist import Item, anchors_of, checklist_table, read_checklist, status_of
from myot2.report.lookup import Statistics

FOUND = Statistics({"roc.auc": {"value": 0.9, "printed": "0.900"}, "roc.cutoff": {"value": None, "reason": "none"}})
NAMES = {"stard-2015": 30, "claim-2024": 44}


@pytest.mark.parametrize(
    ("item", "status"),
    [
        (Item("1", "Title", "a"), "manual"),
        (Item("2", "Results", "a", "sec-roc"), "auto"),
        (Item("3", "Results", "a", "sec-roc", ("roc.auc",)), "auto"),
        (Item("4", "Results", "a", "sec-roc", ("roc.auc", "roc.cutoff")), "missing"),
        (Item("5", "Results", "a", "sec-roc", ("roc.nothing",)), "missing"),
        (Item("6", "Results", "a", "sec-elsewhere", ("roc.auc",)), "missing"),
    ],
)
def test_an_item_is_answered_only_with_its_place_and_all_its_numbers(item, status):
    assert status_of(item, FOUND, {"sec-roc"}) == status


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_checklists_have_every_item_in_order_and_point_to_places_of_the_report(root, name):
    items = read_checklist(root / f"report/checklists/{name}.yaml").items
    numbers = [int(item.item.rstrip("ab")) for item in items]
    assert sorted(set(numbers)) == list(range(1, NAMES[name] + 1)) and numbers == sorted(numbers)
    assert len({item.item for item in items}) == len(items)
    anchors = anchors_of((root / "report/report.qmd").read_text(encoding="utf-8"))
    assert {item.anchor for item in items} - {None} <= anchors
    assert all(item.anchor for item in items if item.keys)


def test_a_place_that_is_not_in_the_report_is_not_referred_to(root):
    checklist = read_checklist(root / "report/checklists/stard-2015.yaml")
    table = checklist_table(checklist, Statistics({}), set())
    assert "@" not in table.replace("\\@", "") and "answered here" not in table
    assert table.count("**missing**") == sum(item.anchor is not None for item in checklist.items)
