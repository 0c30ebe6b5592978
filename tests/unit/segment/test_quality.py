"""The figures of a label map are those of what was drawn, and flags say what is odd about it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import SimpleITK as sitk

from myot2.core.labels import read_labels
from myot2.segment.quality import Evidence, describe
from myot2.segment.risk import ANY, Logistic, Risk

SPACING = (2.0, 2.5, 10.0)
SHAPE = (5, 40, 60)
NO_THIGH = "no thigh found in the image: nothing is labelled"
NAMES = ("gracilis", "sartorius", "rectus femoris", "vastus lateralis", "vastus medialis")


@pytest.fixture(scope="module")
def table(root):
    return read_labels(root / "config" / "labels.tsv")


def image(values: np.ndarray) -> sitk.Image:
    """On a grid whose columns go to the subject's left, rows to the back, slices to the head."""
    result = sitk.GetImageFromArray(values)
    result.SetSpacing(SPACING)
    return result


@pytest.fixture
def thighs(table):
    """Five muscles per leg, 6 x 6 pixels in the middle three slices: the right leg's in the first columns."""
    labels = np.zeros(SHAPE, np.uint8)
    for place, name in enumerate(NAMES):
        rows = slice(2 + 7 * place, 8 + 7 * place)
        labels[1:4, rows, 5:11] = table.index(name, "right")
        labels[1:4, rows, 45:51] = table.index(name, "left")
    return labels


def row_of(figures, name, side):
    return next(row for row in figures["Muscles"] if (row["name"], row["side"]) == (name, side))


def evidence(labels, confidence=0.9, entropy=0.1, agreement=0.95, **more):
    maps = (np.broadcast_to(np.asarray(value, np.float32), SHAPE).copy() for value in (confidence, entropy))
    votes = dict.fromkeys(np.unique(labels[labels > 0]).tolist(), agreement)
    return Evidence(*map(image, maps), votes, **more)


def test_the_figures_of_a_muscle_are_those_of_what_was_drawn(table, thighs):
    left = table.index("gracilis", "left")
    known = evidence(thighs, confidence=np.where(thighs == left, 0.8, 0.6), entropy=np.where(thighs == left, 0.2, 0.4))
    row = row_of(describe(image(thighs), table, evidence=known), "gracilis", "left")
    assert row["voxels"] == 108
    assert row["volume_ml"] == pytest.approx(108 * 0.05)
    assert row["area_cm2"] == pytest.approx(36 * 0.05)
    assert row["whole"] is True and row["edge"] is False
    assert (row["mean_confidence"], row["mean_entropy"], row["agreement"]) == (0.8, 0.2, 0.95)
    assert (row["slice_dice_mean"], row["slice_dice_lowest"], row["other_leg"]) == (1.0, 1.0, 0.0)
    assert 0.95 < row["roughness"] < 4 / np.pi + 0.1
    assert (row["fat_voxels"], row["fat_share"], row["risk"]) == (None, None, None)


def test_a_muscle_s_place_is_told_from_the_middle_of_its_leg_in_radii(table, thighs):
    medial, back = table.index("semitendinosus", "left"), table.index("semitendinosus", "right")
    thighs[1:4, 2:38, 33:39] = medial  # six times as long as each of the others, 12 columns nearer to the middle
    thighs[1:4, 30:36, 5:11] = back  # in place of the hindmost
    figures = describe(image(thighs), table)
    leg = np.isin(thighs, table.muscle_indices(side="left"))[1]
    rows, columns = np.nonzero(leg)
    radius = np.sqrt(leg.sum() * 5.0 / np.pi)
    row = row_of(figures, "semitendinosus", "left")
    assert row["medial"] == pytest.approx((columns.mean() - 35.5) * 2.0 / radius, abs=1e-3)
    assert row["back"] == pytest.approx((19.5 - rows.mean()) * 2.5 / radius, abs=1e-3)
    assert row["share"] == pytest.approx(36 * 6 / leg.sum(), abs=1e-4)
    other = row_of(figures, "semitendinosus", "right")
    assert other["medial"] == 0 and other["back"] == pytest.approx(
        (32.5 - 18.5) * 2.5 / np.sqrt(180 * 5 / np.pi), abs=1e-3
    )


