"""The program: maps and sidecars from echoes or from the scanner's map, refusals, and the scanner's map met."""

from __future__ import annotations

import hashlib

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from myot2.core.bids import map_in_seconds
from myot2.core.images import array_of, read_image, read_sidecar, same_grid, sidecar_path, write_image, write_sidecar
from myot2.core.stopnote import StopNote, read_stop_note

TIMES = [10.0, 20.0, 30.0, 40.0, 50.0]
T2 = np.linspace(25, 80, 2 * 10 * 12).reshape(2, 10, 12)


@pytest.fixture(scope="module")
def main(program):
    return program("fit_t2")


def image_of(array):
    image = sitk.GetImageFromArray(array.astype(np.float32))
    image.SetSpacing((1.65, 1.65, 6.0))
    image.SetOrigin((-10.0, 20.0, 30.0))
    return image


def known_values(path):
    """What the file holds; asked of nibabel, for ITK reads NaN as 0."""
    return nibabel.load(path).get_fdata().T


def known(path):
    """Where the file holds a number."""
    return np.isfinite(known_values(path))


@pytest.fixture
def echoes(tmp_path):
    """Five echoes of a known T2 whose first is too low, as without stimulated echoes."""
    paths = []
    for number, time in enumerate(TIMES, start=1):
        path = tmp_path / f"echo-{number:02d}.nii.gz"
        write_image(image_of((0.8 if number == 1 else 1.0) * 500 * np.exp(-time / T2)), path)
        write_sidecar(path, {"EchoTime": time / 1000, "SliceThickness": 5.0})
        paths.append(str(path))
    return paths


def maps_of(folder, *names):
    """The words that ask for maps, and their paths."""
    paths = {name: str(folder / f"{name}.nii.gz") for name in names}
    return [word for name, path in paths.items() for word in (f"--{name}", path)], paths


def test_echoes_give_t2_m0_and_error_on_their_grid_without_the_first_echo(main, echoes, tmp_path):
    words, paths = maps_of(tmp_path / "out", "t2", "m0", "rmse")
    t2, m0, error = paths.values()
    assert main(["--echoes", *echoes, *words]) == 0
    np.testing.assert_allclose(array_of(read_image(t2)), T2, rtol=1e-5)
    np.testing.assert_allclose(array_of(read_image(m0)), 500, rtol=1e-5)
    assert array_of(read_image(error)).max() < 1e-3
    assert same_grid(read_image(t2), read_image(echoes[0]))
    assert read_image(t2).GetPixelID() == sitk.sitkFloat32
    record = read_sidecar(t2)
    assert record["EchoTimesMs"] == TIMES[1:]
    assert (record["SkippedEchoes"], record["Units"], record["Source"]) == (1, "ms", "echoes")
    assert record["SliceThickness"] == 5.0
    assert read_sidecar(m0)["Units"] == "arbitrary"


def test_no_echo_is_skipped_where_none_is_to_be(main, echoes, tmp_path):
    out = str(tmp_path / "t2.nii.gz")
    assert main(["--echoes", *echoes, "--skip-first-echoes", "0", "--t2", out]) == 0
    assert np.all(array_of(read_image(out)) > T2 * 1.02)


def test_a_mask_limits_the_fit(main, echoes, tmp_path):
    mask = (T2 > 40).astype(float)
    write_image(image_of(mask), tmp_path / "mask.nii.gz")
    out = str(tmp_path / "t2.nii.gz")
    assert main(["--echoes", *echoes, "--mask", str(tmp_path / "mask.nii.gz"), "--t2", out]) == 0
    np.testing.assert_array_equal(known(out), mask > 0)


def test_two_runs_write_the_same_bytes(main, echoes, tmp_path):
    digests = set()
    for run in ("first", "second"):
        out = tmp_path / run / "t2.nii.gz"
        assert main(["--echoes", *echoes, "--t2", str(out)]) == 0
        files = (out, sidecar_path(out))
        digests.add(tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in files))
    assert len(digests) == 1


