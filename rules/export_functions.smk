"""What the rules of export ask of a scan; no rules, for Snakemake keeps functions and rules apart."""


def drawn_labels(wildcards):
    """The label map as drawn: the run's own, or where a decision changes it, the person's."""
    own = f"{settings.results}/segment/{wildcards.folder}/{wildcards.scan}_dseg.nii.gz"
    return corrected_labels("segment")(wildcards) if is_changed(wildcards) else own


def mask_algorithm(wildcards):
    """How DICOM says that the masks came to be: given ones were drawn, and a decision that changes them is a reader's."""
    if BACKEND == "labels":
        return "manual"
    return "semi-automatic" if is_changed(wildcards) else "automatic"


def masks_in_words(wildcards):
    """How the page says that the masks came to be."""
    words = {"manual": "given", "semi-automatic": "changed by a reader", "automatic": "made by a network, not changed"}
    return words[mask_algorithm(wildcards)]


def dicom_objects():
    """The DICOM objects of everybody; a plain message where the configuration does not ask for them."""
    if not settings.export.dicom:
        raise WorkflowError("export_dicom needs export.dicom: true in the configuration; see docs/stages/export.md")
    return [path for made in DICOM_OBJECTS.values() for path in every_scan(made)]
