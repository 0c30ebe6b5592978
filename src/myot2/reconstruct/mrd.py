"""Raw data in ISMRMRD files (version 1, HDF5; Inati et al., doi:10.1002/mrm.26089), read many readouts at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from myot2.core.errors import MyoT2Error
from myot2.core.stopnote import raise_if_stopped
from myot2.reconstruct.mrd_header import read_header
from myot2.reconstruct.noise import NoiseScan, measure_noise
from myot2.reconstruct.preparation import AS_IT_IS, Preparation, make_ready
from myot2.reconstruct.raw import RawScan
from myot2.reconstruct.readouts import READOUT, Readouts, ScanHeader

if TYPE_CHECKING:
    import h5py

_NOISE, _CALIBRATION, _CALIBRATION_AND_IMAGING, _REVERSE = 19, 20, 21, 22
_OTHERS = (23, 24, 26, 27, 28, 29, 30, 31)
"""Flags, counted from 1: navigators, phase correction, feedback, dummies, coil correction, phase stabilisation."""
_CONVERT = "Convert the scanner's file again (docs/stages/reconstruct-raw.md)."


def read_mrd(path: str | Path, *, noise: str | Path | None = None, preparation: Preparation = AS_IT_IS) -> RawScan:
    """A multi-echo scan, whitened, cropped, compressed and sorted.

    Parameters
    ----------
    path : str or Path
        The contrast index counts the echoes. Navigators, phase correction, feedback and dummy readouts are skipped.
    noise : str or Path, optional
        A file with the noise scan, where `path` holds none.
    preparation : Preparation

    Raises
    ------
    Stopped
        A file holds a stop note.
    MyoT2Error
        A file is unreadable, or is no Cartesian two-dimensional multi-echo scan whose readouts fit together. The
        message names the acquisition.
    """
    with open_mrd(path) as readouts:
        if noise is None:
            return make_ready(readouts, measure_noise(readouts), preparation)
        return make_ready(readouts, read_noise(noise), preparation)


def read_noise(path: str | Path) -> NoiseScan:
    """The noise scan of a file; raises as `read_mrd`, and where there is none."""
    with open_mrd(path) as readouts:
        found = measure_noise(readouts)
    if found is None:
        raise MyoT2Error(
            expected="a noise scan (ACQ_IS_NOISE_MEASUREMENT)",
            found="none",
            where=path,
            do="Convert the noise measurement on which the scan depends (siemens_to_ismrmrd -Z).",
        )
    return found


@contextmanager
def open_mrd(path: str | Path) -> Iterator[Readouts]:
    """All readouts of a file, whose samples can be loaded while it is open; raises as `read_mrd`."""
    # only here: neither is needed without raw data
    import h5py

    raise_if_stopped(path)
    where = str(path)
    if not Path(path).is_file():
        raise MyoT2Error(expected="an ISMRMRD file", found="no such file", where=where, do="Check the path.")
    if not h5py.is_hdf5(path):
        found = "a file that is no HDF5"
        raise MyoT2Error(expected="an ISMRMRD file (HDF5)", found=found, where=where, do=_CONVERT)
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        found = f"HDF5 that cannot be opened, as of a file cut short ({error})"
        raise MyoT2Error(expected="a whole ISMRMRD file", found=found, where=where, do="Copy it again.") from error
    with file:
        group = _group(file, where)
        header = read_header(_header_text(group, where), where)
        yield Readouts(where, header, _table(group["data"], header, where), _loader(group["data"], where))


def _group(file: h5py.File, where: str) -> h5py.Group:
    groups = [name for name, item in file.items() if hasattr(item, "keys") and "data" in item]
    name = "dataset" if "dataset" in groups else groups[0] if len(groups) == 1 else None
    if name is None:
        found = f"groups with data: {', '.join(groups) or 'none'}"
        raise MyoT2Error(expected="one ISMRMRD dataset in the file", found=found, where=where, do=_CONVERT)
    names = file[name]["data"].dtype.names or ()
    if not {"head", "data"} <= set(names):
        found = f"fields {', '.join(names) or 'none'}"
        raise MyoT2Error(expected="acquisitions with head and data", found=found, where=where, do=_CONVERT)
    return file[name]


def _header_text(group: h5py.Group, where: str) -> bytes:
    if "xml" not in group or not group["xml"].size:
        raise MyoT2Error(expected="an ISMRMRD header (xml)", found="none", where=where, do=_CONVERT)
    text = group["xml"][0]
    return text.encode() if isinstance(text, str) else bytes(text)


def _table(data: h5py.Dataset, header: ScanHeader, where: str) -> np.ndarray:
    try:
        heads = _heads(data)
        counters = heads["idx"]
        names = {name: heads[name] for name in ("flags", "number_of_samples", "active_channels", "center_sample")}
    except (OSError, RuntimeError, ValueError, KeyError, IndexError) as error:
        found = f"some that cannot be read ({error})"
        raise MyoT2Error(expected="acquisition headers", found=found, where=where, do=_CONVERT) from error
    flags = {number: (names["flags"] >> np.uint64(number - 1) & np.uint64(1)).astype(bool) for number in range(1, 32)}
    table = np.zeros(len(heads), READOUT)
    table["number"] = np.arange(len(heads))
    for mine, theirs in _COUNTERS.items():
        table[mine] = counters[theirs]
    for mine, theirs in _HEADS.items():
        table[mine] = heads[theirs]
    table["first"] = heads["discard_pre"]
    table["last"] = names["number_of_samples"].astype(int) - heads["discard_post"]
    other = np.any([flags[number] for number in _OTHERS], axis=0)
    table["noise"] = flags[_NOISE] & ~other
    table["calibration"] = (flags[_CALIBRATION] | flags[_CALIBRATION_AND_IMAGING]) & ~other & ~table["noise"]
    # both flags together are those of a line for both
    only = flags[_CALIBRATION] & ~flags[_CALIBRATION_AND_IMAGING]
    table["imaging"] = ~other & ~table["noise"] & ~only
    table["reverse"] = flags[_REVERSE]
    return table[table["noise"] | table["calibration"] | table["imaging"]]


def _heads(data: h5py.Dataset) -> np.ndarray:
    """The acquisition headers, without their samples.

    Asked for a part of its rows, HDF5 reads the samples too, all of the file, and does not give their memory back.
    The stored rows themselves hold the headers and only say where the samples are.
    """
    kind = data.id.get_type()
    member = kind.get_member_index(b"head")
    if data.chunks is None or data.id.get_create_plist().get_nfilters():
        return data.fields("head")[:]
    rows = np.dtype(
        {
            "names": ["head"],
            "formats": [kind.get_member_type(member).dtype],
            "offsets": [kind.get_member_offset(member)],
            "itemsize": kind.get_size(),
        }
    )
    stored = b"".join(data.id.read_direct_chunk((first,))[1] for first in range(0, len(data), data.chunks[0]))
    return np.frombuffer(stored, rows)["head"][: len(data)]


_COUNTERS = {
    "slice": "slice",
    "echo": "contrast",
    "line": "kspace_encode_step_1",
    "average": "average",
    "partition": "kspace_encode_step_2",
    "repetition": "repetition",
    "set": "set",
    "phase": "phase",
}
_HEADS = {
    "encoding": "encoding_space_ref",
    "coils": "active_channels",
    "samples": "number_of_samples",
    "centre": "center_sample",
    "dwell_us": "sample_time_us",
    "position": "position",
    "read": "read_dir",
    "along": "phase_dir",
    "normal": "slice_dir",
}


def _loader(data: h5py.Dataset, where: str):
    def load(rows: np.ndarray) -> np.ndarray:
        order = np.argsort(rows["number"], kind="stable")
        numbers, (coils, samples) = rows["number"][order], (int(rows["coils"][0]), int(rows["samples"][0]))
        picked = np.zeros(data.shape[0], bool)
        picked[numbers] = True
        try:
            values = data.fields("data")[picked]
        except (OSError, RuntimeError, ValueError) as error:
            found = f"some that cannot be read ({error})"
            raise MyoT2Error(
                expected="samples of all acquisitions", found=found, where=where, do="Copy it again."
            ) from error
        for number, of_readout in zip(numbers, values, strict=True):
            if of_readout.size != 2 * coils * samples:
                raise MyoT2Error(
                    expected=f"{coils} coils of {samples} samples, as its head says",
                    found=f"{of_readout.size / 2:g} samples in all",
                    where=f"{where}, acquisition {number} (counted from 0)",
                    do=_CONVERT,
                )
        result = np.empty((len(rows), coils, samples), np.complex64)
        for readout, of_readout in zip(order, values, strict=True):
            result[readout] = of_readout.view(np.complex64).reshape(coils, samples)
        return result

    return load
