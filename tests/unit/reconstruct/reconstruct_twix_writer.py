"""Small multi-echo scans as Siemens raw data, byte by byte (VB and VD); shares no code with twixtools or the reader.

The layout is that of the headers published with siemens_to_ismrmrd and mapVBVD. It holds what readers need, no more.
"""

from __future__ import annotations

import struct

import ismrmrd
import numpy as np
import reconstruct_mrd_writer as mrd
from scipy.spatial.transform import Rotation

ACQEND, PATREF, PATREF_AND_IMAGE, REFLECT, NOISE = 0, 22, 23, 24, 25


def protocol(scan: mrd.Scan, *, name: str = "MESE", echo_times: int | None = None) -> str:
    """The part of the header that readers look at."""
    column_mm, row_mm = scan.pixel_mm
    lines = [
        f'tProtocolName = "{name}"',
        f"sKSpace.lBaseResolution = {scan.columns}",
        f"sKSpace.lPhaseEncodingLines = {scan.rows}",
        "sKSpace.ucTrajectory = 0x1",
        "sKSpace.ucDimension = 0x2",
        f"sSliceArray.lSize = {scan.slices}",
        f"lContrasts = {scan.echoes}",
        "alTR[0] = 3000000",
        "adFlipAngleDegree[0] = 180.0",
        f"sRXSPEC.alDwellTime[0] = {scan.dwell_us * 1000:.0f}",
    ]
    for echo in range(scan.echoes if echo_times is None else echo_times):
        lines.append(f"alTE[{echo}] = {10000 * (echo + 1)}")
    for index in range(scan.slices):
        at = f"sSliceArray.asSlice[{index}]"
        lines.append(f"{at}.dThickness = {scan.thickness_mm}")
        lines.append(f"{at}.dPhaseFOV = {scan.rows * row_mm}")
        lines.append(f"{at}.dReadoutFOV = {scan.columns * column_mm}")
    return "### ASCCONV BEGIN ###\n" + "\n".join(lines) + "\n### ASCCONV END ###\n"


def xprotocol(scan: mrd.Scan) -> str:
    return (
        f'<ParamLong."iPEFTLength"> {{ {scan.rows} }}\n'
        f'<ParamDouble."flReadoutOSFactor"> {{ <Precision> 6 {scan.oversampling:.6f} }}\n'
    )


