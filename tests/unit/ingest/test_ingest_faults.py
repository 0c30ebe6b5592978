"""Every planted fault is refused with a message of its own, which names the series and the slice or image."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pydicom
import pytest
from ingest_fault_images import Image, images_of, write_images
from ingest_zoo_examination import (
    DIXON_PARTS,
    ECHOES,
    IDENTITY,
    MATRIX,
    dixon,
    mese,
    order_for,
    t2_map,
    write,
    write_colour_captures,
)
from pydicom.encaps import encapsulate
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, JPEGBaseline8Bit

from myot2.core.errors import MyoT2Error
from myot2.ingest.stage import ingest
from myot2.simulate.dicom import write_examination
from myot2.simulate.extras import phase, stations
from myot2.simulate.protocol import MULTI_ECHO
from myot2.simulate.series import Series

SLICES = MATRIX[0]
CLASSIC, ENHANCED = "classic", "enhanced"
Plant = Callable[[list[Image]], list[Image]]


@dataclass(frozen=True, eq=False)
class Fault:
    """A fault, how it is planted among the images of a series, and the three parts of the message that must come.

    `where`, `expected` and `found` are regular expressions; `damage` is done to the written files.
    """

    name: str
    plant: Plant
    where: str
    expected: str
    found: str
    series: Callable[[], Series] = mese
    forms: tuple[str, ...] = (CLASSIC, ENHANCED)
    damage: Callable[[list[Path]], None] = lambda paths: None
    wanted: dict = field(default_factory=dict)


def every(change: Callable[[Image], Image], where: Callable[[int, int], bool] = lambda echo, place: True) -> Plant:
    """Change the images of some echoes and slices (both counted from 0)."""

    def plant(images: list[Image]) -> list[Image]:
        for number, image in enumerate(images):
            if where(number // SLICES, number % SLICES):
                change(image)
        return images

    return plant


def without(where: Callable[[int, int], bool]) -> Plant:
    """Leave out the images of some echoes and slices."""
    return lambda images: [image for n, image in enumerate(images) if not where(n // SLICES, n % SLICES)]


def at(echo: int, place: int) -> Callable[[int, int], bool]:
    return lambda e, p: (e, p) == (echo, place)


def one_more(change: Callable[[Image], Image]) -> Plant:
    """Add a changed copy of the third slice of the first echo."""

    def plant(images: list[Image]) -> list[Image]:
        extra = copy.deepcopy(images[2])
        if not extra.enhanced:
            extra.header.SOPInstanceUID, extra.header.InstanceNumber = "2.25.99", len(images) + 1
        return [*images, change(extra)]

    return plant


def negative(image: Image) -> Image:
    image.pixels = 4095 - image.pixels
    return image


def half(image: Image) -> Image:
    image.pixels = image.pixels[: MATRIX[1] // 2]
    return image.set(Rows=MATRIX[1] // 2)


def tilted(image: Image) -> Image:
    cosine, sine = (f"{value(np.radians(3)):.8g}" for value in (np.cos, np.sin))
    return image.set(ImageOrientationPatient=["1", "0", "0", "0", cosine, sine])


def constant_map(value: int) -> Series:
    (grid, pixels), *_ = t2_map().stacks
    return replace(t2_map(), stacks=((grid, np.full_like(pixels, value)),))


def cut(paths: list[Path]) -> None:
    paths[-1].write_bytes(paths[-1].read_bytes()[:-30])


def overwrite(old: bytes, new: bytes) -> Callable[[list[Path]], None]:
    """Put bytes in the place of others of the same length, in the header of the third file (or the only one)."""

    def damage(paths: list[Path]) -> None:
        path = paths[min(2, len(paths) - 1)]
        content = path.read_bytes()
        assert content.count(old) >= 1
        path.write_bytes(content.replace(old, new.ljust(len(old)), 1))

    return damage


def rewritten(syntax: UID) -> Callable[[list[Path]], None]:
    """Write the files again in a transfer syntax that is not read; the compressed pixels hold nothing."""

    def damage(paths: list[Path]) -> None:
        for path in paths:
            dataset = pydicom.dcmread(path)
            dataset.file_meta.TransferSyntaxUID = syntax
            if syntax.is_encapsulated:
                dataset.PixelData = encapsulate([b"\xff\xd8\xff\xd9"] * int(dataset.get("NumberOfFrames", 1)))
                dataset["PixelData"].VR = "OB"
            dataset.save_as(path)

    return damage


def as_it_is(images: list[Image]) -> list[Image]:
    return images


def late(change: Callable[[Image], Image]) -> Plant:
    """Change the third slice of the first echo."""
    return every(change, at(0, 2))


FIRST_ECHO = r"series 9, echo of 10 ms"
LIST = "the DICOM folder"
EVEN = r"evenly spaced slices, each once \(6.00 mm apart\)"
ONE = "{} in the whole series"
PIXELS = "readable, losslessly stored pixels"
PLACE = "images with position, orientation .* and pixel size"
LACKS_PLACE = "header lacks them, or holds impossible ones"
MAP_ONLY = {"t2_map": True, "echoes": 0}

FAULTS = [
    Fault(
        "a missing slice",
        without(lambda echo, place: place == 2),
        f"{FIRST_ECHO}, slice 2",
        EVEN,
        r"12.00 mm to the next slice \(1 missing between them\)$",
    ),
    Fault(
        "a slice there twice", one_more(negative), f"{FIRST_ECHO}, slice 4", EVEN, "the same place as the slice before"
    ),
    Fault(
        "an uneven gap",
        every(lambda image: image.moved(z=1), lambda echo, place: place > 2),
        f"{FIRST_ECHO}, slice 3",
        EVEN,
        "7.00 mm to the next slice$",
    ),
    Fault(
        "every second slice missing",
        without(lambda echo, place: place % 2 == 1),
        f"{FIRST_ECHO}, slice 1",
        EVEN,
        r"12.00 mm to the next slice, all along \(slices left out\)",
    ),
    Fault(
        "mixed orientations",
        late(tilted),
        f"{FIRST_ECHO}, image 3",
        ONE.format("one orientation"),
        "mixed orientations: this image is tilted by 3.0 degrees",
    ),
    Fault(
        "a sheared stack",
        lambda images: [image.moved(x=0.6 * (number % SLICES)) for number, image in enumerate(images)],
        f"{FIRST_ECHO}, slice 2",
        "slices one above the other",
        "a slice 0.60 mm aside of the first",
    ),
    Fault(
        "two repetition times",
        late(lambda image: image.set(RepetitionTime="4000")),
        f"{FIRST_ECHO}, image 3",
        ONE.format("one repetition time"),
        "4000.* and 6690",
    ),
    Fault(
        "two pixel sizes",
        late(lambda image: image.set(PixelSpacing=["3.5", "3.1"])),
        f"{FIRST_ECHO}, image 3",
        ONE.format("one pixel size"),
        "another than in the first image",
    ),
    Fault(
        "two matrices",
        late(half),
        "series 9",
        "one matrix",
        "6 x 2",
        forms=(CLASSIC,),
    ),
    Fault(
        "another patient in one image",
        late(lambda image: image.set(PatientID="KH1")),
        f"{FIRST_ECHO}, image 3",
        "one patient",
        "another",
        forms=(CLASSIC,),
    ),
    Fault(
        "an echo that lacks a slice",
        without(at(3, SLICES - 1)),
        "series 9",
        "the same slices in every echo",
        "4 slices at 40 ms, 5 in the first echo",
    ),
    Fault(
        "uneven echo times",
        every(lambda image: image.set(EchoTime=45), lambda echo, place: echo == 3),
        "series 9",
        "evenly spaced echo times",
        "15 ms after the echo of 30 ms, 10 ms elsewhere",
    ),
    Fault(
        "an echo too few",
        without(lambda echo, place: echo == ECHOES - 1),
        LIST,
        "a multi-echo spin echo with 6 echo times",
        "5 in series 9",
    ),
    Fault(
        "one echo time for all",
        every(lambda image: image.set(EchoTime=10)),
        LIST,
        "a series for mese",
        "series 9: .*spin echo, 1 echo time",
    ),
    Fault(
        "no echo time at all",
        every(lambda image: image.set(EchoTime=None)),
        LIST,
        "a series for mese",
        "series 9: .*spin echo, 0 echo times",
    ),
    Fault(
        "no echo time in one image",
        late(lambda image: image.set(EchoTime=None)),
        "series 9, image 3",
        "an echo time in every image",
        "without one",
    ),
    Fault(
        "a mosaic",
        every(lambda image: image.set(ImageType=["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"])),
        "series 9",
        PIXELS,
        "a mosaic",
        forms=(CLASSIC,),
    ),
    Fault(
        "no place or size: no position",
        late(lambda image: image.set(ImagePositionPatient=None)),
        f"{FIRST_ECHO}, image 3",
        PLACE,
        LACKS_PLACE,
    ),
    Fault(
        "no place or size: no pixel size",
        every(lambda image: image.set(PixelSpacing=None)),
        f"{FIRST_ECHO}, image 1",
        PLACE,
        LACKS_PLACE,
    ),
    Fault(
        "no place or size: pixels of no size",
        late(lambda image: image.set(PixelSpacing=["0", "0"])),
        f"{FIRST_ECHO}, image 3",
        PLACE,
        LACKS_PLACE,
    ),
    Fault(
        "a place that is no number",
        as_it_is,
        "series 9, echo of 10 ms, slice 2",
        EVEN,
        r"1 missing between them\) \(files left out for damaged headers: 1\)",
        forms=(CLASSIC,),
        damage=overwrite(b"-3.5\\", b"nan\\"),
    ),
    Fault(
        "a damaged header: a place that is no number",
        as_it_is,
        LIST,
        "a series for mese",
        r"no image at all \(files left out for damaged headers: 1\)",
        forms=(ENHANCED,),
        damage=overwrite(b"-3.5\\", b"nan\\"),
    ),
    Fault(
        "a rescale slope of zero",
        late(lambda image: image.set(RescaleSlope="0", RescaleIntercept="0")),
        f"{FIRST_ECHO}, slice 3",
        PIXELS,
        "a scaling of values .* zero",
    ),
    Fault(
        "lossy compression: by its mark",
        every(lambda image: image.set(LossyImageCompression="01")),
        "series 9, slice 1",
        PIXELS,
        "a lossy or unknown compression",
    ),
    Fault(
        "lossy compression: by the transfer syntax",
        as_it_is,
        "series 9",
        PIXELS,
        "compression",
        damage=rewritten(JPEGBaseline8Bit),
    ),
    Fault(
        "deflated",
        as_it_is,
        LIST,
        "a series for mese",
        "deflated",
        damage=rewritten(DeflatedExplicitVRLittleEndian),
    ),
    Fault("fewer pixels than said: cut", as_it_is, r"series 9, slice \d", PIXELS, "ends before its pixels", damage=cut),
    Fault(
        "fewer pixels than said: too many rows",
        every(lambda image: image.set(Rows=2 * MATRIX[1])),
        r"series 9, slice 1",
        PIXELS,
        "ends before its pixels",
    ),
    Fault(
        "more pixels than said: too few rows",
        every(lambda image: image.set(Rows=MATRIX[1] // 2)),
        "series 9, slice 1",
        PIXELS,
        "another number of pixels than the header states",
    ),
    Fault(
        "a damaged header: a frame count that lies",
        as_it_is,
        LIST,
        "a series for mese",
        r"no image at all \(files left out for damaged headers: 1\)",
        forms=(ENHANCED,),
        damage=overwrite(b"\x28\0\x08\0IS\x02\x0030", b"\x28\0\x08\0IS\x02\x0040"),
    ),
    Fault(
        "a T2 map of unknown unit",
        as_it_is,
        "series 10",
        "a T2 map with a median of 20 to 150 ms in one of the usual units",
        r"a median of 4000 \(unit unknown\), which fits 0 of them",
        series=lambda: constant_map(4000),
        wanted=MAP_ONLY,
    ),
    Fault(
        "phase images only",
        as_it_is,
        LIST,
        "a series for mese",
        "series 9: other .*phase images",
        series=lambda: phase(mese()),
    ),
]


def refusal(folder: Path, **wanted: object) -> MyoT2Error:
    """The error with which ingest refuses a folder; nothing may be written then."""
    out = folder / "out"
    with pytest.raises(MyoT2Error) as caught:
        ingest(folder / "dicom", order_for(out, **{"t2_map": False, "dixon": (), **wanted}))
    assert not out.exists()
    return caught.value


def planted(folder: Path, fault: Fault, form: str) -> MyoT2Error:
    images = fault.plant(images_of(fault.series(), enhanced=form == ENHANCED))
    fault.damage(write_images(folder / "dicom", images))
    return refusal(folder, **fault.wanted)


def another_person(folder: Path) -> None:
    """A Dixon acquisition of the same study under another patient identifier."""
    write(folder, [mese()])
    other = replace(IDENTITY, patient_id="KH1")
    write_examination(folder, dixon(), other, "zoo")


def apart(folder: Path) -> None:
    """Stations with 12 mm between them."""
    right, left = stations(mese(), right=9, left=11)
    (grid, pixels), *_ = left.stacks
    write(folder, [right, replace(left, stacks=((replace(grid, centre=grid.centre + (12, 0, 0)), pixels),))])


def one_part_less(folder: Path) -> None:
    write(folder, dixon()[:3])


def two_of_a_kind(folder: Path) -> None:
    """Two protocols with the same echo times."""
    faster = replace(MULTI_ECHO, repetition_time_ms=4000.0)
    write(folder, [mese(), replace(mese(), number=12, start_s=mese().start_s + 600, sequence=faster)])


SCENES = {
    "another patient in a series": (
        another_person,
        {"dixon": DIXON_PARTS},
        "one patient",
        "another patient identifier in series 9 than in series 5",
    ),
    "stations apart": (apart, {}, "one series for mese", "a gap of 4 voxels between stations.*series 9.*series 11"),
    "a Dixon part missing": (
        one_part_less,
        {"dixon": DIXON_PARTS, "echoes": 0},
        "a series for dixon-water",
        "series 5: dixon-in",
    ),
    "two equal candidates": (
        two_of_a_kind,
        {},
        "one series for mese",
        "several that are equally good: series 9: .*; series 12: ",
    ),
    "colour pictures only": (
        write_colour_captures,
        MAP_ONLY,
        "T2 map|t2map",
        "colour picture.*series 20|series 20.*colour",
    ),
}
"""Faults between series: who makes them, what is asked for, and the parts of the message (the folder is its place)."""

CASES = [(fault, form) for fault in FAULTS for form in fault.forms]


@pytest.fixture(scope="module")
def message_of(tmp_path_factory) -> Callable[..., MyoT2Error]:
    """The refusal of a planted fault (a `Fault` and a form) or of a scene (its name), each made once."""

    @cache
    def refused(fault: Fault | str, form: str | None = None) -> MyoT2Error:
        folder = tmp_path_factory.mktemp("fault")
        if isinstance(fault, Fault):
            return planted(folder, fault, form)
        make, wanted, *_ = SCENES[fault]
        make(folder / "dicom")
        return refusal(folder, **wanted)

    return refused


@pytest.mark.parametrize(("fault", "form"), CASES, ids=[f"{fault.name}-{form}" for fault, form in CASES])
def test_a_planted_fault_is_refused_and_named(message_of, fault, form):
    error = message_of(fault, form)
    assert re.search(fault.where, error.where)
    assert re.search(fault.expected, error.expected)
    assert re.search(fault.found, error.found)
    assert error.do


@pytest.mark.parametrize("scene", SCENES)
def test_a_fault_between_series_is_refused_and_named(message_of, scene):
    _, _, expected, found = SCENES[scene]
    error = message_of(scene)
    assert error.where == LIST
    assert re.search(expected, error.expected)
    assert re.search(found, error.found)


def test_each_kind_of_fault_has_a_message_of_its_own(message_of):
    """Told apart by their words, numbers aside; faults of one kind (`kind: variant`) may share theirs."""
    errors = {fault.name.split(":")[0]: message_of(fault, fault.forms[0]) for fault in FAULTS}
    errors |= {scene: message_of(scene) for scene in SCENES}
    words = {kind: re.sub(r"[0-9.]+", "#", f"{error.expected}; {error.found}") for kind, error in errors.items()}
    same = [(one, other) for one, other in combinations(words, 2) if words[one] == words[other]]
    assert same == []
    assert len(words) > 30


def test_no_message_names_a_file_or_a_person(message_of):
    for fault, form in CASES:
        text = str(message_of(fault, form))
        assert not re.search(r"F0000|fault|KH[0-9]|/tmp", text), text
        assert not [one for one in IDENTITY.strings.values() if one in text]