def test_the_figures_of_the_case_sum_the_muscles_up(table, thighs):
    left = table.index("gracilis", "left")
    thighs[1:4, 2:8, 48:51] = np.where(thighs[1:4, 2:8, 48:51] == left, 0, thighs[1:4, 2:8, 48:51])
    known = evidence(thighs, confidence=np.where(thighs == left, 0.5, 0.9))
    figures = describe(image(thighs), table, sides=("right", "left"), evidence=known)
    assert figures["Asymmetry"]["gracilis"] == pytest.approx(54 / 81, abs=1e-4)
    assert figures["Asymmetry"]["sartorius"] == 0 and figures["Asymmetry"]["semitendinosus"] is None
    assert figures["VolumeMl"] == {"right": pytest.approx(540 * 0.05), "left": pytest.approx(486 * 0.05)}
    assert figures["MeanConfidence"] == pytest.approx((54 * 0.5 + 972 * 0.9) / 1026, abs=1e-4)
    assert (figures["MeanEntropy"], figures["Agreement"], figures["Risk"]) == (0.1, 0.95, None)


@pytest.mark.parametrize("order", [*itertools.permutations((0, 1, 2))])
def test_nothing_depends_on_the_order_of_the_axes_on_disk(table, thighs, order):
    thighs[3, 2:8, 45:47] = 0
    known = evidence(
        thighs, confidence=np.linspace(0, 1, SHAPE[2]), fat_fraction=image(np.full(SHAPE, 0.3, np.float32))
    )
    turned = Evidence(
        sitk.PermuteAxes(known.confidence, order),
        sitk.Flip(sitk.PermuteAxes(known.entropy, order), (True, False, True)),
        known.agreement,
        fat_fraction=sitk.PermuteAxes(known.fat_fraction, order),
    )
    labels = sitk.Flip(sitk.PermuteAxes(image(thighs), order), (False, True, False))
    assert describe(labels, table, evidence=turned) == describe(image(thighs), table, evidence=known)


def test_fat_is_counted_among_the_voxels_whose_fraction_is_known(table, thighs):
    fraction = np.full(SHAPE, 0.1, np.float32)
    gracilis = thighs == table.index("gracilis", "left")
    fraction[1][gracilis[1]] = 0.7
    fraction[2][gracilis[2]] = np.nan
    figures = describe(image(thighs), table, evidence=evidence(thighs, fat_fraction=image(fraction), fat_limit=0.6))
    row = row_of(figures, "gracilis", "left")
    assert (row["fat_voxels"], row["fat_share"]) == (36, 0.5)
    assert "gracilis, left: 50% of its voxels hold more fat than the limit" in figures["Flags"]
    lenient = describe(image(thighs), table, evidence=evidence(thighs, fat_fraction=image(fraction), fat_limit=0.8))
    assert row_of(lenient, "gracilis", "left")["fat_voxels"] == 0


def test_a_muscle_at_the_last_slice_or_the_edge_of_the_image_is_said_to_be(table, thighs):
    sartorius, rectus = table.index("sartorius", "right"), table.index("rectus femoris", "right")
    thighs[4][thighs[3] == sartorius] = sartorius
    thighs[2, 18, 0:5] = rectus
    figures = describe(image(thighs), table)
    assert not row_of(figures, "sartorius", "right")["whole"] and row_of(figures, "sartorius", "left")["whole"]
    assert row_of(figures, "rectus femoris", "right")["edge"]
    assert "rectus femoris, right: touches the edge of the image" in figures["Flags"]


def test_flags_name_what_is_empty_unsure_torn_or_one_sided(table, thighs):
    gracilis, sartorius = table.index("gracilis", "right"), table.index("sartorius", "right")
    thighs[2][thighs[2] == sartorius] = 0
    thighs[thighs == table.index("rectus femoris", "left")] = 0
    thighs[:, :, 8:11][thighs[:, :, 8:11] == gracilis] = 0
    known = evidence(thighs, confidence=np.where(thighs == gracilis, 0.4, 0.9))
    known.agreement[table.index("vastus medialis", "left")] = 0.55
    flags = describe(image(thighs), table, evidence=known)["Flags"]
    assert "semitendinosus: no voxel on any side (outside the field, or missed)" in flags
    assert "rectus femoris, left: no voxel, though the other side has some" in flags
    assert "gracilis, right: mean confidence 0.40, below 0.6" in flags
    assert "sartorius, right: Dice of neighbouring slices 0.00, below 0.5" in flags
    assert "vastus medialis, left: agreement of the votes 0.55, below 0.7" in flags
    assert "gracilis: left and right differ by 67%, more than 35%" in flags
    assert not any(flag.startswith(("gracilis, left", "rectus femoris, right")) for flag in flags)


