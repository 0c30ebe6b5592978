"""The program: what is asked for is written, all or nothing; bad input leaves stop notes where they are wanted."""

from __future__ import annotations

import pytest
from ingest_dicom_builder import DIXON, whole_examination

from myot2.core.images import affine_of, read_image, read_sidecar
from myot2.core.stopnote import read_stop_note
from myot2.core.tables import read_table


@pytest.fixture(scope="module")
def main(program):
    return program("ingest_dicom")


def everything(folder):
    dixon = [word for role in DIXON for word in (f"--{role}", str(folder / f"{role}.nii.gz"))]
    echoes = [str(folder / f"echo-{number:02d}.nii.gz") for number in range(1, 6)]
    table = str(folder / "series.tsv")
    return ["--series-table", table, *dixon, "--echoes", *echoes, "--t2-map", str(folder / "t2.nii.gz")]


def test_everything_asked_for_is_written_on_its_grid(main, tmp_path, capsys):
    dicom = whole_examination(tmp_path / "dicom")
    assert main(["--dicom", str(dicom), *everything(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.startswith("images: 43, stacks: 9, taken: 6;")
    images = sorted((tmp_path / "out").glob("*.nii.gz"))
    assert len(images) == 10
    for path in images:
        image = read_image(path)
        assert image.GetSize() == (14, 12, 4)
        assert affine_of(image)[:3, 3] == pytest.approx([-50, -40, 10])
        assert image.GetSpacing() == pytest.approx((1.5, 2.0, 6.0))
        assert read_sidecar(path)["SpacingBetweenSlices"] == 6.0
    assert read_sidecar(tmp_path / "out" / "t2.nii.gz")["T2ScaleSource"] == "assumed"
    assert read_table(tmp_path / "out" / "series.tsv")["taken"].eq("yes").sum() == 6


def test_a_given_scale_reaches_the_t2_map(main, tmp_path):
    dicom = whole_examination(tmp_path / "dicom")
    assert main(["--dicom", str(dicom), *everything(tmp_path / "out"), "--t2-map-scale", "2"]) == 0
    assert read_sidecar(tmp_path / "out" / "t2.nii.gz")["T2ScaleToMs"] == 2.0


@pytest.mark.parametrize("scale", ["0", "-1", "nan", "inf", "x"])
def test_an_impossible_scale_is_a_usage_error(main, tmp_path, scale):
    with pytest.raises(SystemExit) as caught:
        main(["--dicom", str(tmp_path), "--series-table", "s.tsv", "--t2-map-scale", scale])
    assert caught.value.code == 2


def test_bad_input_writes_nothing_and_ends_with_one(main, tmp_path, capsys):
    (tmp_path / "dicom").mkdir()
    assert main(["--dicom", str(tmp_path / "dicom"), *everything(tmp_path / "out")]) == 1
    assert "expected a series for dixon-in, dixon-opp, dixon-water, dixon-fat" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_bad_input_leaves_a_stop_note_in_place_of_every_output(main, tmp_path):
    (tmp_path / "dicom").mkdir()
    assert main(["--dicom", str(tmp_path / "dicom"), *everything(tmp_path / "out"), "--leave-stop-notes"]) == 0
    outputs = sorted((tmp_path / "out").iterdir())
    assert len(outputs) == 21
    assert {read_stop_note(path).stage for path in outputs} == {"ingest"}


@pytest.mark.parametrize("more", [[], ["--key", "key"], ["--scan", "sub-01"]])
@pytest.mark.parametrize(("name", "table"), [("ingest_dicom", "--series-table"), ("cross_check", "--table")])
def test_an_edited_table_without_what_its_rows_are_known_by_is_a_usage_error(program, capsys, name, table, more):
    with pytest.raises(SystemExit) as caught:
        program(name)(["--dicom", "dicom", table, "out.tsv", "--series", "series.tsv", *more])
    assert caught.value.code == 2
    assert "--series needs --key and --scan" in capsys.readouterr().err
