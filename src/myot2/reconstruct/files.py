"""The files of a scan's raw data, found where the participants table says that they are."""

from __future__ import annotations

from pathlib import Path

from myot2.core.errors import MyoT2Error
from myot2.reconstruct.preparation import AS_IT_IS, Preparation
from myot2.reconstruct.raw import RawScan
from myot2.reconstruct.readers import read_scan

SUFFIXES = (".h5", ".mrd", ".hdf5", ".dat")
NOISE = "noise"


def read_raw(path: str | Path, preparation: Preparation = AS_IT_IS) -> RawScan:
    """Read a scan from where the participants table says that it is; raises what `raw_files` and the readers raise."""
    scan, noise = raw_files(path)
    return read_scan(scan, noise=noise, preparation=preparation)


def raw_files(path: str | Path) -> tuple[Path, Path | None]:
    """The file of the scan, and that of its noise where it has one of its own.

    Parameters
    ----------
    path : str or Path
        A file of raw data; or a folder that holds one, and beside it at most one whose name contains 'noise'. Other
        files of the folder do not matter.

    Raises
    ------
    MyoT2Error
        There is no such file or folder, or the folder does not tell which file is meant.
    """
    path = Path(path)
    if path.is_file():
        return path, None
    if not path.is_dir():
        raise MyoT2Error(
            expected="a file of raw data, or a folder with one",
            found="no such file or folder",
            where=path,
            do="Correct the column kspace of the participants table, or bring the file there.",
        )
    found = sorted(one for one in path.iterdir() if one.suffix.lower() in SUFFIXES)
    noise = [one for one in found if NOISE in one.name.lower()]
    scans = [one for one in found if one not in noise]
    if len(scans) != 1 or len(noise) > 1:
        raise MyoT2Error(
            expected=f"one file of a scan ({', '.join(SUFFIXES)}), and at most one with '{NOISE}' in its name",
            found=f"{len(scans)} and {len(noise)}",
            where=path,
            do="Keep one folder per session; name the file itself in the participants table where there are several.",
        )
    return scans[0], noise[0] if noise else None
