"""People of the digital cohort, looked at as an imaging person would: slices, volumes, layers."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myot2.core.images import array_of, read_image
from myot2.core.labels import read_labels
from myot2.simulate.anatomy import Tissue, draw_person, render
from myot2.simulate.atlas import ATLAS_FILE, load_atlas
from myot2.simulate.atlas_fit import SHARED
from myot2.simulate.person import MOST_FAT_MM, FatLayer, place


@pytest.fixture(scope="module")
def table(root):
    return read_labels(root / "config" / "labels.tsv")


def slices(heights, step=3.0):
    """Points (z, y, x, 3) over the study's field with x = 0 between two columns."""
    x = np.arange(-210 + step / 2, 210, step)
    y = np.arange(-115.5 + step / 2, 115.5, step)
    z, y, x = np.meshgrid(np.asarray(heights, dtype=float), y, x, indexing="ij")
    return np.stack([x, y, z], axis=-1)


@cache
def person(seed, people="training", **options):
    return draw_person(np.random.default_rng(seed), people=people, **options)


def test_equal_seeds_draw_equal_people_and_images(table):
    points = slices([0], 6)
    first, second = (draw_person(np.random.default_rng(5), atrophy=0.2) for _ in range(2))
    for one, other in zip(render(first, points, table), render(second, points, table), strict=True):
        np.testing.assert_array_equal(one, other)


def test_left_muscles_lie_at_positive_x_with_the_left_labels(table):
    points = slices([-40, 0, 40])
    labels, _ = render(person(1), points, table)
    assert set(np.unique(labels[points[..., 0] > 0])) <= {0, *table.muscle_indices(side="left")}
    assert set(np.unique(labels[points[..., 0] < 0])) <= {0, *table.muscle_indices(side="right")}


def test_person_with_equal_legs_is_its_own_mirror_image(table):
    someone = replace(person(2), left=person(2).right)
    points = slices([0], 4)
    labels, tissue = render(someone, points, table)
    np.testing.assert_array_equal(tissue, tissue[..., ::-1])
    for muscle in table.muscles:
        left, right = table.index(muscle, "left"), table.index(muscle, "right")
        np.testing.assert_array_equal(labels == left, (labels == right)[..., ::-1])


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), people=st.sampled_from(["training", "held-out"]))
def test_every_person_has_all_tissues_and_muscles_on_both_sides(table, seed, people):
    labels, tissue = render(person(seed, people), slices(np.arange(-87, 88, 12)), table)
    assert set(np.unique(tissue)) == set(Tissue)
    # Adductor brevis ends above the field in some people.
    wanted = {label.index for label in table.muscle_labels if label.name != "adductor brevis"}
    assert wanted <= set(np.unique(labels))
    assert np.all(tissue[labels > 0] == Tissue.MUSCLE)
    assert np.all(labels[tissue != Tissue.MUSCLE] == 0)


def test_fat_never_meets_air_without_skin_between(table):
    _, tissue = render(person(3, obesity=0.8), slices([-60, 0, 60], 0.75), table)
    fat, air = tissue == Tissue.SUBCUTANEOUS_FAT, tissue == Tissue.AIR
    touching = sum(
        np.sum(fat[:, 1:] & air[:, :-1]) + np.sum(air[:, 1:] & fat[:, :-1])
        for fat, air in ((fat, air), (fat.swapaxes(1, 2), air.swapaxes(1, 2)))
    )
    assert fat.sum() > 10_000
    assert touching == 0


def test_muscle_area_does_not_depend_on_the_sampling_step(table):
    coarse, fine = (render(person(4), slices([0], step), table)[0] for step in (1.5, 0.5))
    for label in np.unique(coarse[coarse > 0]):
        area = np.sum(fine == label) * 0.25
        assert np.sum(coarse == label) * 2.25 == pytest.approx(area, rel=0.05, abs=15)


@pytest.mark.parametrize("muscle", ["vastus lateralis", "adductor magnus"])
def test_atrophy_of_a_muscle_takes_the_asked_part_and_leaves_fat(table, muscle):
    someone = replace(person(6), septum_mm=0.0)
    losses = [0.0] * len(table.muscles)
    losses[table.muscles.index(muscle)] = 0.4
    wasted = replace(someone, left=replace(someone.left, losses=tuple(losses)))
    points = slices(np.arange(-87, 88, 6), 2)
    before, after = (render(who, points, table) for who in (someone, wasted))
    mine = before[0] == table.index(muscle, "left")
    assert np.sum(after[0] == table.index(muscle, "left")) / mine.sum() == pytest.approx(0.6, abs=0.08)
    lost = mine & (after[0] == 0)
    assert np.all(after[1][lost] == Tissue.INTERMUSCULAR_FAT)
    others = ~mine
    np.testing.assert_array_equal(before[0][others], after[0][others])


