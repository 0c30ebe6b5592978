"""The dataset that ingest makes is BIDS; a BIDS or Muscle-BIDS dataset is taken as strictly as DICOM is."""

from __future__ import annotations

import gzip
import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_dicom_builder import DIXON, whole_examination

from myot2.core.errors import MyoT2Error
from myot2.core.files import write_json
from myot2.core.images import affine_of, array_of, read_image, read_sidecar, sidecar_path, write_image
from myot2.core.stopnote import StopNote, read_stop_note
from myot2.core.tables import read_table
from myot2.ingest.bids.nifti import read_checked

TE = (0.01, 0.02, 0.03, 0.04)
VALIDATOR = Path(sys.executable).with_name("bids-validator-deno")
AFFINE = np.array([[-1.5, 0, 0, 40], [0, -2, 0, 30], [0, 0, 6, -10], [0, 0, 0, 1.0]])


@pytest.fixture(scope="module")
def call(program):
    return lambda name, *words: program(name)([str(word) for word in words])


def ingest_scan(call, dicom: Path, dataset: Path, visit: str) -> Path:
    """Ingest into a dataset as the workflow does; return the start of the files' names."""
    scan = visit.replace("/", "_")
    start = dataset / visit / "anat" / scan
    dixon = [word for role in DIXON for word in (f"--{role}", f"{start}_acq-{role.replace('-', '')}_T2w.nii.gz")]
    echoes = [f"{start}_echo-{number:02}_MESE.nii.gz" for number in range(1, 6)]
    images = [*dixon, "--echoes", *echoes, "--t2-map", f"{start}_T2map.nii.gz"]
    common = ["--leave-stop-notes", "--dicom", dicom, "--scan", scan, "--series-table", f"{start}_series.tsv"]
    assert call("ingest_dicom", *common, *images) == 0
    return start


@pytest.fixture(scope="module")
def dataset(call, tmp_path_factory) -> Path:
    """Two people and three visits, one of the visits and one of the people stopped."""
    folder = tmp_path_factory.mktemp("dataset")
    dicom = whole_examination(folder / "dicom")
    ingest_scan(call, dicom, folder / "ingest", "sub-01/ses-1")
    ingest_scan(call, folder / "none", folder / "ingest", "sub-01/ses-2")
    ingest_scan(call, folder / "none", folder / "ingest", "sub-02/ses-1")
    rows = ["participant_id session group sex age", "01 1 patient F 92", "01 2 patient F 93", "02 1 control n/a 50.5"]
    (folder / "people.tsv").write_text("\n".join(row.replace(" ", "\t") for row in rows), encoding="utf-8")
    images = sorted((folder / "ingest").rglob("*.nii.gz"))
    words = ["--participants", folder / "people.tsv", "--images", *images, "--dataset", folder / "ingest"]
    assert call("describe_ingest", *words) == 0
    return folder / "ingest"


def findings(folder: Path, severity: str) -> list[dict]:
    """What the validator of the BIDS community says of a dataset."""
    if not VALIDATOR.exists():
        pytest.skip("bids-validator-deno is not installed beside the running Python (make venv installs it)")
    run = subprocess.run([VALIDATOR, "--format", "json", folder], capture_output=True, text=True)
    issues = json.loads(run.stdout)["issues"]["issues"]
    return [issue for issue in issues if issue["severity"] == severity]


def test_the_validator_finds_no_error_also_where_visits_and_people_have_stopped(dataset):
    assert findings(dataset, "error") == []


def test_the_validator_would_notice_a_missing_echo_time(dataset, tmp_path):
    """The check above can fail: the same dataset with one key less is refused."""
    copy = shutil.copytree(dataset, tmp_path / "copy")
    path = copy / "sub-01/ses-1/anat/sub-01_ses-1_echo-02_MESE.json"
    path.write_text(
        json.dumps({key: value for key, value in json.loads(path.read_text()).items() if key != "EchoTime"})
    )
    assert "EchoTime" in {issue.get("subCode") for issue in findings(copy, "error")}


