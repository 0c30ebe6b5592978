"""The words that may leave ingest. Text of a DICOM header passes only where it is one of these; the rest is dropped.

An allow-list, because a header's free text can hold a name in any element: what is not known to be technical stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_IMAGE_TYPE_WORDS = """
    ORIGINAL DERIVED PRIMARY SECONDARY M P R I ND NORM DIS2D DIS3D MFSPLIT FM FIL ADD SUB MEAN SUM RMS MPR MIP LOCALIZER
    OTHER NONE UNSPECIFIED MAGNITUDE PHASE REAL IMAGINARY SE FFE IR TSE M_SE M_FFE M_IR P_SE P_FFE MIXED DIXON IN_PHASE
    OPP_PHASE OUT_PHASE OPPOSED_PHASE OUT_OF_PHASE IN OPP OUT IP OP WATER FAT W F FF FAT_FRACTION WATER_FRACTION T1 T2
    PD T2_WEIGHTED T1_WEIGHTED T1_MAP T2_MAP T2MAP T2_STAR T2_STAR_MAP R2_MAP R2_STAR_MAP PROTON_DENSITY DIFFUSION
    B1_MAP MOSAIC
"""
_IMAGE_TYPE_PHRASES = """
    T1 MAP, T2 MAP, T2_STAR MAP, T2* MAP, B1 MAP, FLIP ANGLE MAP, PHASE MAP, FIELD MAP, PROJECTION IMAGE, CSA MPR
"""
_IMAGE_TYPES = {*_IMAGE_TYPE_WORDS.split(), *_IMAGE_TYPE_PHRASES.strip().split(", ")}

_MANUFACTURERS = {
    "SIEMENS": "Siemens",
    "PHILIPS": "Philips",
    "GE": "GE",
    "CANON": "Canon",
    "TOSHIBA": "Toshiba",
    "HITACHI": "Hitachi",
    "FUJIFILM": "Fujifilm",
    "UIH": "UIH",
    "UNITED": "UIH",
    "BRUKER": "Bruker",
    "ESAOTE": "Esaote",
    "SIMULATOR": "Simulator",
    "MYOT2": "MyoT2",
}

_MODEL_WORDS = """
    MAGNETOM Avanto Aera Altea Amira Biograph mMR Espree Essenza Flow Free Cima.X Lumina Prisma Prisma_fit Sempra Skyra
    Sola Spectra Symphony Terra Trio TrioTim Verio Vida Fit Achieva Ambition Elition Evolution Ingenia Intera Panorama
    dStream X S CX Discovery SIGNA Optima MR360 MR450 MR450w MR750 MR750w MR5300 MR7700 5300 7700 MR Architect Artist
    Explorer Hero Pioneer Premier Victor Voyager PET/MR HDx HDxt Vantage Titan Galan Orian Elan Fortian Centurian
    ECHELON Oasis AIRIS uMR 560 570 580 588 670 680 770 780 790 880 890 Jupiter Omega 1.5T 3T
"""
_MODELS = {name.upper(): name for name in _MODEL_WORDS.split()}

_SEQUENCE = re.compile(
    r"[*#]?(se|tse|tseR|tseDR|tir|tirR|gre|fl|fi|tfl|epse|epfid|spc|spcR|spcir|h|tgse)[23]d[0-9]{0,4}"
    r"(_[0-9]{1,4})?(rr|rs|st|ns|t|r|b)?[0-9]{0,4}(_[0-9]{1,4})?"
)


def known_image_type(tokens: Iterable[str]) -> tuple[str, ...]:
    """The tokens of ImageType (0008,0008) that are known technical terms, in their order."""
    return tuple(token for token in tokens if token in _IMAGE_TYPES)


def known_manufacturer(text: str) -> str | None:
    """The maker of the scanner by its usual name, or None where the header holds anything else."""
    words = re.split(r"[^A-Za-z0-9]+", text.upper())
    return next((_MANUFACTURERS[word] for word in words if word in _MANUFACTURERS), None)


def known_model(text: str) -> str | None:
    """The words of a scanner's model name that are known, or None where there are none."""
    words = [_MODELS[word] for word in text.upper().split() if word in _MODELS]
    return " ".join(words) or None


def known_sequence(text: str) -> str | None:
    """A Siemens sequence name such as `*se2d10`, or None where the text has any other form."""
    return text if _SEQUENCE.fullmatch(text) else None
