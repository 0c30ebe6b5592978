"""The clinical table of the digital cohort, and the T2 that each person is to have.

The recipe follows the published cohort (Wang F. et al., Eur Radiol 2023;33:2350): patients' T2 47.4 +- 9.0 ms, skewed,
2 of 64 below 36.4 ms; controls 33.9 +- 0.9 ms; Spearman's rho of T2 with CK 0.361, ALT 0.301, AST 0.340, LDH 0.302 and
with the ILD score -0.226; ILD in 31 of 61 with a score of 4.8 +- 1.6. People are invented; nobody's data are in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

CUTOFF_MS = 36.4
CONTROL_T2_MS = (33.9, 0.9)
PATIENT_T2_SHIFT_MS = 30.5657158
PATIENT_T2_LOG_MEAN = 2.6977184
PATIENT_T2_LOG_SD = 0.5013963
"""The shifted log-normal with mean 47.4, standard deviation 9.0 and P(T2 < 36.4) = 2/64 (a test solves it again)."""

LARGEST_T2_MS = 80.0
"""A mean above this would need voxels beyond the range of ten echoes to 100 ms."""

ENZYMES = ("ck", "alt", "ast", "ldh")
ENZYME_SPEARMAN = (0.361, 0.301, 0.340, 0.302)
ENZYME_LOG_MEAN = (5.98, 3.81, 3.95, 5.84)
ENZYME_LOG_SD = (1.58, 0.85, 0.78, 0.45)
ENZYME_MUTUAL_SPEARMAN = 0.2
ILD_SPEARMAN = -0.226
CONTROL_ENZYME_LOG_MEAN = (4.5, 2.9, 3.0, 5.2)
CONTROL_ENZYME_LOG_SD = (0.3, 0.25, 0.2, 0.12)

COLUMNS = (
    "participant_id",
    "dicom",
    "group",
    "diagnosis",
    "sex",
    "age",
    "disease_duration_months",
    "treatment",
    *ENZYMES,
    "ild_severity",
    "ild_extent",
)


@dataclass(frozen=True)
class Cohort:
    """The table of a cohort (`COLUMNS` without dicom) and the target T2 (ms) of each row, which no table shows."""

    table: pd.DataFrame
    target_t2_ms: np.ndarray

    def row(self, participant: str) -> tuple[pd.Series, float]:
        """One participant's row and target T2.

        Raises
        ------
        KeyError
            The cohort has no such participant.
        """
        places = np.flatnonzero(self.table["participant_id"] == participant)
        if not places.size:
            raise KeyError(f"no participant {participant!r} in this cohort; it has {', '.join(self.table.iloc[:, 0])}")
        return self.table.iloc[places[0]], float(self.target_t2_ms[places[0]])


def stream(seed: int, participant: str, purpose: str) -> np.random.Generator:
    """Random numbers of one participant for one purpose, independent of all others and of the order of work."""
    key = tuple(f"{participant}/{purpose}".encode())
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def participant_ids(patients: int, controls: int) -> list[str]:
    """P01, P02 ... C01, C02 ..."""
    return [f"P{n:02d}" for n in range(1, patients + 1)] + [f"C{n:02d}" for n in range(1, controls + 1)]


def draw_cohort(seed: int, *, patients: int, controls: int) -> Cohort:
    """Draw the clinical table; equal seed and sizes give the same cohort."""
    ids = participant_ids(patients, controls)
    sick, sick_t2 = _draw_patients(stream(seed, "patients", "clinical"), patients)
    well, well_t2 = _draw_controls(stream(seed, "controls", "clinical"), controls)
    table = pd.concat([sick, well], ignore_index=True)
    table.insert(0, "participant_id", ids)
    return Cohort(table[[name for name in COLUMNS if name != "dicom"]], np.concatenate([sick_t2, well_t2]))


def with_dicom_folders(table: pd.DataFrame, dicom_root: str) -> pd.DataFrame:
    """The participants table with the folder of each participant, DICOM_ROOT/sub-ID/dicom."""
    folders = [f"{dicom_root.rstrip('/')}/sub-{participant}/dicom" for participant in table["participant_id"]]
    return table.assign(dicom=folders)[list(COLUMNS)]


def with_raw_folders(table: pd.DataFrame, root: str) -> pd.DataFrame:
    """The table with the folder of each participant's raw data, ROOT/sub-ID/kspace, after that of the DICOM files."""
    folders = [f"{root.rstrip('/')}/sub-{participant}/kspace" for participant in table["participant_id"]]
    result = table.copy()
    result.insert(list(table.columns).index("dicom") + 1, "kspace", folders)
    return result


def gaussian_copula_matrix() -> np.ndarray:
    """Correlation matrix of the latent normals of (T2, CK, ALT, AST, LDH, ILD), shape (6, 6).

    Latent r = 2 sin(pi rho / 6) has Spearman's rho (Pearson 1907; Kruskal, JASA 1958;53:814).
    """
    rho = np.eye(6)
    rho[0, 1:5] = rho[1:5, 0] = ENZYME_SPEARMAN
    rho[0, 5] = rho[5, 0] = ILD_SPEARMAN
    rho[1:5, 1:5] = np.where(np.eye(4) > 0, 1, ENZYME_MUTUAL_SPEARMAN)
    return 2 * np.sin(np.pi * rho / 6)


