"""DICOM objects hold the results voxel for voxel, at the places of their source, whatever the scanner and the angle."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pandas as pd
import pydicom
import pytest
import SimpleITK as sitk
from export_examination import LABELS, ROOT, T2_GRID, as_it_is, label_at, make, t2_at
from scipy.spatial.transform import Rotation

from myot2.core.images import array_of, image_like, read_image, write_image
from myot2.core.labels import Label, read_labels
from myot2.core.stopnote import read_stop_note
from myot2.export.dicom.concepts import structure_of
from myot2.export.dicom.finish import thighs_shown
from myot2.export.dicom.identity import Identities
from myot2.export.dicom.segmentation import segmentation
from myot2.export.dicom.source import read_source
from myot2.ingest.identity import Pseudonyms
from myot2.ingest.planes import source_series
from myot2.ingest.reading.headers import read_index
from myot2.ingest.stacking.joining import find_stacks
from myot2.simulate.extras import stations
from myot2.simulate.placement import turned_world
from myot2.simulate.scanners.catalogue import SCANNERS

FEW_SCANNERS = ("siemens", "siemens-xa", "siemens-xa-whole", "philips", "philips-enhanced", "ge")
TURN = Rotation.from_euler("xyz", [14, -9, 21], degrees=True).as_matrix()
SHIFT = np.array([3.0, 40.0, -17.0])
EXPECTED_WARNINGS = (
    "Unrecognized defined term = <QUANTITY>",  # highdicom knows it of PS3.3 C.8.16.1.4, the program of 2022 does not
    "Missing attribute or value that would be needed to build DICOMDIR",  # day and number of the study: a pseudonym's
)
SEGMENTS = {"seg-t2": "t2_dseg", "seg": "dseg"}


def oblique(series):
    return turned_world(series, TURN, SHIFT)


def upright(points):
    return (points - SHIFT) @ TURN


@pytest.fixture(scope="module")
def made(tmp_path_factory, program):
    """The results of a classic, axial examination as objects, under pseudonyms."""
    made = make(tmp_path_factory.mktemp("classic"), SCANNERS["siemens"])
    assert program("export_dicom")(made.options()) == 0
    return made


@pytest.fixture(scope="module")
def kept(made, program):
    """The same under the names of the source."""
    assert program("export_dicom")(made.options("kept", identity="keep")) == 0
    return made.objects("kept")


def read(path):
    return pydicom.dcmread(path)


def places_of(dataset, frame):
    """The voxel centres (rows, columns, 3) of a frame, by its header alone (PS3.3 C.7.6.2.1.1)."""
    shared = dataset.SharedFunctionalGroupsSequence[0]
    orientation = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float).reshape(2, 3)
    rows_mm, columns_mm = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    corner = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
    row, column = np.mgrid[: dataset.Rows, : dataset.Columns][..., None]
    return corner + column * columns_mm * orientation[0] + row * rows_mm * orientation[1]


def corners_of_sources(made):
    """The places of the first voxels of all source planes, by the source headers alone."""
    found = []
    for source in made.sources():
        frames = source.get("PerFrameFunctionalGroupsSequence", [])
        planes = [frame.PlanePositionSequence[0] for frame in frames] or [source]
        found += [plane.ImagePositionPatient for plane in planes]
    return np.array(found, float)


@pytest.mark.parametrize(("place", "undo"), [(as_it_is, as_it_is), (oblique, upright)], ids=["axial", "oblique"])
@pytest.mark.parametrize("scanner", FEW_SCANNERS)
def test_masks_and_map_lie_where_the_source_lies(tmp_path, program, scanner, place, undo):
    """Every voxel has the label and T2 of its place in the world, by the object's own header; slices have gaps."""
    made = make(tmp_path, SCANNERS[scanner], place, undo)
    assert program("export_dicom")(made.options()) == 0
    objects = made.objects()
    for kind in ("seg-t2", "seg"):
        masks = read(objects[kind])
        found = {tuple(np.round(undo(places_of(masks, f)[0, 0]), 2)) for f in masks.PerFrameFunctionalGroupsSequence}
        assert len(found) > 2
        names = {item.SegmentNumber: item.SegmentLabel for item in masks.SegmentSequence}
        for plane, frame in zip(masks.pixel_array, masks.PerFrameFunctionalGroupsSequence, strict=True):
            number = frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber
            here = np.vectorize(name_of)(label_at(undo(places_of(masks, frame))))
            np.testing.assert_array_equal(plane == 1, here == names[number])
    t2 = read(objects["t2"])
    measures = t2.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert (measures.SliceThickness, measures.SpacingBetweenSlices) == pytest.approx((5, 6))
    corners = []
    for plane, frame in zip(t2.pixel_array, t2.PerFrameFunctionalGroupsSequence, strict=True):
        places = places_of(t2, frame)
        corners.append(places[0, 0])
        np.testing.assert_allclose(plane, t2_at(undo(places)), atol=2e-3)
    require_no_error(objects.values())
    nearest = np.linalg.norm(np.array(corners)[:, None] - corners_of_sources(made), axis=-1).min(axis=1)
    assert nearest.max() < 1e-3


