"""What a program has used, as it says itself when it ends: exact, where samples taken from outside miss short peaks."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

import myot2.core.garbage  # noqa: F401 (what ends by telling its usage looks for no garbage after that)

_KIB_PER_MIB = 1024


def print_usage(program: str) -> None:
    """Print on standard error what this process and those that it waited for have used since they started.

    CPU seconds are their sum. Memory is the largest resident size of any one of them in MiB, the unit in which SLURM
    takes `mem_mb`.
    """
    own, waited = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    seconds = sum(usage.ru_utime + usage.ru_stime for usage in (own, waited))
    peak = max(_own_peak_mib(), waited.ru_maxrss / _units_per_mib())
    print(f"{program}: {seconds:.2f} CPU seconds, at most {peak:.0f} MiB of memory", file=sys.stderr)


def _own_peak_mib() -> float:
    """This program's largest resident size.

    Linux lets a process inherit ru_maxrss from the one that started it, so its memory map is asked (proc(5): VmHWM).
    """
    status = Path("/proc/self/status")
    told = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.MULTILINE) if status.exists() else None
    if told:
        return int(told[1]) / _KIB_PER_MIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _units_per_mib()


def _units_per_mib() -> int:
    """Of ru_maxrss: macOS counts bytes, Linux KiB."""
    return _KIB_PER_MIB**2 if sys.platform == "darwin" else _KIB_PER_MIB
