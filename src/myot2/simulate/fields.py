"""What varies smoothly in space: random fields, B1, receive sensitivity, fat saturation, oedema, fatty replacement.

Points are LPS millimetres in the person's own frame (see `myot2.simulate.anatomy`), shape (n, 3), so that everything
moves with the person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

REACH_MM = np.array([240.0, 140.0, 180.0])
"""Half the extent (x, y, z) in which fields are drawn; beyond it they keep the value of the border."""

B1_RANGE = (0.5, 1.4)


@dataclass(frozen=True)
class RandomField:
    """A Gaussian random field of mean 0 and standard deviation 1 with a set correlation length.

    `values` has the axes (z, y, x); `step_mm` is the distance of its nodes along x, y, z.
    """

    values: np.ndarray
    step_mm: np.ndarray

    @classmethod
    def draw(cls, rng: np.random.Generator, correlation_mm: tuple[float, float, float]) -> RandomField:
        """Draw a field; `correlation_mm` is the standard deviation of the smoothing kernel along x, y, z."""
        # Two nodes per correlation length: with fewer the linear interpolation between them would show.
        step = np.asarray(correlation_mm, dtype=float) / 2
        counts = np.ceil(2 * REACH_MM / step).astype(int) + 1
        noise = gaussian_filter(rng.standard_normal(tuple(counts[::-1])), 2.0, mode="wrap")
        return cls(((noise - noise.mean()) / noise.std()).astype(np.float32), step)

    def at(self, points: np.ndarray) -> np.ndarray:
        """Field values at points (n, 3), by linear interpolation, shape (n,)."""
        places = ((points + REACH_MM) / self.step_mm).T[::-1]
        return map_coordinates(self.values, places, order=1, mode="nearest")


@dataclass(frozen=True)
class TransmitField:
    """Relative B1: a difference between the legs, a fall towards the front of the thigh, and a random part.

    At 3 T the thigh's median is 1.00 with 5-95 % from 0.67 to 1.24, and the rectus femoris sees 54-93 % of nominal
    (Klupp et al., PMC5308846).
    """

    mean: float
    per_100_mm_left: float
    per_100_mm_posterior: float
    random: RandomField

    @classmethod
    def draw(cls, rng: np.random.Generator) -> TransmitField:
        """Draw one person's field."""
        return cls(
            mean=rng.normal(0.97, 0.03),
            per_100_mm_left=rng.normal(0.08, 0.05),
            per_100_mm_posterior=abs(rng.normal(0.14, 0.04)),
            random=RandomField.draw(rng, (60.0, 50.0, 80.0)),
        )

    def at(self, points: np.ndarray) -> np.ndarray:
        """Relative B1 at points (n, 3), within `B1_RANGE`."""
        x, y, _ = points.T / 100
        value = (
            self.mean
            + self.per_100_mm_left * np.tanh(x)
            + self.per_100_mm_posterior * y
            + 0.08 * self.random.at(points)
        )
        return np.clip(value, *B1_RANGE)


@dataclass(frozen=True)
class ReceiveField:
    """Sensitivity of an anterior and a posterior surface coil after incomplete normalisation, about 1."""

    left: float
    anterior: float
    random: RandomField

    @classmethod
    def draw(cls, rng: np.random.Generator) -> ReceiveField:
        """Draw one examination's field."""
        return cls(rng.normal(0, 0.06), rng.normal(0.08, 0.04), RandomField.draw(rng, (70.0, 70.0, 100.0)))

    def at(self, points: np.ndarray) -> np.ndarray:
        """Relative sensitivity at points (n, 3), positive."""
        x, y, z = points.T / 100
        near_coil = 0.22 * y**2 - 0.06 * z**2
        return np.exp(near_coil + self.left * x - self.anterior * y + 0.06 * self.random.at(points))


