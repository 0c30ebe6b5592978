"""The people a network learns from: their thighs are made once and kept as class volumes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from scipy import ndimage

from myot2.core.errors import MyoT2Error
from myot2.core.files import atomic
from myot2.core.images import read_image
from myot2.core.labels import LabelTable
from myot2.segment.legs import SIDES
from myot2.simulate.anatomy import Person, Tissue, draw_person, render
from myot2.simulate.atlas import load_atlas
from myot2.simulate.atlas_fit import held_out, person_of
from myot2.simulate.atlas_template import FEMUR_RIGHT, build_template
from myot2.train.classes import OTHER_MUSCLE, class_codes, septum_code
from myot2.train.recipe import AtlasPeople, Population, Recipe
from myot2.train.strangers import draw_stranger
from myot2.train.thighs import CompleteThigh, Completion, Sampling, neighbours_field, read_thighs
from myot2.train.variants import draw_variant

CENTRE_STEP_MM = 6.0
"""Sampling at which a leg is first looked for."""

COARSE = 8
"""Every so many points per axis tell where tissue is near."""

STRANGER = "stranger-"
"""Beginning of the file names of limbs that are no thigh."""

Report = Callable[[str], None]


def keep_population(
    recipe: Recipe,
    table: LabelTable,
    folder: str | Path,
    *,
    maps: str | Path | None = None,
    whole_leg: str | Path | None = None,
    processes: int = 2,
    report: Report = print,
) -> list[Path]:
    """Make all thighs that are not yet kept in `folder`; return the files, in order.

    Parameters
    ----------
    recipe : Recipe
    table : LabelTable
    folder : str or Path
        Its subfolder `people` holds the class volumes, `thighs` the completed label maps.
    maps, whole_leg : str or Path, optional
        Folder of thigh label maps, and the whole-leg label map; needed where the recipe has `maps`.
    processes : int
        Thighs that are completed at the same time; the result does not depend on it.
    report : callable
        Takes one line of text per person.

    Raises
    ------
    MyoT2Error
        The recipe has label maps, and they are not given.
    """
    folder = Path(folder)
    people = folder / "people"
    people.mkdir(parents=True, exist_ok=True)
    population, paths = recipe.population, []
    for number in range(population.atlas.count):
        files = [people / f"atlas-{number:04d}_{side}.npy" for side in SIDES]
        if not all(file.is_file() for file in files):
            for file, volume in zip(files, render_person(population, table, number), strict=True):
                _keep(file, volume)
            report(f"rendered person {number + 1} of {population.atlas.count}")
        paths += files
    if population.maps:
        if not (maps and whole_leg):
            raise MyoT2Error(
                expected="label maps of thighs and of a whole leg, for the recipe has population.maps",
                found="no folder of them",
                where="--maps, --whole-leg",
                do="Give both, or take population.maps out of the recipe.",
            )
        completed = complete_maps(
            population, table, folder / "thighs", maps, whole_leg, held=False, processes=processes, report=report
        )
        paths += _keep_variants(population, table, people, completed)
    if population.strangers:
        paths += _keep_strangers(population, people)
    return paths


def is_stranger(path: Path) -> bool:
    """Whether a kept volume shows no thigh, so that nothing in it is to be labelled."""
    return path.name.startswith(STRANGER)


def render_person(population: Population, table: LabelTable, number: int) -> list[np.ndarray]:
    """Render both thighs of one training person of the atlas, each as if it were a right one.

    Parameters
    ----------
    population : Population
    table : LabelTable
    number : int
        Which person; the same number gives the same person.

    Returns
    -------
    list of ndarray of uint8, shape (slices, rows, columns)
        Class codes (see `myot2.train.classes`): the right thigh, and the left one mirrored. Slices towards the head,
        rows towards the back, columns towards the middle of the body; the leg's centroid in the middle; the other leg
        is air, as in the network's input.
    """
    atlas = population.atlas
    rng = np.random.default_rng([atlas.seed, number])
    atrophy = rng.uniform(0, atlas.atrophy_most) if rng.random() < atlas.atrophy_share else 0.0
    person = draw_person(rng, people="training", atrophy=atrophy)
    return [_render_leg(person, population, table, side) for side in SIDES]


def complete_maps(
    population: Population,
    table: LabelTable,
    folder: Path,
    maps: str | Path,
    whole_leg: str | Path,
    *,
    held: bool,
    processes: int = 2,
    report: Report = print,
) -> list[Path]:
    """Complete both thighs of all label maps of the training people, or of the held-out ones; return their files.

    People are split before anything else: every fifth one in alphabetical order is held out (see
    `myot2.simulate.atlas_fit.held_out`), as the atlas holds them out.
    """
    sources = sorted(Path(maps).glob("*.nii.gz"))
    if not sources:
        raise MyoT2Error(
            expected="label maps of thighs (*.nii.gz)", found="none", where=maps, do="Give their folder with --maps."
        )
    apart = held_out([person_of(source) for source in sources])
    chosen = [source for source in sources if (person_of(source) in apart) == held]
    folder.mkdir(parents=True, exist_ok=True)
    sampling = Sampling(population.in_plane_mm, population.slice_mm, population.width_mm)
    files_of = {
        source: [folder / f"{source.name.removesuffix('.nii.gz')}_{side}.npz" for side in SIDES] for source in chosen
    }
    lacking = [source for source, files in files_of.items() if not all(file.is_file() for file in files)]
    if lacking:
        whole = read_image(whole_leg)
        template = build_template(whole, table)
        own = {int(label.musclemap) for label in table.labels if label.musclemap.isdecimal()} | {FEMUR_RIGHT}
        completion = Completion(load_atlas(), template, neighbours_field(whole, template, own), table)
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            jobs = [pool.submit(_complete, completion, source, sampling, files_of[source]) for source in lacking]
            for source, job in zip(lacking, jobs, strict=True):
                job.result()
                report(f"completed {source.name}")
    return [file for files in files_of.values() for file in files]


def read_complete(path: str | Path) -> CompleteThigh:
    """Read a thigh that `complete_maps` kept."""
    with np.load(path, allow_pickle=False) as stored:
        values = {field.name: stored[field.name] for field in fields(CompleteThigh)}
    return CompleteThigh(**{**values, "real": slice(*values["real"].tolist())})


def _complete(completion: Completion, source: Path, sampling: Sampling, files: list[Path]) -> None:
    import torch

    torch.set_num_threads(1)
    thighs = read_thighs(read_image(source))
    for side, file in zip(SIDES, files, strict=True):
        thigh = completion.complete(*thighs[side], mirror=side == "left", sampling=sampling)
        values = {field.name: getattr(thigh, field.name) for field in fields(thigh)}
        with atomic(file) as temporary, open(temporary, "wb") as handle:
            np.savez_compressed(handle, **{**values, "real": np.array([thigh.real.start, thigh.real.stop])})


def _keep_variants(population: Population, table: LabelTable, people: Path, thighs: list[Path]) -> list[Path]:
    recipe, paths = population.maps, []
    for number, source in enumerate(thighs):
        files = [people / f"{source.stem}_{variant}.npy" for variant in range(recipe.variants)]
        if not all(file.is_file() for file in files):
            thigh = read_complete(source)
            for variant, file in enumerate(files):
                rng = np.random.default_rng([recipe.seed, number, variant])
                codes = draw_variant(thigh, len(table.muscles), recipe.variation, population.in_plane_mm, rng)
                _keep(file, codes)
        paths += files
    return paths


def _keep_strangers(population: Population, people: Path) -> list[Path]:
    sampling = Sampling(population.in_plane_mm, population.slice_mm, population.width_mm)
    paths = []
    for number in range(population.strangers.count):
        paths.append(people / f"{STRANGER}{number:04d}.npy")
        if not paths[-1].is_file():
            _keep(paths[-1], draw_stranger(sampling, np.random.default_rng([population.strangers.seed, number])))
    return paths


def _keep(file: Path, volume: np.ndarray) -> None:
    with atomic(file) as temporary, open(temporary, "wb") as handle:
        np.save(handle, volume)


def _render_leg(person: Person, population: Population, table: LabelTable, side: str) -> np.ndarray:
    atlas: AtlasPeople = population.atlas
    sign = 1.0 if side == "left" else -1.0
    z = np.arange(-atlas.half_length_mm, atlas.half_length_mm + 1e-6, population.slice_mm)
    coarse = np.arange(-population.width_mm, population.width_mm + 1e-6, CENTRE_STEP_MM)
    beside = coarse[coarse > 0]
    _, tissue = render(person, _points(z[:: max(len(z) // 6, 1)], coarse, sign * beside[::-1]), table)
    _, row, column = (axis.mean() for axis in np.nonzero(tissue != Tissue.AIR))
    middle_y = coarse[0] + row * CENTRE_STEP_MM
    middle_x = beside[-1] - column * CENTRE_STEP_MM
    offsets = Sampling(population.in_plane_mm, population.slice_mm, population.width_mm).offsets
    distance = middle_x - offsets
    grid = _points(z, middle_y + offsets, sign * distance)
    near = _near_tissue(person, grid, table)
    codes = np.zeros(near.shape, np.uint8)
    codes[near] = class_codes(*render(person, grid[near], table), table, side)
    codes[:, :, distance <= 0] = Tissue.AIR
    _name_septa(codes, len(table.muscles), person.septum_mm, population.in_plane_mm)
    return codes


def _name_septa(codes: np.ndarray, muscles: int, septum_mm: float, pixel_mm: float) -> None:
    """Give the fat within half a septum of a muscle that muscle's septum, in place."""
    for plane in codes:
        far = plane <= OTHER_MUSCLE
        if far.all():
            continue
        away, (rows, columns) = ndimage.distance_transform_edt(far, return_indices=True)
        near = (plane == Tissue.INTERMUSCULAR_FAT) & ((away - 0.5) * pixel_mm < septum_mm)
        plane[near] = septum_code(plane[rows, columns].astype(int) - OTHER_MUSCLE, muscles)[near]


def _near_tissue(person: Person, grid: np.ndarray, table: LabelTable) -> np.ndarray:
    """Which points (slices, rows, columns) can be tissue at all: more than half the field is air, and costly."""
    _, coarse = render(person, grid[:, ::COARSE, ::COARSE], table)
    wide = ndimage.binary_dilation(coarse != Tissue.AIR, np.ones((1, 3, 3)))
    return wide.repeat(COARSE, axis=1).repeat(COARSE, axis=2)[:, : grid.shape[1], : grid.shape[2]]


def _points(z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """LPS points (slices, rows, columns, 3)."""
    grid = np.meshgrid(*(axis.astype(np.float32) for axis in (z, y, x)), indexing="ij")
    return np.stack(grid[::-1], axis=-1)
