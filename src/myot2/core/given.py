"""Where the images of a BIDS or Muscle-BIDS dataset lie that a person gives instead of DICOM.

A pattern is a path below the dataset's folder with fields in braces, as `str.format` fills them in.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Literal

from myot2.core.scans import Scan

Product = Literal["dixon-in", "dixon-opp", "dixon-water", "dixon-fat", "echoes", "t2-map"]

FIELDS = ("visit", "scan", "participant_id", "session", "echo")

PATTERNS = {
    "bids": {
        "dixon-in": "{visit}/anat/{scan}_acq-dixonin_T2w.nii.gz",
        "dixon-opp": "{visit}/anat/{scan}_acq-dixonopp_T2w.nii.gz",
        "dixon-water": "{visit}/anat/{scan}_acq-dixonwater_T2w.nii.gz",
        "dixon-fat": "{visit}/anat/{scan}_acq-dixonfat_T2w.nii.gz",
        "echoes": "{visit}/anat/{scan}_echo-{echo:02}_MESE.nii.gz",
        "t2-map": "{visit}/anat/{scan}_T2map.nii.gz",
    },
    # https://muscle-bids.github.io/specs, version 0.1; it has no Dixon images, so those have names of our own.
    "muscle-bids": {
        "dixon-in": "{visit}/anat/{scan}_dixonin.nii.gz",
        "dixon-opp": "{visit}/anat/{scan}_dixonopp.nii.gz",
        "dixon-water": "{visit}/anat/{scan}_dixonwater.nii.gz",
        "dixon-fat": "{visit}/anat/{scan}_dixonfat.nii.gz",
        "echoes": "{visit}/anat/{scan}_mese.nii.gz",
        "t2-map": "{visit}/quant/{scan}_t2.nii.gz",
    },
}
"""The usual names, per form of the dataset: those that MyoT2 itself writes."""


def unknown_fields(pattern: str) -> list[str]:
    """The fields of a pattern that are none of `FIELDS`; the pattern itself where its braces do not match."""
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None]
    except ValueError:
        return [pattern]
    return [name for name in names if name not in FIELDS]


def given_file(form: str, own: Mapping[str, str], product: str, scan: Scan, echo: int = 1) -> str:
    """The path of one image below the dataset's folder.

    Parameters
    ----------
    form : str
        `bids` or `muscle-bids`.
    own : mapping
        Patterns that a person gave, per product, which go before the usual ones.
    product : str
        A key of `PATTERNS`.
    scan : Scan
        Whose image.
    echo : int
        Which echo, from 1, where each has its own file.
    """
    return {**PATTERNS[form], **own}[product].format(
        visit=scan.visit,
        scan=scan.name,
        participant_id=scan.participant_id,
        session=scan.session or "",
        echo=echo,
    )


def one_file_per_echo(form: str, own: Mapping[str, str]) -> bool:
    """Whether the echoes lie in one file each, rather than in one of four dimensions."""
    pattern = {**PATTERNS[form], **own}["echoes"]
    return any(name == "echo" for _, name, _, _ in string.Formatter().parse(pattern))
