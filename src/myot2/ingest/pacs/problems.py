"""The errors of this package. None quotes the source, a UID, or a word that the archive sent."""

from __future__ import annotations

from myot2.core.errors import MyoT2Error

_WHERE = "the PACS source"


class SourceUnavailable(MyoT2Error):
    """The archive does not serve us now: no fault of the participant's data, and worth trying again."""


def unavailable(found: str, do: str) -> SourceUnavailable:
    """The archive cannot be asked."""
    return SourceUnavailable(expected="an archive that answers and lets us in", found=found, where=_WHERE, do=do)


def bad_source(found: str) -> MyoT2Error:
    """The text that names the source is wrong."""
    return MyoT2Error(
        expected="dicomweb+https://HOST/PATH/studies/UID or dimse://AE@HOST:PORT/studies/UID",
        found=found,
        where=_WHERE,
        do="Correct the source; docs/how-to/pacs.md has every form.",
    )


def not_there(found: str) -> MyoT2Error:
    """The archive answered, but has not what is asked for."""
    return MyoT2Error(
        expected="one study with MR images",
        found=found,
        where=_WHERE,
        do="Check the source in the participants table, and that the archive lets this user or AE title see the study.",
    )


def too_much(found: str) -> MyoT2Error:
    """The answer is beyond the limits."""
    return MyoT2Error(
        expected="no more than the limits in the configuration (ingest.pacs)",
        found=found,
        where=_WHERE,
        do="If the examination really is that large, raise the limit; otherwise name the series that are needed.",
    )


def wrong_answer(found: str) -> MyoT2Error:
    """The archive sent what it should not have."""
    return MyoT2Error(
        expected="exactly the objects that were asked for, as the standard says",
        found=found,
        where=_WHERE,
        do="Tell the archive's administrator; export the study to a folder and give that folder meanwhile.",
    )
