"""Raw multi-coil k-space of the multi-echo series, as a receiver samples it.

The object is the fine grid of sub-voxels, never the voxels that are reconstructed: each sample is the Fourier sum over
all sub-voxels and all layers of the slice at its own place in k-space. Coordinates of the sum are counted from the
middle voxel (rows // 2, columns // 2) of the series, which is where the header says that the slice lies.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from myot2.simulate import scan
from myot2.simulate.anatomy import Tissue
from myot2.simulate.body import Body, Slab
from myot2.simulate.coils import Coils, sensitivities
from myot2.simulate.fields import RandomField
from myot2.simulate.grid import Grid, VoxelAverage
from myot2.simulate.protocol import Conditions
from myot2.simulate.sampling import Sampling
from myot2.simulate.signal import FAT_T1_MS, complex_noise, spoiled_gradient_echo

OVERSAMPLING = 2
"""Of the readout, as receivers do."""

CALIBRATION_LINES = 24
CALIBRATION_TR_MS, CALIBRATION_FLIP_DEG = 20.0, 10.0
"""Middle lines, repetition time and flip angle of the gradient echo from which coil maps are found."""

NOISE_SAMPLES = 8192
DWELL_US, NOISE_DWELL_US, NOISE_BANDWIDTH = 8.0, 5.0, 0.793
"""Time per sample of the images and of the noise scan, and the part of the receiver's band that holds its noise."""

B1_CELL_MM, B1_SD = 8.0, 0.02
"""A measured B1 map: size of its voxels, and their noise."""

OBJECT_PHASE_RAD = 0.6


@dataclass(frozen=True)
class Receiver:
    """What the raw data of a scan depend on beside the person.

    Attributes
    ----------
    sampling : Sampling
    coils : int
        Loops around the thighs, at least 2.
    odd_even_deg : tuple of float
        Phase of even echoes (the second, fourth ...) against odd ones, degrees: a constant, and what is gained from the
        middle to the edge of the field of view along rows (to the back) and along columns (to the left).
    correlation : float
        Of the noise of neighbouring coils.
    """

    sampling: Sampling = field(default_factory=Sampling)
    coils: int = 8
    odd_even_deg: tuple[float, float, float] = (6.0, 3.0, -4.0)
    correlation: float = 0.2

    def __post_init__(self) -> None:
        if self.coils < 2:
            raise ValueError(f"the simulator has at least 2 coils, not {self.coils}")


@dataclass(frozen=True)
class RawSlice:
    """Samples of one slice: k-space in both directions, its middle at size // 2.

    Attributes
    ----------
    lines : tuple of ndarray
        Sampled lines of each echo.
    samples : tuple of ndarray of complex64
        Of each echo: (lines, coils, oversampled columns).
    calibration_lines : ndarray
    calibration : ndarray of complex64, shape (lines, coils, oversampled columns)
    """

    lines: tuple[np.ndarray, ...]
    samples: tuple[np.ndarray, ...]
    calibration_lines: np.ndarray
    calibration: np.ndarray


@dataclass(frozen=True)
class RawData:
    """One scan's raw data, and what the scan would have been with every line sampled.

    Attributes
    ----------
    grid : Grid
        Of the voxels to be reconstructed.
    slices : list of RawSlice
    noise : ndarray of complex64, shape (coils, samples)
        Of a scan without excitation.
    sequence : scan.MultiEcho
    receiver : Receiver
    fully_sampled : ndarray of float32, shape (echoes, slices, rows, columns)
        Magnitudes from all lines, with the same noise; coils combined by their true sensitivity.
    b1 : tuple of Grid and ndarray
        Relative B1 as measured: coarse, and with noise of its own.
    """

    grid: Grid
    slices: list[RawSlice]
    noise: np.ndarray
    sequence: scan.MultiEcho
    receiver: Receiver
    fully_sampled: np.ndarray
    b1: tuple[Grid, np.ndarray]