def name_of(label):
    side = {1: ", left", 2: ", right", 13: ", left", 27: ", left"}
    return LABELS[label] + side[label] if label in LABELS else ""


def labels_read(path, like):
    """The label map that a segmentation makes on a grid, by another library."""
    import highdicom

    masks = highdicom.seg.segread(path)
    volume = masks.get_volume(combine_segments=True)
    affine = volume.affine
    label_of = {name_of(label): label for label in LABELS}
    found = np.zeros(like.GetSize()[::-1], np.uint8)
    numbers = {item.SegmentNumber: label_of[item.SegmentLabel] for item in masks.SegmentSequence}
    for index in np.argwhere(volume.array > 0):
        place = affine @ [*index, 1]
        found[like.TransformPhysicalPointToIndex(place[:3])[::-1]] = numbers[int(volume.array[tuple(index)])]
    return found


@pytest.mark.parametrize("kind", SEGMENTS)
def test_a_segmentation_read_back_is_the_label_map(made, kind):
    labels = read_image(made.folder / f"{SEGMENTS[kind]}.nii.gz")
    np.testing.assert_array_equal(labels_read(made.objects()[kind], labels), array_of(labels))


def left_and_right(series):
    """Two series side by side, of six columns of the T2 series and all of the Dixon's."""
    (grid, pixels), *_ = series.stacks
    columns = grid.shape[2] // 2 * 2
    centre = grid.centre - (grid.shape[2] - columns) / 2 * grid.column_step
    even = (replace(grid, shape=(*grid.shape[:2], columns), centre=centre), pixels[..., :columns])
    return stations(replace(series, stacks=(even,)), right=series.number + 20, left=series.number + 40)


def test_masks_on_stations_side_by_side_lie_where_they_lie_and_name_both(tmp_path, program):
    """No source plane covers a slice: both are named, and that their places are not those of the mask."""
    made = make(tmp_path, SCANNERS["siemens"], split=left_and_right)
    assert program("export_dicom")(made.options()) == 0
    for kind, name in SEGMENTS.items():
        labels = read_image(made.folder / f"{name}.nii.gz")
        np.testing.assert_array_equal(labels_read(made.objects()[kind], labels), array_of(labels))
        frame = read(made.objects()[kind]).PerFrameFunctionalGroupsSequence[0]
        sources = frame.DerivationImageSequence[0].SourceImageSequence
        assert {source.SpatialLocationsPreserved for source in sources} == {"NO"}
        assert len(sources) == (2 if kind == "seg" else 2 * 5)
    require_no_error(made.objects().values())


