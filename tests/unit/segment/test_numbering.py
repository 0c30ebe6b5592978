"""Other tools' numbers and names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from myot2.core.errors import MyoT2Error
from myot2.core.label_names import NUMBERINGS, OWN, find_label
from myot2.core.labels import read_labels
from myot2.segment.numbering import translation


@pytest.fixture(scope="module")
def table(root):
    return read_labels(root / "config/labels.tsv")


def test_every_label_is_found_by_its_code_of_each_numbering_and_by_its_name(table):
    for label in table.labels:
        for numbering in NUMBERINGS:
            code = str(label.index) if numbering == OWN else getattr(label, numbering)
            if code != "n/a":
                assert find_label(table, code, numbering) == label
            for name in (
                f"{label.name} {label.side}",
                f"{label.side.upper()}-{label.name.title()}",
                f"{label.name.replace(' ', '_')}_{label.side[0]}",
                f" {label.name} ({label.side})",
            ):
                assert find_label(table, name, numbering) == label, name


@pytest.mark.parametrize(
    "text", ["sartorius", "n/a", "", "left", "left sartorius right", "vastus left", "7101", "VL_L"]
)
def test_what_is_not_said_wholly_is_not_guessed(table, text):
    assert find_label(table, text) is None


@given(st.data())
def test_translating_gives_each_voxel_the_number_of_its_name(table, data):
    labels = data.draw(st.permutations(table.labels))[: data.draw(st.integers(1, len(table.labels)))]
    theirs = data.draw(st.lists(st.integers(1, 70000), min_size=len(labels), max_size=len(labels), unique=True))
    names = {number: (f"{label.name} {label.side}",) for number, label in zip(theirs, labels, strict=True)}
    translated = translation(table, names, OWN, ignore=(), where="x")
    values = np.array(data.draw(st.lists(st.sampled_from([0, *theirs]), min_size=1, max_size=30)))
    expected = {0: 0, **{number: label.index for number, label in zip(theirs, labels, strict=True)}}
    assert translated.apply(values).tolist() == [expected[value] for value in values.tolist()]
    assert {label.index for label in translated.absent} == {x.index for x in table.labels} - {x.index for x in labels}


def test_unknown_structures_are_refused_unless_they_are_ignored(table):
    structures = {1: ("gluteus maximus left",), 2: ("sartorius left",), 3: ("gluteus medius left",)}
    with pytest.raises(MyoT2Error, match="2 others: 'gluteus maximus left', 'gluteus medius left'"):
        translation(table, structures, OWN, ignore=(), where="model.json")
    translated = translation(table, structures, OWN, ignore=["gluteus*"], where="model.json")
    assert translated.numbers == {2: 9}
    assert translated.left_out(np.array([0, 1, 1, 2])) == {"gluteus maximus left": 2}


def test_ignoring_everything_takes_what_is_known_and_is_refused_where_nothing_is(table):
    assert translation(table, {4: ("liver",), 5: ("9",)}, OWN, ignore=["*"], where="x").numbers == {5: 9}
    with pytest.raises(MyoT2Error, match="none that is not ignored"):
        translation(table, {4: ("liver",)}, OWN, ignore=["*"], where="x")


def test_two_structures_for_one_label_and_two_labels_for_one_structure_are_refused(table):
    with pytest.raises(MyoT2Error, match="more than one for label 9"):
        translation(table, {1: ("sartorius left",), 2: ("9",)}, OWN, ignore=(), where="x")
    with pytest.raises(MyoT2Error, match=r"'sartorius left' as labels \[1, 9\]"):
        translation(table, {1: ("sartorius left", "7101")}, "musclemap", ignore=(), where="x")


def test_numbers_of_a_label_table_beyond_255_keep_their_value(tmp_path):
    text = "index\tname\tside\tgroup\tmusclemap\tqmritools\tdafne\tcolour\n300\tx\tleft\tg\tn/a\tn/a\tn/a\t#000000\n"
    (tmp_path / "labels.tsv").write_text(text)
    translated = translation(read_labels(tmp_path / "labels.tsv"), {1: ("x left",)}, OWN, ignore=(), where="x")
    assert translated.apply(np.array([[1, 0]])).tolist() == [[300, 0]]
