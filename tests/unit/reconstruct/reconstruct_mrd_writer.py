"""Small multi-echo scans written by ismrmrd's own interface, for tests; shares no code with the reader."""

from __future__ import annotations

from dataclasses import dataclass, field

import ismrmrd
import numpy as np
from ismrmrd import xsd

RNG = np.random.default_rng(7)


def _unit(vector):
    return np.array(vector) / np.linalg.norm(vector)


# an oblique plane: readout turned by 20 degrees in the plane, the plane tilted by 15
_T, _P = np.deg2rad(15), np.deg2rad(20)
TILT = np.array([[1, 0, 0], [0, np.cos(_T), -np.sin(_T)], [0, np.sin(_T), np.cos(_T)]])
TURN = np.array([[np.cos(_P), -np.sin(_P), 0], [np.sin(_P), np.cos(_P), 0], [0, 0, 1]])
OBLIQUE = TILT @ TURN


@dataclass
class Scan:
    """What is scanned, and how."""

    rows: int = 40
    columns: int = 24
    oversampling: int = 2
    coils: int = 4
    echoes: int = 5
    slices: int = 2
    blocks: int = 5
    acceleration: int = 2
    calibration: int = 16
    pixel_mm: tuple[float, float] = (1.5, 2.0)
    thickness_mm: float = 5.0
    distance_mm: float = 7.5
    centre_mm: tuple[float, float, float] = (12.0, -31.0, 250.0)
    directions: np.ndarray = field(default_factory=lambda: OBLIQUE)
    averages: int = 1
    noise_dwell_us: float = 10.0
    dwell_us: float = 5.0
    calibration_dwell_us: float = 5.0
    bandwidth: float = 0.793
    noise_sd: float = 0.0
    embedded: bool = False
    early: int = 0  # samples that an asymmetric echo lacks before its centre
    centre_line: int | None = None  # in the file's count

    @property
    def factor(self):
        """The coils' noise: covariance factor @ factor^H in each of real and imaginary part."""
        rng = np.random.default_rng(3)
        off = rng.standard_normal((2, self.coils, self.coils))
        return 0.4 * np.diag(1 + np.arange(self.coils) / self.coils) + 0.05 * (off[0] + 1j * off[1])

    @property
    def images(self):
        """Complex images (slices, echoes, rows, columns), smooth and different everywhere."""
        y, x = np.mgrid[-1 : 1 : self.rows * 1j, -1 : 1 : self.columns * 1j]
        shape = np.exp(-3 * (y**2 + x**2) ** 2) * (1 + 0.3 * np.sin(5 * y + 2 * x)) * np.exp(1j * (0.5 * x - y))
        decay = np.exp(-np.arange(1, self.echoes + 1) / (4 + np.arange(self.slices)[:, None]))
        return 100 * (1 + np.arange(self.slices))[:, None, None, None] * decay[:, :, None, None] * shape

    @property
    def maps(self):
        """Complex coil maps (coils, rows, columns), polynomials of low degree."""
        y, x = np.mgrid[-1 : 1 : self.rows * 1j, -1 : 1 : self.columns * 1j]
        angle = 2 * np.pi * np.arange(self.coils)[:, None, None] / self.coils
        return (1 + 0.6 * (np.cos(angle) * y + np.sin(angle) * x)) * np.exp(1j * (angle + 0.5 * x * np.cos(2 * angle)))

    @property
    def lines(self):
        """Of each echo, the sampled rows of the matrix."""
        rows = np.arange(self.rows)
        block = rows * self.blocks // self.rows
        grid = (rows - self.rows // 2) % self.acceleration == 0
        lines = [rows[grid & (block == echo % self.blocks)] for echo in range(self.echoes)]
        if self.embedded:
            lines[self.blocks // 2] = np.union1d(lines[self.blocks // 2], self.calibration_lines)
        return lines

    @property
    def calibration_lines(self):
        return np.arange(self.calibration) + self.rows // 2 - self.calibration // 2

    def hybrid(self, index, echo):
        """Noiseless truth (rows, coils, columns): k in rows by an explicit Fourier sum, position in columns."""
        k = np.arange(self.rows) - self.rows // 2
        fourier = np.exp(-2j * np.pi * np.outer(k, k) / self.rows) / np.sqrt(self.rows)
        return np.einsum("ky,cyx->kcx", fourier, self.images[index, echo] * self.maps)

    def readout(self, hybrid):
        """Image columns (coils, columns) as oversampled samples (coils, samples)."""
        samples = self.columns * self.oversampling
        k = np.arange(samples) - samples // 2
        x = np.arange(self.columns) - self.columns // 2
        return hybrid @ np.exp(-2j * np.pi * np.outer(x, k) / samples) / np.sqrt(samples)

    def position(self, index):
        return np.array(self.centre_mm) + index * self.distance_mm * np.cross(
            self.directions[:, 0], self.directions[:, 1]
        )


def header(scan: Scan) -> xsd.ismrmrdHeader:
    """The header as converters write it."""
    samples = scan.columns * scan.oversampling
    column_mm, row_mm = scan.pixel_mm

    def space(columns):
        return xsd.encodingSpaceType(
            matrixSize=xsd.matrixSizeType(x=columns, y=scan.rows, z=1),
            fieldOfView_mm=xsd.fieldOfViewMm(x=columns * column_mm, y=scan.rows * row_mm, z=scan.thickness_mm),
        )

    def limit(size, centre=0):
        return xsd.limitType(minimum=0, maximum=size - 1, center=centre)

    centre = scan.rows // 2 if scan.centre_line is None else scan.centre_line
    limits = xsd.encodingLimitsType(
        kspace_encoding_step_1=limit(scan.rows, centre), contrast=limit(scan.echoes), slice=limit(scan.slices)
    )
    encoding = xsd.encodingType(
        trajectory=xsd.trajectoryType("cartesian"),
        encodingLimits=limits,
        encodedSpace=space(samples),
        reconSpace=space(scan.columns),
        echoTrainLength=scan.echoes,
    )
    return xsd.ismrmrdHeader(
        experimentalConditions=xsd.experimentalConditionsType(H1resonanceFrequency_Hz=123_200_000),
        subjectInformation=xsd.subjectInformationType(patientName="Name of a person"),
        measurementInformation=xsd.measurementInformationType(
            protocolName="MESE", patientPosition=xsd.patientPositionType("FFS")
        ),
        acquisitionSystemInformation=xsd.acquisitionSystemInformationType(
            receiverChannels=scan.coils,
            relativeReceiverNoiseBandwidth=scan.bandwidth,
            systemVendor="SIEMENS",
            systemFieldStrength_T=3.0,
        ),
        encoding=[encoding],
        sequenceParameters=xsd.sequenceParametersType(
            TR=[3000.0], TE=[10.0 * (echo + 1) for echo in range(scan.echoes)], flipAngle_deg=[180.0]
        ),
    )


def acquisition(data, *flags, dwell_us=5.0, centre=None, scan=None, index=0, **counters) -> ismrmrd.Acquisition:
    """One readout (coils, samples)."""
    made = ismrmrd.Acquisition()
    made.resize(data.shape[1], data.shape[0])
    made.data[:] = data
    made.available_channels = data.shape[0]
    made.center_sample = data.shape[1] // 2 if centre is None else centre
    made.sample_time_us = dwell_us
    if scan is not None:
        made.position[:] = scan.position(index)
        for name, column in (("read_dir", 0), ("phase_dir", 1), ("slice_dir", 2)):
            getattr(made, name)[:] = scan.directions[:, column]
    for flag in flags:
        made.setFlag(flag)
    for name, value in counters.items():
        setattr(made.idx, name, value)
    return made


def exact_noise(scan: Scan, readouts: int = 8) -> list[np.ndarray]:
    """Noise readouts (coils, samples) whose sample covariance is exactly that of a noise scan of these coils."""
    samples = scan.columns * scan.oversampling
    count = readouts * samples
    rng = np.random.default_rng(11)
    raw = rng.standard_normal((count, scan.coils)) + 1j * rng.standard_normal((count, scan.coils))
    orthonormal, _ = np.linalg.qr(raw)
    # the noise scan sees more or less noise than the image by its dwell time, and only the band's inner part
    scale = np.sqrt(2 * count * scan.dwell_us / scan.noise_dwell_us * scan.bandwidth)
    values = scan.factor @ orthonormal.conj().T * scale
    return np.split(values, readouts, axis=1)


def acquisitions(scan: Scan) -> list[ismrmrd.Acquisition]:
    """Noise, calibration and image readouts in a scanner's order: echo train by echo train, slices inside."""
    rng = np.random.default_rng(5)
    samples = scan.columns * scan.oversampling
    shift = 0 if scan.centre_line is None else scan.centre_line - scan.rows // 2
    made = [
        acquisition(values, ismrmrd.ACQ_IS_NOISE_MEASUREMENT, dwell_us=scan.noise_dwell_us)
        for values in exact_noise(scan)
    ]

    def noisy(values, dwell_us):
        noise = rng.standard_normal((2, scan.coils, samples)) * scan.noise_sd
        return values + scan.factor @ (noise[0] + 1j * noise[1]) * np.sqrt(scan.dwell_us / dwell_us)

    truth = {(s, e): scan.hybrid(s, e) for s in range(scan.slices) for e in range(scan.echoes)}
    if not scan.embedded:
        for index in range(scan.slices):
            reference = 2 * scan.hybrid(index, 0)
            for line in scan.calibration_lines:
                data = noisy(scan.readout(reference[line]), scan.calibration_dwell_us)
                made.append(
                    acquisition(
                        data,
                        ismrmrd.ACQ_IS_PARALLEL_CALIBRATION,
                        dwell_us=scan.calibration_dwell_us,
                        scan=scan,
                        index=index,
                        slice=index,
                        kspace_encode_step_1=int(line + shift),
                    )
                )
    for average in range(scan.averages):
        for index in [*range(0, scan.slices, 2), *range(1, scan.slices, 2)]:
            for echo, lines in enumerate(scan.lines):
                for line in lines:
                    data = noisy(scan.readout(truth[index, echo][line]), scan.dwell_us)[:, scan.early :]
                    both = scan.embedded and echo == scan.blocks // 2 and line in scan.calibration_lines
                    made.append(
                        acquisition(
                            data,
                            *([ismrmrd.ACQ_IS_PARALLEL_CALIBRATION_AND_IMAGING] if both else []),
                            dwell_us=scan.dwell_us,
                            centre=samples // 2 - scan.early,
                            scan=scan,
                            index=index,
                            slice=index,
                            contrast=echo,
                            average=average,
                            kspace_encode_step_1=int(line + shift),
                        )
                    )
    return made


def save(path, head, made) -> None:
    """Write a file; `head` may be a header, text, or None."""
    dataset = ismrmrd.Dataset(str(path), "dataset", create_if_needed=True)
    if head is not None:
        dataset.write_xml_header(head if isinstance(head, (str, bytes)) else head.toXML("utf-8"))
    for one in made:
        dataset.append_acquisition(one)
    dataset.close()


def write(path, scan: Scan) -> Scan:
    """Write a sound scan."""
    save(path, header(scan), acquisitions(scan))
    return scan


def scan_headers(made, *, noise=False, calibration=False):
    """Positions in the list of imaging (or noise, calibration) readouts."""
    wanted = []
    for position, one in enumerate(made):
        is_noise = one.isFlagSet(ismrmrd.ACQ_IS_NOISE_MEASUREMENT)
        is_calibration = one.isFlagSet(ismrmrd.ACQ_IS_PARALLEL_CALIBRATION)
        if (is_noise, is_calibration) == (noise, calibration):
            wanted.append(position)
    return wanted