def test_the_parametric_map_is_the_t2_map_in_ms_to_the_last_bit(made):
    dataset = read(made.objects()["t2"])
    order = np.argsort(
        [frame.PlanePositionSequence[0].ImagePositionPatient[2] for frame in dataset.PerFrameFunctionalGroupsSequence]
    )
    np.testing.assert_array_equal(dataset.pixel_array[order], array_of(read_image(made.folder / "T2map.nii.gz")))
    mapping = dataset.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    assert (mapping.MeasurementUnitsCodeSequence[0].CodeValue, mapping.RealWorldValueSlope) == ("ms", 1)
    assert mapping.QuantityDefinitionSequence[0].ConceptCodeSequence[0].CodeValue == "113065"
    assert dataset.FloatPixelPaddingValue == 0


def numbers_in(item, found, site=None):
    """All numbers of a report as (muscle, concept, derivation): value."""
    children = item.get("ContentSequence", [])
    for child in children:
        if (
            child.get("ConceptNameCodeSequence")
            and child.ConceptNameCodeSequence[0].CodeMeaning == "Tracking Identifier"
        ):
            site = child.TextValue
    for child in children:
        if child.ValueType == "NUM":
            kinds = [
                one.ConceptCodeSequence[0].CodeMeaning
                for one in child.get("ContentSequence", [])
                if "ConceptCodeSequence" in one
            ]
            measured = child.MeasuredValueSequence[0]
            unit = measured.MeasurementUnitsCodeSequence[0].CodeValue
            found[site, child.ConceptNameCodeSequence[0].CodeMeaning, *kinds, unit] = float(measured.NumericValue)
        numbers_in(child, found, site)
    return found


def test_the_numbers_of_the_report_are_those_of_the_table(made):
    table = pd.read_csv(made.folder / "muscles.tsv", sep="\t").set_index(["region", "side"])
    found = numbers_in(read(made.objects()["measures"]), {})
    for label in (1, 2, 13):
        row = table.loc[tuple(name_of(label).split(", "))]
        assert found[name_of(label), "T2", "Mean", "ms"] == row["t2_mean_ms"]
        assert found[name_of(label), "T2", "Standard Deviation", "ms"] == row["t2_sd_ms"]
        assert found[name_of(label), "Volume", "ml"] == row["volume_ml"]
    assert len(found) == 9  # bone is measured by nothing, and a muscle without mask has no group


def test_the_report_points_to_the_segments_and_the_source_images(made):
    masks = read(made.objects()["seg-t2"])
    report = read(made.objects()["measures"])
    named = {
        item.ReferencedSOPInstanceUID
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }
    assert masks.SOPInstanceUID in named
    assert len(named) == 1 + 5 * 4  # and every image of every echo


def test_the_same_input_gives_the_same_bytes_and_other_content_another_uid(made, program):
    assert program("export_dicom")(made.options("again")) == 0
    for first, again in zip(made.objects().values(), made.objects("again").values(), strict=True):
        assert first.read_bytes() == again.read_bytes()
    labels = read_image(made.folder / "t2_dseg.nii.gz")
    voxels = array_of(labels)
    voxels[0, 4, 0] = 1
    write_image(image_like(voxels, labels), made.folder / "other.nii.gz")
    assert program("export_dicom")(made.options("other", t2_labels=made.folder / "other.nii.gz")) == 0
    for kind, changes in {"seg-t2": True, "measures": True, "seg": False, "t2": False}.items():
        names = {read(made.objects(out)[kind]).SOPInstanceUID for out in ("out", "other")}
        assert (len(names) == 2) == changes


def test_under_pseudonyms_no_text_or_uid_of_a_header_is_in_any_byte(made):
    words = set()
    for source in made.sources():
        for element in source.iterall():
            if element.VR in ("PN", "LO", "SH", "ST", "LT", "DA", "TM", "DT", "UI", "UT", "AS"):
                values = element.value if element.VM > 1 else [element.value]
                words |= {str(value) for value in values if len(str(value)) > 4}
    words -= {uid for uid in words if uid.startswith("1.2.840.10008")}
    assert len(words) > 50
    for kind, path in made.objects().items():
        content = path.read_bytes()
        assert not {word for word in words if word.encode() in content}, kind
        dataset = read(path)
        assert (dataset.PatientID, dataset.PatientIdentityRemoved) == ("P01", "YES")


