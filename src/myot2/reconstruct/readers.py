"""One door for raw data: which reader a file needs is seen from its content."""

from __future__ import annotations

from pathlib import Path

from myot2.reconstruct.mrd import read_mrd
from myot2.reconstruct.preparation import AS_IT_IS, Preparation
from myot2.reconstruct.raw import RawScan
from myot2.reconstruct.twix import read_twix

_HDF5 = b"\x89HDF\r\n\x1a\n"


def read_scan(path: str | Path, *, noise: str | Path | None = None, preparation: Preparation = AS_IT_IS) -> RawScan:
    """A scan from an ISMRMRD file, or from a Siemens file (.dat); `noise` is a file of the same kind.

    Raises as `myot2.reconstruct.mrd.read_mrd` and `myot2.reconstruct.twix.read_twix`.
    """
    siemens = Path(path).suffix.lower() == ".dat" and not _is_hdf5(path)
    return (read_twix if siemens else read_mrd)(path, noise=noise, preparation=preparation)


def _is_hdf5(path: str | Path) -> bool:
    if not Path(path).is_file():
        return False
    with open(path, "rb") as handle:
        return handle.read(len(_HDF5)) == _HDF5
