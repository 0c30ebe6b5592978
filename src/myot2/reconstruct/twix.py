"""Raw data as Siemens scanners write them (twix, .dat; VB, VD, VE and XA), through twixtools, an optional package.

Counters, flags, positions and orientation are taken as siemens_to_ismrmrd takes them, so that a file read here and its
conversion give one scan: quaternions are rotations whose columns are phase, read and slice direction; the noise scan's
time per sample follows from its length.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np

from myot2.core.errors import MyoT2Error
from myot2.core.stopnote import raise_if_stopped
from myot2.reconstruct.noise import NoiseScan, measure_noise
from myot2.reconstruct.preparation import AS_IT_IS, Preparation, make_ready
from myot2.reconstruct.raw import RawScan
from myot2.reconstruct.readouts import READOUT, Encoding, Readouts, ScanHeader

_CALIBRATION, _BOTH, _REVERSE, _NOISE = 22, 23, 24, 25
_OTHERS = (0, 1, 2, 5, 14, 15, 21, 51, 53, 60)
"""Bits: end, feedback (two), synchronous data, phase stabilisation (two), phase correction, dummies, B1, unnamed."""
_EXPORT = "Export the measurement at the scanner again (twix), or convert it with siemens_to_ismrmrd."


def read_twix(path: str | Path, *, noise: str | Path | None = None, preparation: Preparation = AS_IT_IS) -> RawScan:
    """A multi-echo scan: the last measurement of the file, its noise scan that of the same or an earlier one.

    Parameters
    ----------
    path : str or Path
        The counter Eco counts the echoes.
    noise : str or Path, optional
        A file with the noise scan, where `path` holds none.
    preparation : Preparation

    Raises
    ------
    Stopped
        The file holds a stop note.
    MyoT2Error
        twixtools is not installed; the file is unreadable or cut short; its header lacks the matrix; or its readouts
        do not make a Cartesian two-dimensional multi-echo scan. The message names the acquisition.
    """
    measurements = _measurements(path)
    found = _noise(measurements) if noise is None else _noise(_measurements(noise))
    return make_ready(measurements[-1], found, preparation)


def _measurements(path: str | Path) -> list[Readouts]:
    """The measurements of a file, in its order."""
    raise_if_stopped(path)
    where = str(path)
    try:
        # optional, and only here: it brings matplotlib
        import twixtools
    except ImportError as error:
        raise MyoT2Error(
            expected="the package twixtools, to read Siemens raw data",
            found="none installed",
            where=where,
            do="Install it (pip install 'myot2[raw]'), or convert the file with siemens_to_ismrmrd.",
        ) from error
    if not Path(path).is_file():
        raise MyoT2Error(expected="a twix file", found="no such file", where=where, do="Check the path.")
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            scans = twixtools.read_twix(
                where, parse_pmu=False, parse_geometry=False, verbose=False, keep_syncdata=False, keep_acqend=True
            )
    # what the package raises on other files is not said anywhere
    except Exception as error:
        found = f"one that twixtools cannot read ({type(error).__name__}: {error})"
        raise MyoT2Error(expected="a twix file", found=found, where=where, do=_EXPORT) from error
    for number, scan in enumerate(scans):
        if not scan["mdb"] or not scan["mdb"][-1].is_flag_set("ACQEND"):
            found = f"measurement {number + 1} of {len(scans)} without its end" + (
                " (stopped)" if said.getvalue() else ""
            )
            raise MyoT2Error(
                expected="whole measurements", found=found, where=where, do="Copy it again, or export again."
            )
    if not scans:
        raise MyoT2Error(expected="a measurement in the file", found="none", where=where, do=_EXPORT)
    last = len(scans) - 1
    return [_readouts(scan, where, is_image=number == last) for number, scan in enumerate(scans)]


def _readouts(scan: dict[str, Any], where: str, *, is_image: bool) -> Readouts:
    mdbs = scan["mdb"]
    table = _table(mdbs, scan["hdr"])
    # measurements before the scan are adjustments: of them only noise is looked at, whose matrix does not matter
    header = _header(scan["hdr"], mdbs, table, where) if is_image else ScanHeader((), (), None, None, None, ())
    kept = table["noise"] | table["calibration"] | table["imaging"]

    def load(rows: np.ndarray) -> np.ndarray:
        result = np.empty((len(rows), int(rows["coils"][0]), int(rows["samples"][0])), np.complex64)
        for readout, number in zip(result, rows["number"], strict=True):
            readout[:] = mdbs[number].data
        return result

    return Readouts(where, header, table[kept], load)


def _noise(measurements: list[Readouts]) -> NoiseScan | None:
    """The noise scan of the last measurement that has one."""
    found = (measure_noise(readouts) for readouts in reversed(measurements))
    return next((noise for noise in found if noise is not None), None)


def _table(mdbs: list, protocol: dict[str, Any]) -> np.ndarray:
    table = np.zeros(len(mdbs), READOUT)
    masks = np.array([int(mdb.mdh.EvalInfoMask) for mdb in mdbs], np.uint64)
    bits = {bit: (masks >> np.uint64(bit) & np.uint64(1)).astype(bool) for bit in range(64)}
    other = np.any([bits[bit] for bit in _OTHERS], axis=0)
    table["number"] = np.arange(len(mdbs))
    table["noise"] = bits[_NOISE] & ~other
    table["calibration"] = (bits[_CALIBRATION] | bits[_BOTH]) & ~other & ~table["noise"]
    table["imaging"] = ~other & ~table["noise"] & ~(bits[_CALIBRATION] & ~bits[_BOTH])
    table["reverse"] = bits[_REVERSE]
    for row, mdb in zip(table, mdbs, strict=True):
        head, counter = mdb.mdh, mdb.mdh.Counter
        for mine, theirs in _COUNTERS.items():
            row[mine] = getattr(counter, theirs)
        row["samples"], row["coils"], row["centre"] = head.SamplesInScan, head.UsedChannels, head.CenterCol
        row["first"], row["last"] = head.CutOff.Pre, head.SamplesInScan - head.CutOff.Post
        place = head.SliceData.SlicePos
        row["position"] = place.Sag, place.Cor, place.Tra
        turn = _rotation(head.SliceData.Quaternion)
        row["along"], row["read"], row["normal"] = turn[:, 0], turn[:, 1], turn[:, 2]
    table["dwell_us"] = _dwell_us(protocol)
    for row in table[table["noise"]]:
        table["dwell_us"][table["number"] == row["number"]] = _noise_dwell_us(mdbs[row["number"]], protocol)
    return table


_COUNTERS = {
    "slice": "Sli",
    "echo": "Eco",
    "line": "Lin",
    "average": "Ave",
    "partition": "Par",
    "repetition": "Rep",
    "set": "Set",
    "phase": "Phs",
}


def _rotation(quaternion: np.ndarray) -> np.ndarray:
    """Of a quaternion with its scalar first: columns are phase, read and slice direction; zero where there is none."""
    w, x, y, z = (float(value) for value in quaternion)
    if not w**2 + x**2 + y**2 + z**2 > 0:
        return np.zeros((3, 3))
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def _header(protocol: dict[str, Any], mdbs: list, table: np.ndarray, where: str) -> ScanHeader:
    yaps, meas = protocol.get("MeasYaps", {}), protocol.get("Meas", {})
    try:
        space, first = yaps["sKSpace"], yaps["sSliceArray"]["asSlice"][0]
        oversampling = float(meas.get("flReadoutOSFactor") or 2.0)
        rows = int(meas.get("iPEFTLength") or space["lPhaseEncodingLines"])
        if space.get("uc2DInterpolation") == 1:
            rows //= 2
        encoding = Encoding(
            columns=round(float(space["lBaseResolution"]) * oversampling),
            rows=rows,
            partitions=1,
            fov_mm=(
                float(first["dReadoutFOV"]) * oversampling,
                float(first["dPhaseFOV"]) * (1 + float(space.get("dPhaseOversamplingForDialog", 0))),
                float(first["dThickness"]),
            ),
            image_fov_mm=float(first["dReadoutFOV"]),
            centre_line=_centre_line(mdbs, table),
        )
    except (KeyError, IndexError, TypeError, ValueError) as error:
        found = f"one that lacks it ({type(error).__name__}: {error})"
        expected = "a protocol with matrix, field of view and slices"
        raise MyoT2Error(expected=expected, found=found, where=where, do=_EXPORT) from error
    if space.get("ucTrajectory", 1) != 1:
        found = f"trajectory {space['ucTrajectory']}"
        raise MyoT2Error(expected="a Cartesian trajectory (1)", found=found, where=where, do="Give Cartesian data.")
    contrasts = int(yaps.get("lContrasts", 0)) or None
    return ScanHeader(
        encodings=(encoding,),
        echo_times_ms=tuple(float(time) / 1000 for time in yaps.get("alTE", ()))[: contrasts or None],
        echoes=contrasts,
        slices=int(yaps["sSliceArray"].get("lSize", 0)) or None,
        noise_bandwidth=None,
        coil_names=(),
        facts=_facts(protocol),
    )


def _centre_line(mdbs: list, table: np.ndarray) -> int:
    imaging = table["number"][table["imaging"]]
    return int(mdbs[imaging[0]].mdh.CenterLin) if len(imaging) else 0


def _facts(protocol: dict[str, Any]) -> dict[str, Any]:
    """Of the scan only: nothing that names a person, a place or a time."""
    yaps, dicom = protocol.get("MeasYaps", {}), protocol.get("Dicom", {})
    angles = [float(angle) for angle in yaps.get("adFlipAngleDegree", ()) if float(angle) > 90]
    field_t = dicom.get("flMagneticFieldStrength")
    return {
        "tr_ms": float(yaps["alTR"][0]) / 1000 if yaps.get("alTR") else None,
        "field_t": float(field_t) if field_t else None,
        "refocusing_deg": angles[-1] if angles else None,
        "vendor": "SIEMENS",
        "model": dicom.get("ManufacturersModelName"),
        "protocol": yaps.get("tProtocolName"),
    }


def _dwell_us(protocol: dict[str, Any]) -> float:
    """Of the readout; 0 where the protocol does not tell."""
    times = protocol.get("MeasYaps", {}).get("sRXSPEC", {}).get("alDwellTime") or (0,)
    return float(times[0]) / 1000


def _noise_dwell_us(mdb: Any, protocol: dict[str, Any]) -> float:
    """Of a noise readout, as siemens_to_ismrmrd has it: by the adjustment's name, else by the number of samples."""
    name, samples = str(protocol.get("MeasYaps", {}).get("tProtocolName", "")), int(mdb.mdh.SamplesInScan)
    if name == "AdjCoilSens":
        return 5.0
    if name == "AdjQuietCoilSens":
        return 4.0
    return int(76800 / samples) / 10 if mdb.version_is_ve else 1e6 / samples / 130