def test_atrophy_and_obesity_shift_muscle_and_fat_as_named(table):
    points = slices([-60, 0, 60])
    lean, obese = (render(person(8, obesity=value), points, table)[1] for value in (0.05, 0.7))
    wasted = render(person(8, obesity=0.05, atrophy=0.4), points, table)[1]
    assert np.sum(obese == Tissue.SUBCUTANEOUS_FAT) > 2 * np.sum(lean == Tissue.SUBCUTANEOUS_FAT)
    assert np.sum(wasted == Tissue.MUSCLE) < 0.85 * np.sum(lean == Tissue.MUSCLE)


@pytest.mark.parametrize("options", [{"obesity": 1.2}, {"atrophy": -0.1}, {"people": "everyone"}])
def test_impossible_wishes_are_refused(options):
    with pytest.raises(ValueError, match="expected"):
        draw_person(np.random.default_rng(0), **options)


def test_muscles_of_both_legs_stay_apart(table):
    points = slices(np.arange(-87, 88, 29))
    for seed in range(5):
        labels, _ = render(person(seed, obesity=0.1), points, table)
        assert np.abs(points[..., 0][labels > 0]).min() > 3


def test_most_people_fit_the_field_of_the_protocol(table):
    x, y, z = np.meshgrid(np.arange(-240, 241, 4.0), np.arange(-140, 141, 4.0), [-87.0, 0.0, 87.0])
    points = np.stack([x, y, z], axis=-1)
    inside = []
    for seed in range(12):
        body = render(person(seed), points, table)[1] != Tissue.AIR
        inside.append(np.abs(x[body]).max() <= 212 and np.abs(y[body]).max() <= 118)
    assert np.mean(inside) >= 0.75


@given(
    mean=st.floats(4, 60),
    amplitudes=st.tuples(*[st.floats(0, 0.5)] * 3),
    phases=st.tuples(*[st.floats(-4, 4)] * 3),
    slope=st.floats(0, 0.004),
)
def test_subcutaneous_fat_is_periodic_around_the_leg_and_bounded(mean, amplitudes, phases, slope):
    layer = FatLayer(mean, amplitudes, phases, slope)
    angle = np.linspace(-np.pi, np.pi, 20)
    thickness = layer.thickness(angle, np.zeros(20))
    assert np.all((thickness >= 2) & (thickness <= MOST_FAT_MM))
    np.testing.assert_allclose(thickness, layer.thickness(angle + 2 * np.pi, np.zeros(20)), atol=1e-6)


def test_placing_a_person_again_moves_nothing():
    once = person(9)
    again = place(replace(once, left=replace(once.left, centre=(0.0, 0.0))))
    assert again.left.centre[0] == once.left.centre[0]


def test_muscles_share_the_thigh_as_in_the_real_label_maps(shared_data, table):
    """Area shares of 11 muscles about mid-thigh: the drawn people's mean lies within the spread of real thighs."""
    real = np.array([_real_shares(path) for path in sorted((shared_data / "thigh-label-maps").glob("THIGH_0*"))[::2]])
    numbers = np.array([[table.index(name, side) for side in ("left", "right")] for name in SHARED])
    drawn = []
    for seed in range(10):
        labels, _ = render(person(seed, "training"), slices(np.arange(-60, 61, 20)), table)
        counts = np.bincount(labels.ravel(), minlength=numbers.max() + 1)[numbers].sum(axis=1)
        drawn.append(counts / counts.sum())
    mean = np.mean(drawn, axis=0)
    assert np.all(mean > real.min(axis=0)), dict(zip(SHARED, mean - real.min(axis=0), strict=True))
    assert np.all(mean < real.max(axis=0)), dict(zip(SHARED, real.max(axis=0) - mean, strict=True))


def _real_shares(path):
    labels = array_of(read_image(path))[:, ::3, ::3]
    filled = np.nonzero((labels == 3).any(axis=(1, 2)))[0]
    quarter = (filled[-1] - filled[0]) // 4
    counts = np.bincount(labels[filled[0] + quarter : filled[-1] - quarter + 1].ravel(), minlength=12)[1:]
    return counts / counts.sum()


def test_muscle_of_one_thigh_within_the_field_is_of_human_size(table):
    """180 mm with a mean cross-section of 35 (wasted) to 230 cm2 (athlete)."""
    for seed in range(4):
        labels, _ = render(person(seed), slices(np.arange(-87, 88, 12)), table)
        litres = np.sum(labels > 0) * 9 * 12 / 1e6 / 2
        assert 0.63 < litres < 4.2


def test_atlas_is_small_enough_to_ship():
    assert ATLAS_FILE.stat().st_size < 3_000_000
    assert len(load_atlas().people_of("training")) == 21
