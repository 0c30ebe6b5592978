"""Stop notes: how one participant stops while the cohort goes on.

A workflow engine asks that every declared output exists. Where bad input makes an output impossible, the stage writes
a stop note under the output's name: a short JSON text that says at which stage the participant stopped and why. No
reader takes it for an image or a table: `raise_if_stopped` is asked first, and a viewer refuses it. Every later stage
passes the note on unchanged, so the report finds it at the end of the line. docs/decisions/0002-stop-notes.md says why.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from myot2.core.errors import MyoT2Error
from myot2.core.files import write_json

_KEY = "myot2_stop_note"
_MAGIC = b'{\n  "' + _KEY.encode()


@dataclass(frozen=True)
class StopNote:
    """Why a participant's data ended at a stage; the fields are those of `MyoT2Error`."""

    stage: str
    expected: str
    found: str
    where: str
    do: str

    @classmethod
    def of(cls, stage: str, error: MyoT2Error) -> StopNote:
        """The note for an error met at a stage."""
        return cls(stage, error.expected, error.found, error.where, error.do)

    def write(self, path: str | Path) -> None:
        """Write the note where an output was to be."""
        write_json(path, {_KEY: asdict(self)})


class Stopped(Exception):
    """An input holds a stop note: an earlier stage could not make it."""

    def __init__(self, note: StopNote):
        self.note = note
        super().__init__(f"stopped at {note.stage}: expected {note.expected}; found {note.found}. {note.do}")


def read_stop_note(path: str | Path) -> StopNote | None:
    """The stop note that a file holds, or None where it holds something else (or is missing)."""
    path = Path(path)
    if not path.is_file():
        return None
    with open(path, "rb") as handle:
        if handle.read(len(_MAGIC)) != _MAGIC:
            return None
    return StopNote(**json.loads(path.read_text(encoding="utf-8"))[_KEY])


def raise_if_stopped(path: str | Path) -> None:
    """Raise `Stopped` when the file holds a stop note."""
    note = read_stop_note(path)
    if note:
        raise Stopped(note)
