"""The configuration of export: what goes back to the PACS, and under whose name."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from myot2.core.config_section import Section


class Export(Section):
    """Results as DICOM objects, and in the forms of other tools; docs/stages/export.md."""

    dicom: bool = Field(False, description="Whether every scan's results are written as DICOM objects too.")
    identity: Literal["pseudonym", "keep"] = Field(
        "pseudonym",
        description="Under whose name: the participant id and pseudonyms of all UIDs, or patient and study of the "
        "source images (keep), which a PACS needs to file them; then results/export holds identities.",
    )
    page: bool = Field(False, description="Whether a page for the clinician (PDF) is made of every scan.")


def contradictions_of_export(
    export: Export, *, source: str, key: str | None, matched: bool
) -> list[tuple[bool, str, str]]:
    """Settings that exclude one another, as (whether they do, one, the other).

    `matched` says that the T2 map lies on the grid of a DICOM series that ingest reads.
    """
    asked = "export.dicom: true"
    return [
        (export.dicom and source != "dicom", asked, f"ingest.source: {source}"),
        (export.dicom and not key, f"{asked} (UIDs are made with the site's key)", "ingest.key: null"),
        (export.dicom and not matched, asked, "neither ingest.echoes nor ingest.t2_map"),
    ]
