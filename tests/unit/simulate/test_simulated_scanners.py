"""What each make of scanner writes, read by pydicom, by the codecs themselves, and by dcm2niix."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import imagecodecs
import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames

from myot2.core.config import Simulate
from myot2.simulate.dicom import write_examination
from myot2.simulate.encoding import ENCODINGS
from myot2.simulate.extras import aborted, earlier, mean_echo, phase, stations
from myot2.simulate.grid import Grid
from myot2.simulate.identity import invent_identity
from myot2.simulate.placement import PLACEMENTS, every_orientation, turned_world
from myot2.simulate.protocol import MULTI_ECHO
from myot2.simulate.scanners.capture import CAPTURE
from myot2.simulate.scanners.catalogue import SCANNERS
from myot2.simulate.series import Series

TIMES = (10.0, 20.0, 30.0, 40.0)
GRID = Grid((3, 4, 6), np.array([5.0, -2, 30]), np.array([3.0, 0, 0]), np.array([0, 4.0, 0]), np.array([0, 0, 6.0]), 5)
PIXELS = (4000 / (1 + np.arange(4 * 3 * 4 * 6).reshape(4, 3, 4, 6) // 9)).round().astype(np.uint16)
ECHOES = Series(9, "echoes", ("ORIGINAL", "PRIMARY", "M", "ND"), MULTI_ECHO, TIMES, 34000.0, ((GRID, PIXELS),))
MAP = replace(
    ECHOES,
    number=10,
    image_type=("DERIVED", "PRIMARY", "T2 MAP", "ND"),
    echo_times_ms=TIMES[:1],
    stacks=((GRID, PIXELS[:1] // 40),),
)
IDENTITY = invent_identity(np.random.default_rng(3), sex="M", age=61)
CLASSIC = [name for name in SCANNERS if "xa" not in name and "enhanced" not in name]


def write(folder: Path, series: list[Series], scanner: str = "siemens", encoding: str = "explicit") -> list[Path]:
    write_examination(folder, series, IDENTITY, "key", SCANNERS[scanner], ENCODINGS[encoding])
    return sorted(folder.rglob("IM*"))


def frames_of(dataset: Dataset) -> Iterator[tuple[Dataset, np.ndarray]]:
    """Every plane with the elements that place and scale it, classic or enhanced."""
    stored = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
    for number, pixels in enumerate(stored):
        if "PerFrameFunctionalGroupsSequence" not in dataset:
            yield dataset, pixels
            continue
        facts = Dataset()
        for group in dataset.PerFrameFunctionalGroupsSequence[number]:
            if group.VR == "SQ" and not group.tag.is_private:
                facts.update(group.value[0])
        facts.EchoTime = facts.EffectiveEchoTime
        yield facts, pixels


def points_and_values(paths: list[Path]) -> dict[tuple[float, ...], int]:
    """Value by place (LPS, 0.01 mm) and echo time, by the formula of PS3.3 C.7.6.2.1.1."""
    found = {}
    for path in paths:
        for facts, pixels in frames_of(pydicom.dcmread(path)):
            row, column = np.reshape(np.array(facts.ImageOrientationPatient, dtype=float), (2, 3))
            down, along = (float(value) for value in facts.PixelSpacing)
            start = np.array(facts.ImagePositionPatient, dtype=float)
            for (j, i), value in np.ndenumerate(pixels):
                place = start + i * along * row + j * down * column
                found[(*np.round(place, 2) + 0.0, float(facts.EchoTime))] = int(value)
    return found


def test_the_configuration_knows_every_scanner():
    assert get_args(Simulate.model_fields["scanner"].annotation) == tuple(SCANNERS)


@pytest.mark.parametrize("scanner", SCANNERS)
def test_files_are_the_same_every_time_and_pass_strict_reading(tmp_path, scanner):
    first = write(tmp_path / "first", [ECHOES, MAP], scanner)
    second = write(tmp_path / "second", [ECHOES, MAP], scanner)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    previous = pydicom.config.settings.reading_validation_mode
    pydicom.config.settings.reading_validation_mode = pydicom.config.RAISE
    try:
        instances = []
        for path in first:
            dataset = pydicom.dcmread(path)
            instances.append(dataset.SOPInstanceUID)
            assert all(element.value is not None for element in dataset.iterall())
            assert dataset.PatientName == IDENTITY.patient_name
    finally:
        pydicom.config.settings.reading_validation_mode = previous
    assert len(set(instances)) == len(instances)


@pytest.mark.parametrize("scanner", CLASSIC)
def test_classic_signals_are_the_pixels_and_maps_are_in_ms(tmp_path, scanner):
    """A signal is the displayed value over (slope x scale slope), for Philips; a map is what is displayed."""
    files = [pydicom.dcmread(path) for path in write(tmp_path, [ECHOES, MAP], scanner)]
    factors = set()
    for file in files:
        slope, intercept = float(file.get("RescaleSlope", 1)), float(file.get("RescaleIntercept", 0))
        shown = file.pixel_array * slope + intercept
        echo = TIMES.index(float(file.EchoTime))
        place = round((float(file.ImagePositionPatient[2]) - GRID.origin[2]) / 6)
        if int(file.SeriesNumber) in (10, 1001):
            assert np.array_equal(shown, MAP.stacks[0][1][0, place])
        else:
            scale = file[0x2005, 0x100E].value if scanner == "philips" else 1
            factors |= set(np.round(shown / (slope * scale) / PIXELS[echo, place], 9).ravel())
    assert len(factors) == 1


@pytest.mark.parametrize("scanner", ["philips-enhanced", "philips-enhanced-alone"])
def test_philips_scale_slope_makes_the_signals_of_frames_comparable(tmp_path, scanner):
    """Slopes differ between frames; displayed values are comparable in one flavour, not in the other."""
    (path,) = write(tmp_path, [ECHOES], scanner)
    dataset = pydicom.dcmread(path)
    signals, shown, slopes = np.empty(PIXELS.shape), np.empty(PIXELS.shape), set()
    for number, (facts, pixels) in enumerate(frames_of(dataset)):
        echo, place = divmod(number, GRID.shape[0])
        private = dataset.PerFrameFunctionalGroupsSequence[number][0x2005, 0x140F].value[0]
        slope = float(facts.RescaleSlope)
        shown[echo, place] = pixels * slope + float(facts.RescaleIntercept)
        signals[echo, place] = shown[echo, place] / (slope * private[0x2005, 0x100E].value)
        slopes.add(slope)
    assert len(slopes) > 3
    np.testing.assert_allclose(signals / PIXELS, (signals / PIXELS)[0, 0, 0, 0], rtol=1e-6)
    assert (np.ptp(shown / PIXELS) < 1e-6) == (scanner == "philips-enhanced")


@pytest.mark.parametrize("scanner", ["siemens", "siemens-xa-whole"])
@pytest.mark.parametrize("placement", every_orientation()[::5], ids=lambda placement: str(placement.axes))
def test_every_placement_has_each_value_where_it_was(tmp_path, scanner, placement):
    plain = points_and_values(write(tmp_path / "plain", [ECHOES], scanner))
    placed = points_and_values(write(tmp_path / "placed", [placement(ECHOES)], scanner))
    assert placed == plain
    assert len(plain) == PIXELS.size


def test_there_are_48_orientations_and_named_placements_say_how_the_person_lies():
    assert len({(one.axes, one.backwards) for one in every_orientation()}) == 48
    positions = {PLACEMENTS[name](ECHOES).patient_position for name in PLACEMENTS}
    assert positions == {"FFS", "HFS", "FFP", "HFP"}


def test_a_turned_world_turns_every_point(tmp_path):
    quarter = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    plain = points_and_values(write(tmp_path / "plain", [ECHOES]))
    turned = points_and_values(write(tmp_path / "turned", [turned_world(ECHOES, quarter, np.array([1.0, 2, 3]))]))
    assert turned == {(1 - y, 2 + x, 3 + z, time): value for (x, y, z, time), value in plain.items()}


def test_stations_are_the_two_halves(tmp_path):
    whole = points_and_values(write(tmp_path / "whole", [ECHOES]))
    right, left = (
        points_and_values(write(tmp_path / str(half.number), [half])) for half in stations(ECHOES, right=11, left=12)
    )
    assert right | left == whole
    assert max(place[0] for place in right) < min(place[0] for place in left)


def test_an_aborted_run_is_the_first_slices_and_an_earlier_one_shows_another_place():
    grid, pixels = aborted(ECHOES).stacks[0]
    assert np.array_equal(pixels, PIXELS[:, :1])
    assert np.allclose(grid.origin, GRID.origin)
    before = earlier(ECHOES, 5, 60)
    assert (before.number, before.start_s) == (5, ECHOES.start_s - 60)
    assert not np.array_equal(before.stacks[0][1], PIXELS)


def test_derived_images_share_the_number_and_the_time_of_their_source(tmp_path):
    files = [pydicom.dcmread(path) for path in write(tmp_path, [ECHOES, mean_echo(ECHOES), phase(ECHOES)])]
    assert {file.SeriesInstanceUID for file in files} == {files[0].SeriesInstanceUID}
    assert sorted(int(file.InstanceNumber) for file in files) == list(range(1, 28))
    kinds = [file.ImageType[2] for file in files]
    assert (kinds.count("M"), kinds.count("OTHER"), kinds.count("P")) == (12, 3, 12)
    mean = next(file for file in files if file.ImageType[2] == "OTHER" and float(file.ImagePositionPatient[2]) == 24)
    assert np.abs(mean.pixel_array - np.sqrt((PIXELS[:, 0].astype(float) ** 2).mean(axis=0))).max() <= 0.5


def test_a_capture_is_a_colour_picture_with_the_words_of_a_map(tmp_path):
    write_examination(tmp_path, [MAP], IDENTITY, "key", CAPTURE)
    for path in tmp_path.rglob("IM*"):
        file = pydicom.dcmread(path)
        assert (file.SamplesPerPixel, file.ImageType[2]) == (3, "T2 MAP")
        assert file.pixel_array.shape == (4, 6, 3)


@pytest.mark.parametrize("scanner", ["siemens", "ge", "philips-enhanced"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_keeps_every_value(tmp_path, encoding, scanner):
    decoders = {
        "jpeg-lossless": imagecodecs.ljpeg_decode,
        "jpeg-ls": imagecodecs.jpegls_decode,
        "jpeg-2000": imagecodecs.jpeg2k_decode,
    }
    plain = [pydicom.dcmread(path).pixel_array for path in write(tmp_path / "plain", [ECHOES], scanner)]
    for path, expected in zip(write(tmp_path / "coded", [ECHOES], scanner, encoding), plain, strict=True):
        file = pydicom.dcmread(path, force=True)
        if encoding == "bare":
            assert "TransferSyntaxUID" not in file.file_meta
            found = np.frombuffer(file.PixelData, "<u2").reshape(expected.shape)
        elif encoding in decoders:
            frames = generate_frames(file.PixelData, number_of_frames=int(file.get("NumberOfFrames", 1)))
            found = np.stack([decoders[encoding](frame) for frame in frames]).reshape(expected.shape)
        else:
            found = file.pixel_array
        assert np.array_equal(found, expected)


@pytest.fixture(scope="module")
def dcm2niix() -> str:
    """The converter of the environment that runs the tests."""
    found = shutil.which("dcm2niix", path=str(Path(sys.executable).parent)) or shutil.which("dcm2niix")
    if not found:
        pytest.skip("dcm2niix is not installed")
    return found


@pytest.mark.parametrize("scanner", [name for name in SCANNERS if name != "siemens-xa-whole"])
def test_dcm2niix_finds_the_echoes_at_their_place(tmp_path, scanner, dcm2niix):
    """It knows the makers' habits and shares no code with us; all echoes in one XA object are beyond it."""
    write(tmp_path / "dicom", [ECHOES], scanner)
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(
        [dcm2niix, "-b", "y", "-z", "n", "-f", "%s_%e", "-o", str(out), str(tmp_path / "dicom")],
        check=True,
        capture_output=True,
    )
    echoes = {}
    for path in out.glob("*.nii"):
        echoes[json.loads(path.with_suffix(".json").read_text())["EchoTime"] * 1000] = nibabel.load(path)
    assert sorted(echoes) == pytest.approx(TIMES)
    first = echoes[min(echoes)]
    # It stores rows from the bottom, in RAS: column i, row j from below, slice k.
    expected = np.diag([-3.0, 4, 6, 1])
    expected[:3, 3] = (GRID.origin + 3 * GRID.row_step) * [-1, -1, 1]
    np.testing.assert_allclose(first.affine, expected, atol=1e-3)
    if scanner != "philips-enhanced-alone":
        values = np.stack([np.asarray(echoes[time].dataobj) for time in sorted(echoes)])
        ratio = values[..., ::-1, :].transpose(0, 3, 2, 1) / PIXELS
        np.testing.assert_allclose(ratio, ratio[0, 0, 0, 0], rtol=1e-4)
