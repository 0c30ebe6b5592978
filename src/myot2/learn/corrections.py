"""What people said about a run's masks, as examples: accepted and corrected ones, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.core.files import sha256
from myot2.core.images import read_sidecar, read_volume, require_same_grid
from myot2.core.labels import LabelTable
from myot2.core.scans import Scan
from myot2.core.stopnote import Stopped
from myot2.learn.examples import Example, limbs_of
from myot2.review.decisions import Row, changed_since, deciding, read_decisions
from myot2.review.masks import read_corrected
from myot2.review.places import mask_that_counts
from myot2.segment.model import ModelConfiguration


@dataclass(frozen=True)
class Seen:
    """A scan that somebody looked at: whose it is, the image that was labelled, and the run's own label map."""

    scan: Scan
    image: Path
    own_labels: Path


@dataclass(frozen=True)
class Taken:
    """Examples, and in words why scans are left out, by the scan's name."""

    examples: tuple[Example, ...]
    left_out: dict[str, str]


def take_corrections(
    folder: str | Path,
    seen: Sequence[Seen],
    raters: Sequence[str] | None,
    configuration: ModelConfiguration,
    table: LabelTable,
    *,
    versions: Collection[str],
) -> Taken:
    """Make examples of the masks that were accepted or corrected.

    The decision that counts is that by which the scan is measured (`myot2.review.decisions.deciding`). A muscle that
    was rejected counts as not annotated. Nothing is learned from a scan that was rejected, of which nobody decided,
    whose image or accepted or corrected mask has changed since, or whose mask was drawn on the grid of the T2 map: the
    network sees another image, and resampled labels are not what a person drew. A corrected mask stays good when the
    image is labelled anew, by another version of the model.

    Parameters
    ----------
    folder : str or Path
        Of decisions.tsv and the corrected label maps (`review.folder`).
    seen : sequence of Seen
    raters : sequence of str or None
        Whose decisions count (`review.raters`).
    configuration : ModelConfiguration
        Of the network that is to learn.
    table : LabelTable
    versions : collection of str
        SHA-256 of the weights of all versions of the model that is to learn: what these labelled and nobody changed is
        no truth to judge it by.

    Raises
    ------
    MyoT2Error
        The table of decisions is not valid. What is wrong with one scan is said in `left_out`.
    """
    rows = read_decisions(folder)
    decided = deciding(rows, raters)
    examples: list[Example] = []
    left_out: dict[str, str] = {}
    for one in seen:
        try:
            found = _examples_of(one, decided.get(one.scan.name), rows, folder, configuration, table, versions)
        except MyoT2Error as error:
            left_out[one.scan.name] = f"expected {error.expected}; found {error.found}"
        except Stopped as stopped:
            left_out[one.scan.name] = f"stopped at {stopped.note.stage}"
        else:
            examples += found
    return Taken(tuple(examples), left_out)


def _examples_of(
    one: Seen,
    row: Row | None,
    rows: Sequence[Row],
    folder: str | Path,
    configuration: ModelConfiguration,
    table: LabelTable,
    versions: Collection[str],
) -> list[Example]:
    if row is None or row.decision == "reject scan":
        raise _left_out(
            "a mask that was accepted or corrected", "no decision" if row is None else "a rejected scan", one
        )
    mask = mask_that_counts(folder, one.scan.name, row, rows)
    drawn = sha256(mask) if mask else None
    image, own = read_volume(one.image), read_volume(one.own_labels)
    # a mask that a person drew holds for the image, whichever version of a model labelled it meanwhile
    own_sha256 = row.mask_sha256 if row.decision == "corrected" else sha256(one.own_labels)
    changed = changed_since(row, sha256(one.image), own_sha256, drawn)
    if changed:
        raise _left_out("the files that the decision was made about", f"{' and '.join(changed)} changed since", one)
    labels = own if row.decision != "corrected" else read_corrected(mask, table, own)[0]
    require_same_grid(image, labels, where=one.own_labels, what="image and label map")
    examples = limbs_of(
        image,
        sitk.Cast(labels, sitk.sitkUInt16),
        configuration,
        table,
        person=one.scan.participant_id,
        name=one.scan.name,
        not_drawn=_rejected(row, table),
        made_by_model=own if read_sidecar(one.own_labels).get("ModelSha256") in versions else None,
        where=one.image,
    )
    if not examples:
        raise _left_out("a thigh with labels", "none", one)
    return examples


def _rejected(row: Row, table: LabelTable) -> set[int]:
    names = set(row.rejected_muscles)
    return {label.index for label in table.labels if f"{label.side} {label.name}" in names}


def _left_out(expected: str, found: str, one: Seen) -> MyoT2Error:
    return MyoT2Error(expected=expected, found=found, where=one.image, do="Look at the case (make review).")
