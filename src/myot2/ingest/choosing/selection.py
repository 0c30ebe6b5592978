"""Which stack is taken for what, and why a rival was not.

Rules, in this order: better evidence before worse; axial before other orientations; every asked-for part present; a
T2-weighted Dixon before others; of the reconstructions of one measurement the one with more corrections; of the repeats
of one protocol the last that is complete. A fault that no repeat makes good, and what remains equal, is refused with
the list to choose from: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from myot2.core.errors import MyoT2Error
from myot2.ingest.choosing.acquisitions import (
    Acquisition,
    correction,
    fault_of,
    group_acquisitions,
    is_t2_weighted,
    reconstructed_alike,
    repeats,
    same_protocol,
)
from myot2.ingest.choosing.acquisitions import when as time_of
from myot2.ingest.choosing.refusals import (
    Ambiguity,
    ambiguous,
    missing,
    require_one_patient,
    require_one_place,
    require_one_visit,
    wrong_echo_count,
)
from myot2.ingest.choosing.roles import CONFIDENCES, Role, role_of
from myot2.ingest.reading.hints import DIXON_ROLES
from myot2.ingest.stacking.series import Stack

NOT_WANTED = "not asked for"


@dataclass(frozen=True)
class Wanted:
    """What a participant's folder must hold: Dixon roles, the number of echoes (0: none), and whether a T2 map."""

    dixon: tuple[str, ...] = ()
    echoes: int = 0
    t2_map: bool = False

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that a series is needed for."""
        return (*self.dixon, *(["mese"] if self.echoes else []), *(["t2map"] if self.t2_map else []))


@dataclass
class Selection:
    """Every stack with its role and the reason of its fate; the stacks taken, by role; those a person must choose from.

    `undecided` is empty but in a proposal (see `propose`): elsewhere an ambiguity stops the participant.
    """

    stacks: list[Stack]
    roles: dict[Stack, Role]
    taken: Acquisition = field(default_factory=dict)
    reasons: dict[Stack, str] = field(default_factory=dict)
    undecided: set[Stack] = field(default_factory=set)

    @classmethod
    def of(cls, stacks: Iterable[Stack]) -> Selection:
        """Each stack with its role by header; nothing taken yet."""
        stacks = list(stacks)
        roles = {stack: role_of(stack) for stack in stacks}
        reasons = {stack: NOT_WANTED for stack in stacks if roles[stack].name != "other"}
        return cls(stacks, roles, reasons=reasons)

    def reason(self, stack: Stack) -> str:
        """Why the stack was taken or not."""
        return self.reasons.get(stack, "no role that is needed")

    def fate(self, stack: Stack) -> str:
        """`yes` (taken), `no`, or `choose`."""
        if stack in self.undecided:
            return "choose"
        return "yes" if stack in self.taken.values() else "no"

    def of_role(self, name: str) -> list[Stack]:
        """All stacks of a role."""
        return [stack for stack in self.stacks if self.roles[stack].name == name]


def select(stacks: Sequence[Stack], wanted: Wanted) -> Selection:
    """Choose the stacks that are wanted.

    Raises
    ------
    MyoT2Error
        A wanted role is missing, faulty (the message of the last candidate's fault), or claimed by several stacks that
        the rules cannot tell apart; or the stacks belong to different patients, examinations or frames of reference.
    """
    selection = Selection.of(stacks)
    if wanted.dixon:
        _choose(selection, _dixon_acquisitions(selection), wanted.dixon)
    if wanted.echoes:
        _choose(selection, _echo_trains(selection, wanted.echoes), ("mese",))
    if wanted.t2_map:
        _choose(selection, _single(selection, "t2map"), ("t2map",))
    require_one_patient(selection.taken.values(), stacks)
    require_one_visit(selection.taken.values())
    require_one_place(selection.taken.values())
    return selection


def propose(stacks: Sequence[Stack]) -> Selection:
    """What would be taken of one visit, whatever it holds: nothing is refused, but left for a person to choose."""
    selection = Selection.of(stacks)
    for stack in [*selection.of_role("b1map"), *selection.of_role("kspace")]:
        selection.reasons[stack] = "listed; no stage takes it from here"
    dixon = _dixon_acquisitions(selection)
    fullest = max(dixon, key=lambda one: (next(iter(one.values())).orientation == "axial", len(one)), default={})
    _propose(selection, dixon, tuple(role for role in DIXON_ROLES if role in fullest))
    _propose(selection, _single(selection, "mese"), ("mese",))
    _propose(selection, _single(selection, "t2map"), ("t2map",))
    return selection


def _propose(selection: Selection, acquisitions: list[Acquisition], wanted: Sequence[str]) -> None:
    if not acquisitions:
        return
    try:
        _choose(selection, acquisitions, wanted)
    except Ambiguity as error:
        for stack in error.stacks:
            rivals = [other.name for other in selection.of_role(selection.roles[stack].name) if other in error.stacks]
            rivals.remove(stack.name)
            selection.reasons[stack] = f"as good as {', '.join(rivals)}"
        selection.undecided.update(error.stacks)
    except MyoT2Error as error:
        left = [stack for role in wanted for stack in selection.of_role(role) if selection.reasons[stack] == NOT_WANTED]
        blamed = [stack for stack in left if f"{error.where},".startswith(f"{stack.name},")]
        for stack in left:
            word = "cannot be used" if stack in blamed or not blamed else f"not taken for {blamed[0].name}"
            selection.reasons[stack] = f"{word} ({error.where}: {error.found})"
        if len(left) > len(wanted):
            selection.undecided.update(left)


def _best_known(selection: Selection, role: str) -> list[Stack]:
    """The stacks of a role for which the evidence is best; the others are set aside."""
    stacks = selection.of_role(role)
    if not stacks:
        return []
    ranks = [CONFIDENCES.index(selection.roles[stack].confidence) for stack in stacks]
    best = [stack for stack, rank in zip(stacks, ranks, strict=True) if rank == min(ranks)]
    for stack in stacks:
        if stack not in best:
            selection.reasons[stack] = f"{best[0].name} has the role on better evidence"
    return best


def _dixon_acquisitions(selection: Selection) -> list[Acquisition]:
    stacks = [(role, stack) for role in DIXON_ROLES for stack in _best_known(selection, role)]
    stacks.sort(key=lambda item: (item[1].first.series_number or 0, selection.stacks.index(item[1])))
    return group_acquisitions(stacks)


def _single(selection: Selection, role: str) -> list[Acquisition]:
    return [{role: stack} for stack in _best_known(selection, role)]


def _echo_trains(selection: Selection, count: int) -> list[Acquisition]:
    trains = _best_known(selection, "mese")
    fitting = [stack for stack in trains if len(stack.echo_times) == count]
    for stack in trains:
        if stack not in fitting:
            selection.reasons[stack] = f"{len(stack.echo_times)} echo times, {count} asked for"
    if trains and not fitting:
        raise wrong_echo_count(trains, count)
    return [{"mese": stack} for stack in fitting]


def _choose(selection: Selection, acquisitions: list[Acquisition], wanted: Sequence[str]) -> None:
    remaining = _prefer(selection, acquisitions, lambda one: next(iter(one.values())).orientation == "axial", "axial")
    whole = [acquisition for acquisition in remaining if all(role in acquisition for role in wanted)]
    if not whole:
        raise missing(selection.stacks, selection.roles, wanted)
    _set_aside(selection, remaining, whole, lambda lost: f"its acquisition lacks {_lacking(lost, wanted)}")
    if wanted[0] in DIXON_ROLES:
        whole = _prefer(selection, whole, lambda one: is_t2_weighted(one[wanted[0]]), "T2-weighted")
    complete = _best_corrected(selection, _complete(selection, whole, wanted), wanted)
    complete.sort(key=lambda acquisition: time_of(acquisition, wanted))
    last = complete[-1]
    repeated = all(
        repeats(acquisition, last, wanted) and reconstructed_alike(acquisition, last, wanted)
        for acquisition in complete
    )
    if not repeated or [time_of(acquisition, wanted) for acquisition in complete].count(time_of(last, wanted)) > 1:
        raise ambiguous(complete, selection.roles, wanted)
    _set_aside(selection, complete, [last], lambda _: f"repeated later as {last[wanted[0]].name}")
    for role in wanted:
        selection.taken[role] = last[role]
        fate = "taken" if len(complete) == 1 else f"taken, the last of {len(complete)} complete acquisitions"
        joined = f" ({len(last[role].stations)} stations side by side as one image)" if last[role].stations else ""
        selection.reasons[last[role]] = fate + joined


def _prefer(
    selection: Selection, acquisitions: list[Acquisition], preferred: Callable[[Acquisition], bool], word: str
) -> list[Acquisition]:
    """The preferred acquisitions, or all where none is."""
    better = [acquisition for acquisition in acquisitions if preferred(acquisition)]
    if not better:
        return acquisitions
    _set_aside(selection, acquisitions, better, lambda _: f"there is another that is {word}")
    return better


def _best_corrected(selection: Selection, complete: list[Acquisition], wanted: Sequence[str]) -> list[Acquisition]:
    """Of several reconstructions of one measurement those with more corrections; they are no repeats."""

    def outdone(one: Acquisition) -> bool:
        rivals = [other for other in complete if not reconstructed_alike(one, other, wanted)]
        return any(correction(other, wanted) > correction(one, wanted) for other in rivals)

    best = [acquisition for acquisition in complete if not outdone(acquisition)]
    _set_aside(selection, complete, best, lambda _: "there is another reconstruction of it with more corrections")
    return best


def _complete(selection: Selection, whole: list[Acquisition], wanted: Sequence[str]) -> list[Acquisition]:
    """The acquisitions without fault; a faulty one is passed over only where a sound one repeats its protocol."""
    faults = [(acquisition, fault_of(acquisition, wanted, whole)) for acquisition in whole]
    complete = [acquisition for acquisition, fault in faults if fault is None]
    for acquisition, fault in reversed(faults):
        if fault and not any(same_protocol(acquisition[wanted[0]], one[wanted[0]]) for one in complete):
            raise fault
        if fault:
            _set_aside(selection, [acquisition], [], lambda _, fault=fault: f"faulty ({fault.where}: {fault.found})")
    return complete


def _set_aside(
    selection: Selection, before: list[Acquisition], after: list[Acquisition], why: Callable[[Acquisition], str]
) -> None:
    for acquisition in before:
        if not any(acquisition is kept for kept in after):
            selection.reasons.update((stack, why(acquisition)) for stack in acquisition.values())


def _lacking(acquisition: Acquisition, wanted: Sequence[str]) -> str:
    return ", ".join(role for role in wanted if role not in acquisition)
