"""Checks of the protocol: against the headers of the images, and field of view against matrix."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, ClassVar, Literal

from pydantic import Field

from myot2.analyse.claims.check import Check, Ledger, Name, Operand, Severity, Verdict
from myot2.analyse.claims.interval import show
from myot2.core.config_section import Section


class Fact(Section):
    """A printed number of the protocol and where the images' sidecars have it."""

    claim: Name = Field(description="The claim.")
    field: str = Field(description="The key in the sidecars, such as RepetitionTime.")
    less: str | None = Field(None, description="A key whose value is taken away, such as SliceThickness for the gap.")
    role: str | None = Field(None, description="Only sidecars whose Role begins so, such as mese; null: all.")
    take: Literal["each", "smallest", "largest", "count"] = Field(
        "each", description="Which of the values is meant; count is the number of different ones."
    )
    times: float = Field(1.0, description="What the sidecar's value is multiplied by: 1000 from s to ms.")


class ProtocolVsDicom(Check):
    """The printed protocol is that of the images, read from their headers."""

    rule: Literal["protocol_vs_dicom"]
    facts: list[Fact] = Field(min_length=1)

    def claims(self) -> list[str]:
        """The claims of the facts."""
        return list(dict.fromkeys(fact.claim for fact in self.facts))

    def judge(self, ledger: Ledger) -> Verdict:
        """Hold each fact against the sidecars that have it."""
        wrong, checked, printed = [], 0, []
        for fact in self.facts:
            claim = ledger.printed(fact.claim)
            printed.append(f"{ledger.claims[fact.claim].what} {claim.text}")
            values = _values(fact, ledger)
            checked += bool(values)
            off = sorted({value for value in values if value not in claim.rounding_interval()})
            if off:
                numbers = ", ".join(f"{float(value):g}" for value in off[:5]) + (" ..." if len(off) > 5 else "")
                wrong.append(f"{ledger.claims[fact.claim].what}: {claim.text} is printed, the images have {numbers}")
        if not checked:
            words = "no sidecar with these facts was given"
            return Verdict(None, None, "; ".join(printed), "the images' own values", words)
        agree = f"{checked} of {len(self.facts)} facts are in {len(ledger.sidecars)} sidecars, and agree"
        return Verdict(not wrong, None, "; ".join(printed), "the images' own values", "; ".join(wrong) or agree)


class VoxelSize(Check):
    """Field of view, matrix and voxel size belong together, and the voxel size is told."""

    severity: ClassVar[Severity] = "info"

    rule: Literal["voxel_size"]
    field_of_view: tuple[Operand, Operand] = Field(description="mm")
    matrix: tuple[Operand, Operand] = Field(description="pixels, in the same order")
    voxel: tuple[Operand, Operand] | None = Field(None, description="mm, as printed; null where it is not.")

    def judge(self, ledger: Ledger) -> Verdict:
        """Divide; where no voxel size is printed, the quotient must be square to be taken for it."""
        sizes = [
            ledger.interval(length) / ledger.interval(pixels)
            for length, pixels in zip(self.field_of_view, self.matrix, strict=True)
        ]
        words = " x ".join(show(size) for size in sizes)
        printed = f"{_by(self.field_of_view, ledger)} mm by {_by(self.matrix, ledger)}"
        if self.voxel is not None:
            consistent = all(size.overlaps(ledger.interval(side)) for size, side in zip(sizes, self.voxel, strict=True))
            sentence = f"{printed} gives voxels of {words} mm; {_by(self.voxel, ledger)} mm is printed"
            return Verdict(consistent, None, f"{printed}, {_by(self.voxel, ledger)} mm", f"{words} mm", sentence)
        consistent = abs(sizes[0].middle / sizes[1].middle - 1) < 0.02
        sentence = f"{printed} gives voxels of {words} mm"
        if not consistent:
            sentence += (
                ", which are not square, and no pixel spacing is printed: whether images were interpolated, and how "
                "many voxels a region has, is not told"
            )
        return Verdict(consistent, None, printed, "the images' pixel spacing and matrix", sentence)


def _values(fact: Fact, ledger: Ledger) -> list[Fraction]:
    keys = [fact.field] if fact.less is None else [fact.field, fact.less]
    found = []
    for sidecar in ledger.sidecars:
        if all(_is_number(sidecar.get(key)) for key in keys) and str(sidecar.get("Role", "")).startswith(
            fact.role or ""
        ):
            first, *less = (Fraction(str(sidecar[key])) for key in keys)
            found.append((first - sum(less)) * Fraction(str(fact.times)))
    if not found or fact.take == "each":
        return found
    return [{"smallest": min, "largest": max, "count": lambda values: Fraction(len(set(values)))}[fact.take](found)]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _by(operands: tuple[Operand, Operand], ledger: Ledger) -> str:
    return " x ".join(ledger.text(operand) for operand in operands)