def acquire(
    body: Body, grid: Grid, slabs: list[Slab], conditions: Conditions, receiver: Receiver, rng: np.random.Generator
) -> RawData:
    """Scan a body with the multi-echo sequence and keep what the receiver got.

    The SNR of the conditions is that of healthy muscle in the first echo of the fully sampled image whose coils are
    combined for the best SNR, in the median over the muscle of the middle slice.

    Parameters
    ----------
    slabs : list of Slab
        The slices of the grid, whose sub-voxels are finer than its voxels.
    """
    sequence = scan.MultiEcho.of(conditions.refocusing)
    coils = Coils.around(grid.centre, receiver.coils)
    colour = np.linalg.cholesky(noise_covariance(receiver.coils, receiver.correlation))
    phase = RandomField.draw(rng, (90.0, 90.0, 120.0))
    sigma = sequence.muscle_signal / conditions.snr * _median_reach(coils, grid, slabs, colour)
    lines = receiver.sampling.lines(grid.shape[1], len(sequence.echo_times_ms))
    slices, full = [], []
    for index, slab in enumerate(slabs):
        own = _fine_field(lambda points: OBJECT_PHASE_RAD * phase.at(points), body, grid, index, slab)
        seen = sensitivities(coils, grid, index, own.shape) * np.exp(1j * own).astype(np.complex64)
        echoes = _echo_images(body, grid, index, slab, sequence, conditions)
        echoes[1::2] = echoes[1::2] * odd_even_phase(receiver.odd_even_deg, grid, own.shape)
        every = _with_noise([fourier(seen * echo, grid) for echo in echoes], sigma * colour, rng)
        kept, calibration = _calibrate(seen * _gradient_echo(slab, body.oedema_gain_ms), grid, sigma * colour, rng)
        samples = tuple(echo[of_echo] for echo, of_echo in zip(every, lines, strict=True))
        slices.append(RawSlice(lines, samples, kept, calibration))
        full.append(_combined(every, sensitivities(coils, grid, index, grid.shape[1:]), colour))
    return RawData(
        grid=grid,
        slices=slices,
        noise=noise_scan(sigma * colour, NOISE_SAMPLES, rng),
        sequence=sequence,
        receiver=receiver,
        fully_sampled=np.stack(full, axis=1),
        b1=_measured_b1(body, grid, rng),
    )


def fourier(image: np.ndarray, grid: Grid) -> np.ndarray:
    """Samples of an object given on a fine grid over the field of view of a slice.

    Parameters
    ----------
    image : ndarray of complex, shape (coils, fine rows, fine columns)

    Returns
    -------
    ndarray of complex64, shape (rows, coils, oversampled columns)
        A unitary Fourier transform back to (rows, oversampled columns) gives the object's values in its voxels.
    """
    _, rows, columns = grid.shape
    down, along = _places(grid, image.shape[1:])
    readout = OVERSAMPLING * columns
    scale = rows * columns / down.size / along.size / np.sqrt(rows * readout)
    by_row = _waves(rows, down, rows) @ image.astype(np.complex64)
    return np.moveaxis(by_row @ (scale * _waves(readout, along, readout).T).astype(np.complex64), 1, 0)


def _waves(count: int, places: np.ndarray, period: float) -> np.ndarray:
    """exp(-2 pi i k x / period) for k from -(count // 2), shape (count, places)."""
    k = np.arange(count) - count // 2
    return np.exp(-2j * np.pi * np.outer(k, places) / period).astype(np.complex64)


