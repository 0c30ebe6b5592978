"""A proposal in plain words: what was found, what a person has to choose, what to do next. Numbers only, no names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from myot2.core.scans import Scan
from myot2.ingest.indexing.proposal import Proposal, Visit
from myot2.ingest.reading.hints import DIXON_ROLES

MANY_VISITS = 6
"""More visits of one person than this may be several people whose identifiers were overwritten with one."""

_NEEDED = {"Dixon images": DIXON_ROLES, "multi-echo spin echo": ("mese",), "T2 map": ("t2map",)}


def findings(proposal: Proposal, folder: Path) -> str:
    """What a person should read after an index was written to `folder`."""
    visits = proposal.visits
    people = len({visit.scan.participant_id for visit in visits})
    lines = [f"Found {_count(proposal.images, 'image')} of {_count(people, 'person', 'people')} in {_visits(visits)}."]
    lines += _section("To choose (taken = choose in series.tsv; write yes or no):", _choices(visits))
    lines += _section("Not usable as it is:", _faults(visits))
    lines += _section("Not found:", _lacking(visits))
    lines += _section("To be looked at:", _doubts(proposal))
    ready = [visit for visit in visits if not visit.selection.undecided and not any(_faults([visit]))]
    lines += ["", f"{len(ready)} of {_visits(visits)} can be used as proposed; the reasons are in series.tsv."]
    shared = [visit for visit in visits if visit.shared]
    return "\n".join([*lines, "", *_next_steps(folder, shared)])


def _choices(visits: Sequence[Visit]) -> Iterator[str]:
    for visit in visits:
        selection = visit.selection
        for stack in selection.stacks:
            if stack in selection.undecided:
                role = selection.roles[stack].name
                yield f"{_name(visit.scan)}, {stack.name}: {role}; {selection.reason(stack)}"


def _faults(visits: Sequence[Visit]) -> Iterator[str]:
    for visit in visits:
        selection = visit.selection
        for stack in selection.stacks:
            reason = selection.reason(stack)
            if stack not in selection.undecided and reason.startswith(("cannot be used", "faulty")):
                yield f"{_name(visit.scan)}, {stack.name}: {selection.roles[stack].name}; {reason}"


def _lacking(visits: Sequence[Visit]) -> Iterator[str]:
    for what, roles in _NEEDED.items():
        without = [_name(one.scan) for one in visits if not any(one.selection.of_role(role) for role in roles)]
        if len(without) == len(visits):
            yield f"no {what} in any visit"
        elif without:
            yield f"no {what}: {', '.join(without)}"


def _doubts(proposal: Proposal) -> Iterator[str]:
    for visit in proposal.visits:
        for role, stack in visit.selection.taken.items():
            if visit.selection.roles[stack].confidence == "low":
                yield f"only the description says so: {_name(visit.scan)}, {stack.name}: {role}"
    for first, second in proposal.torn:
        yield f"one examination has two patient identifiers: {_name(first)} and {_name(second)}"
    for person, count in Counter(visit.scan.participant_id for visit in proposal.visits).items():
        if count > MANY_VISITS:
            yield f"sub-{person} has {count} visits: is its PatientID one that the export gave to several people?"
    for scan, count in sorted(proposal.unusable.items(), key=lambda item: _name(item[0])):
        yield f"{_count(count, 'DICOM file')} without a usable image (damaged, no image, or a copy): {_name(scan)}"
    if proposal.raw:
        yield f"{_count(len(proposal.raw), 'raw-data file')}, listed in series.tsv (role kspace), not opened"
    shared = [_name(visit.scan) for visit in proposal.visits if visit.shared]
    if shared:
        yield f"others' images lie in the same folder, so that series.tsv must be given: {', '.join(shared)}"


def _next_steps(folder: Path, shared: Sequence[Visit]) -> list[str]:
    use = "set" if shared else "if you changed it, set"
    return [
        "Next:",
        f"1. Copy participants.tsv and series.tsv from {folder} elsewhere: the next index writes them anew.",
        "2. In your participants.tsv fill in group (patient or control), and what else you know; ids may be changed,",
        "   in both tables alike.",
        f"3. In your series.tsv correct role and taken where needed; {use} ingest.series to it in the configuration.",
        "4. Set participants.table and ingest.key, and run the workflow.",
    ]


def _section(title: str, entries: Iterator[str]) -> list[str]:
    lines = [f"- {entry}" for entry in entries]
    return ["", title, *lines] if lines else []


def _name(scan: Scan | None) -> str:
    return scan.name if scan else "in a folder of no one, or of several visits"


def _visits(visits: Sequence[Visit]) -> str:
    return _count(len(visits), "visit")


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
