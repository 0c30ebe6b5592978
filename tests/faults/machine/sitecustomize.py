"""What a machine can do to a job: Python imports this at its start, wherever its folder is on PYTHONPATH.

MYOT2_TEST_FAULT names the program, a word of its command line, and what happens to it. The program is not changed, nor
does it know; what is replaced is what the operating system does at a certain instant.
"""

import json
import os
import resource
import shutil
import signal
import sys
import time

_rename = os.replace
_again = []


def _at_the_first_rename(happen):
    """When an output is complete under its temporary name: the worst instant."""

    def replace(source, target, **rest):
        if not _again:
            _again.append(True)
            happen(str(target))
        return _rename(source, target, **rest)

    os.replace = replace


def _hang(marker):
    """Until the file is removed, and for a minute at most."""
    with open(marker, "w") as handle:
        handle.write(str(os.getpid()))
    ends = time.monotonic() + 60
    while os.path.exists(marker) and time.monotonic() < ends:
        time.sleep(0.02)


def _lose_the_shell(_):
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(2)


def _limit(what, size):
    resource.setrlimit(what, (size, size))


def _plan():
    fault = json.loads(os.environ["MYOT2_TEST_FAULT"])
    line = " ".join(sys.orig_argv)
    if fault["program"] not in line or fault["word"] not in line:
        return
    value = fault.get("value")
    {
        "kill": lambda: _at_the_first_rename(lambda _: os.kill(os.getpid(), signal.SIGKILL)),
        "terminate": lambda: _at_the_first_rename(lambda _: os.kill(os.getpid(), signal.SIGTERM)),
        "lose the shell": lambda: _at_the_first_rename(_lose_the_shell),
        "hang": lambda: _at_the_first_rename(lambda _: _hang(value)),
        "memory": lambda: _limit(resource.RLIMIT_AS, value),
        "file size": lambda: _limit(resource.RLIMIT_FSIZE, value),
        "lose the folder": lambda: _at_the_first_rename(lambda _: shutil.rmtree(value)),
    }[fault["do"]]()


if "MYOT2_TEST_FAULT" in os.environ:
    _plan()
