"""dcm2niix as a second reader: the images that it makes of some DICOM files, and their echo times.

It converts all files of the folder that it is given, so it gets links with neutral names in a folder of its own. What
it prints and writes may hold text of the headers: numbers are read from it, nothing is passed on, all of it is removed.
"""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import dcm2niix
import SimpleITK as sitk

from myot2.ingest.reading.volumes import MAX_VOXELS

TIME_LIMIT_S = 300

OPTIONS = {
    "-g": "i",  # the user's own defaults file is not read
    "-d": "0",  # this folder only
    "-m": "n",  # nothing is merged across echoes or series
    "-i": "n",  # derived images too
    "-x": "n",  # nothing is cropped
    "-l": "o",  # the stored numbers, not stretched to 16 bit
    "-z": "n",
    "-b": "y",
    "-ba": "y",
    "-f": "image",
}
"""What dcm2niix is asked for; `-p` is added (Philips: y the precise signal, n the displayed value)."""

_RESAMPLED = ("_Eq", "_Tilt")
_FROM_OUTSIDE = (signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGTERM)
"""How a person, a scheduler or a machine without memory ends a program; by other signals it ends itself."""


class NotReadable(Exception):
    """dcm2niix does not give the files as images that can be compared: the reason, in our own words."""


class Ended(Exception):
    """dcm2niix was ended from outside, which says nothing about the files: the check has not been made."""


@dataclass(frozen=True)
class Reading:
    """An image as dcm2niix reads it, and its echo time (ms; None where it gives none)."""

    image: sitk.Image
    echo_time: float | None


def read_again(files: Iterable[Path], *, precise: bool) -> list[Reading]:
    """Let dcm2niix read DICOM files.

    Parameters
    ----------
    files : iterable of Path
        The files of one stack.
    precise : bool
        Of Philips images, the precise signal DV / (RS x SS) rather than the displayed value DV.

    Raises
    ------
    NotReadable
        It makes no image, an image that it resampled, or one that cannot be read; it fails, or takes too long.
    Ended
        It was ended from outside.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, result = folder / "source", folder / "result"
        source.mkdir()
        result.mkdir()
        for number, path in enumerate(files, start=1):
            (source / f"{number:06}.dcm").symlink_to(path.resolve())
        options = [word for option in {**OPTIONS, "-p": "y" if precise else "n"}.items() for word in option]
        _run([dcm2niix.bin, *options, "-o", str(result), str(source)], folder)
        images = sorted(result.glob("*.nii"))
        if not images:
            raise NotReadable("dcm2niix makes no image of it")
        if any(mark in path.name for path in images for mark in _RESAMPLED):
            raise NotReadable("dcm2niix resamples it")
        return [Reading(_read(path), _echo_time(path)) for path in images]


def _run(command: list[str], folder: Path) -> None:
    try:
        status = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={**os.environ, "HOME": str(folder), "TMPDIR": str(folder)},
            timeout=TIME_LIMIT_S,
            preexec_fn=_limit_file_size,
        ).returncode
    except subprocess.TimeoutExpired:
        raise NotReadable(f"dcm2niix takes longer than {TIME_LIMIT_S} s") from None
    if -status in _FROM_OUTSIDE:
        raise Ended(f"dcm2niix was ended from outside (signal {-status})")
    if status != 0:
        raise NotReadable(f"dcm2niix ends with status {status}")


def _limit_file_size() -> None:
    """Whatever a header claims, no file of the child is larger than ingest's largest volume as 32-bit floats."""
    limit = 4 * MAX_VOXELS
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def _read(path: Path) -> sitk.Image:
    try:
        return sitk.ReadImage(str(path), sitk.sitkFloat64)
    except RuntimeError:
        raise NotReadable("the image that dcm2niix makes of it cannot be read") from None


def _echo_time(image: Path) -> float | None:
    """EchoTime of the sidecar, in ms; nothing else of it is looked at."""
    try:
        sidecar = json.loads(image.with_suffix(".json").read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError):
        return None
    value = sidecar.get("EchoTime") if isinstance(sidecar, dict) else None
    return 1000.0 * value if isinstance(value, int | float) and math.isfinite(value) else None
