"""Selection by an edited series table: what a person has decided is taken, or refused with the reason; never mended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from myot2.core.errors import MyoT2Error
from myot2.core.scans import Scan
from myot2.ingest.choosing.acquisitions import fault_of
from myot2.ingest.choosing.choices import Choice, read_choices
from myot2.ingest.choosing.refusals import require_one_patient
from myot2.ingest.choosing.roles import ROLES
from myot2.ingest.choosing.selection import Selection, Wanted, select
from myot2.ingest.identity import Pseudonyms
from myot2.ingest.reading.hints import DIXON_ROLES
from myot2.ingest.stacking.joining import join_echoes, join_stations, stations_fault
from myot2.ingest.stacking.series import Stack

BY_TABLE = "taken by the edited table"
NOT_BY_TABLE = "not taken by the edited table"


def select_by_table(
    stacks: Sequence[Stack], wanted: Wanted, table: Path, scan: Scan, pseudonyms: Pseudonyms
) -> Selection:
    """Take the stacks that the rows of a scan name; a scan without rows is selected as without a table.

    Raises
    ------
    MyoT2Error
        The table is no series table; a taken series is not in the folder; a wanted role has no row, or several that are
        no one image; a series cannot have the role given to it; or, as in `select`, the taken series are faulty or of
        two patients.
    """
    choices = read_choices(table, scan)
    if not choices:
        return select(stacks, wanted)
    known = {pseudonyms.of(stack.identity): stack for stack in stacks}
    selection = Selection.of(stacks)
    selection.reasons = dict.fromkeys(stacks, NOT_BY_TABLE)
    _require_clear_rows(choices, table)
    for role in wanted.roles:
        rows = [choice for choice in choices if choice.role == role and choice.taken == "yes"]
        if not rows:
            raise _undecided(choices, role, table)
        stack = _stack_of(rows, role, known, table)
        _require_possible(stack, role, wanted, f"{table}, row {rows[0].row}")
        _take(selection, stack, role, [known[choice.pseudonym] for choice in rows])
    for group in (wanted.dixon, *((role,) for role in wanted.roles if role not in DIXON_ROLES)):
        fault = fault_of(selection.taken, group, []) if group else None
        if fault:
            raise fault
    require_one_patient(selection.taken.values(), stacks)
    return selection


def _stack_of(rows: Sequence[Choice], role: str, known: dict[str, Stack], table: Path) -> Stack:
    """The one stack that the rows of a role name: theirs, or what joins them."""
    for choice in rows:
        if choice.pseudonym not in known:
            raise MyoT2Error(
                expected="a series that is in the participant's folder",
                found="none with this pseudonym",
                where=f"{table}, row {choice.row}",
                do="Check that dicom (participants table) and ingest.key are those of the index; or run it again.",
            )
    stacks = [known[choice.pseudonym] for choice in rows]
    joined = join_stations(join_echoes(stacks, any_sequence=role == "mese"))
    if len(joined) > 1:
        fault = stations_fault(joined)
        raise MyoT2Error(
            expected=f"one series for {role}, or parts that make one image",
            found=fault.found if fault else f"{len(rows)} rows with taken = yes that are no parts of one image",
            where=f"{table}, rows {', '.join(str(choice.row) for choice in rows)}",
            do="Leave yes in the row that is meant, and write no in the others.",
        )
    return joined[0]


def _require_possible(stack: Stack, role: str, wanted: Wanted, where: str) -> None:
    """Raise `MyoT2Error` where a series cannot have the role that the table gives it."""
    echoes = len(stack.echo_times)
    count = wanted.echoes if role == "mese" else 1
    problems = [
        (stack.first.colour, "grey values", "a colour picture"),
        (stack.first.component != "magnitude", "magnitude images", f"{stack.first.component} images"),
        (role == "mese" and echoes != count, f"{count} echo times for mese", f"{echoes}"),
        (role != "mese" and echoes > 1, f"one echo time for {role}", f"{echoes}"),
    ]
    for is_so, expected, found in problems:
        if is_so:
            raise MyoT2Error(
                expected=expected,
                found=f"{found} in {stack.name}",
                where=where,
                do="Give the role to the series that is meant, in the edited series table.",
            )


def _take(selection: Selection, stack: Stack, role: str, parts: Sequence[Stack]) -> None:
    place = selection.stacks.index(parts[0])
    old = selection.roles[parts[0]]
    for part in parts:
        selection.stacks.remove(part)
        selection.reasons.pop(part), selection.roles.pop(part)
    selection.stacks.insert(place, stack)
    selection.roles[stack] = replace(old, name=role)
    selection.taken[role] = stack
    selection.reasons[stack] = BY_TABLE


def _undecided(choices: Sequence[Choice], role: str, table: Path) -> MyoT2Error:
    open_rows = [str(choice.row) for choice in choices if choice.role == role and choice.taken == "choose"]
    found = f"taken = choose in row {', '.join(open_rows)}" if open_rows else "no such row of this scan"
    return MyoT2Error(
        expected=f"a row with role {role} and taken = yes",
        found=found,
        where=table,
        do="Write yes in the row that is meant, and no in the others; or remove all rows of the scan.",
    )


def _require_clear_rows(choices: Sequence[Choice], table: Path) -> None:
    """Raise `MyoT2Error` where a role is no role, or one series is taken twice."""
    seen: dict[str, int] = {}
    for choice in choices:
        if choice.role not in ROLES:
            raise MyoT2Error(
                expected=f"one of the roles {', '.join(ROLES)}",
                found="another word",
                where=f"{table}, row {choice.row}, column role",
                do="Correct the cell.",
            )
        if choice.taken == "yes" and choice.pseudonym in seen:
            raise MyoT2Error(
                expected="each series once",
                found=f"the series of row {seen[choice.pseudonym]} again",
                where=f"{table}, row {choice.row}",
                do="Remove one of the two rows.",
            )
        if choice.taken == "yes":
            seen[choice.pseudonym] = choice.row
