"""Raw k-space of a body with fat, reconstructed with and without what the Dixon scan tells of it."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from myot2.core.images import array_of, read_image, write_image, write_sidecar
from myot2.simulate.identity import invent_identity
from myot2.simulate.kspace import Receiver, acquire
from myot2.simulate.participant import examine_and_keep
from myot2.simulate.protocol import Conditions
from myot2.simulate.raw_file import write_raw
from myot2.simulate.sampling import Sampling

PULSES = ["--slice-profile", "hann-sinc", "--time-bandwidth", "6", "6", "--refocusing-width", "1.5"]
LATE = Sampling(order=(3, 4, 0, 1, 2))
"""The middle of k-space at TE 50 and 100 ms, where little fat is much of the signal."""


@pytest.fixture(scope="module")
def program(root):
    spec = importlib.util.spec_from_file_location("reconstruct_t2", root / "scripts/reconstruct_t2.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", params=[False, True], ids=["not suppressed", "suppressed"])
def scan(request, tmp_path_factory, cylinder_body, small_preset):
    """Folder of raw data, B1 map and Dixon images of one body, and what is true of it."""
    folder = tmp_path_factory.mktemp("scan")
    conditions = Conditions(snr=60, fat_suppression=request.param)
    preset = replace(small_preset, slices=2)
    rng = np.random.default_rng(2)
    series, truth, seen = examine_and_keep(cylinder_body(), preset, conditions, 45.0, rng)
    raw = acquire(*seen, conditions, Receiver(sampling=LATE), rng)
    write_raw(folder / "raw.h5", raw, invent_identity(np.random.default_rng(3), sex="F", age=44))
    grid, values = raw.b1
    write_image(grid.image(values), folder / "b1.nii.gz")
    for one in series:
        if one.content in ("WATER", "FAT", "IN_PHASE") and one.image_type[2] == "DIXON":
            path = folder / f"{one.content.lower()}.nii.gz"
            grid, pixels = one.stacks[0]
            write_image(grid.image(pixels[0].astype(np.float32)), path)
            times = {"EchoTime": one.echo_times_ms[0] / 1000, "RepetitionTime": one.sequence.repetition_time_ms / 1000}
            write_sidecar(path, {**times, "SliceThickness": 5.0})
    return folder, truth, request.param


def reconstruct(program, folder, tmp_path, *words):
    outputs = {name: f"{tmp_path / name}.nii.gz" for name in ("t2", "m0", "sd", "status", "phase-map", "b1-map")}
    named = [word for name, path in outputs.items() for word in (f"--{name}", path)]
    tables = {"summary": "summary.json", "course": "slices.tsv", "pattern": "pattern.tsv"}
    named += [word for name, file in tables.items() for word in (f"--{name}", f"{tmp_path / file}")]
    given = ["--raw", f"{folder}/raw.h5", "--b1-from", f"{folder}/b1.nii.gz", *PULSES]
    assert program.main([*given, *named, *words]) == 0
    return array_of(read_image(outputs["t2"])), json.loads((tmp_path / "summary.json").read_text())


def dixon(folder):
    names = {"--water": "water", "--fat": "fat", "--in-phase": "in_phase"}
    return [word for option, name in names.items() for word in (option, f"{folder / name}.nii.gz")]


def bias_ms(t2, truth):
    """Of the mean over muscle with less than a tenth of fat."""
    muscle = (truth.t2_labels > 0) & (truth.fat_fraction < 0.1)
    return float((t2 - truth.water_t2_ms)[muscle].mean())


def test_the_dixon_fraction_brings_t2_nearer_to_that_of_water_where_fat_was_not_suppressed(program, scan, tmp_path):
    folder, truth, suppressed = scan
    with_fat, told = reconstruct(program, folder, tmp_path, *dixon(folder))
    without, plain = reconstruct(program, folder, tmp_path)
    assert plain["FatLeft"] is None and "no fat fraction was given" in plain["Fat"]
    assert any("fat not in the model" in flag for flag in plain["Flags"])
    assert not any("fat" in flag for flag in told["Flags"])
    if suppressed:
        assert told["FatLeft"] is None and "it was suppressed" in told["Fat"]
        np.testing.assert_array_equal(with_fat, without)
        set_, told = reconstruct(program, folder, tmp_path, *dixon(folder), "--fat-left", "0.03")
        assert told["FatLeft"] == 0.03 and told["VoxelsOutsideDixon"] == 0
        assert abs(bias_ms(set_, truth)) < abs(bias_ms(without, truth))
        return
    assert told["FatLeft"] == 1 and "not suppressed" in told["Fat"]
    assert abs(bias_ms(with_fat, truth)) < 0.5
    assert bias_ms(without, truth) > 3


def test_dixon_images_from_elsewhere_and_contradicting_options_are_refused(program, scan, tmp_path, capsys):
    folder, _, suppressed = scan
    if suppressed:
        pytest.skip("once is enough")
    far = tmp_path / "far"
    far.mkdir()
    for name in ("water", "fat", "in_phase"):
        image = read_image(folder / f"{name}.nii.gz")
        image.SetOrigin((900.0, 0.0, 0.0))
        write_image(image, far / f"{name}.nii.gz")
    with pytest.raises(AssertionError):
        reconstruct(program, folder, tmp_path, *dixon(far))
    assert "no voxel of the raw data inside their field" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        reconstruct(program, folder, tmp_path, "--fat-left", "1")
    with pytest.raises(SystemExit):
        reconstruct(program, folder, tmp_path, *dixon(folder), "--model", "mono")