def test_exchanged_legs_are_seen_by_where_they_lie(table, thighs):
    names = np.arange(256, dtype=np.uint8)
    for left, right in ((table.index(name, "left"), table.index(name, "right")) for name in NAMES):
        names[[left, right]] = right, left
    figures = describe(image(names[thighs]), table)
    assert {row["other_leg"] for row in figures["Muscles"] if row["voxels"]} == {1.0}
    assert "gracilis, left: 100% of it lies on the other leg" in figures["Flags"]


def test_one_muscle_in_the_wrong_leg_is_seen(table, thighs):
    left, right = table.index("gracilis", "left"), table.index("gracilis", "right")
    thighs[thighs == right] = left
    assert row_of(describe(image(thighs), table), "gracilis", "left")["other_leg"] == pytest.approx(0.5)


def test_a_leg_alone_has_no_other(table, thighs):
    thighs[:, :, 30:] = 0
    figures = describe(image(thighs), table)
    assert list(figures["VolumeMl"]) == ["right"] and {row["side"] for row in figures["Muscles"]} == {"right"}
    assert row_of(figures, "gracilis", "right")["other_leg"] is None
    assert set(figures["Asymmetry"].values()) == {None}


def test_where_there_is_no_thigh_that_is_all_that_is_said(table, thighs):
    empty = np.zeros(SHAPE, np.uint8)
    assert describe(image(empty), table, sides=())["Flags"] == [NO_THIGH]
    strange = describe(image(empty), table, sides=(), evidence=Evidence(foreign_sides=("left",)))
    assert strange["Flags"] == [NO_THIGH, "left limb: it does not look like a thigh, nothing is labelled"]
    empty[1:3, 2:8, 5:11] = table.index("gracilis", "right")
    assert describe(image(empty), table, sides=("right",))["Flags"] == [
        "no thigh found: of a leg's muscles no more than 1 labelled"
    ]
    assert "no thigh found" not in describe(image(thighs), table)["Flags"]


def test_legs_that_reach_the_edge_of_the_network_s_field_are_named(table, thighs):
    flags = describe(image(thighs), table, evidence=Evidence(cropped_sides=("left",)))["Flags"]
    assert "left leg: muscle reaches the edge of the network's field" in flags


def test_the_femur_is_neither_listed_nor_judged(table, thighs):
    bony = thighs.copy()
    bony[1:4, 2:30, 55:59] = table.index("femur", "left")
    assert describe(image(bony), table) == describe(image(thighs), table)
    assert len(describe(image(bony), table)["Muscles"]) == 26


def test_a_risk_beyond_its_limit_is_flagged_and_comes_first(table, thighs):
    doubtful = table.index("gracilis", "left")
    muscle = Logistic(-2.0, {"entropy": 4.0}, {ANY: {"entropy": (0.1, 0.1)}})
    case = Logistic(1.0, {"mean_score": 0.0}, {ANY: {"mean_score": (0.0, 1.0)}})
    known = evidence(thighs, entropy=np.where(thighs == doubtful, 0.3, 0.1))
    figures = describe(image(thighs), table, evidence=known, risk=Risk("", muscle, case, {}))
    assert row_of(figures, "gracilis", "left")["risk"] == pytest.approx(1 / (1 + np.exp(-6)), abs=1e-4)
    assert row_of(figures, "gracilis", "right")["risk"] == pytest.approx(1 / (1 + np.exp(2)), abs=1e-4)
    assert row_of(figures, "semitendinosus", "right")["risk"] is None
    assert figures["Flags"][0] == "risk of failure 0.73, at least 0.5"
    assert "gracilis, left: risk of failure 1.00, at least 0.5" in figures["Flags"]


def test_labels_that_are_no_network_s_have_figures_but_no_risk(table, thighs):
    risk = Risk("", *(Logistic(0.0, {}, {ANY: {}}) for _ in range(2)), {})
    figures = describe(image(thighs), table, risk=risk)
    assert row_of(figures, "gracilis", "left")["volume_ml"] > 0
    assert figures["Risk"] is None and {row["risk"] for row in figures["Muscles"]} == {None}
    assert figures["MeanConfidence"] is None and figures["Agreement"] is None