def _places(grid: Grid, fine: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Where the fine rows and columns lie, in voxels from the middle voxel."""
    down, along = (
        (np.arange(count) + 0.5) * size / count - 0.5 - size // 2
        for count, size in zip(fine, grid.shape[1:], strict=True)
    )
    return down, along


def odd_even_phase(degrees: tuple[float, float, float], grid: Grid, fine: tuple[int, int]) -> np.ndarray:
    """What even echoes are multiplied by, complex64 of shape (fine rows, fine columns)."""
    constant, by_row, by_column = np.deg2rad(degrees)
    down, along = _places(grid, fine)
    _, rows, columns = grid.shape
    angle = constant + by_row * down[:, None] / (rows / 2) + by_column * along / (columns / 2)
    return np.exp(1j * angle).astype(np.complex64)


def noise_covariance(coils: int, correlation: float) -> np.ndarray:
    """Covariance of the coils' noise (coils, coils), complex; the loudest has 1.7 times the variance of the quietest.

    Neighbours on the ring share `correlation` of their noise, with a phase, and coils further apart a power of it.
    """
    place = np.arange(coils)
    apart = np.abs(place[:, None] - place)
    apart = np.minimum(apart, coils - apart)
    gain = np.sqrt(np.linspace(1.0, 1.7, coils))
    turn = np.exp(0.5j * place)
    shared = np.where(apart == 0, 1.0, correlation ** np.maximum(apart, 1.0))
    return shared * np.outer(gain * turn, gain * turn.conj())


def noise_scan(colour: np.ndarray, samples: int, rng: np.random.Generator) -> np.ndarray:
    """Noise without excitation (coils, samples), complex64; `colour` times white noise is that of the images.

    Its samples are shorter than those of the images, and the receiver's filter takes part of its band away: the
    covariance of the images is that of the noise scan times NOISE_DWELL_US / (DWELL_US NOISE_BANDWIDTH).
    """
    scale = np.sqrt(DWELL_US * NOISE_BANDWIDTH / NOISE_DWELL_US)
    return (scale * colour @ complex_noise((len(colour), samples), 1.0, rng)).astype(np.complex64)


def _with_noise(samples: list[np.ndarray], colour: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    return [(echo + colour @ complex_noise(echo.shape, 1.0, rng)).astype(np.complex64) for echo in samples]


def _calibrate(image: np.ndarray, grid: Grid, colour: np.ndarray, rng) -> tuple[np.ndarray, np.ndarray]:
    """Lines and samples of the reference scan."""
    rows = grid.shape[1]
    first = max(rows // 2 - CALIBRATION_LINES // 2, 0)
    lines = np.arange(first, min(first + CALIBRATION_LINES, rows))
    return lines, _with_noise([fourier(image, grid)[lines]], colour, rng)[0]


def _fine_field(field_at, body: Body, grid: Grid, index: int, slab: Slab) -> np.ndarray:
    """A field of the person at the sub-voxels of one slice, float32 (fine rows, fine columns)."""
    shape = slab.tissue.shape[1:]
    points = body.in_person(grid.sub_points(index, shape, 1)[0])
    return field_at(points.reshape(-1, 3)).reshape(shape).astype(np.float32)


def _every_cell(slab: Slab) -> VoxelAverage:
    """The fine grid as it is."""
    return VoxelAverage(slab.tissue.shape[1:], slab.tissue.shape[1:])


def _echo_images(
    body: Body, grid: Grid, index: int, slab: Slab, sequence: scan.MultiEcho, conditions: Conditions
) -> np.ndarray:
    """The object at each echo, complex64 of shape (echoes, fine rows, fine columns)."""
    b1, residual = (_fine_field(at, body, grid, index, slab) for at in (body.transmit.at, body.saturation.residual))
    left = residual if conditions.fat_suppression else np.ones_like(residual)
    echoes = scan.multi_echo(
        slab, _every_cell(slab), sequence, oedema_gain_ms=body.oedema_gain_ms, b1=b1, residual_fat=left
    )
    return np.moveaxis(echoes, -1, 0).astype(np.complex64)


def _gradient_echo(slab: Slab, oedema_gain_ms: float) -> np.ndarray:
    """The object as the reference scan sees it, water and fat in phase."""
    settings = {"repetition_ms": CALIBRATION_TR_MS, "flip_deg": CALIBRATION_FLIP_DEG}
    water, fat = scan.water_and_fat(
        slab,
        _every_cell(slab),
        lambda t1, t2: np.full_like(t2, spoiled_gradient_echo(t1, **settings)),
        oedema_gain_ms=oedema_gain_ms,
        fat_signal=float(spoiled_gradient_echo(FAT_T1_MS, **settings)),
    )
    return water + fat


def _reach(sensitivity: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """SNR of the best combination of coils for signal and noise 1: sqrt(s^H Psi^-1 s) (Roemer et al. 1990)."""
    white = np.tensordot(np.linalg.inv(colour), sensitivity, axes=1)
    return np.sqrt((np.abs(white) ** 2).sum(axis=0))


def _median_reach(coils: Coils, grid: Grid, slabs: list[Slab], colour: np.ndarray) -> float:
    middle = len(slabs) // 2
    muscle = (slabs[middle].tissue == Tissue.MUSCLE).all(axis=0)
    return float(np.median(_reach(sensitivities(coils, grid, middle, muscle.shape), colour)[muscle]))


def _combined(samples: list[np.ndarray], sensitivity: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Magnitudes of the best combination of coils (echoes, rows, columns), float32."""
    inverse = np.linalg.inv(colour @ colour.conj().T)
    weight = np.tensordot(inverse, sensitivity, axes=1).conj()
    weight = weight / (weight * sensitivity).sum(axis=0)
    columns = sensitivity.shape[-1]
    images = []
    for echo in samples:
        kspace = np.fft.ifftshift(np.moveaxis(echo, 1, 0), axes=(-2, -1))
        image = np.fft.fftshift(np.fft.ifft2(kspace, norm="ortho"), axes=(-2, -1))
        first = image.shape[-1] // 2 - columns // 2
        images.append(np.abs((weight * image[..., first : first + columns]).sum(axis=0)))
    return np.stack(images).astype(np.float32)


def _measured_b1(body: Body, grid: Grid, rng: np.random.Generator) -> tuple[Grid, np.ndarray]:
    """A B1 map (slices, rows, columns) as a scanner measures it, and where its voxels lie."""
    slices, rows, columns = grid.shape
    column_mm, row_mm, _ = grid.spacing_mm
    shape = (slices, round(rows * row_mm / B1_CELL_MM), round(columns * column_mm / B1_CELL_MM))
    coarse = Grid(
        shape,
        grid.centre,
        grid.column_step * columns / shape[2],
        grid.row_step * rows / shape[1],
        grid.slice_step,
        grid.thickness_mm,
    )
    points = np.stack([coarse.points(index) for index in range(slices)])
    exact = body.transmit.at(body.in_person(points).reshape(-1, 3)).reshape(shape)
    return coarse, (exact + B1_SD * rng.standard_normal(shape)).astype(np.float32)