def test_the_vendor_map_is_taken_over_value_by_value(main, tmp_path):
    write_image(sitk.Cast(image_of(np.rint(T2)), sitk.sitkInt16), tmp_path / "vendor.nii.gz")
    out = str(tmp_path / "t2.nii.gz")
    assert main(["--vendor-map", str(tmp_path / "vendor.nii.gz"), "--t2", out]) == 0
    np.testing.assert_array_equal(array_of(read_image(out)), np.rint(T2))
    assert read_image(out).GetPixelID() == sitk.sitkFloat32
    assert read_sidecar(out) == {"Source": "vendor map", "Units": "ms", "SkullStripped": False}


def test_a_vendor_map_in_seconds_becomes_milliseconds_and_another_unit_is_refused(main, tmp_path, capsys):
    write_image(map_in_seconds(image_of(np.float32(T2))), tmp_path / "vendor.nii.gz")
    write_sidecar(tmp_path / "vendor.nii.gz", {"Units": "s"})
    out = str(tmp_path / "t2.nii.gz")
    assert main(["--vendor-map", str(tmp_path / "vendor.nii.gz"), "--t2", out]) == 0
    np.testing.assert_array_equal(array_of(read_image(out)), np.float32(T2))
    assert read_sidecar(out)["Units"] == "ms"
    write_sidecar(tmp_path / "vendor.nii.gz", {"Units": "1/s"})
    assert main(["--vendor-map", str(tmp_path / "vendor.nii.gz"), "--t2", out]) == 1
    assert "expected a T2 map whose sidecar says s or ms" in capsys.readouterr().err


def test_a_mask_limits_the_vendor_map(main, tmp_path):
    write_image(image_of(T2), tmp_path / "vendor.nii.gz")
    write_image(image_of(T2 > 50), tmp_path / "mask.nii.gz")
    out = str(tmp_path / "t2.nii.gz")
    words = ["--vendor-map", str(tmp_path / "vendor.nii.gz"), "--mask", str(tmp_path / "mask.nii.gz"), "--t2", out]
    assert main(words) == 0
    np.testing.assert_array_equal(known(out), T2 > 50)


@pytest.mark.parametrize("factor", [0.001, 0.0, 100.0])
def test_a_vendor_map_that_is_not_in_milliseconds_is_refused(main, tmp_path, capsys, factor):
    write_image(image_of(T2 * factor), tmp_path / "vendor.nii.gz")
    out = tmp_path / "t2.nii.gz"
    assert main(["--vendor-map", str(tmp_path / "vendor.nii.gz"), "--t2", str(out)]) == 1
    assert "T2 map in ms" in capsys.readouterr().err
    assert not out.exists()


def test_a_vendor_map_with_echoes_in_it_is_refused(main, tmp_path):
    write_image(sitk.JoinSeries([image_of(T2), image_of(T2)]), tmp_path / "vendor.nii.gz")
    assert main(["--vendor-map", str(tmp_path / "vendor.nii.gz"), "--t2", str(tmp_path / "t2.nii.gz")]) == 1


def test_bad_input_leaves_a_stop_note_in_place_of_every_output(main, echoes, tmp_path):
    t2, m0 = tmp_path / "t2.nii.gz", tmp_path / "m0.nii.gz"
    words = ["--echoes", *echoes[:3], "--t2", str(t2), "--m0", str(m0), "--leave-stop-notes"]
    assert main(words) == 0
    for path in (t2, m0, sidecar_path(t2), sidecar_path(m0)):
        assert read_stop_note(path).stage == "fit"


def test_an_earlier_stop_is_handed_on_unchanged(main, echoes, tmp_path):
    note = StopNote("ingest", "a series", "none", "folder", "Look.")
    note.write(echoes[3])
    out = tmp_path / "t2.nii.gz"
    assert main(["--echoes", *echoes, "--t2", str(out), "--leave-stop-notes"]) == 0
    assert read_stop_note(out) == note


