"""Nobody's identity: a marker in every text element of the headers is found in no output byte and in no message."""

from __future__ import annotations

import gzip
import json

import pytest
from ingest_dicom_builder import dixon_plan, mese_plan, planes, t2_map_plan, write
from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset

MARKER = "ZQXMARK"
STRUCTURAL = {"SpecificCharacterSet", "PhotometricInterpretation", "ImageType", "ScanningSequence"}
TEXT = {"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT", "UR"}
GROUPS = {0x0008, 0x0010, 0x0012, 0x0018, 0x0020, 0x0028, 0x0032, 0x0038, 0x0040, 0x0054, 0x4008}


@pytest.fixture(scope="module")
def main(program):
    return program("ingest_dicom")


def mark(dataset: Dataset) -> None:
    """Plant the marker in each text element of the data dictionary, in private elements and in a nested item."""
    for tag, (vr, _, _, _, keyword) in DicomDictionary.items():
        if vr in TEXT and keyword and keyword not in STRUCTURAL and tag >> 16 in GROUPS:
            setattr(dataset, keyword, MARKER)
    item = Dataset()
    item.PatientName = item.CodeMeaning = MARKER
    dataset.OtherPatientIDsSequence = [item]
    dataset.ImageType = [*dataset.ImageType, MARKER]
    dataset.ScanningSequence = ["SE", MARKER]
    for group in (0x0051, 0x2005, 0x0091):
        private = dataset.private_block(group, MARKER, create=True)
        private.add_new(0x01, "LO", MARKER)
        private.add_new(0x0E, "LT", MARKER)
    philips = dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
    philips.add_new(0x02, "LO", MARKER)


def options(folder):
    echoes = [str(folder / f"echo-{number}.nii.gz") for number in range(1, 6)]
    return [
        *("--dicom", str(folder / "dicom"), "--series-table", str(folder / "out" / "series.tsv")),
        *("--dixon-in", str(folder / "out" / "in.nii.gz"), "--t2-map", str(folder / "out" / "t2.nii.gz")),
        *("--echoes", *(echo.replace("echo-", "out/echo-") for echo in echoes)),
    ]


@pytest.fixture
def marked(tmp_path):
    datasets = planes(dixon_plan("dixon-in", 2)) + planes(mese_plan(7)) + planes(t2_map_plan(8))
    for dataset in datasets:
        mark(dataset)
    write(tmp_path / "dicom", datasets)
    return tmp_path


def test_no_output_and_no_message_holds_text_of_a_header(main, marked, capfd):
    assert any(MARKER.encode() in path.read_bytes() for path in (marked / "dicom").iterdir())
    assert main(options(marked)) == 0
    outputs = sorted((marked / "out").iterdir())
    assert len(outputs) == 15
    for path in outputs:
        raw = path.read_bytes()
        for content in (raw, gzip.decompress(raw) if path.suffix == ".gz" else b"", path.name.encode()):
            assert MARKER.lower().encode() not in content.lower()
    captured = capfd.readouterr()
    assert MARKER.lower() not in (captured.out + captured.err).lower()


@pytest.mark.parametrize("options_more", [[], ["--leave-stop-notes"]])
def test_no_refusal_holds_text_of_a_header(main, marked, capfd, options_more):
    for path in sorted((marked / "dicom").iterdir())[::3]:
        path.write_bytes(path.read_bytes()[:-100])
    assert main([*options(marked), *options_more]) == (0 if options_more else 1)
    captured = capfd.readouterr()
    assert "ingest: " in captured.err
    assert MARKER.lower() not in (captured.out + captured.err).lower()
    notes = list((marked / "out").glob("*")) if (marked / "out").exists() else []
    assert len(notes) == (15 if options_more else 0)
    assert not any(MARKER.encode() in note.read_bytes() for note in notes)


def test_no_identifier_or_date_of_the_headers_is_written(main, tmp_path):
    datasets = planes(dixon_plan("dixon-in", 2)) + planes(mese_plan(7)) + planes(t2_map_plan(8))
    write(tmp_path / "dicom", datasets)
    assert main(options(tmp_path)) == 0
    secrets = {str(one.SOPInstanceUID) for one in datasets} | {str(one.SeriesInstanceUID) for one in datasets}
    secrets |= {"20200101", "100000", "4711", "Doe", str(tmp_path)}
    for path in (tmp_path / "out").iterdir():
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        assert not [secret for secret in secrets if secret.encode() in content], path.name


def test_known_technical_words_do_pass(main, tmp_path):
    datasets = planes(dixon_plan("dixon-in", 2)) + planes(mese_plan(7)) + planes(t2_map_plan(8))
    for dataset in datasets:
        dataset.SequenceName, dataset.MagneticFieldStrength, dataset.FlipAngle = "*se2d10", 3, 180
    write(tmp_path / "dicom", datasets)
    assert main(options(tmp_path)) == 0
    assert json.loads((tmp_path / "out" / "echo-2.json").read_text()) == {
        "Role": "mese",
        "Units": "arbitrary",
        "EchoTime": 0.02,
        "RepetitionTime": 6.0,
        "FlipAngle": 180.0,
        "RefocusingFlipAngle": 180.0,
        "SliceThickness": 5.0,
        "SpacingBetweenSlices": 6.0,
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"],
        "SequenceName": "*se2d10",
        "Manufacturer": "Siemens",
        "ManufacturersModelName": "Skyra",
        "MagneticFieldStrength": 3.0,
    }