def test_everybody_is_in_the_table_once_and_nobody_is_older_than_89(dataset):
    table = read_table(dataset / "participants.tsv").set_index("participant_id")
    assert table.astype(object).where(table.notna(), None).to_dict("index") == {
        "sub-01": {"group": "patient", "sex": "F", "age": "89"},
        "sub-02": {"group": "control", "sex": None, "age": "50.5"},
    }
    assert set(json.loads((dataset / "participants.json").read_text())) == {"participant_id", "group", "sex", "age"}


def test_the_t2_map_of_the_dataset_is_in_seconds(dataset):
    path = dataset / "sub-01/ses-1/anat/sub-01_ses-1_T2map.nii.gz"
    assert read_sidecar(path)["Units"] == "s"
    assert set(np.unique(array_of(read_image(path)))) == {0.0, 0.04}


def test_a_sidecar_names_its_series_by_the_pseudonym_of_the_series_table_where_there_is_a_key(call, dataset, tmp_path):
    (tmp_path / "key").write_text("0123456789abcdef" * 4, encoding="ascii")
    words = ["--dicom", dataset.parent / "dicom", "--key", tmp_path / "key", "--scan", "sub-01"]
    words += ["--series-table", tmp_path / "series.tsv", "--dixon-fat", tmp_path / "fat.nii.gz"]
    assert call("ingest_dicom", *words) == 0
    table = read_table(tmp_path / "series.tsv").set_index("role")
    assert read_sidecar(tmp_path / "fat.nii.gz")["SeriesPseudonym"] == table.loc["dixon-fat", "pseudonym"]
    without_key = read_sidecar(dataset / "sub-01/ses-1/anat/sub-01_ses-1_acq-dixonfat_T2w.nii.gz")
    assert "SeriesPseudonym" not in without_key


def image(path: Path, values: np.ndarray, sidecar: dict) -> Path:
    """Write an image with nibabel, and its sidecar."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = nib.Nifti1Image(values, AFFINE)
    new.set_qform(AFFINE, 1)
    new.set_sform(AFFINE, 1)
    nib.save(new, path)
    write_json(sidecar_path(path), sidecar)
    return path


def echo(number: int) -> np.ndarray:
    """Different everywhere."""
    return (np.arange(5 * 6 * 3).reshape(5, 6, 3) + 100 * number).astype(np.int16)


@pytest.fixture
def outside(tmp_path) -> dict[str, Path]:
    """A small BIDS dataset of another's making: four echoes, one T2 map without unit."""
    paths = {str(n): image(tmp_path / f"in/e{n}.nii.gz", echo(n), {"EchoTime": te}) for n, te in enumerate(TE)}
    paths["map"] = image(tmp_path / "in/map.nii.gz", np.full((5, 6, 3), 0.035, np.float32), {})
    return paths


@pytest.fixture
def take(call, outside, tmp_path):
    """Run the program on that dataset; the status, and the folder of the outputs."""

    def run(*more, form="bids", echoes=None):
        given = echoes or [outside[str(number)] for number in range(len(TE))]
        words = ["--form", form, "--scan", "sub-01", "--series-table", tmp_path / "out/series.tsv", *more]
        outs = [tmp_path / f"out/echo-{number}.nii.gz" for number in range(len(TE))]
        t2 = ["--t2-map", outside["map"], "--t2-map-out", tmp_path / "out/t2.nii.gz"]
        return call("take_bids", *words, "--echoes", *given, "--echoes-out", *outs, *t2)

    return run