@pytest.mark.parametrize(
    "words",
    [
        ["--vendor-map", "v.nii.gz", "--m0", "m.nii.gz"],
        ["--vendor-map", "v.nii.gz", "--echoes", "e.nii.gz"],
        ["--echoes", "e.nii.gz", "--skip-first-echoes", "-1"],
        ["--echoes", "e.nii.gz", "--model", "mono-offset", "--noise", "measured"],
        ["--echoes", "e.nii.gz", "--noise", "-3"],
        ["--echoes", "e.nii.gz", "--b1-map", "b.nii.gz"],
        ["--echoes", "e.nii.gz", "--t2-limits-ms", "300", "10"],
        ["--vendor-map", "v.nii.gz", "--status", "s.nii.gz"],
        ["--vendor-map", "v.nii.gz", "--fat-fraction", "f.nii.gz"],
        ["--echoes", "e.nii.gz", "--model", "epg", "--b1", "map"],
        ["--echoes", "e.nii.gz", "--model", "epg", "--b1-from", "b.nii.gz"],
        ["--echoes", "e.nii.gz", "--model", "epg", "--slice-profile", "given"],
        ["--echoes", "e.nii.gz", "--model", "epg", "--pulse-samples", "a", "b"],
        ["--echoes", "e.nii.gz", "--fat-fraction-map", "f.nii.gz"],
        ["--echoes", "e.nii.gz", "--fat-t2-ms", "-5"],
        ["--echoes", "e.nii.gz", "--time-bandwidth", "0", "4"],
        [],
    ],
)
def test_contradictory_options_are_refused(main, words):
    with pytest.raises(SystemExit, match="2"):
        main([*words, "--t2", "t2.nii.gz"])


def test_the_scanner_s_own_map_of_real_calves_is_met(main, shared_data, tmp_path):
    folder = shared_data / "calf-mese"
    out = str(tmp_path / "t2.nii.gz")
    times = [f"{7.6 * number:.1f}" for number in range(1, 18)]
    echoes = str(folder / "echoes_17x7.6ms.nii.gz")
    assert main(["--echoes", echoes, "--echo-times-ms", *times, "--skip-first-echoes", "0", "--t2", out]) == 0
    first = array_of(read_image(echoes))[0]
    vendor, fitted = array_of(read_image(folder / "t2_vendor.nii.gz")), array_of(read_image(out))
    chosen = (first > 300) & (vendor > 0) & (fitted > 0)
    assert chosen.sum() > 37000
    assert np.corrcoef(vendor[chosen], fitted[chosen])[0, 1] >= 0.9999
    assert np.percentile(np.abs(vendor - fitted)[chosen], 95) <= 0.5


def test_the_status_map_says_what_became_of_each_voxel_and_the_sidecars_count_them(main, tmp_path):
    """One voxel of each kind among good ones: no signal, noise, a T2 beyond the limits."""
    t2 = np.full((1, 20, 20), 40.0)
    t2[0, 0, :3] = 500.0
    times = np.arange(1, 9) * 10.0
    signal = 500 * np.exp(-times[:, None, None, None] / t2)
    signal[:, 0, 1, :2] = 0.0
    signal[:, 0, 2, 0] = [3, 1, 4, 1, 5, 9, 2, 6]
    write_image(sitk.JoinSeries([image_of(echo) for echo in signal]), tmp_path / "echoes.nii.gz")
    words, paths = maps_of(tmp_path, "t2", "sd", "status")
    echoes = ["--echoes", str(tmp_path / "echoes.nii.gz"), "--echo-times-ms", *map(str, times)]
    assert main([*echoes, *words, "--skip-first-echoes", "0"]) == 0
    codes = array_of(read_image(paths["status"]))
    assert codes.dtype == np.uint8
    assert (codes[0, 0, 0], codes[0, 1, 0], codes[0, 2, 0], codes[0, 5, 5]) == (3, 0, 2, 1)
    record = read_sidecar(paths["status"])
    assert record["Levels"]["2"] == "low signal"
    assert record["Voxels"] == {
        "not fitted": 2,
        "ok": 394,
        "low signal": 1,
        "at bound": 3,
        "not converged": 0,
        "fat above limit": 0,
    }
    assert read_sidecar(paths["sd"])["Units"] == "ms"
    assert not known(paths["sd"])[0, 1, 0]


