"""From an image and a mask to what the network learns from."""

from __future__ import annotations

from dataclasses import replace

import hypothesis.extra.numpy as arrays
import hypothesis.strategies as st
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from volumes import SLICES, legs, on_grid

from myot2.core.errors import MyoT2Error
from myot2.core.labels import read_labels
from myot2.learn.examples import annotated_in, counts_of, digest_of, limbs_of
from myot2.train.recipe import read_recipe


@pytest.fixture(scope="module")
def table(root):
    return read_labels(root / "config" / "labels.tsv")


@pytest.fixture(scope="module")
def configuration(root, table):
    return read_recipe(root / "config" / "train" / "thigh.yaml").configuration(table)


def limbs(image, labels, configuration, table, **more):
    return limbs_of(image, labels, configuration, table, person="P1", name="sub-P1", **more)


@pytest.fixture(scope="module")
def pair(configuration, table):
    """The right and the left limb of a person."""
    image, labels = legs()
    return limbs(on_grid(image), on_grid(labels), configuration, table)


def test_both_legs_become_examples_and_the_left_one_looks_like_a_right_one(pair):
    right, left = pair
    assert (right.name, left.name) == ("sub-P1_right", "sub-P1_left") and right.person == left.person == "P1"
    assert right.image.shape == right.labels.shape == (SLICES, 144, 144)
    # mirror images of one another: channel 1 in front, 2 behind, about the same number of pixels
    for example in pair:
        rows = [np.nonzero(example.labels == channel)[1].mean() for channel in (1, 2)]
        assert rows[0] < rows[1] - 15
        inside, outside = (example.image[example.labels == channel].mean() for channel in (1, 2))
        assert inside > outside + 0.2, "labels and image lie on one another"
    assert np.abs(right.labels.astype(int) - left.labels).astype(bool).mean() < 0.01


def test_a_label_keeps_its_area_on_the_grid_of_the_network(pair, configuration):
    _, labels = legs()
    for example, numbers in zip(pair, ((2, 4), (1, 3)), strict=True):
        for channel, number in enumerate(numbers, 1):
            wanted = (labels[0] == number).sum() * 1.5**2
            assert (example.labels[0] == channel).sum() * configuration.pixel_mm**2 == pytest.approx(
                wanted, rel=0.04
            )  # its straight edge is moved to a pixel's


@pytest.mark.parametrize("axes", ["RAS", "SPL", "AIR"])
def test_the_order_of_axes_on_disk_does_not_matter(pair, configuration, table, axes):
    image, labels = (sitk.DICOMOrient(on_grid(array), axes) for array in legs())
    for example, turned in zip(pair, limbs(image, labels, configuration, table), strict=True):
        assert example.digest() == turned.digest()


def test_muscles_that_nobody_drew_are_not_annotated_and_the_others_are(pair, configuration, table):
    image, labels = legs()
    labels[labels >= 3] = 0
    for example in limbs(on_grid(image), on_grid(labels), configuration, table):
        assert example.annotated[:, [0, 1]].all() and not example.annotated[:, 2:].any()
    known = limbs(on_grid(image), on_grid(legs()[1]), configuration, table, not_drawn={4})
    assert not known[0].annotated[:, 2].any() and known[1].annotated[:, 2].all()
    assert not (known[0].labels == 2).any() and (known[1].labels == 2).any()


def test_what_the_model_made_and_nobody_redrew_judges_nothing(configuration, table):
    image, labels = legs()
    own = on_grid(labels)
    same = limbs(on_grid(image), own, configuration, table, made_by_model=own)
    assert not any(one.judges or one.drawn.any() for one in same)
    corrected = labels.copy()
    corrected[:, 30:38][labels[:, 30:38] == 2] = 0  # much of the right leg's front muscle
    corrected[0, 60, 25] = 0  # a single pixel of its back muscle
    right, left = limbs(on_grid(image), on_grid(corrected), configuration, table, made_by_model=own)
    assert np.flatnonzero(right.drawn).tolist() == [1] and right.judges and not left.judges
    given = limbs(on_grid(image), own, configuration, table)
    assert all(one.judges and one.drawn.all() for one in given)
    rejected = limbs(on_grid(image), own, configuration, table, made_by_model=own, not_drawn={2})
    assert not any(one.judges for one in rejected)


def test_a_limb_without_labels_is_no_example_and_slices_without_labels_were_not_worked_on(configuration, table):
    image, labels = legs()
    labels[:, :, 60:] = 0
    labels[4:] = 0
    (only,) = limbs(on_grid(image), on_grid(labels), configuration, table)
    assert only.name.endswith("right")
    assert only.labelled.tolist() == [True] * 4 + [False] * 2
    assert not only.annotated[4:, 1:].any()
    assert limbs(on_grid(image), on_grid(np.zeros_like(labels)), configuration, table) == []


def test_the_labels_tell_the_side_of_a_single_leg_whose_place_does_not(configuration, table):
    image, labels = legs(centres=(30,))
    there = [on_grid(array) for array in (image, labels)]
    for one in there:
        one.SetOrigin((-1.5 * 30, -60.0, 10.0))  # its middle is at x = 0
    (only,) = limbs(*there, configuration, table)
    assert only.name.endswith("right")
    both = labels.copy()
    both[:, 20:30][labels[:, 20:30] == 2] = 1
    with pytest.raises(MyoT2Error, match="midline"):
        limbs(there[0], _like(both, there[1]), configuration, table)


def _like(array: np.ndarray, reference: sitk.Image) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(reference)
    return image


@settings(deadline=None)
@given(arrays.arrays(np.uint8, (7, 2, 2), elements=st.integers(0, 3)))
def test_what_was_drawn_is_told_from_the_mask(labels):
    drawn = annotated_in(labels, 4)
    present = np.stack([[(plane == channel).any() for channel in range(4)] for plane in labels])
    worked = present[:, 1:].any(axis=1)
    assert drawn[:, 0].all()
    for channel in (1, 2, 3):
        at = np.flatnonzero(present[:, channel])
        for number in range(7):
            if not at.size or not worked[number]:
                expected = False
            elif at[0] <= number <= at[-1]:
                expected = present[number, channel]
            else:
                expected = True
            assert drawn[number, channel] == expected
    # what carries a label was drawn
    assert not (present[:, 1:] & ~drawn[:, 1:]).any()


def test_the_neighbours_of_an_outermost_slice_are_that_slice(pair):
    right = pair[0]
    stack = right.stack(0, 2)
    assert stack.shape == (5, 144, 144)
    for number, shown in enumerate((0, 0, 0, 1, 2)):
        np.testing.assert_array_equal(stack[number], right.image[shown])


def test_people_are_counted_and_not_limbs(pair, configuration):
    other = tuple(replace(one, person="P2", name=one.name.replace("P1", "P2")) for one in pair[:1])
    counts = counts_of((*pair, *other), configuration.structures)
    assert counts["vastus lateralis"] == {"People": 2, "Slices": 3 * SLICES}
    assert counts["gracilis"] == {"People": 0, "Slices": 0}


def test_the_digest_of_examples_tells_any_change_and_no_order(pair):
    assert digest_of(pair) == digest_of(pair[::-1])
    labels = pair[0].labels.copy()
    labels[0, 0, 0] = 1
    changed = replace(pair[0], labels=labels)
    annotated = replace(pair[0], annotated=~pair[0].annotated)
    drawn = replace(pair[0], drawn=~pair[0].drawn)
    assert len({digest_of((one, pair[1])) for one in (pair[0], changed, annotated, drawn)}) == 4