def test_images_of_a_bids_dataset_are_taken_value_by_value(take, tmp_path):
    assert take() == 0
    for number, te in enumerate(TE):
        written = nib.load(tmp_path / f"out/echo-{number}.nii.gz")
        np.testing.assert_array_equal(np.asanyarray(written.dataobj), echo(number))
        np.testing.assert_allclose(written.affine, AFFINE, atol=1e-5)
        assert read_sidecar(tmp_path / f"out/echo-{number}.nii.gz")["EchoTime"] == te
    np.testing.assert_array_equal(array_of(read_image(tmp_path / "out/t2.nii.gz")), float(np.float32(0.035)))
    assert read_sidecar(tmp_path / "out/t2.nii.gz")["T2ScaleSource"] == "form"
    table = read_table(tmp_path / "out/series.tsv").set_index("role")
    assert table.loc["mese", ["images", "echoes", "te_ms", "matrix"]].tolist() == ["12", "4", "10-40", "5x6"]


def test_what_was_ingested_comes_back_the_same_when_it_is_given(call, dataset, tmp_path):
    start = dataset / "sub-01/ses-1/anat/sub-01_ses-1"
    echoes = [f"{start}_echo-{number:02}_MESE.nii.gz" for number in range(1, 6)]
    outs = [tmp_path / Path(path).name for path in echoes]
    words = ["--form", "bids", "--scan", "sub-01_ses-1", "--series-table", tmp_path / "series.tsv"]
    words += ["--dixon-in", f"{start}_acq-dixonin_T2w.nii.gz", "--dixon-in-out", tmp_path / "in.nii.gz"]
    words += ["--t2-map", f"{start}_T2map.nii.gz", "--t2-map-out", tmp_path / "t2.nii.gz"]
    assert call("take_bids", *words, "--echoes", *echoes, "--echoes-out", *outs) == 0
    pairs = [*zip(echoes, outs, strict=True), (f"{start}_acq-dixonin_T2w.nii.gz", tmp_path / "in.nii.gz")]
    for before, after in [*pairs, (f"{start}_T2map.nii.gz", tmp_path / "t2.nii.gz")]:
        assert Path(before).read_bytes() == after.read_bytes()
        old, new = read_sidecar(before), read_sidecar(after)
        assert {key: value for key, value in old.items() if "Scale" not in key} == {
            key: new[key] for key in old if "Scale" not in key
        }


def test_echoes_of_four_dimensions_with_times_in_ms_are_muscle_bids(take, tmp_path):
    series = np.stack([echo(number) for number in range(4)], axis=-1)
    header = {"EchoTime": [10.0, 20.0, 30.0, 40.0], "RepetitionTime": 3000, "AcquisitionVoxelSize": [1.5, 2.0, 5.0]}
    mese = image(tmp_path / "in/mese.nii.gz", series, header)
    write_json(tmp_path / "in/map.json", {"Units": "s"})
    assert take(form="muscle-bids", echoes=[mese]) == 0
    for number, te in enumerate(TE):
        out = tmp_path / f"out/echo-{number}.nii.gz"
        np.testing.assert_array_equal(np.asanyarray(nib.load(out).dataobj), echo(number))
        facts = read_sidecar(out)
        assert (facts["EchoTime"], facts["RepetitionTime"], facts["SliceThickness"]) == (te, 3.0, 5.0)


def test_only_known_facts_of_a_sidecar_are_taken(take, outside, tmp_path):
    words = dict.fromkeys(("PatientName", "SeriesDescription", "SequenceName", "Role", "InstitutionName"), "ZQXMARK")
    more = {"Manufacturer": "ZQXMARK Siemens", "ManufacturersModelName": "Skyra ZQXMARK", "ImageType": ["M", "ZQXMARK"]}
    facts = {"EchoTime": 0.01, "FlipAngle": 180, "MagneticFieldStrength": 3}
    header = nib.load(image(outside["0"], echo(0), {**facts, **words, **more}))
    header.header["descrip"] = header.header["aux_file"] = header.header["intent_name"] = b"ZQXMARK"
    nib.save(header, outside["0"])
    assert take() == 0
    assert read_sidecar(tmp_path / "out/echo-0.nii.gz") == {
        "Role": "mese",
        "Units": "arbitrary",
        **facts,
        "ImageType": ["M"],
        "Manufacturer": "Siemens",
        "ManufacturersModelName": "Skyra",
        "SpacingBetweenSlices": 6.0,
    }
    for path in (tmp_path / "out").iterdir():
        assert b"ZQXMARK" not in (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())


