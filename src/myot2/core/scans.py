"""How the files of one participant and session are named and where they lie (BIDS entities and data type)."""

from __future__ import annotations

from dataclasses import dataclass

DATA_TYPE = "anat"
"""The BIDS data type of everything that the stages make of a scan: structural images, maps and their labels."""


@dataclass(frozen=True)
class Scan:
    """One visit of one participant; `session` is None where the table has no sessions."""

    participant_id: str
    session: str | None = None

    @property
    def name(self) -> str:
        """The start of every file name: sub-<id>[_ses-<id>]."""
        return "_".join(self._entities)

    @property
    def visit(self) -> str:
        """The folder of the visit in a dataset: sub-<id>[/ses-<id>]."""
        return "/".join(self._entities)

    @property
    def folder(self) -> str:
        """The folder below a stage's results: sub-<id>[/ses-<id>]/anat."""
        return f"{self.visit}/{DATA_TYPE}"

    @property
    def _entities(self) -> list[str]:
        return [f"sub-{self.participant_id}"] + ([f"ses-{self.session}"] if self.session else [])