def test_objects_of_one_examination_share_study_and_place_under_pseudonyms(made):
    objects = [read(path) for path in made.objects().values()]
    assert len({dataset.StudyInstanceUID for dataset in objects}) == 1
    assert len({dataset.SOPInstanceUID for dataset in objects}) == 5
    assert objects[0].FrameOfReferenceUID == objects[2].FrameOfReferenceUID


def test_where_identity_is_kept_patient_study_and_place_are_those_of_the_source(made, kept):
    source = next(one for one in made.sources() if one.SeriesNumber == 9)
    instances = {one.SOPInstanceUID for one in made.sources()}
    for kind, path in kept.items():
        dataset = read(path)
        for keyword in (
            "PatientName",
            "PatientID",
            "PatientBirthDate",
            "StudyInstanceUID",
            "StudyDate",
            "AccessionNumber",
        ):
            assert dataset[keyword].value == source[keyword].value, kind
        assert dataset.SOPInstanceUID not in instances
    masks = read(kept["seg-t2"])
    assert masks.FrameOfReferenceUID == source.FrameOfReferenceUID
    named = masks.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence
    assert named[0].ReferencedSOPInstanceUID in instances


def test_every_object_has_the_frame_of_reference_of_its_own_series(tmp_path):
    """Two visits in one study: ingest does not take them together, and export never mixes their places."""
    made = make(tmp_path, SCANNERS["siemens"])
    for path in made.dicom.rglob("IM*"):
        dataset = pydicom.dcmread(path)
        if dataset.SeriesNumber == 5:
            dataset.FrameOfReferenceUID = "1.2.3.4"
            dataset.save_as(path)
    table = read_labels(ROOT / "config/labels.tsv")
    identities = Identities(Pseudonyms(bytes(32)).of, "keep", "P01")
    sources = {stack.name: source_series(stack) for stack in find_stacks(read_index(made.dicom).frames)}
    found = {}
    for name, mask in (("series 5", "dseg"), ("series 9", "t2_dseg")):
        labels, source = read_image(made.folder / f"{mask}.nii.gz"), read_source(sources[name], identities)
        found[name] = segmentation(labels, table, source, "automatic", kind="seg", where="x").FrameOfReferenceUID
    place = next(one.FrameOfReferenceUID for one in made.sources() if one.SeriesNumber == 9)
    assert found == {"series 5": "1.2.3.4", "series 9": place}


def test_a_code_that_nobody_verified_is_marked_and_a_verified_one_is_not(made):
    segments = {item.SegmentLabel: item for item in read(made.objects()["seg-t2"]).SegmentSequence}
    kinds = {name: item.SegmentedPropertyTypeCodeSequence[0] for name, item in segments.items()}
    lateralis = kinds["vastus lateralis, left"]
    assert (lateralis.CodeValue, lateralis.CodingSchemeDesignator) == ("1403006", "SCT")
    assert lateralis.SegmentedPropertyTypeModifierCodeSequence[0].CodeValue == "7771000"
    assert kinds["adductor magnus, left"].CodingSchemeDesignator == "FMA"
    assert not any("not verified" in kind.CodeMeaning for kind in kinds.values())


def test_an_unverified_code_says_so_in_its_meaning():
    label = Label(1, "gracilis", "left", "adductors", "", "", "", "", snomed="n/a", fma="43882?")
    structure = structure_of(label)
    assert not structure.verified
    assert (structure.concept.value, structure.concept.meaning) == ("43882", "gracilis (code not verified)")


@pytest.mark.parametrize(
    ("algorithm", "expected"), [("semi-automatic", "SEMIAUTOMATIC"), ("manual", "MANUAL"), ("automatic", "AUTOMATIC")]
)
def test_how_the_masks_came_to_be_is_said(made, program, algorithm, expected):
    only = {f"out_{kind}": None for kind in ("seg", "t2", "colour", "measures")}
    out = made.folder / f"{algorithm}.dcm"
    assert program("export_dicom")(made.options(algorithm=algorithm, labels=None, out_seg_t2=out, **only)) == 0
    assert {item.SegmentAlgorithmType for item in read(out).SegmentSequence} == {expected}