@dataclass(frozen=True)
class FatSaturation:
    """The fraction of the fat signal that survives chemical-shift saturation; log-normal in space."""

    median: float
    random: RandomField

    @classmethod
    def draw(cls, rng: np.random.Generator, median: float) -> FatSaturation:
        """Draw one examination's field of residual fat."""
        return cls(median, RandomField.draw(rng, (35.0, 35.0, 60.0)))

    def residual(self, points: np.ndarray) -> np.ndarray:
        """Residual fraction at points (n, 3), 0 to 0.5."""
        return np.minimum(self.median * np.exp(0.5 * self.random.at(points)), 0.5)


@dataclass(frozen=True)
class Lesions:
    """Water T2 and fat fraction of one person's muscles, and where oedema and fatty replacement sit.

    The arrays over muscles are indexed by label number; row 0 serves muscle tissue without a label.
    """

    base_t2_ms: float
    offset_ms: np.ndarray
    oedema_load: np.ndarray
    oedema_extent: np.ndarray
    fat_base: np.ndarray
    fat_load: np.ndarray
    texture: RandomField
    patches: RandomField
    replacement: RandomField
    streaks: RandomField

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        pairs: np.ndarray,
        base_t2_ms: float,
        oedema_ms: float,
        chronicity: float,
    ) -> Lesions:
        """Draw a person's lesions.

        Parameters
        ----------
        pairs : ndarray of int, shape (labels + 1,)
            For each label number the number of its muscle, equal on both sides: inflammation is mostly symmetric.
        base_t2_ms : float
            Mean water T2 of the person's muscle without oedema.
        oedema_ms : float
            How much oedema adds to the person's mean; more of it spreads to more muscles.
        chronicity : float
            0 (healthy) to 1 (years of disease); sets fatty replacement.
        """
        count = int(pairs.max()) + 1

        def per_muscle(shared: float, draw) -> np.ndarray:
            return shared * draw(count)[pairs] + (1 - shared) * draw(pairs.size)

        spread = 1 / (1 + oedema_ms / 8)
        replaced = per_muscle(0.8, rng.random) ** 3 * (per_muscle(0.8, rng.random) < chronicity)
        return cls(
            base_t2_ms=base_t2_ms,
            offset_ms=per_muscle(0.7, lambda n: rng.normal(0, 0.7, n)),
            oedema_load=np.clip(per_muscle(0.75, rng.random), 0.02, 1) ** (1.6 * spread),
            oedema_extent=per_muscle(0.6, lambda n: rng.normal(0, 0.5, n)) - 0.6 * spread,
            fat_base=np.clip(per_muscle(0.7, lambda n: rng.normal(0.025, 0.008, n)), 0.005, 0.06),
            fat_load=0.9 * replaced,
            texture=RandomField.draw(rng, (5.0, 5.0, 20.0)),
            patches=RandomField.draw(rng, (11.0, 11.0, 35.0)),
            replacement=RandomField.draw(rng, (9.0, 9.0, 40.0)),
            streaks=RandomField.draw(rng, (2.0, 2.0, 25.0)),
        )

    def healthy_t2(self, labels: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Water T2 (ms) that the muscle would have without oedema, shape (n,)."""
        return self.base_t2_ms + self.offset_ms[labels] + 0.5 * self.texture.at(points)

    def oedema(self, labels: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Relative oedema, 0 to 1: a diffuse part of each muscle and patches in it."""
        patch = 1 / (1 + np.exp(-4 * (self.patches.at(points) + self.oedema_extent[labels])))
        return self.oedema_load[labels] * (0.25 + 0.75 * patch)

    def fat_fraction(self, labels: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Proton-density fat fraction of the muscle, 0 to 0.8: streaks between the bundles, and replaced patches."""
        streaks = np.exp(0.6 * self.streaks.at(points))
        patch = 1 / (1 + np.exp(-3 * (self.replacement.at(points) - 0.3)))
        return np.minimum((self.fat_base[labels] + 0.8 * self.fat_load[labels] * patch) * streaks, 0.8)
