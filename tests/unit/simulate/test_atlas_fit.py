"""Making the atlas: cutting real label maps, fitting a thigh of known shape, principal components."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from sklearn.decomposition import PCA

from myot2.core.images import read_image
from myot2.core.labels import read_labels
from myot2.simulate import atlas_fit
from myot2.simulate.atlas import Thigh, load_atlas, read_atlas
from myot2.simulate.atlas_template import Template, build_template, close_slices, trace_vessels

ATLAS = load_atlas()
TEMPLATE = Template(ATLAS.template, len(ATLAS.muscles), ATLAS.origin, ATLAS.spacing, box=())


@pytest.fixture(scope="module")
def table(root):
    return read_labels(root / "config" / "labels.tsv")


def two_boxes():
    """Label map: a box of muscle 3 on either side, an islet of it on the left; voxels 2 x 2 x 10 mm, LPS."""
    labels = np.zeros((6, 60, 100), dtype=np.uint8)
    labels[1:5, 10:40, 5:40] = 3
    labels[1:5, 10:40, 60:90] = 3
    labels[2, 50:52, 70:72] = 3
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing((2.0, 2.0, 10.0))
    return image


def test_both_thighs_are_cut_apart_and_the_left_is_mirrored():
    clouds = atlas_fit.thigh_clouds(two_boxes())
    widths = {}
    for side, cloud in clouds.items():
        mine = cloud.points[cloud.muscles == 3]
        widths[side] = np.ptp(mine[:, 0])
        np.testing.assert_allclose(mine[:, :2].mean(axis=0), 0, atol=2)
    assert widths["right"] - widths["left"] == pytest.approx(10, abs=4)
    edge = {side: cloud.points[:, 0].max() for side, cloud in clouds.items()}
    assert all(value < 60 for value in edge.values())


def test_islets_are_removed_and_large_parts_kept():
    labels = np.zeros((1, 20, 20), dtype=np.int64)
    labels[0, 2:8, 2:8] = 1
    labels[0, 12:17, 12:17] = 1
    labels[0, 0, 19] = 1
    cleaned = atlas_fit.clean(labels)
    assert cleaned[0, 0, 19] == 0
    assert cleaned.sum() == 36 + 25


def test_principal_modes_equal_scikit_learns():
    values = np.random.default_rng(3).normal(size=(12, 30)) * np.linspace(3, 0.1, 30)
    modes = atlas_fit.principal_modes(values, 4)
    peer = PCA(4, svd_solver="full").fit(values)
    np.testing.assert_allclose(modes.share, peer.explained_variance_ratio_, rtol=1e-9)
    np.testing.assert_allclose(
        modes.mean + modes.coefficients(values) @ modes.modes, peer.inverse_transform(peer.transform(values)), atol=1e-9
    )
    np.testing.assert_allclose(modes.coefficients(values).std(axis=0, ddof=1), 1)


def test_every_fifth_person_is_held_out_however_often_scanned():
    people = ["p3", "p1", "p1", "p2", "p4", "p5", "p6"]
    assert atlas_fit.held_out(people) == {"p5"}


def test_closed_slices_bridge_a_hollow_and_keep_the_mask():
    mask = np.zeros((9, 40, 40), dtype=bool)
    mask[:, 10:30, 10:30] = True
    mask[:, 10:20, 17:23] = False
    closed = close_slices(mask, 12)
    assert np.all(closed[mask])
    assert closed[4, 15, 20]
    assert not closed[4, 3, 20]


def test_fit_finds_the_muscles_of_a_thigh_of_known_shape(table):
    """Truth: a held-out person's shape, sampled on 8 slices; the fit never saw the person."""
    thigh = ATLAS.thigh("THIGH_112", "right")
    axis = np.arange(-96.0, 97.0, 6.0)
    points = np.stack(np.meshgrid(axis, axis, np.arange(-105.0, 106.0, 30.0), indexing="ij"), axis=-1).reshape(-1, 3)
    index = np.round((ATLAS.pull_back(thigh, points) - ATLAS.origin) / ATLAS.spacing).astype(int)[:, ::-1]
    held = np.all((index >= 0) & (index < ATLAS.template.shape), axis=1)
    codes = np.where(held, ATLAS.template[tuple(np.where(held[:, None], index, 0).T)], 0)
    shared = atlas_fit.shared_codes(table)
    muscles = np.select([codes == code for code in shared], range(1, 12), 0)
    cloud = atlas_fit.Cloud(points - [*points[muscles > 0].mean(axis=0)[:2], 0], muscles, np.zeros(3))
    fitted = atlas_fit.fit_thigh(cloud, TEMPLATE, shared, ATLAS.grid)
    dice = atlas_fit.hard_dice(fitted, fitted.controls, cloud, atlas_fit.Occupancy(TEMPLATE, shared), ATLAS.grid)
    assert np.nanmean(dice) > 0.85
    assert np.nanmin(dice) > 0.7


