"""A whole case: one participant's examination as the scanner gives it, and the truth behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from myot2.core.labels import LabelTable
from myot2.simulate import scan
from myot2.simulate.anatomy import Tissue, draw_person, render
from myot2.simulate.body import Body, Pose, Render, Slab, cut
from myot2.simulate.cohort import draw_cohort, stream
from myot2.simulate.fields import FatSaturation, Lesions, ReceiveField, TransmitField
from myot2.simulate.grid import Grid, VoxelAverage, axial_grid, coronal_grid, sagittal_grid
from myot2.simulate.identity import Identity, invent_identity
from myot2.simulate.kspace import RawData, Receiver, acquire
from myot2.simulate.protocol import (
    CORONAL_T1,
    DIXON,
    LOCALISER,
    MULTI_ECHO,
    MULTI_ECHO_WITH_FAT,
    Conditions,
    Preset,
    Sequence,
)
from myot2.simulate.series import LARGEST_PIXEL, Series
from myot2.simulate.signal import FAT_T1_MS, rician, spoiled_gradient_echo
from myot2.simulate.truth import Truth

DIXON_PARTS = {"in": "IN_PHASE", "opp": "OPP_PHASE", "fat": "FAT", "water": "WATER"}
DIXON_SNR_SHARE = 0.6
MUSCLE_PIXEL = {"dixon": 160.0, "multi-echo": 500.0, "gradient-echo": 300.0}
"""Pixel value of healthy muscle at nominal sensitivity; fat then stays within 12 bits."""

LEAST_OEDEMA_MS = 0.5
LARGEST_ATROPHY = 0.25
"""Mean fraction of a muscle's volume lost after years of disease."""


@dataclass(frozen=True)
class Examination:
    """All series of a participant, the truth, the invented identity in all headers, and raw data where wanted."""

    series: list[Series]
    truth: Truth
    identity: Identity
    raw: RawData | None = None


