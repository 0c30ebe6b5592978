"""The programs that map fat fraction and B1: sources, weighting, masks, refusals, and real images."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of, read_image, read_sidecar, sidecar_path, write_image, write_sidecar
from myot2.core.stopnote import StopNote, read_stop_note
from myot2.fit.dixon_weight import weight_of
from myot2.fit.maps import read_b1

SHAPE = (2, 20, 24)


@pytest.fixture(scope="module")
def map_fraction(program):
    return program("map_fat_fraction")


@pytest.fixture(scope="module")
def map_b1(program):
    return program("map_b1")


def image_of(array, spacing=(1.5, 1.5, 6.0)):
    image = sitk.GetImageFromArray(np.asarray(array, np.float32))
    image.SetSpacing(spacing)
    return image


def known(path):
    """Values with NaN kept; ITK reads NaN as 0."""
    return nibabel.load(path).get_fdata().T


@pytest.fixture
def write(tmp_path):
    """Write an image by name and return its path."""

    def write_named(name, array, **sidecar):
        path = tmp_path / f"{name}.nii.gz"
        write_image(image_of(array), path)
        if sidecar:
            write_sidecar(path, sidecar)
        return str(path)

    return write_named


@pytest.fixture
def leg(write):
    """Muscle of 10 % signal fat in a rim of fat, in air, as water, fat and in-phase images of a spin echo."""
    fraction = np.full(SHAPE, 0.95)
    fraction[:, 5:15, 6:18] = 0.1
    body = np.zeros(SHAPE)
    body[:, 1:19, 1:23] = 800.0
    times = {"EchoTime": 0.051, "RepetitionTime": 5.33}
    parts = {"water": body * (1 - fraction), "fat": body * fraction, "in": body, "opp": body * np.abs(1 - 2 * fraction)}
    return {name: write(name, values, **times) for name, values in parts.items()}, fraction, body > 0


def test_water_and_fat_give_the_signal_fraction_in_the_body_and_none_in_air(map_fraction, leg, tmp_path):
    paths, fraction, body = leg
    out = str(tmp_path / "ff.nii.gz")
    words = ["--water", paths["water"], "--fat", paths["fat"], "--in-phase", paths["in"]]
    assert map_fraction([*words, "--out", out]) == 0
    np.testing.assert_allclose(known(out)[body], fraction[body], atol=1e-6)
    assert np.all(np.isnan(known(out)[~body]))
    sidecar = read_sidecar(out)
    assert (sidecar["EchoTime"], sidecar["RepetitionTime"], sidecar["InPhaseUsed"]) == (0.051, 5.33, True)
    assert sidecar["FatFractionVoxels"]["ok"] == body.sum()


def test_an_in_phase_image_on_another_scale_is_left_aside_and_the_sidecar_says_so(map_fraction, leg, write, tmp_path):
    paths, fraction, body = leg
    out = str(tmp_path / "ff.nii.gz")
    scaled = write("scaled", 2.5 * array_of(read_image(paths["in"])))
    assert map_fraction(["--water", paths["water"], "--fat", paths["fat"], "--in-phase", scaled, "--out", out]) == 0
    np.testing.assert_allclose(known(out)[body], fraction[body], atol=1e-6)
    assert read_sidecar(out)["InPhaseUsed"] is False


def test_in_and_opposed_phase_give_the_smaller_part(map_fraction, leg, tmp_path):
    paths, fraction, body = leg
    out = str(tmp_path / "ff.nii.gz")
    assert map_fraction(["--in-phase", paths["in"], "--opposed-phase", paths["opp"], "--out", out]) == 0
    np.testing.assert_allclose(known(out)[body], np.minimum(fraction, 1 - fraction)[body], atol=1e-6)
    assert read_sidecar(out)["FatFractionVoxels"]["ambiguous"] == body.sum()


def test_with_t2_the_weighting_is_undone_and_without_t2_there_is_no_proton_fraction(map_fraction, leg, write, tmp_path):
    paths, fraction, body = leg
    t2 = np.where(np.arange(SHAPE[2]) < 12, 35.0, 60.0) * np.ones(SHAPE)
    t2[0] = 0
    out, proton = str(tmp_path / "ff.nii.gz"), str(tmp_path / "pdff.nii.gz")
    words = [
        "--water",
        paths["water"],
        "--fat",
        paths["fat"],
        "--out",
        out,
        "--t2",
        write("t2", t2),
        "--proton",
        proton,
    ]
    assert map_fraction([*words, "--fat-t2-ms", "140"]) == 0
    expected = weight_of({"EchoTime": 0.051, "RepetitionTime": 5.33}, "d", fat_t2_ms=140.0).proton_fraction(
        fraction, np.where(t2 > 0, t2, np.nan)
    )
    inside = body & (t2 > 0)
    np.testing.assert_allclose(known(proton)[inside], expected[inside], rtol=1e-5)
    assert np.all(np.isnan(known(proton)[~inside]))
    assert read_sidecar(proton)["DixonEchoTimeMs"] == 51.0


def test_a_map_that_is_given_is_taken_over_and_one_in_per_cent_refused(map_fraction, leg, write, tmp_path, capsys):
    _, fraction, _ = leg
    out = str(tmp_path / "ff.nii.gz")
    assert map_fraction(["--fraction", write("given", fraction), "--out", out]) == 0
    np.testing.assert_allclose(known(out), fraction, rtol=1e-6)
    assert map_fraction(["--fraction", write("percent", 100 * fraction), "--out", out]) == 1
    assert "a fat fraction from 0 to 1" in capsys.readouterr().err


def test_where_a_given_map_knows_nothing_nothing_is_known(map_fraction, write, tmp_path, capsys):
    """ITK reads NaN as 0, which would be a fraction of no fat."""
    fraction = np.full(SHAPE, 0.1)
    fraction[:, :, :8] = np.nan
    out = str(tmp_path / "ff.nii.gz")
    assert map_fraction(["--fraction", write("given", fraction), "--out", out]) == 0
    np.testing.assert_array_equal(np.isnan(known(out)), np.isnan(fraction))
    assert map_fraction(["--fraction", write("unknown", np.full(SHAPE, np.nan)), "--out", out]) == 1
    assert "found no known voxel" in capsys.readouterr().err


def test_a_stop_is_handed_on_in_place_of_every_map(map_fraction, leg, write, tmp_path):
    paths, *_ = leg
    StopNote("ingest", "a", "b", "c", "d").write(paths["fat"])
    outputs = [tmp_path / "ff.nii.gz", tmp_path / "pdff.nii.gz"]
    words = ["--water", paths["water"], "--fat", paths["fat"], "--t2", write("t2", np.full(SHAPE, 35.0))]
    assert map_fraction([*words, "--out", str(outputs[0]), "--proton", str(outputs[1]), "--leave-stop-notes"]) == 0
    for path in outputs:
        assert read_stop_note(path).stage == read_stop_note(sidecar_path(path)).stage == "ingest"


def test_images_without_tissue_or_of_four_dimensions_are_refused(map_fraction, map_b1, write, tmp_path, capsys):
    nothing, out = write("nothing", np.zeros(SHAPE)), str(tmp_path / "out.nii.gz")
    assert map_fraction(["--water", nothing, "--fat", nothing, "--out", out]) == 1
    assert "Dixon images with tissue" in capsys.readouterr().err
    write_image(sitk.JoinSeries([image_of(np.ones(SHAPE))] * 2), tmp_path / "series.nii.gz")
    series = str(tmp_path / "series.nii.gz")
    for program, words in (
        (map_fraction, ["--water", series, "--fat", series]),
        (map_fraction, ["--fraction", series]),
    ):
        assert program([*words, "--out", out]) == 1
        assert "one volume of three dimensions" in capsys.readouterr().err
    assert map_b1(["--single", series, "--double", series, "--out", out]) == 1
    assert "one volume of three dimensions" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--water", "w.nii"],
        ["--water", "w.nii", "--fat", "f.nii", "--fraction", "g.nii"],
        ["--in-phase", "i.nii"],
        ["--fraction", "g.nii", "--t2", "t.nii"],
        ["--magnitude", "a", "b", "c"],
        [],
    ],
)
def test_half_a_source_or_two_are_refused(map_fraction, words):
    with pytest.raises(SystemExit, match="2"):
        map_fraction([*words, "--out", "o.nii.gz"])


def test_three_complex_echoes_of_a_real_thigh_are_told_apart(map_fraction, shared_data, tmp_path, capsys):
    """Healthy-looking muscle has little fat, the skin's fat is fat; without the field strength there is no answer."""
    folder, out = shared_data / "thigh-dixon", str(tmp_path / "ff.nii.gz")
    names = sorted(str(path) for path in folder.glob("*.nii.gz"))
    words = [
        "--magnitude",
        *names[::2],
        "--phase",
        *names[1::2],
        "--echo-times-ms",
        "3.45",
        "4.6",
        "5.75",
        "--out",
        out,
    ]
    assert map_fraction(words) == 1
    assert "--larmor-mhz" in capsys.readouterr().err
    assert map_fraction([*words, "--larmor-mhz", "123.2"]) == 0
    counts = read_sidecar(out)["FatFractionVoxels"]
    assert counts["swap_suspected"] < 1e-3 * counts["ok"]
    fraction = known(out)
    tissue = fraction[np.isfinite(fraction)]
    assert np.mean(tissue < 0.1) > 0.1 and np.mean(tissue > 0.9) > 0.1