def edit_header(path: Path, offset: int, content: bytes) -> None:
    raw = bytearray(gzip.decompress(path.read_bytes()))
    raw[offset : offset + len(content)] = content
    path.write_bytes(gzip.compress(bytes(raw)))


def shear(path: Path) -> None:
    edit_header(path, 252, struct.pack("<h", 0))
    edit_header(path, 284, struct.pack("<f", 0.5))


def with_value(path: Path, value: float) -> None:
    values = np.asarray(nib.load(path).dataobj, dtype=np.float32)
    values[2, 3, 1] = value
    image(path, values, read_sidecar(path))


FAULTS = {
    "an echo is missing": (lambda p: p["2"].unlink(), "echo 3: expected an image; found no such file"),
    "the scan stopped there": (
        lambda p: StopNote("ingest", "ZQX", "ZQX", "ZQX", "ZQX").write(p["2"]),
        "echo 3: expected an image; found no compressed image (where MyoT2 made the dataset: a note",
    ),
    "complex numbers": (lambda p: image(p["2"], echo(2).astype(np.complex64), {"EchoTime": 0.03}), "real numbers of"),
    "a file that unpacks to more than it states": (
        lambda p: p["2"].write_bytes(p["2"].read_bytes() + gzip.compress(bytes(1 << 23))),
        "as many values as the header states; found more",
    ),
    "a number of a thousand digits": (
        lambda p: sidecar_path(p["2"]).write_text('{"EchoTime": 1' + "0" * 1000 + "}"),
        "a number in range for EchoTime",
    ),
    "an echo is cut": (lambda p: p["2"].write_bytes(p["2"].read_bytes()[:-30]), "echo 3: expected a readable"),
    "no NIfTI": (lambda p: p["2"].write_bytes(gzip.compress(b"x" * 400)), "expected a NIfTI-1 image"),
    "no echo time": (lambda p: sidecar_path(p["1"]).unlink(), "echo 2: expected EchoTime"),
    "an echo time in words": (lambda p: write_json(sidecar_path(p["1"]), {"EchoTime": "ZQX"}), "a number in range"),
    "an echo time in ms": (lambda p: write_json(sidecar_path(p["1"]), {"EchoTime": 20}), "written in s as bids has it"),
    "two echoes swapped": (
        lambda p: [write_json(sidecar_path(p[n]), {"EchoTime": te}) for n, te in (("1", 0.03), ("2", 0.02))],
        "found 10, 30, 20, 40 ms",
    ),
    "uneven echo times": (lambda p: write_json(sidecar_path(p["3"]), {"EchoTime": 0.05}), "found 10, 20, 30, 50 ms"),
    "another grid": (lambda p: image(p["3"], echo(3)[:, :, :2], {"EchoTime": 0.04}), "echo 4: expected all echoes on"),
    "NaN in an echo": (lambda p: with_value(p["1"], np.nan), "echo 2: expected finite numbers; found 1"),
    "infinity in the map": (lambda p: with_value(p["map"], np.inf), "the T2 map: expected finite numbers"),
    "qform against sform": (lambda p: edit_header(p["0"], 268, struct.pack("<f", 44.0)), "qform and sform that agree"),
    "a sheared grid": (lambda p: shear(p["0"]), "at right"),
    "lengths in metres": (lambda p: edit_header(p["0"], 123, b"\x01"), "echo 1: expected lengths in mm"),
    "no position": (lambda p: edit_header(p["0"], 252, bytes(4)), "neither qform nor sform"),
    "a huge matrix": (lambda p: edit_header(p["0"], 42, struct.pack("<3h", 32000, 32000, 100)), "at most 134217728"),
    "a negative dimension": (lambda p: edit_header(p["0"], 42, struct.pack("<h", -5)), "of 3 dimensions"),
    "a T2 map in ms without unit": (
        lambda p: image(p["map"], np.full((5, 6, 3), 35, np.float32), {}),
        "found 3.5e+04 ms, its values being taken for s",
    ),
    "a T2 map in an unknown unit": (lambda p: write_json(sidecar_path(p["map"]), {"Units": "ZQX"}), "in s or ms"),
    "a sidecar that is no object": (lambda p: sidecar_path(p["0"]).write_text("[1"), "a JSON object beside"),
    "a thickness that is no number": (
        lambda p: write_json(sidecar_path(p["0"]), {"EchoTime": 0.01, "SliceThickness": "ZQX"}),
        "a number in range for SliceThickness",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), FAULTS.values(), ids=FAULTS)