def header(buffers: dict[str, str]) -> bytes:
    """The protocol header of a measurement, padded to 32 bytes."""
    body = b"".join(
        name.encode() + b"\0" + struct.pack("<I", len(text)) + text.encode() for name, text in buffers.items()
    )
    length = -(-(8 + len(body)) // 32) * 32
    return struct.pack("<II", length, len(buffers)) + body.ljust(length - 8, b"\0")


def _counters(one: ismrmrd.Acquisition) -> bytes:
    index = one.idx
    return struct.pack(
        "<14H",
        index.kspace_encode_step_1,
        index.average,
        index.slice,
        index.kspace_encode_step_2,
        index.contrast,
        index.phase,
        index.repetition,
        index.set,
        index.segment,
        *(0,) * 5,
    )


def _quaternion(one: ismrmrd.Acquisition) -> tuple[float, float, float, float]:
    directions = np.stack([one.phase_dir[:], one.read_dir[:], one.slice_dir[:]], axis=1)
    if not directions.any():
        return 0.0, 0.0, 0.0, 0.0
    # a rotation of phase, read and slice direction: Siemens' normal is phase x read
    directions[:, 2] *= np.sign(np.linalg.det(directions))
    x, y, z, w = Rotation.from_matrix(directions).as_quat()
    return w, x, y, z


def _mask(one: ismrmrd.Acquisition) -> int:
    bits = {
        ismrmrd.ACQ_IS_NOISE_MEASUREMENT: NOISE,
        ismrmrd.ACQ_IS_PARALLEL_CALIBRATION: PATREF,
        ismrmrd.ACQ_IS_PARALLEL_CALIBRATION_AND_IMAGING: PATREF_AND_IMAGE,
        ismrmrd.ACQ_IS_REVERSE: REFLECT,
        ismrmrd.ACQ_IS_PHASECORR_DATA: 21,
    }
    return sum(1 << bit for flag, bit in bits.items() if one.isFlagSet(flag))


def _end_vd() -> bytes:
    head = struct.pack("<IiIII", 192 + 160, 1, 99, 0, 0) + struct.pack("<HHiiii", 0, 0, 0, 0, 0, 0)
    head += struct.pack("<QHH", 1 << ACQEND, 0, 0)
    return head.ljust(192, b"\0") + b"\0" * 160


def readout_vd(one: ismrmrd.Acquisition, number: int, centre_line: int) -> bytes:
    """One readout: scan header of 192 bytes, then each channel with a header of 32."""
    coils, samples = one.active_channels, one.number_of_samples
    length = 192 + coils * (32 + 8 * samples)
    head = struct.pack("<IiIII", length, 1, number, 0, 0)
    head += struct.pack("<HHiiii", 0, 0, 0, 0, 0, 0)
    head += struct.pack("<QHH", _mask(one), samples, coils) + _counters(one)
    head += struct.pack("<HHHHfIHH", one.discard_pre, one.discard_post, one.center_sample, 0, 0.0, 0, centre_line, 0)
    head += struct.pack("<7f", *one.position[:], *_quaternion(one))
    head = head.ljust(192, b"\0")
    for coil in range(coils):
        head += struct.pack("<IiIiIIHHI", 32 + 8 * samples, 1, number, 0, 0, 0, coil, 0, 0)
        head += np.ascontiguousarray(one.data[coil], "<c8").tobytes()
    return head


def readout_vb(one: ismrmrd.Acquisition, number: int, centre_line: int) -> bytes:
    """One readout: each channel with a header of 128 bytes."""
    coils, samples = one.active_channels, one.number_of_samples
    out = b""
    for coil in range(coils):
        head = struct.pack("<IiIII", 128 + 8 * samples, 1, number, 0, 0)
        head += struct.pack("<QHH", _mask(one), samples, coils) + _counters(one)
        head += struct.pack(
            "<HHHHfIHH", one.discard_pre, one.discard_post, one.center_sample, 0, 0.0, 0, centre_line, 0
        )
        head += b"\0" * 16 + struct.pack("<7f", *one.position[:], *_quaternion(one)) + struct.pack("<HH", coil, 0)
        assert len(head) == 128
        out += head + np.ascontiguousarray(one.data[coil], "<c8").tobytes()
    return out


def measurement_vd(scan: mrd.Scan, made: list[ismrmrd.Acquisition], text: str) -> bytes:
    centre = scan.rows // 2 if scan.centre_line is None else scan.centre_line
    body = b"".join(readout_vd(one, number + 1, centre) for number, one in enumerate(made))
    return header({"Meas": xprotocol(scan), "MeasYaps": text, "Dicom": ""}) + body + _end_vd()


def save_vd(path, measurements: list[bytes]) -> None:
    """A file of several measurements: a table of 10240 bytes, then each from a multiple of 512 on."""
    entries, body, place = b"", b"", 10240
    for number, one in enumerate(measurements):
        entries += struct.pack("<IIQQ64s64s", number + 1, 1, place, len(one), b"x", b"x")
        padded = one.ljust(-(-len(one) // 512) * 512, b"\0")
        body, place = body + padded, place + len(padded)
    table = struct.pack("<II", 0, len(measurements)) + entries
    path.write_bytes(table.ljust(10240, b"\0") + body)


def save_vb(path, scan: mrd.Scan, made: list[ismrmrd.Acquisition], text: str) -> None:
    """A file of one measurement."""
    centre = scan.rows // 2 if scan.centre_line is None else scan.centre_line
    # readers tell VB from VD by the size of the first number
    head = header({"Meas": xprotocol(scan) + " " * 12000, "MeasYaps": text, "Dicom": ""})
    end = struct.pack("<IiIIIQHH", 128 + 384, 1, 99, 0, 0, 1 << ACQEND, 0, 0).ljust(128, b"\0") + b"\0" * 384
    body = b"".join(readout_vb(one, number + 1, centre) for number, one in enumerate(made))
    path.write_bytes(head + body + end)
