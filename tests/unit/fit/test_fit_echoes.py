"""Reading a multi-echo series, and refusing what is none."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.core.images import affine_of, write_image, write_sidecar
from myot2.fit.echoes import Echoes, read_echoes, require_decay, skip_first

SHAPE = (3, 12, 14)


def volume(value=1.0, shape=SHAPE, origin=(1.0, 2.0, 3.0)):
    image = sitk.GetImageFromArray(np.full(shape, value, dtype=np.float32))
    image.SetSpacing((1.5, 1.5, 6.0))
    image.SetOrigin(origin)
    return image


def write_series(folder, times, **changes):
    paths = [folder / f"echo-{number}.nii.gz" for number in range(1, len(times) + 1)]
    for path, time in zip(paths, times, strict=True):
        write_image(volume(np.exp(-time / 40), **changes), path)
        write_sidecar(path, {"EchoTime": time / 1000})
    return paths


def series(*courses, voxels=200):
    """One slice of equal voxels per course."""
    signal = np.repeat(np.array(courses, dtype=float).T[:, :, None, None], voxels, axis=3)
    times = np.arange(1, len(signal) + 1) * 10.0
    return Echoes(signal, times, volume(shape=signal.shape[1:]), "echoes.nii.gz")


def test_one_file_per_echo_takes_its_times_from_the_sidecars(tmp_path):
    echoes = read_echoes(write_series(tmp_path, [10.0, 20.0, 35.0]))
    assert echoes.times_ms.tolist() == [10, 20, 35]
    assert echoes.signal.shape == (3, *SHAPE)
    np.testing.assert_allclose(echoes.signal[:, 0, 0, 0], np.exp(-echoes.times_ms / 40), rtol=1e-6)


def test_given_echo_times_win_over_the_sidecars(tmp_path):
    assert read_echoes(write_series(tmp_path, [10.0, 20.0, 30.0]), [8, 16, 24]).times_ms.tolist() == [8, 16, 24]


def test_a_four_dimensional_file_keeps_its_oblique_grid(tmp_path):
    tilt = np.array([[1, 0, 0], [0, np.cos(0.3), -np.sin(0.3)], [0, np.sin(0.3), np.cos(0.3)]])
    volumes = [volume(value) for value in (4, 3, 2)]
    for image in volumes:
        image.SetDirection(tilt.ravel())
    write_image(sitk.JoinSeries(volumes), tmp_path / "all.nii.gz")
    echoes = read_echoes([tmp_path / "all.nii.gz"], [10, 20, 30])
    assert echoes.signal[:, 1, 1, 1].tolist() == [4, 3, 2]
    np.testing.assert_allclose(affine_of(echoes.grid), affine_of(volumes[0]), atol=1e-5)


@pytest.mark.parametrize(
    ("times", "found"),
    [
        ([10, 20], "2 echo times for 3 echoes"),
        ([10, 30, 20], "10, 30, 20"),
        ([10, 10, 20], "10, 10, 20"),
        ([0, 10, 20], "0, 10, 20"),
        ([0.01, 0.02, 0.03], "seconds"),
        ([10, float("nan"), 20], "nan"),
    ],
)
def test_wrong_echo_times_are_refused(tmp_path, times, found):
    paths = write_series(tmp_path, [10.0, 20.0, 30.0])
    with pytest.raises(MyoT2Error) as error:
        read_echoes(paths, times)
    assert found in error.value.found


def test_an_echo_without_time_is_named(tmp_path):
    paths = write_series(tmp_path, [10.0, 20.0, 30.0])
    write_sidecar(paths[1], {})
    with pytest.raises(MyoT2Error, match="--echo-times-ms") as error:
        read_echoes(paths)
    assert error.value.where == str(paths[1])


def test_echoes_on_two_grids_are_refused(tmp_path):
    paths = write_series(tmp_path, [10.0, 20.0, 30.0])
    write_image(volume(origin=(1.0, 2.0, 9.0)), paths[2])
    with pytest.raises(MyoT2Error) as error:
        read_echoes(paths)
    assert error.value.where == str(paths[2])


def test_several_four_dimensional_files_are_refused(tmp_path):
    write_image(sitk.JoinSeries([volume(), volume()]), tmp_path / "a.nii.gz")
    with pytest.raises(MyoT2Error, match="4 dimensions"):
        read_echoes([tmp_path / "a.nii.gz", tmp_path / "a.nii.gz"], [10, 20])


def test_skipping_takes_the_first_echoes_and_their_times():
    rest = skip_first(series([9, 8, 7, 6, 5]), 2)
    assert rest.times_ms.tolist() == [30, 40, 50]
    assert rest.signal[:, 0, 0, 0].tolist() == [7, 6, 5]


@pytest.mark.parametrize("skipped", [3, 4, 9])
def test_fewer_than_three_echoes_are_refused(skipped):
    with pytest.raises(MyoT2Error, match="at least 3 echoes"):
        skip_first(series([9, 8, 7, 6, 5]), skipped)


@pytest.mark.parametrize("course", [[100, 80, 60, 40], [80, 100, 70, 50], [100, 99, 98, 97], [50, 20, 10, 11]])
def test_decays_pass_even_with_a_stimulated_second_echo_or_a_noise_floor(course):
    require_decay(series(course))


@pytest.mark.parametrize("course", [[40, 60, 80, 100], [100, 100, 100, 100], [100, 40, 90, 30], [0, 0, 0, 0]])
def test_signals_that_do_not_decay_are_refused(course):
    with pytest.raises(MyoT2Error) as error:
        require_decay(series(course))
    assert error.value.where == "echoes.nii.gz"


def test_a_liquid_whose_low_first_echo_lies_below_its_last_passes():
    """As the fill of the NIST phantom on one scanner: last echo 1.04 times the first, which is low."""
    require_decay(series([100, 125, 118, 110, 104]))


def test_one_slice_in_the_wrong_order_among_good_ones_is_found_and_named():
    good = [100, 80, 60, 40]
    with pytest.raises(MyoT2Error, match="slice 4"):
        require_decay(series(good, good, good, [60, 100, 40, 80], good, good, good))


def test_background_noise_and_nan_do_not_hide_a_decay():
    echoes = series([100, 80, 60, 40], [3, 3, 3, 3])
    echoes.signal[:, 0, 0, :40] = np.nan
    require_decay(echoes)


def test_the_real_series_decays_and_the_one_that_a_converter_mixed_is_refused(shared_data):
    require_decay(read_echoes([shared_data / "calf-mese/echoes_17x7.6ms.nii.gz"], 7.6 * np.arange(1, 18)))
    mixed = read_echoes([shared_data / "calf-mese/original_misshaped.nii.gz"], 7.6 * np.arange(1, 19))
    with pytest.raises(MyoT2Error, match="not in the order of the echo times"):
        require_decay(mixed)
