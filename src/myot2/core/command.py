"""What the command-line programs of the stages share: how they end on bad input."""

from __future__ import annotations

import argparse
import math
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from myot2.core.errors import MyoT2Error
from myot2.core.garbage import collecting_seldom
from myot2.core.stopnote import StopNote, Stopped
from myot2.core.usage import print_usage


def stage_parser(description: str | None) -> argparse.ArgumentParser:
    """An argument parser with the option that every stage has."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument(
        "--leave-stop-notes",
        action="store_true",
        help="on bad input write the reason in place of each output and end well, so that a cohort goes on",
    )
    return parser


def positive(text: str) -> float:
    """A number above zero, as an argument's type."""
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"expected a positive number, found {text!r}")
    return number


def listed(paths: Sequence[Path]) -> list[Path]:
    """The paths of an option; where it is `-` alone they are read from standard input, one a line.

    A system takes some 2 MB of arguments, and the images of 1,500 scans are more.
    """
    if list(map(str, paths)) != ["-"]:
        return list(paths)
    return [Path(line) for line in sys.stdin.read().splitlines() if line]


def run_stage(stage: str, work: Callable[[], None], *, outputs: Iterable[str | Path], leave_stop_notes: bool) -> int:
    """Do a stage's work; return the program's exit status.

    Bad input (`MyoT2Error`, or an input that holds a stop note) is printed on standard error. With `leave_stop_notes`
    the note is written in place of every output and the status is 0; without it nothing is written and the status is
    1. Any other exception passes: it is a defect, or a fault of the machine, and the job is to fail. Work that was done
    is followed by what it took: CPU seconds and memory.
    """
    try:
        with _termination_cleans_up(), collecting_seldom():
            work()
    except MyoT2Error as error:
        note = StopNote.of(stage, error)
        print(f"{stage}: {error}", file=sys.stderr)
    except Stopped as stopped:
        note = stopped.note
        print(f"{stage}: {stopped}", file=sys.stderr)
    else:
        print_usage(stage)
        return 0
    if not leave_stop_notes:
        return 1
    for path in outputs:
        note.write(path)
    return 0


@contextmanager
def _termination_cleans_up() -> Iterator[None]:
    """Let SIGTERM, by which schedulers end jobs, be an exception, so that temporary files are removed."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