def noisy(times, t2, m0, sigma, seed=1):
    """Rician magnitudes, shape (echoes, 4, 60, 60): the lower half of the rows is tissue, the upper one air."""
    rng = np.random.default_rng(seed)
    clean = m0 * np.exp(-np.asarray(times) / t2)[:, None, None, None] * np.ones((1, 4, 60, 60))
    clean[:, :, :30] = 0
    return np.abs(clean + rng.normal(0, sigma, clean.shape) + 1j * rng.normal(0, sigma, clean.shape))


def test_noise_is_measured_in_the_air_and_takes_the_bias_of_the_floor_away(main, tmp_path):
    times = np.arange(1, 11) * 10.0
    write_image(
        sitk.JoinSeries([image_of(echo) for echo in noisy(times, 25.0, 300.0, 10.0)]), tmp_path / "echoes.nii.gz"
    )
    found = {}
    for noise in ("none", "measured", "10"):
        words, paths = maps_of(tmp_path / noise, "t2", "status")
        echoes = ["--echoes", str(tmp_path / "echoes.nii.gz"), "--echo-times-ms", *map(str, times)]
        assert main([*echoes, *words, "--noise", noise]) == 0
        found[noise] = array_of(read_image(paths["t2"]))[:, 30:].mean(), read_sidecar(paths["t2"])
    assert found["none"][0] > 26.5
    assert found["measured"][0] == pytest.approx(25, abs=0.3)
    assert found["measured"][1]["NoiseSigma"] == pytest.approx(10, rel=0.02)
    assert found["none"][1]["NoiseSigma"] == pytest.approx(10, rel=0.2)
    sources = [found[noise][1]["NoiseSource"] for noise in ("none", "measured", "10")]
    assert sources == ["residuals of the fit", "air", "given"]
    assert found["10"][1]["SNR"] == pytest.approx(30 * np.exp(-20 / 25), rel=0.1)
    assert "DegreesOfFreedom" not in found["10"][1] and found["none"][1]["DegreesOfFreedom"] == 7


def test_the_phase_graph_model_writes_b1_beside_t2_from_all_echoes(main, echoes, tmp_path):
    words, paths = maps_of(tmp_path / "epg", "t2", "b1-map", "status")
    assert main(["--echoes", *echoes, "--model", "epg", "--slice-profile", "none", *words]) == 0
    record = read_sidecar(paths["b1-map"])
    assert (record["Model"], record["SkippedEchoes"], record["EchoTimesMs"]) == ("epg", 0, TIMES)
    assert 0.4 <= np.nanmedian(nibabel.load(paths["b1-map"]).get_fdata()) <= 1.4


def test_a_long_train_of_a_real_brain_is_fitted_by_the_phase_graph(main, shared_data, tmp_path):
    """Thirty echoes from one file; nearly all of the brain ends well, between white matter and fluid."""
    folder = shared_data / "brain-mese"
    words, paths = maps_of(tmp_path, "t2", "status")
    times = [f"{12.8 * number:.1f}" for number in range(1, 31)]
    echoes = ["--echoes", str(folder / "mono_t2.nii.gz"), "--echo-times-ms", *times]
    assert main([*echoes, "--mask", str(folder / "mono_t2_mask.nii.gz"), "--model", "epg", *words]) == 0
    inside = nibabel.load(folder / "mono_t2_mask.nii.gz").get_fdata().T > 0
    codes, t2 = array_of(read_image(paths["status"])), known_values(paths["t2"])
    assert np.mean(codes[inside] == 1) > 0.9
    assert 60 < np.median(t2[inside & (codes == 1)]) < 110


