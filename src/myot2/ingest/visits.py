"""Days between the visits of one participant: all of a date that leaves ingest.

The day of a visit is the StudyDate of its images (0008,0020), which one examination has once even where it lasts beyond
midnight; without any, the AcquisitionDate (0008,0022).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd

from myot2.ingest.choosing.choices import Choice
from myot2.ingest.identity import Pseudonyms
from myot2.ingest.reading.headers import Frame
from myot2.ingest.stacking.joining import find_stacks

DICTIONARY = {
    "session_id": {"Description": "the visit, as in the participants table"},
    "days_since_first_visit": {
        "Description": "days from the participant's first visit to this one, by the date of the study; n/a where the "
        "headers hold no date, or contradict themselves",
        "Units": "d",
    },
}

_ONE_NIGHT = 1
"""Days by which the acquisition dates of one examination may differ: it lasted beyond midnight."""


@dataclass(frozen=True)
class Visit:
    """The day of a visit, or None with the reason why it is not known."""

    day: date | None
    reason: str | None = None


def visit_of(frames: Iterable[Frame]) -> Visit:
    """The visit that images are of; its day is unknown where they have no date, or dates of several visits."""
    frames = tuple(frames)
    if not frames:
        return Visit(None, "no readable image")
    studied = {day for frame in frames if (day := _day(frame.study_date))}
    if len(studied) > 1:
        return Visit(None, f"{len(studied)} study dates in one folder, so more than one visit")
    if studied:
        return Visit(studied.pop())
    acquired = {day for frame in frames if (day := _day(frame.acquired[:8]))}
    if not acquired:
        return Visit(None, "no date in the headers")
    if (max(acquired) - min(acquired)).days > _ONE_NIGHT:
        return Visit(None, "no study date, and acquisition dates that contradict each other")
    return Visit(min(acquired))


def chosen_frames(frames: Iterable[Frame], choices: Iterable[Choice], pseudonyms: Pseudonyms) -> list[Frame]:
    """The images of the series that an edited series table takes; all images where it takes none.

    One folder may hold several visits, of which the table's rows say which series belong to which.
    """
    taken = {choice.pseudonym for choice in choices if choice.taken == "yes"}
    if not taken:
        return list(frames)
    stacks = [stack for stack in find_stacks(frames) if pseudonyms.of(stack.identity) in taken]
    return [frame for stack in stacks for frame in stack.frames]


def session_table(visits: Mapping[str, Visit]) -> pd.DataFrame:
    """The sessions table (BIDS) of one participant.

    Parameters
    ----------
    visits : mapping
        The visit of each session (its id without `ses-`), in the order of the table.
    """
    known = [visit.day for visit in visits.values() if visit.day]
    first = min(known, default=None)
    days = [(visit.day - first).days if visit.day and first else None for visit in visits.values()]
    return pd.DataFrame(
        {"session_id": [f"ses-{name}" for name in visits], "days_since_first_visit": pd.array(days, dtype="Int64")}
    )


def unknown_days(visits: Mapping[str, Visit]) -> list[str]:
    """A line for each session whose day is not known, with the reason."""
    return [f"session {name}: {visit.reason}" for name, visit in visits.items() if visit.reason]


def _day(digits: str) -> date | None:
    """A date of the form YYYYMMDD; None where the text is anything else."""
    if len(digits) != 8 or not (digits.isascii() and digits.isdecimal()):
        return None
    try:
        return datetime.strptime(digits, "%Y%m%d").date()
    except ValueError:
        return None
