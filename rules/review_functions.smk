"""What the rules ask of the people's decisions: which scans have one, and whose label map is measured."""

from myot2.review.decisions import deciding, read_decisions
from myot2.review.places import mask_of, mask_that_counts
from myot2.review.readings import pairs_of, readings_of

try:
    ALL_READINGS = read_decisions(settings.review.folder)
except MyoT2Error as error:
    raise WorkflowError(str(error)) from error
ALL_DECIDED = deciding(ALL_READINGS, settings.review.raters)
DECIDED = ALL_DECIDED if settings.review.apply else {}
"""The decision that counts of each scan that has one, by the scan's name; none where they are compared only."""

CORRECTED = {
    scan: str(path)
    for scan in cohort
    if (path := mask_that_counts(settings.review.folder, scan, ALL_DECIDED.get(scan), ALL_READINGS))
}
"""The corrected label map that goes with that decision, or that a person put there, of each scan that has one."""

READINGS = readings_of(ALL_READINGS)
"""The last row of each reading of each scan: scan, then reading, such as anna1."""

REVIEWED = [scan for scan in cohort if scan in ALL_DECIDED or scan in CORRECTED]
"""The scans that have a decision, or a corrected mask."""


def of_scans(scans, pattern):
    """A file name pattern once for each of some scans."""
    return [pattern.format(folder=cohort[scan].folder, visit=cohort[scan].visit, scan=scan) for scan in scans]


def corrected_path(wildcards):
    """The corrected label map of a scan that counts, if a person drew one."""
    return CORRECTED.get(wildcards.scan)


def given_reading(wildcards):
    """The corrected label map of a reading as an input, where one was drawn."""
    return if_there(mask_of(settings.review.folder, READINGS[wildcards.scan][wildcards.reading]))


def reading_labels(which):
    """An input function: the label map on the T2 grid that a reading left; the run's own where it was accepted."""

    def of(wildcards):
        reading = getattr(wildcards, which)
        row = READINGS[wildcards.scan][reading]
        stage, name = ("review", f"_desc-{reading}") if row.changes_results else ("align", "")
        return f"{settings.results}/{stage}/{wildcards.folder}/{wildcards.scan}_space-T2{name}_dseg.nii.gz"

    return of


def decision_digest(wildcards):
    """What a scan's decision says: a change of other scans' rows is none of this one's."""
    row = DECIDED.get(wildcards.scan)
    return row.digest() if row else "none"


def is_changed(wildcards):
    """Whether a decision changes how the scan is measured."""
    row = DECIDED.get(wildcards.scan)
    return bool(row and row.changes_results)


def corrected_labels(stage):
    """An input function: the label map that a person left, as drawn (segment) or on the T2 grid (align), if there is one."""
    space = {"segment": "", "align": "_space-T2"}[stage]

    def of(wildcards):
        path = f"{settings.results}/{stage}/{wildcards.folder}/{wildcards.scan}{space}_desc-corrected_dseg.nii.gz"
        return path if is_changed(wildcards) or if_there(corrected_path(wildcards)) else []

    return of


def taken_labels(wildcards):
    """The label map on the T2 grid that is measured: the run's own, or where a decision changes it, the person's."""
    own = f"{settings.results}/align/{wildcards.folder}/{wildcards.scan}_space-T2_dseg.nii.gz"
    return corrected_labels("align")(wildcards) if is_changed(wildcards) else own