def test_labels_that_were_drawn_on_the_t2_map_go_with_the_t2_series(made, program):
    out = made.folder / "drawn.dcm"
    assert program("export_dicom")(made.options(labels=made.folder / "t2_dseg.nii.gz", out_seg=out)) == 0
    assert read(out).Rows == T2_GRID.shape[1]


def test_labels_without_word_of_the_image_go_with_the_series_whose_grid_they_are_on(made, program):
    assert program("export_dicom")(made.options("unsaid", labelled=None)) == 0
    assert made.objects("unsaid")["seg"].read_bytes() == made.objects()["seg"].read_bytes()


def test_results_on_another_grid_are_refused_with_a_stop_note(made, program, capsys):
    moved = read_image(made.folder / "T2map.nii.gz")
    moved.SetOrigin(np.add(moved.GetOrigin(), (0.1, 0, 0)).tolist())
    write_image(moved, made.folder / "moved.nii.gz")
    options = made.options("moved", t2=made.folder / "moved.nii.gz")
    assert program("export_dicom")(options) == 1
    assert "on one grid" in capsys.readouterr().err
    assert not any(path.exists() for path in made.objects("moved").values())
    assert program("export_dicom")([*options, "--leave-stop-notes"]) == 0
    assert all(read_stop_note(path).stage == "export" for path in made.objects("moved").values())


def test_a_label_map_without_a_label_is_refused(made, program, capsys):
    empty = sitk.Image(read_image(made.folder / "t2_dseg.nii.gz")) * 0
    write_image(empty, made.folder / "empty.nii.gz")
    assert program("export_dicom")(made.options("empty", t2_labels=made.folder / "empty.nii.gz")) == 1
    assert "at least one label" in capsys.readouterr().err


def require_no_error(paths):
    """Hold objects against the standard's definitions, where the program is here."""
    for path in paths if shutil.which("dciodvfy") else ():
        said = subprocess.run(["dciodvfy", "-new", path], capture_output=True, text=True, check=False).stderr
        told = [line for line in said.splitlines() if line.startswith(("Error", "Abort", "Warning"))]
        assert not [line for line in told if not line.endswith(EXPECTED_WARNINGS)], path


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (Debian's dicom3tools) is not here")
@pytest.mark.parametrize("identity", ["pseudonym", "keep"])
def test_dciodvfy_finds_no_error_and_nothing_to_warn_of(made, kept, identity):
    require_no_error((kept if identity == "keep" else made.objects()).values())


@pytest.mark.skipif(shutil.which("dcentvfy") is None, reason="dcentvfy (Debian's dicom3tools) is not here")
def test_where_identity_is_kept_no_object_says_other_than_the_source_of_patient_and_study(made, kept):
    sources = sorted(made.dicom.rglob("IM*"))
    said = subprocess.run(["dcentvfy", *kept.values(), *sources], capture_output=True, text=True, check=False).stderr
    assert not [line for line in said.splitlines() if line.startswith("Error")]


def test_map_and_picture_say_that_they_are_of_both_thighs(made):
    objects = {kind: pydicom.dcmread(path) for kind, path in made.objects().items()}
    (anatomy,) = objects["t2"].SharedFunctionalGroupsSequence[0].FrameAnatomySequence
    assert anatomy.FrameLaterality == objects["colour"].ImageLaterality == "B"


@pytest.mark.parametrize(
    ("sides", "thighs"), [(("left", "right"), "B"), (("left",), "L"), (("right",), "R"), ((), "U")]
)
def test_the_thighs_shown_are_those_with_labels(sides, thighs):
    table = read_labels(ROOT / "config/labels.tsv")
    labels = np.array([0, *(table.index("gracilis", side) for side in sides)])
    assert thighs_shown(labels, table) == thighs
