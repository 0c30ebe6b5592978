"""What makes a folder of results a BIDS dataset: descriptions, file names, links between datasets, and units.

BIDS counts time in seconds; inside the workflow and in every table T2 and echo times are in ms. The four functions at
the end are the only place where one becomes the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from myot2 import __version__
from myot2.core.stopnote import read_stop_note

VERSION = "1.11.1"
"""The version of the Brain Imaging Data Structure that the datasets follow."""

IMAGE_STAGES = ("ingest", "segment", "align", "fit")
"""The stages whose results are images, each a dataset of its own; all but the first derive from others."""

RAW_STAGE = "reconstruct"
"""One more of them, in runs that start from raw k-space."""

GENERATED_BY = ({"Name": "MyoT2", "Version": __version__},)


def raw_description(name: str) -> dict[str, Any]:
    """The content of dataset_description.json of the images that ingest wrote."""
    return {"Name": name, "BIDSVersion": VERSION, "DatasetType": "raw", "GeneratedBy": list(GENERATED_BY)}


def derivative_description(stage: str, *, reconstructed: bool = False) -> dict[str, Any]:
    """The content of dataset_description.json of a stage's images; `Sources` of its sidecars use the links.

    The stage itself is among them: its maps derive from one another too. `reconstructed` says that the run has the
    dataset of `RAW_STAGE`.
    """
    linked = (*IMAGE_STAGES, RAW_STAGE) if reconstructed else IMAGE_STAGES
    return {
        "Name": f"MyoT2, stage {stage}",
        "BIDSVersion": VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": list(GENERATED_BY),
        "SourceDatasets": [{"URL": "../ingest"}],
        "DatasetLinks": {stage: f"../{stage}" for stage in linked},
    }


def sources_of(paths: Iterable[str | Path]) -> dict[str, list[str]]:
    """`Sources` of a derivative's sidecar: the BIDS URI of each file that lies in a stage's results, {} without one.

    A file from elsewhere (a program run by hand, a label map that was given) is left out: its path may say whose it is.
    """
    found = [uri for path in paths if (uri := uri_of(path))]
    return {"Sources": found} if found else {}


def uri_of(path: str | Path) -> str | None:
    """The BIDS URI of a file in a stage's results, or None where it lies elsewhere."""
    parts = Path(path).parts
    place = next((number for number, part in enumerate(parts) if part.startswith("sub-")), 0)
    stage = parts[place - 1] if place else None
    return f"bids:{stage}:{'/'.join(parts[place:])}" if stage in (*IMAGE_STAGES, RAW_STAGE) else None


def stopped_visits(dataset: Path, images: Iterable[Path]) -> list[str]:
    """Lines of .bidsignore for the visits in whose images' places stop notes lie, sorted."""
    return sorted({f"{path.parent.parent.relative_to(dataset)}/**" for path in images if read_stop_note(path)})


def seconds_of(ms: float) -> float:
    """Milliseconds as seconds: the number that is written with the decimal point moved (10 ms are 0.01 s)."""
    return float(Decimal(repr(float(ms))).scaleb(-3))


def ms_of(seconds: float) -> float:
    """Seconds as milliseconds; undoes `seconds_of` for numbers of up to 15 decimal digits."""
    return float(Decimal(repr(float(seconds))).scaleb(3))


def map_in_seconds(t2_ms: sitk.Image) -> sitk.Image:
    """A T2 map in s, as 64-bit floats, from one in ms: so that `map_in_ms` gives the very same 32-bit values back."""
    return sitk.Cast(t2_ms, sitk.sitkFloat64) / 1000.0


def map_in_ms(t2_s: sitk.Image) -> sitk.Image:
    """A T2 map in ms, as 32-bit floats, from one in s."""
    return sitk.Cast(sitk.Cast(t2_s, sitk.sitkFloat64) * 1000.0, sitk.sitkFloat32)
