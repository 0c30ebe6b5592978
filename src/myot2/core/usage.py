"""What a program has used, as it says itself when it ends: exact, where samples taken from outside miss short peaks."""

from __future__ import annotations

import resource
import sys

_KIB_PER_MIB = 1024


def print_usage(program: str) -> None:
    """Print on standard error what this process and those that it waited for have used since they started.

    CPU seconds are their sum. Memory is the largest resident size of any one of them in MiB, the unit of `mem_mb`
    (getrusage(2): ru_maxrss).
    """
    own, waited = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    seconds = sum(usage.ru_utime + usage.ru_stime for usage in (own, waited))
    # macOS counts bytes, Linux KiB
    unit = _KIB_PER_MIB**2 if sys.platform == "darwin" else _KIB_PER_MIB
    peak = max(own.ru_maxrss, waited.ru_maxrss) / unit
    print(f"{program}: {seconds:.2f} CPU seconds, at most {peak:.0f} MiB of memory", file=sys.stderr)