def test_pulses_b1_and_fat_reach_the_phase_graph(main, echoes, tmp_path):
    """Slice profiles by samples; B1 from a map; voxels above the limit of fat marked; all said in the sidecar."""
    shape = np.sinc(4 * np.linspace(-0.5, 0.5, 33)) * np.hanning(33)
    for name in ("excitation", "refocusing"):
        (tmp_path / name).write_text("\n".join(f"{sample:.6f}" for sample in shape))
    write_image(image_of(np.full(T2.shape, 0.9)), tmp_path / "b1.nii.gz")
    fraction = np.where(np.arange(12) < 6, 0.1, 0.8) * np.ones(T2.shape)
    fraction[0, 0] = np.nan
    write_image(image_of(fraction), tmp_path / "ff.nii.gz")
    write_sidecar(tmp_path / "ff.nii.gz", {"EchoTime": 0.003})
    words, paths = maps_of(tmp_path / "out", "t2", "status", "b1-map", "fat-fraction-map")
    train = ["--slice-profile", "given", "--pulse-samples", str(tmp_path / "excitation"), str(tmp_path / "refocusing")]
    b1 = ["--b1", "map", "--b1-from", str(tmp_path / "b1.nii.gz"), "--time-bandwidth", "4", "4"]
    fat = ["--fat-fraction", str(tmp_path / "ff.nii.gz")]
    assert main(["--echoes", *echoes, "--model", "epg", *train, *b1, *fat, "--fat-limit", "0.5", *words]) == 0
    assert np.nanmax(np.abs(known_values(paths["b1-map"]) - 0.9)) < 0.01
    codes = array_of(read_image(paths["status"]))
    assert np.all(codes[1, :, :6] != 5) and np.mean(codes[1, :, 6:] == 5) > 0.9
    assert not np.any(codes[0, 0] == 5) and np.all(np.isnan(known_values(paths["fat-fraction-map"])[0, 0]))
    record = read_sidecar(paths["t2"])
    assert (record["SliceProfile"], record["B1"], record["TimeBandwidthProducts"]) == ("given", "map", [4, 4])
    assert record["PulseSamplesSHA256"] == [hashlib.sha256((tmp_path / "excitation").read_bytes()).hexdigest()] * 2
    assert (record["FatFractionLimit"], record["DixonWeighting"]) == (0.5, "proton density")
    assert record["Voxels"]["fat above limit"] == np.sum(codes == 5)


def test_a_pulse_that_cannot_be_is_told_with_the_setting(main, echoes, tmp_path, capsys):
    words = ["--model", "epg", "--slice-profile", "slr", "--t2", str(tmp_path / "t2.nii.gz")]
    assert main(["--echoes", *echoes, *words]) == 1
    assert "fit.pulses: expected angles and time-bandwidth products that slr pulses can have" in capsys.readouterr().err


def test_a_fraction_in_per_cent_and_an_empty_mask_are_refused(main, echoes, tmp_path, capsys):
    write_image(image_of(np.full(T2.shape, 8.0)), tmp_path / "ff.nii.gz")
    words = ["--echoes", *echoes, "--t2", str(tmp_path / "t2.nii.gz")]
    assert main([*words, "--fat-fraction", str(tmp_path / "ff.nii.gz")]) == 1
    assert "a fat fraction from 0 to 1" in capsys.readouterr().err
    write_image(image_of(np.zeros(T2.shape)), tmp_path / "mask.nii.gz")
    assert main([*words, "--model", "epg", "--mask", str(tmp_path / "mask.nii.gz")]) == 1
    assert "expected tissue to fit; found none" in capsys.readouterr().err
