"""What tissues look like in one image: brightness drawn at random, some of it by the rules of a pulse sequence.

Kinds of image: `in_phase` (T1-, T2- or proton-density-weighted spin or gradient echo, Dixon in-phase), `opposed`
(opposed-phase: fat and water cancel where they meet), `water` and `fat` (Dixon images, fat suppression), `stir`
(inversion recovery at the null of fat) and `random` (contrast that no scanner makes, so that the network learns shapes;
SynthSeg, Billot et al., Med Image Anal 2023;86:102789). Muscles share one brightness up to small differences: it is the
borders and shapes that tell them apart. Nothing is taken from `myot2.simulate.signal`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from myot2.simulate.anatomy import Tissue
from myot2.train.classes import class_count, is_muscle, septum_code
from myot2.train.recipe import Contrast

SWAPPED = {"water": "fat", "fat": "water"}


@dataclass(frozen=True)
class Appearance:
    """Brightness and tissue state of each class, drawn for one image.

    Attributes
    ----------
    still : ndarray, shape (classes,)
        Signal of everything that is not muscle; negative where fat is out of phase.
    muscle : ndarray, shape (classes,)
        Signal of the muscles' water; 0 elsewhere.
    fat_fraction : ndarray, shape (classes,)
        Mean fat fraction of each muscle (0-1).
    oedema : ndarray, shape (classes,)
        Relative brightening of a muscle inside an oedematous patch.
    fat : float
        Signal of pure fat.
    """

    still: np.ndarray
    muscle: np.ndarray
    fat_fraction: np.ndarray
    oedema: np.ndarray
    fat: float


def draw_kind(recipe: Contrast, rng: np.random.Generator) -> str:
    """Draw the kind of one image."""
    shares = recipe.kinds.model_dump()
    weights = np.array(list(shares.values()))
    return list(shares)[rng.choice(len(weights), p=weights / weights.sum())]


def draw_appearance(recipe: Contrast, kind: str, muscles: int, rng: np.random.Generator) -> Appearance:
    """Draw the appearance of one image of a kind; brightness 0 to about 1, for the codes of that many muscles."""
    muscle, fat = muscle_and_fat(kind, rng)
    classes, own = class_count(muscles), is_muscle(muscles)
    count = int(own.sum())
    spread = 0.12 if kind == "random" and rng.random() < 0.3 else rng.uniform(0.01, 0.06)
    signals = np.zeros(classes)
    signals[own] = muscle * np.clip(1 + spread * rng.standard_normal(count), 0.5, 1.5)
    fat_fraction, oedema = np.zeros(classes), np.zeros(classes)
    fat_fraction[own] = rng.uniform(0.01, 0.10) * rng.uniform(0.5, 1.5, count)
    if rng.random() < recipe.patient_share:
        infiltrated = rng.random(count) < rng.uniform(0, 0.9)
        fat_fraction[own] += infiltrated * rng.beta(*recipe.infiltration, count)
        oedema[own] = (rng.random(count) < rng.uniform(0, 1)) * rng.uniform(0.1, 1.2, count)
    still = _still_signals(kind, muscle, fat, own, rng)
    # A septum is fat about a sheet of fascia.
    fascia = rng.uniform(0, 1)
    septa = septum_code(np.arange(1, muscles + 1), muscles)
    still[septa] = (1 - fascia) * still[Tissue.INTERMUSCULAR_FAT] + fascia * still[Tissue.FASCIA]
    return Appearance(still, signals, fat_fraction, oedema, fat)


def muscle_and_fat(kind: str, rng: np.random.Generator) -> tuple[float, float]:
    """Signals of the muscles' water and of pure fat (negative where out of phase), the larger one about 1.

    Spin echo: PD (1 - exp(-TR/T1)) exp(-TE/T2); inversion recovery: PD |1 - 2 exp(-TI/T1) + exp(-TR/T1)| exp(-TE/T2);
    spoiled gradient echo: PD sin a (1 - E1) / (1 - E1 cos a) with E1 = exp(-TR/T1) (Bernstein, King and Zhou, Handbook
    of MRI Pulse Sequences, 2004). Fat's T2 is that of a train of echoes, in which J-coupling is undone.
    """
    if kind == "random":
        return rng.uniform(0.1, 1.0), rng.uniform(0.0, 1.0)
    density = np.array([rng.uniform(0.7, 0.85), rng.uniform(0.75, 1.0)])
    t1 = np.array([rng.uniform(900, 1500), rng.uniform(260, 420)])
    t2 = np.array([rng.uniform(28, 45), rng.uniform(50, 160)])
    signal = density * _weighting(kind, t1, t2, rng)
    if kind == "opposed":
        signal[1] *= -1
    elif kind in ("water", "stir"):
        # Suppression is never complete; at the inversion's null little is left anyway.
        signal[1] *= rng.uniform(0.02, 0.35) if kind == "water" else rng.uniform(0.5, 1.5)
    elif kind == "fat":
        signal[0] *= rng.uniform(0.01, 0.25)
    signal = signal * np.exp(rng.normal(0, 0.15, 2)) / np.abs(signal).max()
    return float(signal[0]), float(signal[1])


def _weighting(kind: str, t1: np.ndarray, t2: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if kind == "stir":
        repetition, inversion, echo = rng.uniform(2500, 6000), rng.uniform(160, 250), rng.uniform(10, 70)
        return np.abs(1 - 2 * np.exp(-inversion / t1) + np.exp(-repetition / t1)) * np.exp(-echo / t2)
    if rng.random() < 0.5:
        repetition = np.exp(rng.uniform(np.log(350), np.log(5000)))
        echo = np.exp(rng.uniform(np.log(7), np.log(90)))
        return (1 - np.exp(-repetition / t1)) * np.exp(-echo / t2)
    repetition, angle = np.exp(rng.uniform(np.log(4), np.log(400))), np.deg2rad(rng.uniform(3, 60))
    recovery = np.exp(-repetition / t1)
    return np.sin(angle) * (1 - recovery) / (1 - recovery * np.cos(angle))


def _still_signals(kind: str, muscle: float, fat: float, own: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Signals of all codes; those of the muscles' `own` codes are 0."""
    signals = np.where(own, 0.0, rng.uniform(0, 1, own.size))
    signals[Tissue.AIR] = 0.0
    signals[Tissue.SUBCUTANEOUS_FAT] = fat
    signals[Tissue.INTERMUSCULAR_FAT] = fat * rng.uniform(0.8, 1.1)
    signals[Tissue.MARROW] = fat * rng.uniform(0.6, 1.2)
    if kind != "random":
        brightest = max(muscle, abs(fat))
        signals[Tissue.SKIN] = rng.uniform(0.1, 1.0) * muscle
        signals[Tissue.FASCIA] = rng.uniform(0.0, 0.8) * muscle
        signals[Tissue.CORTEX] = rng.uniform(0.0, 0.12) * brightest
        signals[Tissue.ARTERY] = rng.uniform(0.0, 1.2) ** 2 * brightest
        signals[Tissue.VEIN] = rng.uniform(0.0, 1.2) ** 2 * brightest
    return signals
