"""Errors that tell a person what to do.

Two kinds exist. Bad input is a `MyoT2Error`: it says what was expected, what was found, in which file, and what to do;
it stops that participant and leaves a stop note (see `myot2.core.stopnote`). Anything else is a defect or a fault of
the machine: it ends the job with a traceback, and the workflow runs the job again.
"""

from __future__ import annotations

from pathlib import Path


class MyoT2Error(Exception):
    """Bad input, described in four parts.

    Parameters
    ----------
    expected : str
        What the stage needs.
    found : str
        What it got instead.
    where : str or Path
        The file, folder or table cell that holds it.
    do : str
        What the person can do about it.
    """

    def __init__(self, *, expected: str, found: str, where: str | Path, do: str):
        self.expected = expected
        self.found = found
        self.where = str(where)
        self.do = do
        super().__init__(f"{self.where}: expected {expected}; found {found}. {do}")

    def __reduce__(self):
        """The four parts, so that an error comes back whole from another process."""
        return _again, (self.expected, self.found, self.where, self.do)


def _again(expected: str, found: str, where: str, do: str) -> MyoT2Error:
    return MyoT2Error(expected=expected, found=found, where=where, do=do)