def test_b1_of_a_real_thigh_is_that_of_its_reference(map_b1, shared_data, tmp_path):
    folder, out = shared_data / "thigh-b1", str(tmp_path / "b1.nii.gz")
    words = ["--single", str(folder / "se_fa060.nii.gz"), "--double", str(folder / "se_fa120.nii.gz"), "--out", out]
    assert map_b1(words) == 0
    reference = nibabel.load(next((folder / "reference").glob("*.nii.gz"))).get_fdata().T
    inside = (nibabel.load(folder / "mask.nii.gz").get_fdata().T > 0) & (reference > 0) & (reference < 1.5)
    assert inside.sum() > 3000
    np.testing.assert_allclose(known(out)[inside], reference[inside], rtol=1e-5)


def test_two_images_on_two_grids_make_no_b1(map_b1, write, tmp_path, capsys):
    write_image(image_of(np.ones(SHAPE), (2.0, 2.0, 6.0)), tmp_path / "double.nii.gz")
    words = ["--single", write("single", np.ones(SHAPE)), "--double", str(tmp_path / "double.nii.gz")]
    assert map_b1([*words, "--out", str(tmp_path / "b1.nii.gz")]) == 1
    assert "both images on one grid" in capsys.readouterr().err


def test_a_coarse_b1_map_is_read_on_the_grid_of_the_echoes_by_straight_lines(tmp_path):
    coarse = np.tile(0.8 + 0.05 * np.arange(8.0), (3, 8, 1))
    write_image(image_of(coarse, (3.0, 3.0, 6.0)), tmp_path / "b1.nii.gz")
    found = read_b1(tmp_path / "b1.nii.gz", image_of(np.zeros((3, 12, 14))))
    np.testing.assert_allclose(found, np.tile(0.8 + 0.025 * np.arange(14.0), (3, 12, 1)), rtol=1e-5)


def test_b1_is_unknown_beside_voxels_without_value_and_beyond_its_map(tmp_path):
    values = np.ones((3, 8, 8))
    values[:, :, 0] = 0
    write_image(image_of(values, (3.0, 3.0, 6.0)), tmp_path / "b1.nii.gz")
    found = read_b1(tmp_path / "b1.nii.gz", image_of(np.zeros((3, 8, 20))))
    assert np.all(np.isnan(found[:, :, :2])) and np.all(found[:, :, 2:15] == 1) and np.all(np.isnan(found[:, :, 15:]))


@pytest.mark.parametrize("factor", [100.0, 60.0, 0.0, 0.01])
def test_b1_in_other_units_or_without_values_is_refused(tmp_path, factor):
    write_image(image_of(np.full(SHAPE, factor)), tmp_path / "b1.nii.gz")
    with pytest.raises(MyoT2Error, match="B1 relative to nominal"):
        read_b1(tmp_path / "b1.nii.gz", image_of(np.zeros(SHAPE)))