def simulate_participant(
    preset: Preset,
    seed: int,
    participant: str,
    conditions: Conditions,
    label_table: LabelTable,
    receiver: Receiver | None = None,
) -> Examination:
    """Simulate one participant of a cohort; depends on nothing but its arguments.

    With a receiver the raw data of the multi-echo series are made as well; everything else stays as it is without.

    Raises
    ------
    KeyError
        The preset's cohort has no such participant.
    """
    row, target = draw_cohort(seed, patients=preset.patients, controls=preset.controls).row(participant)
    chronicity = 0.0 if row["group"] == "control" else min(0.15 + float(row["disease_duration_months"]) / 80, 0.8)
    rng = stream(seed, participant, "body")
    person = draw_person(rng, people=preset.people, atrophy=LARGEST_ATROPHY * chronicity)

    def tissue_at(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return render(person, points, label_table)

    body = draw_body(
        rng,
        tissue_at,
        pairs=muscle_pairs(label_table),
        target_t2_ms=target,
        chronicity=chronicity,
        residual_fat=conditions.residual_fat,
    )
    identity = invent_identity(stream(seed, participant, "identity"), sex=row["sex"], age=int(row["age"]))
    generator = stream(seed, participant, "scan")
    if receiver is None:
        return Examination(*examine(body, preset, conditions, target, generator), identity=identity)
    series, truth, seen = examine_and_keep(body, preset, conditions, target, generator)
    raw = acquire(*seen, conditions, receiver, stream(seed, participant, "kspace"))
    return Examination(series, truth, identity, raw)


def muscle_pairs(label_table: LabelTable) -> np.ndarray:
    """For each label number the number of its muscle, equal on both sides; index 0 and gaps get 0.

    Bone has no place here: with every number more, other lesions would be drawn for the same seed.
    """
    pairs = np.zeros(max(label_table.muscle_indices()) + 1, dtype=int)
    for place, name in enumerate(label_table.muscles, start=1):
        pairs[label_table.muscle_indices(name=name)] = place
    return pairs


def draw_body(
    rng: np.random.Generator,
    render: Render,
    *,
    pairs: np.ndarray,
    target_t2_ms: float,
    chronicity: float,
    residual_fat: float,
) -> Body:
    """Lay a person on the table: the body's middle within a few mm of the isocentre, lesions and fields drawn."""
    centre = _middle(render)
    base = min(rng.normal(33.9, 0.9), target_t2_ms - LEAST_OEDEMA_MS)
    oedema_ms = target_t2_ms - base if chronicity > 0 else 0.0
    position = rng.uniform([-6, -6, -20], [6, 6, 20]) - centre
    return Body(
        render=render,
        position=position,
        pose=Pose.at_rest(position),
        lesions=Lesions.draw(rng, pairs=pairs, base_t2_ms=base, oedema_ms=oedema_ms, chronicity=chronicity),
        transmit=TransmitField.draw(rng),
        receive=ReceiveField.draw(rng),
        saturation=FatSaturation.draw(rng, residual_fat),
        oedema_gain_ms=oedema_ms,
    )


def _middle(render: Render) -> np.ndarray:
    """Middle of the body's bounding box at the slice position, in the person's frame."""
    x, y = np.meshgrid(np.arange(-300.0, 301, 4), np.arange(-200.0, 201, 4))
    _, tissue = render(np.stack([x, y, np.zeros_like(x)], axis=-1))
    inside = tissue != Tissue.AIR
    return np.array([(x[inside].min() + x[inside].max()) / 2, (y[inside].min() + y[inside].max()) / 2, 0.0])


def examine(
    body: Body, preset: Preset, conditions: Conditions, target_t2_ms: float, rng: np.random.Generator
) -> tuple[list[Series], Truth]:
    """Scan a body: all series in the order of acquisition, and the truth."""
    return examine_and_keep(body, preset, conditions, target_t2_ms, rng)[:2]


def examine_and_keep(
    body: Body, preset: Preset, conditions: Conditions, target_t2_ms: float, rng: np.random.Generator
) -> tuple[list[Series], Truth, tuple[Body, Grid, list[Slab]]]:
    """As `examine`, and what the multi-echo series saw: the body as it lay, the grid and the slabs of its slices."""
    isocentre = np.array([0.0, 0.0, body.position[2]])
    dixon_grid = axial_grid(preset.dixon_matrix, preset.slices, isocentre)
    t2_grid = axial_grid(preset.multi_echo_matrix, preset.slices, isocentre)
    dixon_slabs = _slabs(body, dixon_grid, preset)
    pose = Pose.draw(rng, conditions.motion_mm, body.position)
    moved = body.moved(pose) if conditions.motion_mm else body
    t2_slabs = _slabs(moved, t2_grid, preset) if conditions.motion_mm else dixon_slabs
    t2_average, dixon_average = _average(preset, t2_grid), _average(preset, dixon_grid)
    t2_labels = np.stack([scan.label_map(slab, t2_average) for slab in t2_slabs])
    t2_slabs, dixon_slabs, gain, t2_map = _meet_target(
        t2_slabs, dixon_slabs, t2_average, t2_labels, target_t2_ms, body.oedema_gain_ms
    )
    body, moved = replace(body, oedema_gain_ms=gain), replace(moved, oedema_gain_ms=gain)
    series = [
        *_survey(body, conditions, rng),
        *_dixon_series(body, dixon_grid, dixon_slabs, dixon_average, conditions, rng),
        *_t2_series(moved, t2_grid, t2_slabs, t2_average, conditions, rng),
    ]
    densities = [scan.proton_densities(slab, t2_average) for slab in t2_slabs]
    truth = Truth(
        dixon_grid=dixon_grid,
        t2_grid=t2_grid,
        dixon_labels=np.stack([scan.label_map(slab, dixon_average) for slab in dixon_slabs]),
        t2_labels=t2_labels,
        water_t2_ms=t2_map,
        fat_fraction=np.stack([fat / np.maximum(water + fat, 1e-3) for water, fat in densities]),
        b1=np.stack([_at(moved.transmit.at, moved, t2_grid, k) for k in range(preset.slices)]),
        motion=pose,
        target_t2_ms=target_t2_ms,
    )
    return series, truth, (moved, t2_grid, t2_slabs)


def _slabs(body: Body, grid: Grid, preset: Preset) -> list[Slab]:
    columns, rows = preset.fine_matrix
    return [cut(body, grid.sub_points(k, (rows, columns), preset.depth)) for k in range(preset.slices)]


def _average(preset: Preset, grid: Grid) -> VoxelAverage:
    return VoxelAverage(preset.fine_matrix[::-1], grid.shape[1:])


def _at(field: Callable[[np.ndarray], np.ndarray], body: Body, grid: Grid, slice_index: int) -> np.ndarray:
    """A field of the person at the voxel centres of one slice, float32 (rows, columns)."""
    points = body.in_person(grid.points(slice_index))
    return field(points.reshape(-1, 3)).reshape(grid.shape[1:]).astype(np.float32)


def _meet_target(
    t2_slabs: list[Slab],
    dixon_slabs: list[Slab],
    average: VoxelAverage,
    labels: np.ndarray,
    target_t2_ms: float,
    oedema_ms: float,
) -> tuple[list[Slab], list[Slab], float, np.ndarray]:
    """Scale the oedema (or shift the healthy T2, where there is none) so that the labelled voxels' mean is the target.

    Both act linearly on the mean, so one step is exact. Returns the slabs, the oedema gain (ms) and the T2 map.
    """
    parts = [scan.mean_water_t2(slab, average) for slab in t2_slabs]
    healthy, oedema = (np.stack([part[which] for part in parts]) for which in (1, 2))
    held = labels > 0
    missing = target_t2_ms - float(healthy[held].mean(dtype=float))
    if oedema_ms > 0 and missing > 0:
        shift, gain = 0.0, missing / float(oedema[held].mean(dtype=float))
    else:
        shift, gain = missing, 0.0
    same = t2_slabs is dixon_slabs
    t2_slabs = [replace(slab, healthy_t2=slab.healthy_t2 + np.float32(shift)) for slab in t2_slabs]
    dixon_slabs = (
        t2_slabs if same else [replace(slab, healthy_t2=slab.healthy_t2 + np.float32(shift)) for slab in dixon_slabs]
    )
    muscle = np.stack([part[0] for part in parts]) > 1e-6
    return t2_slabs, dixon_slabs, gain, np.where(muscle, healthy + shift + gain * oedema, 0).astype(np.float32)


def _dixon_series(
    body: Body, grid: Grid, slabs: list[Slab], average: VoxelAverage, conditions: Conditions, rng: np.random.Generator
) -> list[Series]:
    """The four Dixon series, and before them an in-phase series that motion spoiled and that was repeated."""
    reference = scan.dixon_muscle_signal()
    sigma = reference / (DIXON_SNR_SHARE * conditions.snr)
    gain = MUSCLE_PIXEL["dixon"] / reference
    parts = {name: [] for name in DIXON_PARTS}
    spoiled = []
    shifts = rng.normal(0, 0.5, 16)
    for k, slab in enumerate(slabs):
        sensitivity = _at(body.receive.at, body, grid, k)
        water, fat = scan.dixon_water_and_fat(slab, average, body.oedema_gain_ms)
        for name, image in scan.dixon_images(water, fat, sensitivity, sigma, rng).items():
            parts[name].append(image)
        ghosts = scan.ghosted((water + fat) * sensitivity, shifts, DIXON.echo_train_length)
        spoiled.append(rician(ghosts, 2 * sigma, rng))

    def series(number: int, part: str, slices: list[np.ndarray], start_s: float) -> Series:
        image_type = ("DERIVED", "PRIMARY", "DIXON", DIXON_PARTS[part])
        return _series(number, f"{DIXON.description}_{part}", image_type, DIXON, start_s, grid, slices, gain)

    return [
        series(3, "in", spoiled, 9.2 * 3600),
        *(series(5 + place, part, parts[part], 9.3 * 3600 + place) for place, part in enumerate(DIXON_PARTS)),
    ]


def _t2_series(
    body: Body, grid: Grid, slabs: list[Slab], average: VoxelAverage, conditions: Conditions, rng: np.random.Generator
) -> list[Series]:
    """The multi-echo series and the scanner's T2 map."""
    sequence = scan.MultiEcho.of(conditions.refocusing)
    ideal = sequence if conditions.refocusing == "ideal" else scan.MultiEcho.of("ideal")
    slices = [
        _t2_slice(body, grid, (k, slab), average, (sequence, ideal), conditions, rng) for k, slab in enumerate(slabs)
    ]
    echoes, maps = zip(*slices, strict=True)
    volumes = _pixels(np.moveaxis(np.stack(echoes), -1, 0), MUSCLE_PIXEL["multi-echo"] / sequence.muscle_signal)
    protocol = MULTI_ECHO if conditions.fat_suppression else MULTI_ECHO_WITH_FAT
    times, start_s = protocol.echo_times_ms, 9.45 * 3600
    original, derived = ("ORIGINAL", "PRIMARY", "M", "ND"), ("DERIVED", "PRIMARY", "T2 MAP", "ND")
    return [
        Series(9, protocol.description, original, protocol, times, start_s, ((grid, volumes),)),
        Series(10, "T2_map", derived, protocol, times[:1], start_s + 1, ((grid, np.stack(maps)[None]),)),
    ]


def _t2_slice(
    body: Body,
    grid: Grid,
    numbered: tuple[int, Slab],
    average: VoxelAverage,
    sequences: tuple[scan.MultiEcho, scan.MultiEcho],
    conditions: Conditions,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Noisy echoes (rows, columns, echoes) of a slice, and the map (rows, columns) of a scanner with ideal pulses."""
    (number, slab), (sequence, ideal) = numbered, sequences
    sensitivity, b1, residual = (
        _at(field, body, grid, number) for field in (body.receive.at, body.transmit.at, body.saturation.residual)
    )
    left = residual if conditions.fat_suppression else np.ones_like(residual)
    seen = {"oedema_gain_ms": body.oedema_gain_ms, "b1": b1, "residual_fat": left}
    clean = scan.multi_echo(slab, average, sequence, **seen)
    exact = clean if ideal is sequence else scan.multi_echo(slab, average, ideal, **seen)
    echoes = rician(clean * sensitivity[..., None], sequence.muscle_signal / conditions.snr, rng)
    return echoes, scan.vendor_map(
        exact,
        ideal,
        sensitivity=sensitivity,
        inside=scan.body_fraction(slab, average) >= scan.COVERAGE,
        sd_ms=conditions.vendor_sd_ms,
        snr=conditions.snr,
        rng=rng,
    )


def _survey(body: Body, conditions: Conditions, rng: np.random.Generator) -> list[Series]:
    """What precedes the examination proper: a localiser in three planes and a coronal T1-weighted series."""
    centre = np.array([0.0, 0.0, body.position[2]])
    planes = (
        replace(axial_grid((128, 70), 3, centre), slice_step=np.array([0, 0, 40.0])),
        coronal_grid((128, 96), 3, (3.2, 40.0), centre),
        sagittal_grid((72, 96), 3, (3.2, 80.0), centre),
    )
    coronal = coronal_grid((168, 112), 16, (2.5, 6.0), centre)
    localiser = tuple((grid, _gradient_echo(body, grid, LOCALISER, conditions.snr / 3, rng)) for grid in planes)
    t1 = ((coronal, _gradient_echo(body, coronal, CORONAL_T1, conditions.snr / 2, rng)),)
    original = ("ORIGINAL", "PRIMARY", "M", "ND")
    return [
        Series(1, LOCALISER.description, original, LOCALISER, LOCALISER.echo_times_ms, 9.05 * 3600, localiser),
        Series(2, CORONAL_T1.description, original, CORONAL_T1, CORONAL_T1.echo_times_ms, 9.1 * 3600, t1),
    ]


def _gradient_echo(body: Body, grid: Grid, sequence: Sequence, snr: float, rng: np.random.Generator) -> np.ndarray:
    """A spoiled gradient echo with water and fat in phase, one sample per voxel; uint16 (1, slices, rows, columns)."""
    settings = {"repetition_ms": sequence.repetition_time_ms, "flip_deg": sequence.flip_angle_deg}
    muscle = scan.MUSCLE
    reference = muscle.water * float(spoiled_gradient_echo(muscle.t1_ms, **settings))
    average = VoxelAverage(grid.shape[1:], grid.shape[1:])
    slices = []
    for k in range(grid.shape[0]):
        slab = cut(body, grid.sub_points(k, grid.shape[1:], 1))
        water, fat = scan.water_and_fat(
            slab,
            average,
            lambda t1, t2: np.full_like(t2, spoiled_gradient_echo(t1, **settings)),
            oedema_gain_ms=body.oedema_gain_ms,
            fat_signal=float(spoiled_gradient_echo(FAT_T1_MS, **settings)),
        )
        clean = (water + fat) * _at(body.receive.at, body, grid, k)
        slices.append(rician(clean, reference / snr, rng))
    return _pixels(np.stack(slices)[None], MUSCLE_PIXEL["gradient-echo"] / reference)


def _series(
    number: int,
    description: str,
    image_type: tuple[str, ...],
    sequence: Sequence,
    start_s: float,
    grid: Grid,
    slices: list[np.ndarray],
    gain: float,
) -> Series:
    pixels = _pixels(np.stack(slices)[None], gain)
    return Series(number, description, image_type, sequence, sequence.echo_times_ms, start_s, ((grid, pixels),))


def _pixels(signal: np.ndarray, gain: float) -> np.ndarray:
    return np.clip(np.rint(signal * gain), 0, LARGEST_PIXEL).astype(np.uint16)
