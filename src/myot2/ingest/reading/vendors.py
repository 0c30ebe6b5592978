"""What each maker says in its own way: kind of image, magnitude or phase, scale, mosaics, meaning of the flip angle.

Private elements are read here and dropped: no output holds them. Sources: the private dictionary of pydicom 3.0.2; the
vendor notes of dcm2niix (github.com/rordenlab/dcm2niix, folders GE, Philips, Siemens, UIH); the objects in
../shared/data/dicom-edge-cases and nist-phantom, which hold the elements named here.
"""

from __future__ import annotations

import re

from myot2.ingest.reading.elements import UnusableHeader
from myot2.ingest.reading.facts import Facts

_COMPONENTS = {
    **dict.fromkeys(["P", "PHASE", "PHASE MAP"], "phase"),
    **dict.fromkeys(["R", "REAL"], "real"),
    **dict.fromkeys(["I", "IMAGINARY"], "imaginary"),
}
_DECLARED = {**_COMPONENTS, "M": "magnitude", "MAGNITUDE": "magnitude", "MIXED": "mixed"}
_GE_COMPONENTS = ("magnitude", "phase", "real", "imaginary")
_WORD = re.compile(r"[^/\s]+")

_PHILIPS = (0x2005, "Philips MR Imaging DD 001")
_GE = (0x0043, "GEMS_PARM_01")
_SIEMENS_CLASSIC = (0x0051, "SIEMENS MR HEADER")
_SIEMENS_XA = (0x0021, "SIEMENS MR SDI 02")
_UIH = (0x0065, "Image Private Header")

_POSITION = re.compile(r"(HF|FF)(S|P|DR|DL)|[LR]F[SP]|[AP]FD[RL]")
"""The defined terms of PatientPosition (PS3.3 C.7.3.1.1.2)."""


def vendor_image_type(facts: Facts) -> tuple[str, ...]:
    """The tokens by which the maker's own elements name the kind of image, in capitals; empty where there are none.

    Siemens XA: ImageTypeText (0021,xx75), a list. Siemens before XA: (0051,xx16), as `DIXON/FAT` or `M/ND`. Philips
    enhanced: ImageType of the classic image, in the private group (2005,xx0F) of the frame.
    """
    texts = (
        *facts.private_tokens(*_SIEMENS_XA, 0x75, "CS"),
        *(word for text in facts.private_tokens(*_SIEMENS_CLASSIC, 0x16, "LO") for word in _WORD.findall(text)),
        *facts.of_vendor.tokens("ImageType"),
    )
    return tuple(text.upper() for text in texts if text)


def component_of(facts: Facts, image_type: tuple[str, ...]) -> str:
    """`magnitude`, `phase`, `real`, `imaginary` or `mixed`.

    From ComplexImageComponent (enhanced), GE's (0043,xx2F, 0 to 3), Philips' (2005,xx11, M, P, R or I), and the tokens
    of the image type after the second; magnitude where nothing says otherwise.

    Raises
    ------
    UnusableHeader
        Two of them contradict each other.
    """
    claims = [
        _DECLARED.get(facts.text("ComplexImageComponent").upper()),
        _ge_component(facts),
        *(_DECLARED.get(token) for token in facts.private_tokens(*_PHILIPS, 0x11, "CS")),
        next((_COMPONENTS[token] for token in image_type[2:] if token in _COMPONENTS), None),
    ]
    found = {claim for claim in claims if claim}
    if len(found) > 1:
        raise UnusableHeader("magnitude or phase")
    return found.pop() if found else "magnitude"


def scale_slope(facts: Facts) -> float | None:
    """The Philips scale slope (2005,xx0E), by which the signal is comparable between images; None elsewhere."""
    slope = facts.private_number(*_PHILIPS, 0x0E, "FL")
    if slope is not None and slope <= 0:
        raise UnusableHeader("scale slope")
    return slope


def is_mosaic(facts: Facts, image_type: tuple[str, ...]) -> bool:
    """Whether all slices are tiled in one picture: Siemens' `MOSAIC`, UIH's number of images in a grid (0065,xx50)."""
    return "MOSAIC" in image_type or (facts.private_number(*_UIH, 0x50, "DS") or 0) > 1


def is_xa_as_classic(facts: Facts, maker: str | None, *, enhanced: bool) -> bool:
    """Whether a Siemens XA scanner exported classic objects, which lack some of the facts of its enhanced ones."""
    return maker == "Siemens" and not enhanced and " XA" in facts.text("SoftwareVersions").upper()


def is_spin_echo(facts: Facts) -> bool:
    """Spin echo by ScanningSequence (classic) or EchoPulseSequence (enhanced), and not echo-planar or gradient echo.

    `RM`, research mode, is what Philips writes of maps that the scanner computed from an echo train: no echo.
    """
    sequence = {token.upper() for token in (*facts.tokens("ScanningSequence"), *_philips_sequence(facts))}
    if sequence:
        return "SE" in sequence and not sequence & {"GR", "EP", "RM"}
    return facts.text("EchoPulseSequence").upper() == "SPIN"


def refocusing_flip_angle(facts: Facts, maker: str | None, *, spin_echo: bool) -> tuple[float | None, bool]:
    """The refocusing flip angle of a spin echo (degrees), and whether it is assumed.

    Siemens writes it as FlipAngle. The others write the excitation there and the refocusing nowhere; 180 is assumed, as
    muscle-bids does for Philips. None of what is no spin echo.
    """
    if not spin_echo:
        return None, False
    flip_angle = facts.number("FlipAngle") if maker == "Siemens" else None
    return (180.0, True) if flip_angle is None else (flip_angle, False)


def patient_position(facts: Facts) -> str | None:
    """How the patient lies (`FFS`: feet first, supine), or None where the header has no defined term."""
    position = facts.text("PatientPosition").upper()
    return position if _POSITION.fullmatch(position) else None


def _ge_component(facts: Facts) -> str | None:
    number = facts.private_number(*_GE, 0x2F, "SS")
    return _GE_COMPONENTS[int(number)] if number in range(len(_GE_COMPONENTS)) else None


def _philips_sequence(facts: Facts) -> tuple[str, ...]:
    return facts.of_vendor.tokens("ScanningSequence")
