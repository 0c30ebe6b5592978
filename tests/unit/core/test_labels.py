"""The label table."""

from __future__ import annotations

import numpy as np
import pytest

from myot2.core.errors import MyoT2Error
from myot2.core.labels import BONE, Label, LabelTable, muscle_only, read_labels


@pytest.fixture
def labels(root):
    return read_labels(root / "config/labels.tsv")


def test_the_table_holds_thirteen_muscles_and_the_femur_on_each_side(labels):
    assert len(labels.muscles) == 13
    assert labels.structures == (*labels.muscles, "femur")
    assert [label.index for label in labels.labels] == list(range(1, 29))
    assert len(labels.muscle_indices(side="left")) == len(labels.muscle_indices(side="right")) == 13
    assert (labels.index("femur", "left"), labels.index("femur", "right")) == (27, 28)


def test_bone_is_in_no_list_of_muscles_or_groups_wherever_it_stands_in_the_table():
    rows = (("femur", BONE), ("a", "g"), ("patella", BONE), ("b", "h"))
    table = LabelTable(tuple(Label(k, name, "left", group, *[""] * 4) for k, (name, group) in enumerate(rows, 1)))
    assert table.structures == ("femur", "a", "patella", "b")
    assert table.muscles == ("a", "b") and table.groups == ("g", "h")
    assert [label.name for label in table.muscle_labels] == ["a", "b"]
    assert (table.indices(), table.muscle_indices(), table.bone_indices()) == ([1, 2, 3, 4], [2, 4], [1, 3])
    assert table.indices(name="femur") == [1] and table.muscle_indices(name="femur") == []


def test_a_phantom_has_no_bone_and_all_of_its_spheres_count_as_muscle(root):
    table = read_labels(root / "config/examples/nist-phantom-labels.tsv")
    assert table.bone_indices() == []
    assert table.muscle_indices() == table.indices() and table.muscles == table.structures


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_of_a_label_map_only_muscle_is_kept_in_its_own_type(labels, kind):
    kept = muscle_only(np.array([[0, 1, 26], [27, 28, 99]], kind), labels)
    assert kept.dtype == kind
    assert kept.tolist() == [[0, 1, 26], [0, 0, 0]]


def test_numbers_of_other_tools_follow_their_own_rules(labels):
    # MuscleMap and QMRITools: the last digit is the side, 1 left and 2 right
    for label in labels.muscle_labels:
        digit = {"left": "1", "right": "2"}[label.side]
        assert label.musclemap.startswith("7") and label.musclemap.endswith(digit) and len(label.musclemap) == 4
        assert label.qmritools.startswith("22") and label.qmritools.endswith(digit) and len(label.qmritools) == 6
    for tool in ("musclemap", "qmritools"):
        assert len({getattr(label, tool) for label in labels.muscle_labels}) == 26
    # QMRITools numbers muscles only
    femur = [(label.musclemap, label.qmritools) for label in labels.labels if label.name == "femur"]
    assert femur == [("6171", "n/a"), ("6172", "n/a")]


def test_labels_are_found_by_name_group_and_side(labels):
    assert labels.index("gracilis", "right") == labels.index("gracilis", "left") + 1
    assert labels.indices(name="sartorius") == labels.indices(group="sartorius")
    assert len(labels.indices(group="quadriceps", side="left")) == 4
    with pytest.raises(KeyError, match="soleus"):
        labels.index("soleus", "left")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("1\tvastus lateralis\tleft", "0\tvastus lateralis\tleft"), "positive whole number"),
        (("2\tvastus lateralis\tright", "1\tvastus lateralis\tright"), "no other row"),
        (("gracilis\tleft", "gracilis\tL"), "side left or right"),
        (("\tcolour", "\tcolor"), "no column colour"),
    ],
)
def test_a_broken_table_is_refused_with_the_line(root, tmp_path, change, message):
    text = (root / "config/labels.tsv").read_text()
    (tmp_path / "labels.tsv").write_text(text.replace(*change, 1))
    with pytest.raises(MyoT2Error, match=message):
        read_labels(tmp_path / "labels.tsv")