def patient_t2(latent: np.ndarray) -> np.ndarray:
    """Patients' mean T2 (ms) from standard normal values."""
    return np.minimum(PATIENT_T2_SHIFT_MS + np.exp(PATIENT_T2_LOG_MEAN + PATIENT_T2_LOG_SD * latent), LARGEST_T2_MS)


def _draw_patients(rng: np.random.Generator, count: int) -> tuple[pd.DataFrame, np.ndarray]:
    independent = rng.standard_normal((count, 6))
    # One T2 from each of `count` equally likely strata, so that a small cohort spans the distribution too.
    independent[:, 0] = ndtri((rng.permutation(count) + rng.uniform(0, 1, count)) / count)
    latent = independent @ np.linalg.cholesky(gaussian_copula_matrix()).T
    diagnosis = _shuffled(rng, count, {"DM": 27, "PM": 29, "ASS": 8})
    enzymes = np.exp(np.array(ENZYME_LOG_MEAN) + np.array(ENZYME_LOG_SD) * latent[:, 1:5])
    severity, extent = _draw_ild(rng, latent[:, 5] + 1.2 * (diagnosis == "ASS"))
    age = 44.3 + 14.5 * _truncated_normal(rng, count, (19 - 44.3) / 14.5, (72 - 44.3) / 14.5)
    months = np.clip(np.exp(rng.normal(2.5, 1.15, count)), 1, 144)
    table = pd.DataFrame(
        {
            "group": "patient",
            "diagnosis": diagnosis,
            "sex": _shuffled(rng, count, {"M": 26, "F": 38}),
            "age": np.rint(age).astype(int),
            "disease_duration_months": pd.array(np.rint(months).astype(int), dtype="Int64"),
            "treatment": _shuffled(rng, count, {"untreated": 37, "relapsed": 27}),
            **{name: np.rint(enzymes[:, place]).astype(int) for place, name in enumerate(ENZYMES)},
            "ild_severity": severity,
            "ild_extent": extent,
        }
    )
    return table, patient_t2(latent[:, 0])


def _draw_controls(rng: np.random.Generator, count: int) -> tuple[pd.DataFrame, np.ndarray]:
    mean, sd = CONTROL_T2_MS
    t2 = mean + sd * _truncated_normal(rng, count, -np.inf, (CUTOFF_MS - mean) / sd)
    enzymes = np.exp(
        np.array(CONTROL_ENZYME_LOG_MEAN) + np.array(CONTROL_ENZYME_LOG_SD) * rng.standard_normal((count, 4))
    )
    unknown = pd.array([pd.NA] * count, dtype="Int64")
    table = pd.DataFrame(
        {
            "group": "control",
            "diagnosis": "HC",
            "sex": _shuffled(rng, count, {"M": 1, "F": 9}),
            "age": np.rint(np.clip(25 + rng.exponential(11.6, count), 25, 63)).astype(int),
            "disease_duration_months": unknown,
            "treatment": pd.NA,
            **{name: np.rint(enzymes[:, place]).astype(int) for place, name in enumerate(ENZYMES)},
            "ild_severity": unknown,
            "ild_extent": unknown,
        }
    )
    return table, t2


def _draw_ild(rng: np.random.Generator, latent: np.ndarray) -> tuple[pd.array, pd.array]:
    """Severity and extent (0-4 each): the higher half of those with HRCT have ILD; 5 % have no HRCT."""
    count = latent.size
    known = np.ones(count, dtype=bool)
    known[rng.permutation(count)[: max(1, round(0.05 * count))]] = False
    order = np.argsort(np.where(known, latent, -np.inf))
    present = np.zeros(count, dtype=bool)
    present[order[count - round(0.51 * known.sum()) :]] = True
    rank = np.zeros(count)
    rank[present] = ndtri((np.argsort(np.argsort(latent[present])) + 0.5) / max(present.sum(), 1))
    scores = []
    for mean in (2.5, 2.5):
        grade = np.rint(mean + 0.9 * rank + 0.6 * rng.standard_normal(count))
        grade = np.where(present, np.clip(grade, 1, 4), 0).astype(int)
        scores.append(pd.array(np.where(known, grade, 0), dtype="Int64"))
        scores[-1][~known] = pd.NA
    return scores[0], scores[1]


def _shuffled(rng: np.random.Generator, count: int, weights: dict[str, int]) -> np.ndarray:
    """`count` names in random order, as near to the weights as whole numbers allow (largest remainder)."""
    share = count * np.array(list(weights.values())) / sum(weights.values())
    whole = np.floor(share).astype(int)
    short = count - whole.sum()
    whole[np.argsort(whole - share, kind="stable")[:short]] += 1
    return rng.permutation(np.repeat(np.array(list(weights), dtype=object), whole))


def _truncated_normal(rng: np.random.Generator, count: int, low: float, high: float) -> np.ndarray:
    return ndtri(rng.uniform(ndtr(low), ndtr(high), count))
