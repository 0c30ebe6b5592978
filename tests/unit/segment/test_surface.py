"""HD95 and normalised surface Dice against formulas of spheres, cylinders and boxes, exhaustive search, MONAI."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cdist, directed_hausdorff

from myot2.segment.surface import compare_surfaces, surface_of

THIN, THICK = (1.0, 1.0, 1.0), (20.0, 1.0, 1.0)
SPACINGS = st.tuples(st.sampled_from([1.5, 5.0, 20.0]), st.floats(0.5, 2), st.floats(0.5, 2))
SHAPES = st.tuples(st.integers(1, 4), st.integers(2, 6), st.integers(2, 6))
PAIRS = SHAPES.flatmap(lambda shape: st.tuples(arrays(bool, shape), arrays(bool, shape)))


def ball(spacing, radius, centre=(0.0, 0.0, 0.0), half_size=75.0, axes=(0, 1, 2)) -> np.ndarray:
    """A ball, or a cylinder that the image cuts off along the axes left out, in the middle of an image."""
    counts = [2 * math.ceil(half_size / size) for size in spacing]
    places = [(np.arange(count) - (count - 1) / 2) * size for count, size in zip(counts, spacing, strict=True)]
    grid = np.meshgrid(*places, indexing="ij")
    return sum((grid[axis] - centre[axis]) ** 2 for axis in axes) < radius**2


def box(shape, low, high) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return mask


def shifted_sphere(radius, shift, tolerance) -> tuple[float, float]:
    """HD95 and NSD of a sphere and itself moved: by Archimedes the cosine to the shift is uniform over the surface."""
    return _of_distances(radius, shift, tolerance, np.linspace(-1, 1, 200_001))


def shifted_circle(radius, shift, tolerance) -> tuple[float, float]:
    return _of_distances(radius, shift, tolerance, np.cos(np.linspace(0, np.pi, 200_001)))


def _of_distances(radius, shift, tolerance, cosine) -> tuple[float, float]:
    distance = abs(np.sqrt(radius**2 + shift**2 + 2 * radius * shift * cosine) - radius)
    return float(np.quantile(distance, 0.95)), float((distance <= tolerance).mean())


@pytest.mark.parametrize("more", [3, 6])
def test_concentric_spheres_are_the_difference_of_their_radii_apart(more):
    inner, outer = ball(THIN, 40), ball(THIN, 40 + more)
    hd95, _ = compare_surfaces(inner, outer, THIN, 1)
    assert hd95 == pytest.approx(more, abs=0.5)
    assert compare_surfaces(inner, outer, THIN, more - 1)[1] == pytest.approx(0, abs=0.01)
    assert compare_surfaces(inner, outer, THIN, more + 1)[1] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("spacing", "shift", "tolerance"),
    [(THIN, 4, 1), (THIN, 10, 3), ((3.0, 1.0, 1.0), 4, 1), ((5.0, 1.0, 1.0), 8, 2), ((5.0, 1.5, 1.5), 15, 4)],
)
def test_a_moved_sphere_is_as_far_off_as_the_formula_says(spacing, shift, tolerance):
    hd95, nsd = compare_surfaces(ball(spacing, 50), ball(spacing, 50, (0, shift, 0)), spacing, tolerance)
    true_hd95, true_nsd = shifted_sphere(50, shift, tolerance)
    assert hd95 == pytest.approx(true_hd95, abs=0.5)
    assert nsd == pytest.approx(true_nsd, abs=0.1)


@pytest.mark.parametrize("spacing", [(1.0, 0.8, 0.8), (6.0, 0.8, 0.8), (20.0, 0.8, 0.8)])
@pytest.mark.parametrize("shift", [4.0, 8.0])
def test_slices_of_any_thickness_find_the_same_between_cylinders_that_the_image_cuts_off(spacing, shift):
    """No end of the stack, which both have in the same place, speaks for their agreement."""
    across = {"axes": (1, 2), "half_size": 60.0}
    hd95, nsd = compare_surfaces(ball(spacing, 40, **across), ball(spacing, 40, (0, shift, 0), **across), spacing, 2)
    true_hd95, true_nsd = shifted_circle(40, shift, 2)
    assert hd95 == pytest.approx(true_hd95, abs=0.4)
    assert nsd == pytest.approx(true_nsd, abs=0.05)


def test_a_moved_box_has_the_distances_counted_by_hand():
    """An image of 4 slices, cut at both ends; 10 rows and 6 columns of box moved by 3 rows of 1.5 mm, columns 2 mm.

    Of each slice and box, the 6 faces of the far end are 4.5 mm from the other box, but for the two at the corners,
    (0.75, 1) from its side; the 6 of the near end likewise. Of the 20 faces at the sides 14 are shared, and 6 lie
    (0.75 + 1.5 k, 1) mm, k = 0, 1, 2, from the other box's end.
    """
    first, second = box((4, 30, 20), (0, 5, 5), (4, 15, 11)), box((4, 30, 20), (0, 8, 5), (4, 18, 11))
    ends = [math.hypot(0.75, 1)] * 2 + [math.hypot(0.75, 3)] * 2 + [4.5] * 2
    # the far end of the first lies inside the second, and near its sides; its own near end sees the other's end alone
    inside, outside = ends, [4.5] * 6
    sides = [0.0] * 14 + 2 * [math.hypot(0.75 + 1.5 * k, 1) for k in range(3)]
    counted = [(distance, 2.0) for distance in (*inside, *outside)] + [(distance, 1.5) for distance in sides]
    total = sum(area for _, area in counted)
    for tolerance in (0.5, 1.3, 2.5, 3.2, 4.4, 4.5):
        expected = sum(area for distance, area in counted if distance <= tolerance) / total
        hd95, nsd = compare_surfaces(first, second, (20.0, 1.5, 2.0), tolerance)
        assert nsd == pytest.approx(expected)
        assert hd95 == 4.5


def test_a_slice_less_is_half_a_slice_at_its_sides_and_a_slice_at_its_end():
    """Of 10 slices of 20 mm one is missing: only the end, 1.3 % of the area, is farther off than half a slice."""
    first, second = box((14, 30, 30), (2, 5, 5), (12, 17, 15)), box((14, 30, 30), (2, 5, 5), (11, 17, 15))
    end, sides = 120, 20 * 44
    whole = 4 * end + 19 * sides
    for tolerance, beyond in ((9, 2 * end + sides), (15, end), (20, 0)):
        hd95, nsd = compare_surfaces(first, second, THICK, tolerance)
        assert hd95 == pytest.approx(math.hypot(10, 0.5))
        assert nsd == pytest.approx(1 - beyond / whole)


@given(spacing=SPACINGS)
def test_a_voxel_away_from_the_border_has_six_faces_and_their_area(spacing):
    one = np.zeros((3, 3, 3), bool)
    one[1, 1, 1] = True
    surface = surface_of(one, spacing)
    a, b, c = spacing
    assert len(surface.areas_mm2) == 6
    assert surface.areas_mm2.sum() == pytest.approx(2 * (a * b + b * c + c * a))
    np.testing.assert_allclose(surface.centres_mm.mean(axis=0), spacing)


def exhaustive(first, second, spacing, tolerance) -> tuple[float | None, float | None]:
    """The same by loops over voxels and all pairs of faces."""

    def faces(mask):
        found = []
        for place in itertools.product(*map(range, mask.shape)):
            for axis in range(3):
                other = tuple(p + (k == axis) for k, p in enumerate(place))
                if other[axis] < mask.shape[axis] and mask[place] != mask[other]:
                    centre = [s * (p + 0.5 * (k == axis)) for k, (p, s) in enumerate(zip(place, spacing, strict=True))]
                    found.append((centre, math.prod(spacing) / spacing[axis]))
        return found

    parts = [faces(first), faces(second)]
    if not all(parts):
        return None, 0.0 if any(parts) else None
    apart = cdist([c for c, _ in parts[0]], [c for c, _ in parts[1]])
    worst, near, whole = 0.0, 0.0, 0.0
    for distances, part in ((apart.min(axis=1), parts[0]), (apart.min(axis=0), parts[1])):
        total = sum(area for _, area in part)
        pairs = sorted(zip(distances, (area for _, area in part), strict=True))
        covered = list(itertools.accumulate(area for _, area in pairs))
        worst = max(worst, next(d for (d, _), sum_ in zip(pairs, covered, strict=True) if sum_ >= 0.95 * total - 1e-6))
        near += sum(area for d, area in pairs if d <= tolerance + 0.001)
        whole += total
    return worst, near / whole


@settings(max_examples=60, deadline=None)
@given(pair=PAIRS, spacing=SPACINGS, tolerance=st.floats(0.1, 8))
def test_trees_find_what_an_exhaustive_search_finds(pair, spacing, tolerance):
    found, expected = compare_surfaces(*pair, spacing, tolerance), exhaustive(*pair, spacing, tolerance)
    for value, truth in zip(found, expected, strict=True):
        assert value == (None if truth is None else pytest.approx(truth, abs=1e-9))


@settings(max_examples=60, deadline=None)
@given(pair=PAIRS, spacing=SPACINGS, tolerance=st.floats(0.1, 8), more=st.floats(0, 10))
def test_order_does_not_matter_and_a_wider_tolerance_agrees_no_less(pair, spacing, tolerance, more):
    first, second = pair
    hd95, nsd = compare_surfaces(first, second, spacing, tolerance)
    assert compare_surfaces(second, first, spacing, tolerance) == (hd95, pytest.approx(nsd) if nsd is not None else nsd)
    if hd95 is not None:
        assert 0 <= nsd <= compare_surfaces(first, second, spacing, tolerance + more)[1] <= 1
        surfaces = [surface_of(mask, spacing).centres_mm for mask in pair]
        assert hd95 <= max(directed_hausdorff(*surfaces)[0], directed_hausdorff(*surfaces[::-1])[0]) + 1e-9
    if first.any() and not first.all():
        assert compare_surfaces(first, first, spacing, tolerance) == (0, 1)


@settings(max_examples=40, deadline=None)
@given(pair=PAIRS, spacing=SPACINGS, axes=st.permutations(range(3)), flips=st.sets(st.integers(0, 2)))
def test_neither_the_order_nor_the_direction_of_the_axes_matters(pair, spacing, axes, flips):
    turned = [np.flip(mask.transpose(axes), tuple(flips)) for mask in pair]
    found = compare_surfaces(*turned, [spacing[axis] for axis in axes], 2.0)
    for value, expected in zip(found, compare_surfaces(*pair, spacing, 2.0), strict=True):
        assert value == (None if expected is None else pytest.approx(expected))


@settings(max_examples=30, deadline=None)
@given(pair=PAIRS, spacing=SPACINGS, factor=st.floats(0.3, 4))
def test_twice_the_size_is_twice_the_distance(pair, spacing, factor):
    hd95, _ = compare_surfaces(*pair, spacing, 2.0)
    larger, _ = compare_surfaces(*pair, [size * factor for size in spacing], 2.0)
    assert larger == (None if hd95 is None else pytest.approx(hd95 * factor))


def test_a_voxel_size_rounded_by_nifti_is_within_a_tolerance_of_one_voxel():
    rounded = float(np.float32(0.8))
    first, second = box((3, 20, 20), (0, 5, 5), (3, 15, 15)), box((3, 20, 20), (0, 6, 5), (3, 16, 15))
    assert rounded != 0.8
    assert compare_surfaces(first, second, (20.0, rounded, rounded), 0.8) == (pytest.approx(0.8), 1.0)


def test_a_mask_that_is_empty_or_fills_the_image_has_no_surface():
    some, none, all_of_it = box((3, 9, 9), (1, 2, 2), (2, 6, 6)), np.zeros((3, 9, 9), bool), np.ones((3, 9, 9), bool)
    assert compare_surfaces(none, none, THIN, 1) == (None, None)
    for nothing in (none, all_of_it):
        assert compare_surfaces(some, nothing, THIN, 1) == (None, 0)
        assert compare_surfaces(nothing, some, THIN, 1) == (None, 0)


@pytest.fixture(scope="module")
def monai():
    """HD95 and NSD of MONAI, whose surfaces are the outer voxels of a mask, each counting the same."""
    import torch
    from monai.metrics import compute_hausdorff_distance, compute_surface_dice

    def compare(first, second, spacing, tolerance) -> tuple[float, float]:
        pair = [torch.from_numpy(mask[None, None].astype(np.uint8)) for mask in (first, second)]
        common = {"include_background": True, "spacing": list(spacing)}
        hd95 = compute_hausdorff_distance(*pair, percentile=95, **common)
        return float(hd95), float(compute_surface_dice(*pair, [tolerance + 0.001], **common))

    return compare


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (ball(THIN, 30, half_size=40), ball(THIN, 33, half_size=40)),
        (ball(THIN, 30, half_size=45), ball(THIN, 30, (4, 0, 3), half_size=45)),
        (box((60, 60, 60), (10, 10, 10), (40, 50, 45)), box((60, 60, 60), (13, 10, 10), (43, 50, 45))),
    ],
)
def test_cubic_voxels_away_from_the_border_give_what_monai_gives(monai, first, second):
    for tolerance in (2.0, 5.0):
        hd95, nsd = compare_surfaces(first, second, THIN, tolerance)
        peer_hd95, peer_nsd = monai(first, second, THIN, tolerance)
        assert hd95 == pytest.approx(peer_hd95, abs=0.5)
        assert nsd == pytest.approx(peer_nsd, abs=0.1)


def test_of_thick_slices_equal_votes_of_outer_voxels_hide_what_areas_show(monai):
    """Why not MONAI: a ball of 50 mm radius in slices 20 mm apart, moved by 4 mm."""
    pair = ball(THICK, 50), ball(THICK, 50, (0, 4, 0))
    true_hd95, true_nsd = shifted_sphere(50, 4, 1)
    hd95, nsd = compare_surfaces(*pair, THICK, 1)
    peer_hd95, peer_nsd = monai(*pair, THICK, 1)
    assert abs(hd95 - true_hd95) < 0.3 < abs(peer_hd95 - true_hd95)
    assert abs(nsd - true_nsd) < 0.25 < 0.5 < abs(peer_nsd - true_nsd)
