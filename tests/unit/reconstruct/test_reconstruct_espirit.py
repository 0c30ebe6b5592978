"""Coil maps against known sensitivities, BART and SigPy."""

from __future__ import annotations

import functools
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myot2.reconstruct.cfl import read_cfl, write_cfl
from myot2.reconstruct.espirit import coil_maps

ROWS, COLUMNS = 64, 96


def body():
    """Two discs with holes."""
    y, x = np.mgrid[-1 : 1 : ROWS * 1j, -1 : 1 : COLUMNS * 1j]
    image = np.zeros((ROWS, COLUMNS))
    for side in (-1, 1):
        away = np.hypot(y, (x - 0.42 * side) * 1.4)
        image += (away < 0.52) * (1 - 0.6 * (away < 0.15))
    return image


def sensitivities(coils, seed=0):
    """Of wires around the body: smooth, complex, distinct."""
    y, x = np.mgrid[-1 : 1 : ROWS * 1j, -1 : 1 : COLUMNS * 1j]
    maps = []
    for angle in 2 * np.pi * np.arange(coils) / coils + 0.1 * seed:
        away = (x - 1.3 * np.cos(angle)) + 1j * (y - 1.3 * np.sin(angle))
        maps.append(np.exp(1j * angle) * away.conj() / (0.5 + np.abs(away) ** 2))
    return np.array(maps)


def kspace(images):
    values = np.fft.ifftshift(images, axes=(1, 2))
    return np.fft.fftshift(np.fft.fft2(values, norm="ortho"), axes=(1, 2))


@functools.lru_cache
def calibration_of(coils, *, noise=0.5, lines=24, seed=1):
    rng = np.random.default_rng(seed)
    full = 100 * kspace(body() * sensitivities(coils))
    full = full + noise * (rng.standard_normal(full.shape) + 1j * rng.standard_normal(full.shape))
    middle = full[:, ROWS // 2 - lines // 2 : ROWS // 2 + lines // 2, COLUMNS // 2 - 12 : COLUMNS // 2 + 12]
    return middle.astype(np.complex64)


def coherence(one, other):
    """|cosine| between the coil vectors of each voxel of the body."""
    inside = body() > 0
    one, other = one[:, inside], other[:, inside]
    product = np.abs((one.conj() * other).sum(axis=0))
    return product / np.sqrt((np.abs(one) ** 2).sum(axis=0) * (np.abs(other) ** 2).sum(axis=0))


def everywhere(calibration):
    full = np.zeros((len(calibration), ROWS, COLUMNS), np.complex64)
    lines = calibration.shape[1]
    full[:, ROWS // 2 - lines // 2 : ROWS // 2 + lines // 2, COLUMNS // 2 - 12 : COLUMNS // 2 + 12] = calibration
    return full


@pytest.mark.parametrize("coils", [2, 8, 12])
def test_maps_are_the_sensitivities_but_for_a_phase_common_to_the_coils(coils):
    found = coil_maps(calibration_of(coils), (ROWS, COLUMNS))
    assert coherence(found.maps, sensitivities(coils)).min() > 0.998
    assert np.median(coherence(found.maps, sensitivities(coils))) > 0.9999
    assert np.allclose((np.abs(found.maps) ** 2).sum(axis=0), 1, atol=1e-4)


def test_the_eigenvalue_is_one_in_the_body():
    inside = coil_maps(calibration_of(8), (ROWS, COLUMNS)).eigenvalue[body() > 0]
    assert inside.min() > 0.97 and inside.max() < 1.001


def test_the_common_phase_is_smooth_across_the_body():
    maps = coil_maps(calibration_of(8), (ROWS, COLUMNS)).maps
    both = (body()[1:] > 0) & (body()[:-1] > 0)
    # cosine of the change from row to row, phase included
    assert (maps[:, 1:].conj() * maps[:, :-1]).sum(axis=0).real[both].min() > 0.98


@settings(max_examples=10, deadline=None)
@given(st.floats(-np.pi, np.pi), st.floats(0.1, 1000))
def test_scale_and_phase_of_the_calibration_change_nothing(angle, scale):
    calibration = calibration_of(4)
    plain = coil_maps(calibration, (ROWS, COLUMNS))
    changed = coil_maps(calibration * np.complex64(scale * np.exp(1j * angle)), (ROWS, COLUMNS))
    inside = body() > 0
    assert np.allclose(plain.maps[:, inside], changed.maps[:, inside], atol=2e-3)
    assert np.allclose(plain.eigenvalue, changed.eigenvalue, atol=1e-3)


def test_maps_agree_with_bart(tmp_path):
    if not shutil.which("bart"):
        pytest.skip("BART is not installed (Debian package bart)")
    calibration = calibration_of(8)
    write_cfl(tmp_path / "kspace", everywhere(calibration).transpose(2, 1, 0)[:, :, None, :])
    # BART's threshold is of squared singular values
    command = ["bart", "ecalib", "-m1", "-c0", "-k6", "-r24", "-t", "0.0004", "kspace", "maps", "eigenvalue"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    peer = read_cfl(tmp_path / "maps")[:, :, 0, :].reshape(COLUMNS, ROWS, 8).transpose(2, 1, 0)
    found = coil_maps(calibration, (ROWS, COLUMNS))
    assert coherence(found.maps, peer).min() > 0.9999
    inside = body() > 0
    eigenvalue = np.abs(read_cfl(tmp_path / "eigenvalue").reshape(COLUMNS, ROWS).T)
    assert np.allclose(found.eigenvalue[inside], eigenvalue[inside], atol=1e-3)


def test_maps_agree_with_sigpy():
    mri = pytest.importorskip("sigpy.mri", reason="SigPy is not installed (benchmarks/requirements-peers.txt)")
    calibration = calibration_of(8)
    app = mri.app.EspiritCalib(
        everywhere(calibration), calib_width=24, thresh=0.02, kernel_width=6, crop=0, show_pbar=False
    )
    assert coherence(coil_maps(calibration, (ROWS, COLUMNS)).maps, app.run()).min() > 0.9999


@pytest.mark.parametrize(
    ("calibration", "reason"),
    [(np.ones((4, 10, 24), np.complex64), "at least 12"), (np.zeros((4, 24, 24), np.complex64), "without signal")],
)
def test_too_little_calibration_is_refused(calibration, reason):
    with pytest.raises(ValueError, match=reason):
        coil_maps(calibration, (ROWS, COLUMNS))
