"""What must hold for any signal, of every model: scale, order, other voxels, threads, and the unit of time."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from myot2.core.images import write_image, write_sidecar
from myot2.fit.echoes import Echoes
from myot2.fit.epg import Train
from myot2.fit.epg_fit import fit_free
from myot2.fit.epg_table import build
from myot2.fit.models import MODELS, fit_echoes
from myot2.fit.mono import fit_mono
from myot2.fit.settings import Beside, FatSettings, Settings
from myot2.fit.water_fat_fit import fit_held
from myot2.fit.water_fat_table import build as build_water_fat

TIMES = 10.0 * np.arange(1, 11)
MAPS = ("t2_ms", "m0", "sd_ms", "rmse", "status", "b1", "fat_fraction")
VOXELS = 300
KINDS = [*MODELS, "mono, known noise"]


def settings_of(kind: str, sigma: float) -> Settings:
    """Every voxel by itself: neighbours take part where B1 is smoothed, as they should."""
    known = sigma if kind in ("mono, known noise", "epg-water-fat") else None
    return Settings(model=kind.split(",")[0], sigma=known, b1="free", fat=FatSettings(t2_ms=150.0))


def drawn(seed: int, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Noisy decays, some of them noise alone, shape (echoes, voxels), and a fat fraction for each."""
    rng = np.random.default_rng(seed)
    t2, m0 = rng.uniform(15, 150, VOXELS), 1000 * rng.choice([0.0, 1.0], VOXELS, p=[0.1, 0.9])
    clean = m0 * np.exp(-TIMES[:, None] / t2)
    signal = np.hypot(clean + rng.normal(0, sigma, clean.shape), rng.normal(0, sigma, clean.shape))
    return signal.astype(np.float32), rng.uniform(0, 0.3, VOXELS).astype(np.float32)


def fitted(kind: str, signal: np.ndarray, fraction: np.ndarray, sigma: float) -> dict[str, np.ndarray]:
    """The maps of one row of voxels."""
    count = signal.shape[1]
    echoes = Echoes(signal.reshape(10, 1, 1, count), TIMES, sitk.Image(count, 1, 1, sitk.sitkFloat32), "echoes")
    beside = Beside(fraction=fraction.reshape(1, 1, count))
    fit = fit_echoes(echoes, settings_of(kind, sigma), np.ones((1, 1, count), bool), beside)
    return {name: values[0, 0] for name in MAPS if (values := getattr(fit, name)) is not None}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), data=st.data())
def test_a_voxel_gets_the_same_bytes_in_any_order_among_any_others_and_alone(kind, seed, data):
    signal, fraction = drawn(seed, 20.0)
    whole = fitted(kind, signal, fraction, 20.0)
    order = np.random.default_rng(data.draw(st.integers(0, 2**31))).permutation(VOXELS)
    some = order[: data.draw(st.integers(1, VOXELS))]
    for name, values in fitted(kind, signal[:, some], fraction[some], 20.0).items():
        np.testing.assert_array_equal(values, whole[name][some], err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), exponent=st.integers(-10, 20))
def test_a_power_of_two_changes_m0_and_residual_by_itself_and_nothing_else(kind, seed, exponent):
    """Without rounding in the way, byte by byte; the scales run from 1e-3 to 1e6."""
    scale = np.float32(2.0**exponent)
    signal, fraction = drawn(seed, 20.0)
    one, other = fitted(kind, signal, fraction, 20.0), fitted(kind, signal * scale, fraction, 20.0 * float(scale))
    for name, values in one.items():
        expected = values * scale if name in ("m0", "rmse") else values
        np.testing.assert_array_equal(other[name], expected, err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), scale=st.floats(1e-3, 1e6))
def test_any_scale_changes_m0_only_but_for_rounding(kind, seed, scale):
    signal, fraction = drawn(seed, 20.0)
    one, other = fitted(kind, signal, fraction, 20.0), fitted(kind, signal * np.float32(scale), fraction, 20.0 * scale)
    both = (one["status"] == 1) & (other["status"] == 1)
    assert np.mean(one["status"] == other["status"]) > 0.98
    change = np.abs(other["t2_ms"] - one["t2_ms"])[both]
    of_t2, of_m0 = change / one["t2_ms"][both], np.abs(other["m0"] / (one["m0"] * scale) - 1)[both]
    assert np.mean((of_t2 < 1e-5) & (of_m0 < 1e-5)) > 0.98
    # one voxel in a hundred thousand lies where rounding decides between two nodes, either of which it may settle at
    assert np.all(change < 0.25 * one["sd_ms"][both]) and np.all(of_m0 < 0.03)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**31), threads=st.integers(2, 5))
def test_threads_change_no_byte(seed, threads):
    signal, fraction = (np.tile(values, 8) for values in drawn(seed, 20.0))
    train = Train(10, 10.0)
    table, water_fat = build(train), build_water_fat(train, 150.0)
    fits = [
        lambda count: fit_mono(signal, TIMES, threads=count),
        lambda count: fit_mono(signal, TIMES, sigma=20.0, threads=count),
        lambda count: fit_free(signal, table, threads=count),
        lambda count: fit_held(signal, water_fat, fraction, 0.9, sigma=20.0, threads=count),
    ]
    for fit in fits:
        one, many = fit(1), fit(threads)
        for name in ("t2_ms", "m0", "sd_ms", "rmse", "status"):
            np.testing.assert_array_equal(getattr(many, name), getattr(one, name), err_msg=name)


@pytest.mark.parametrize("model", ["mono", "epg"])
def test_echo_times_in_seconds_and_in_milliseconds_give_the_same_bytes(program, tmp_path, model):
    signal, _ = drawn(1, 20.0)
    for number, echo in enumerate(signal, start=1):
        write_image(sitk.GetImageFromArray(echo.reshape(1, 15, 20)), tmp_path / f"echo-{number:02d}.nii.gz")
        write_sidecar(tmp_path / f"echo-{number:02d}.nii.gz", {"EchoTime": 0.01 * number})
    echoes = sorted(str(path) for path in tmp_path.glob("echo-*.nii.gz"))
    fit_t2 = program("fit_t2")
    for name, times in (("seconds", []), ("milliseconds", ["--echo-times-ms", *map(str, TIMES)])):
        assert fit_t2(["--echoes", *echoes, *times, "--model", model, "--t2", str(tmp_path / f"{name}.nii.gz")]) == 0
    assert (tmp_path / "seconds.nii.gz").read_bytes() == (tmp_path / "milliseconds.nii.gz").read_bytes()