def test_a_faulty_dataset_is_refused_with_its_reason(take, outside, tmp_path, capsys, spoil, message):
    spoil(outside)
    assert take() == 1
    printed = capsys.readouterr().err
    assert message in printed
    assert "ZQX" not in printed and str(tmp_path) not in printed
    assert not (tmp_path / "out").exists()


def test_a_faulty_dataset_leaves_stop_notes_where_they_are_wanted(take, outside, tmp_path):
    outside["2"].unlink()
    assert take("--leave-stop-notes") == 0
    notes = list((tmp_path / "out").iterdir())
    assert len(notes) == 11 and all(read_stop_note(path).stage == "ingest" for path in notes)


def test_nan_in_a_given_map_means_no_value(take, outside, tmp_path):
    with_value(outside["map"], np.nan)
    assert take() == 0
    values = array_of(read_image(tmp_path / "out/t2.nii.gz"))
    assert (values == 0).sum() == 1 and np.isfinite(values).all()


@pytest.mark.parametrize("tilt", [0.0, 1e-4, 3e-4, 1e-3, 0.05])
@pytest.mark.parametrize("axis", [(0.0, 0.6, 0.8), (0.48, 0.6, 0.64), (0.0017, 0.7071, 0.7071)])
def test_an_image_turned_by_about_half_a_turn_is_taken_though_its_quaternion_is_least_precise_there(
    tmp_path, axis, tilt
):
    """Rodrigues' rotation by pi + tilt, written by ITK with qform and sform, on the study's matrix."""
    x, y, z = np.array(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn = np.eye(3) + np.sin(np.pi + tilt) * cross + (1 - np.cos(np.pi + tilt)) * cross @ cross
    written = sitk.Image(320, 176, 8, sitk.sitkFloat32)
    written.SetSpacing((1.3125, 1.3125, 6.0))
    written.SetOrigin((-200.0, 100.0, 50.0))
    written.SetDirection(turn.ravel())
    write_image(written, tmp_path / "turned.nii.gz")
    read = read_checked(tmp_path / "turned.nii.gz", "dixon-in", dimensions=(3,))
    corner = np.array([319, 175, 7, 1])
    assert np.abs((affine_of(read) - affine_of(written)) @ corner).max() < 1e-3


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    return image(tmp_path_factory.mktemp("sound") / "e.nii", echo(1), {})


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 351), st.integers(0, 255)), min_size=1, max_size=8), st.integers(0, 500))
def test_a_header_with_any_bytes_changed_gives_an_image_or_a_reason(sound, changes, cut):
    raw = bytearray(sound.read_bytes())
    for place, byte in changes:
        raw[place] = byte
    changed = sound.with_name("changed.nii")
    changed.write_bytes(bytes(raw[: len(raw) - cut]) if cut < 50 else bytes(raw))
    try:
        read = read_checked(changed, "echo 1", dimensions=(3,))
    except MyoT2Error as error:
        assert "changed.nii" not in str(error)
    else:
        assert read.GetDimension() == 3 and np.isfinite(array_of(read)).all()
