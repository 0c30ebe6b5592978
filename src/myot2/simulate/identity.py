"""Invented people: a patient and those around them, as a scanner's headers name them."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

SURNAMES = ("Ahlborn", "Brandauer", "Castellani", "Dvorakova", "Eklund", "Fontaine", "Grzelak", "Hautamaeki")
FORENAMES = {
    "F": ("Anneliese", "Beatrix", "Carolina", "Dorothea"),
    "M": ("Albrecht", "Benedikt", "Clemens", "Diethelm"),
}
STREETS = ("Lindenallee", "Muehlgasse", "Rosenweg", "Uferstrasse")
TOWNS = ("Adorfingen", "Bexhausen", "Cellenbach", "Dornfelden")


@dataclass(frozen=True)
class Identity:
    """An invented patient, and the invented people around them; dates as DICOM writes them (YYYYMMDD)."""

    patient_name: str
    patient_id: str
    birth_date: str
    sex: str
    age: int
    weight_kg: int
    address: str
    telephone: str
    study_date: str
    accession_number: str
    operator: str
    referring_physician: str
    institution: str
    institution_address: str
    station: str
    serial_number: str
    comment: str

    @property
    def strings(self) -> dict[str, str]:
        """Everything that must not be found in a de-identified file, by field."""
        public = ("sex", "age", "weight_kg")
        return {name: value for name, value in asdict(self).items() if name not in public}


def invent_identity(rng: np.random.Generator, *, sex: str, age: int) -> Identity:
    """Draw an identity that fits a row of the participants table."""

    def pick(names: tuple[str, ...]) -> str:
        return names[rng.integers(len(names))]

    surname, forename, town = pick(SURNAMES), pick(FORENAMES[sex]), pick(TOWNS)
    year, month, day = int(rng.integers(2019, 2023)), int(rng.integers(2, 13)), int(rng.integers(2, 29))
    # Born in January, so that the age at any later day of the year is the difference of the years.
    born = f"{year - age}01{int(rng.integers(1, 29)):02d}"
    operator, physician = f"{pick(SURNAMES)}^{pick(FORENAMES['F'])}", f"{pick(SURNAMES)}^{pick(FORENAMES['M'])}^^Dr"
    return Identity(
        patient_name=f"{surname}^{forename}",
        patient_id=f"KH{rng.integers(10**7, 10**8)}",
        birth_date=born,
        sex=sex,
        age=age,
        weight_kg=int(rng.normal(78 if sex == "M" else 66, 9)),
        address=f"{pick(STREETS)} {rng.integers(1, 120)}, {town}",
        telephone=f"+49 5555 {rng.integers(10**5, 10**6)}",
        study_date=f"{year}{month:02d}{day:02d}",
        accession_number=f"ACC{rng.integers(10**7, 10**8)}",
        operator=operator,
        referring_physician=physician,
        institution=f"Kreiskrankenhaus {town}",
        institution_address=f"{pick(STREETS)} 1, {town}",
        station=f"MRC{rng.integers(10**4, 10**5)}",
        serial_number=f"{rng.integers(10**5, 10**6)}",
        comment=f"{forename} {surname} klagt ueber Schwaeche, Rueckruf {town}",
    )
