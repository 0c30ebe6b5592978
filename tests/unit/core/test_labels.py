"""The label table."""

from __future__ import annotations

import pytest

from myot2.core.errors import MyoT2Error
from myot2.core.labels import read_labels


@pytest.fixture
def labels(root):
    return read_labels(root / "config/labels.tsv")


def test_the_table_holds_thirteen_muscles_on_each_side(labels):
    assert len(labels.muscles) == 13
    assert [label.index for label in labels.labels] == list(range(1, 27))
    assert len(labels.indices(side="left")) == len(labels.indices(side="right")) == 13


def test_numbers_of_other_tools_follow_their_own_rules(labels):
    # MuscleMap and QMRITools: the last digit is the side, 1 left and 2 right
    for label in labels.labels:
        digit = {"left": "1", "right": "2"}[label.side]
        assert label.musclemap.startswith("7") and label.musclemap.endswith(digit) and len(label.musclemap) == 4
        assert label.qmritools.startswith("22") and label.qmritools.endswith(digit) and len(label.qmritools) == 6
    assert len({label.musclemap for label in labels.labels}) == len({label.qmritools for label in labels.labels}) == 26


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
