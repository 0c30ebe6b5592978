"""What is odd about a label map, in words, and from where on it is odd."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from myot2.segment.legs import SIDES

CONFIDENCE_LIMIT = 0.6
"""Mean probability of a muscle's voxels below which its outline is mostly guessed."""

AGREEMENT_LIMIT = 0.7
"""Mean Dice of the votes below which they do not mean the same muscle; people who draw thigh muscles agree with one
another by 0.70 at worst (Muzic et al., Acta Myologica, doi:10.36185/2532-1900-052)."""

SLICE_DICE_LIMIT = 0.5
"""Dice of neighbouring slices, 5 mm apart, below which a muscle jumps."""

FAT_SHARE_LIMIT = 0.3
"""Share of a muscle's voxels with more fat than the limit above which a person should tell replacement by fat from an
outline that is drawn too wide."""

ASYMMETRY_LIMIT = 0.35
"""Healthy thighs differ by a few per cent; beyond this |L - R| / mean(L, R) a muscle is wasted or mislabelled."""

OTHER_LEG_LIMIT = 0.05
"""Share of a muscle beyond the middle between the legs; thighs that touch share no more."""

RISK_LIMIT = 0.5
"""Risk from which failure is the likelier outcome, of the simulated cases that the risk was calibrated on."""

LEAST_MUSCLES = 4
"""A field that shows a thigh at all shows more of its muscles: at the knee there are still the vasti, the sartorius and
the hamstrings, at the groin the adductors, the sartorius and the rectus femoris."""


def flags_of(
    figures: Mapping[str, Any], cropped_sides: Collection[str] = (), foreign_sides: Collection[str] = ()
) -> list[str]:
    """Sentences about the figures of `myot2.segment.quality.describe`; none where nothing is odd.

    Where there is no thigh, that is all that is said.

    Parameters
    ----------
    figures : mapping
    cropped_sides, foreign_sides : collection of str
        Legs that reach the edge of the network's field, and limbs that do not look like a thigh.
    """
    foreign = [
        f"{side} limb: it does not look like a thigh, nothing is labelled" for side in SIDES if side in foreign_sides
    ]
    missing_thigh = _no_thigh(figures)
    if missing_thigh:
        return [missing_thigh, *foreign]
    flags = foreign + [
        f"{side} leg: muscle reaches the edge of the network's field" for side in SIDES if side in cropped_sides
    ]
    if (figures["Risk"] or 0) >= RISK_LIMIT:
        flags.insert(0, f"risk of failure {figures['Risk']:.2f}, at least {RISK_LIMIT:g}")
    present = {row["name"] for row in figures["Muscles"] if row["voxels"]}
    for row in figures["Muscles"]:
        if row["name"] in present:
            flags += [f"{row['name']}, {row['side']}: {what}" for what in _of_muscle(row)]
    absent = dict.fromkeys(row["name"] for row in figures["Muscles"] if row["name"] not in present)
    flags += [f"{name}: no voxel on any side (outside the field, or missed)" for name in absent]
    flags += [
        f"{name}: left and right differ by {value:.0%}, more than {ASYMMETRY_LIMIT:.0%}"
        for name, value in figures["Asymmetry"].items()
        if value is not None and value > ASYMMETRY_LIMIT
    ]
    return flags


def _no_thigh(figures: Mapping[str, Any]) -> str | None:
    muscles = figures["Muscles"]
    if not muscles:
        return "no thigh found in the image: nothing is labelled"
    counts = [sum(row["voxels"] > 0 for row in muscles if row["side"] == side) for side in SIDES]
    known, most = len({row["name"] for row in muscles}), max(counts)
    if most < min(LEAST_MUSCLES, known):
        return f"no thigh found: of a leg's muscles no more than {most} labelled"
    return None


def _of_muscle(row: Mapping[str, Any]) -> Iterator[str]:
    if not row["voxels"]:
        yield "no voxel, though the other side has some"
        return
    if (row["risk"] or 0) >= RISK_LIMIT:
        yield f"risk of failure {row['risk']:.2f}, at least {RISK_LIMIT:g}"
    for key, words, limit in (
        ("mean_confidence", "mean confidence", CONFIDENCE_LIMIT),
        ("agreement", "agreement of the votes", AGREEMENT_LIMIT),
        ("slice_dice_lowest", "Dice of neighbouring slices", SLICE_DICE_LIMIT),
    ):
        if row[key] is not None and row[key] < limit:
            yield f"{words} {row[key]:.2f}, below {limit:g}"
    for key, words, limit in (
        ("fat_share", "of its voxels hold more fat than the limit", FAT_SHARE_LIMIT),
        ("other_leg", "of it lies on the other leg", OTHER_LEG_LIMIT),
    ):
        if row[key] is not None and row[key] > limit:
            yield f"{row[key]:.0%} {words}"
    if row["edge"]:
        yield "touches the edge of the image"
