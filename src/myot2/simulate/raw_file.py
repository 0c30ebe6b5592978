"""Raw data as an ISMRMRD file (Inati et al. 2017, doi:10.1002/mrm.26089), as converters write a scanner's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import ismrmrd
import numpy as np
from ismrmrd import xsd
from xsdata.models.datatype import XmlDate

from myot2.simulate.grid import Grid
from myot2.simulate.identity import Identity
from myot2.simulate.kspace import DWELL_US, NOISE_BANDWIDTH, NOISE_DWELL_US, OVERSAMPLING, RawData
from myot2.simulate.protocol import MULTI_ECHO

FIELD_T, PROTON_HZ = 3.0, 123_200_000


def write_raw(path: Path, raw: RawData, identity: Identity) -> None:
    """Write a scan: its noise, then the reference scan, then the echoes, slices interleaved as they are excited.

    The header names the invented patient, as a converter's does.
    """
    acquisitions = list(_acquisitions(raw))
    acquisitions[-1].setFlag(ismrmrd.ACQ_LAST_IN_MEASUREMENT)
    with ismrmrd.Dataset(str(path), mode="x") as dataset:
        dataset.write_xml_header(_header(raw, identity).toXML("utf-8"))
        for number, acquisition in enumerate(acquisitions):
            acquisition.scan_counter = number
            dataset.append_acquisition(acquisition)


def _acquisitions(raw: RawData) -> Iterator[ismrmrd.Acquisition]:
    noise = _acquisition(raw.noise, NOISE_DWELL_US, ismrmrd.ACQ_IS_NOISE_MEASUREMENT)
    yield noise
    order = [*range(0, len(raw.slices), 2), *range(1, len(raw.slices), 2)]
    for index in order:
        of_slice = raw.slices[index]
        for line, data in zip(of_slice.calibration_lines, of_slice.calibration, strict=True):
            yield _placed(_acquisition(data, DWELL_US, ismrmrd.ACQ_IS_PARALLEL_CALIBRATION), raw.grid, index, line, 0)
    shots = max(len(lines) for lines in raw.slices[0].lines)
    for shot in range(shots):
        for index in order:
            of_slice = raw.slices[index]
            for echo, (lines, data) in enumerate(zip(of_slice.lines, of_slice.samples, strict=True)):
                if shot < len(lines):
                    yield _placed(_acquisition(data[shot], DWELL_US), raw.grid, index, lines[shot], echo)


def _acquisition(data: np.ndarray, dwell_us: float, *flags: int) -> ismrmrd.Acquisition:
    acquisition = ismrmrd.Acquisition.from_array(np.ascontiguousarray(data, dtype=np.complex64))
    acquisition.available_channels = len(data)
    acquisition.center_sample = data.shape[1] // 2
    acquisition.sample_time_us = dwell_us
    for flag in flags:
        acquisition.setFlag(flag)
    return acquisition


def _placed(acquisition: ismrmrd.Acquisition, grid: Grid, index: int, line: int, echo: int) -> ismrmrd.Acquisition:
    """The acquisition with its counters, and with where its slice lies: the point whose signal has no phase in k."""
    _, rows, columns = grid.shape
    acquisition.idx.slice = index
    acquisition.idx.contrast = echo
    acquisition.idx.kspace_encode_step_1 = int(line)
    middle = grid.origin + index * grid.slice_step + rows // 2 * grid.row_step + columns // 2 * grid.column_step
    directions = (step / np.linalg.norm(step) for step in (grid.column_step, grid.row_step, grid.slice_step))
    acquisition.position[:] = middle
    acquisition.read_dir[:], acquisition.phase_dir[:], acquisition.slice_dir[:] = directions
    return acquisition


def _header(raw: RawData, identity: Identity) -> xsd.ismrmrdHeader:
    return xsd.ismrmrdHeader(
        version=1,
        encoding=[_encoding(raw)],
        **_about(identity),
        acquisitionSystemInformation=xsd.acquisitionSystemInformationType(
            systemVendor="SIEMENS",
            systemFieldStrength_T=FIELD_T,
            relativeReceiverNoiseBandwidth=NOISE_BANDWIDTH,
            receiverChannels=raw.receiver.coils,
            institutionName=identity.institution,
            stationName=identity.station,
            deviceSerialNumber=identity.serial_number,
        ),
        experimentalConditions=xsd.experimentalConditionsType(H1resonanceFrequency_Hz=PROTON_HZ),
        sequenceParameters=xsd.sequenceParametersType(
            TR=[raw.sequence.repetition_time_ms],
            TE=[float(time) for time in raw.sequence.echo_times_ms],
            flipAngle_deg=[MULTI_ECHO.flip_angle_deg],
        ),
    )


def _encoding(raw: RawData) -> xsd.encodingType:
    """Matrix, field of view, limits of the counters, and acceleration."""
    slices, rows, columns = raw.grid.shape
    column_mm, row_mm, _ = raw.grid.spacing_mm

    def space(oversampling: int) -> xsd.encodingSpaceType:
        return xsd.encodingSpaceType(
            matrixSize=xsd.matrixSizeType(x=oversampling * columns, y=rows, z=1),
            fieldOfView_mm=xsd.fieldOfViewMm(
                x=oversampling * columns * column_mm, y=rows * row_mm, z=raw.grid.thickness_mm
            ),
        )

    def limit(count: int, center: int = 0) -> xsd.limitType:
        return xsd.limitType(minimum=0, maximum=count - 1, center=center)

    return xsd.encodingType(
        encodedSpace=space(OVERSAMPLING),
        reconSpace=space(1),
        encodingLimits=xsd.encodingLimitsType(
            kspace_encoding_step_1=limit(rows, rows // 2),
            contrast=limit(len(raw.sequence.echo_times_ms)),
            slice=limit(slices),
        ),
        trajectory=xsd.trajectoryType.CARTESIAN,
        parallelImaging=xsd.parallelImagingType(
            accelerationFactor=xsd.accelerationFactorType(
                kspace_encoding_step_1=raw.receiver.sampling.acceleration, kspace_encoding_step_2=1
            ),
            calibrationMode=xsd.calibrationModeType.SEPARATE,
        ),
        echoTrainLength=len(raw.sequence.echo_times_ms),
    )


def _about(identity: Identity) -> dict[str, object]:
    """Who was scanned, when and by which protocol."""
    return {
        "subjectInformation": xsd.subjectInformationType(
            patientName=identity.patient_name,
            patientID=identity.patient_id,
            patientWeight_kg=float(identity.weight_kg),
            patientBirthdate=_date(identity.birth_date),
            patientGender=identity.sex,
        ),
        "studyInformation": xsd.studyInformationType(
            studyDate=_date(identity.study_date),
            studyID=identity.accession_number,
            referringPhysicianName=identity.referring_physician,
            studyDescription=identity.comment,
        ),
        "measurementInformation": xsd.measurementInformationType(
            measurementID=f"{identity.serial_number}_{identity.patient_id}_77",
            patientPosition=xsd.patientPositionType.FFS,
            protocolName=MULTI_ECHO.description,
        ),
    }


def _date(text: str) -> XmlDate:
    return XmlDate(int(text[:4]), int(text[4:6]), int(text[6:]))