def test_assembled_atlas_gives_back_the_fitted_displacements(table, tmp_path):
    rng = np.random.default_rng(4)
    shape = ATLAS.mean.shape
    thigh = [atlas_fit.FittedThigh(np.eye(3), np.zeros(3), rng.normal(size=shape), 0.9) for _ in range(12)]
    points = TEMPLATE.positions(np.argwhere(ATLAS.template[::40, ::8, ::8] >= 0) * [40, 8, 8])
    cloud = atlas_fit.Cloud(points, np.ones(len(points), dtype=int), np.zeros(3))
    maps = [
        atlas_fit.FittedMap(f"p{k}", {"left": thigh[2 * k], "right": thigh[2 * k + 1]}, {"left": cloud, "right": cloud})
        for k in range(6)
    ]
    arrays, modes = atlas_fit.assemble(maps, TEMPLATE, table)
    np.savez_compressed(tmp_path / "atlas.npz", **arrays)
    atlas = read_atlas(tmp_path / "atlas.npz")
    assert atlas.people_of("held-out") == ("p4",)
    assert atlas.muscles == table.muscles
    np.testing.assert_allclose(atlas.controls(atlas.thigh("p2", "right").coefficients), thigh[5].controls, atol=0.02)
    dice = atlas_fit.dice_table(maps, modes, TEMPLATE, table)
    assert len(dice) == 12 * 11
    trained = dice[(dice.subset == "training") & dice.dice_fitted.notna()]
    np.testing.assert_allclose(trained.dice_fitted, trained.dice_modes, atol=0.02)


def test_shipped_template_and_vessels_are_what_the_label_map_gives(shared_data, table):
    image = read_image(shared_data / "pelvis-to-knee-label-map" / "dseg.nii.gz")
    template = build_template(image, table)
    np.testing.assert_array_equal(template.codes, ATLAS.template)
    np.testing.assert_allclose(template.origin, ATLAS.origin)
    for found, shipped in zip(trace_vessels(template, table), (ATLAS.artery, ATLAS.vein), strict=True):
        np.testing.assert_allclose(found, shipped, atol=1e-3)


def test_pull_back_in_numpy_equals_the_one_that_was_fitted(table):
    thigh = Thigh(np.diag([1.1, 0.95, 1.0]), np.random.default_rng(5).normal(size=len(ATLAS.modes)))
    points = np.random.default_rng(6).uniform(-60, 60, (200, 3)).astype(np.float32)
    torch = atlas_fit.torch
    affine = torch.from_numpy((points @ thigh.matrix.T).astype(np.float32))
    controls = torch.from_numpy(ATLAS.controls(thigh.coefficients).astype(np.float32))
    moved = affine + atlas_fit._displacement(controls, affine, ATLAS.grid)
    np.testing.assert_allclose(ATLAS.pull_back(thigh, points), moved.numpy(), atol=1e-2)
