"""The coordinator's loop over sites that come and go, with real answers, in one process, without a network.

Who is asked, who is waited for, and what is recorded of those who say nothing; test_flower.py has the network.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from federated import CONFIGURATION, HEAD, STRUCTURES, Party, Told, steady

from myot2.learn.ledger import records_of
from myot2.learn.round import KEPT, NO_ANSWER, REPORT, UPDATE
from myot2.learn.rounds import close

pytest.importorskip("flwr", reason="the loop needs the federation's environment (make federation)")
from flwr.app import Error, Message, RecordDict  # noqa: E402
from flwr.supercore.task_identity import TaskIdentity  # noqa: E402

from myot2.learn.certificates import make_node_key, node_key_bytes  # noqa: E402
from myot2.learn.flower import coordinator as loop  # noqa: E402
from myot2.learn.flower import tasks  # noqa: E402
from myot2.learn.flower.coordinator import Coordinator, play  # noqa: E402
from myot2.learn.flower.node import respond  # noqa: E402
from myot2.learn.flower.tasks import REFUSAL, reply_to  # noqa: E402


@dataclass
class Here:
    """What the coordinator's loop needs of Flower's grid; sites answer at once, by what they answer with over Flower.

    `away(site, looks)` says whether a site is away at the coordinator's so many-th look.
    """

    party: Party
    work: dict[str, Told]
    away: object = lambda site, looks: False
    looks: int = 0
    replies: dict[str, Message] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def get_nodes(self):
        self.looks += 1
        return [
            SimpleNamespace(public_key=node_key_bytes(member.node), node_id=number, last_activated_at="")
            for number, (site, member) in enumerate(sorted(self.party.settings.sites.items()), 1)
            if not self.away(site, self.looks)
        ]

    def push_messages(self, messages):
        (message,) = messages
        site = sorted(self.party.settings.sites)[message.metadata.dst_node_id - 1]
        self.asked.append((site, message.metadata.message_type))
        message.metadata.__dict__["_message_id"] = str(len(self.asked))
        folder, who = self.party.folder.parent / site, self.party.sites[site]
        reply = reply_to(
            message, lambda content: respond(content, folder, who, self.work[site], self.said.append), self.said.append
        )
        self.replies[message.metadata.message_id] = reply
        return [message.metadata.message_id]

    def pull_messages(self, identities):
        return [self.replies.pop(one) for one in list(identities) if one in self.replies]


@pytest.fixture(autouse=True)
def task(monkeypatch):
    """Messages belong to a task; over the network a SuperLink gives it."""
    for name in ("_task_id", "_run_id", "_node_id"):
        monkeypatch.setattr(TaskIdentity, name, 1)


@pytest.fixture
def party(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "PAUSE", 0.01)
    found = Party.of(tmp_path)
    sites = {
        site: member.model_copy(update={"node": make_node_key(tmp_path / f"{site}.node")})
        for site, member in found.settings.sites.items()
    }
    found.settings = found.settings.model_copy(update={"sites": sites, "rounds": 1, "wait_minutes": 0.01})
    return found


def coordinator(party: Party) -> Coordinator:
    return Coordinator(party.folder, party.settings, party.key, CONFIGURATION, HEAD, steady)


def sites_of(party: Party, event: str) -> list[str]:
    return sorted(one["Site"] for one in records_of(party.folder) if one["Event"] == event)


def test_a_site_whose_update_was_refused_judges_all_the_same(party):
    many = Told(people_of=dict.fromkeys(STRUCTURES, 9))  # more than its people in all: refused
    here = Here(party, {"east": Told(), "north": Told(), "west": many})
    play(coordinator(party), here)
    assert [one["Accepted"] for one in records_of(party.folder) if one["Event"] == UPDATE] == [True, True, False]
    assert sites_of(party, REPORT) == ["east", "north", "west"]


def test_a_site_that_comes_back_after_the_last_round_gets_its_model(party):
    """It is away from the end of the judging on; the coordinator waits for it."""
    here = Here(party, {site: Told() for site in party.sites})
    delivering: list[int] = []

    def away(site, looks):
        if not delivering and any(one["Event"] == "round closed" for one in records_of(party.folder)):
            delivering.append(looks)
        return bool(delivering) and site == "west" and looks < delivering[0] + 5

    here.away = away
    play(coordinator(party), here)
    assert sites_of(party, KEPT) == ["east", "north", "west"] and len(here.work["west"].kept) == 1


def test_a_coordinator_that_was_killed_after_the_last_round_delivers_when_it_starts_again(party, monkeypatch):
    here = Here(party, {site: Told() for site in party.sites})

    class Killed(BaseException):
        pass

    def dying(*arguments, **options):
        close(*arguments, **options)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(loop, "close", dying)
        with pytest.raises(Killed):
            play(coordinator(party), here)
    assert sites_of(party, KEPT) == []
    start = here.looks
    here.away = lambda site, looks: looks < start + 4  # sites connect a while after the coordinator has started
    play(coordinator(party), here)
    assert sites_of(party, KEPT) == ["east", "north", "west"]


def test_sites_that_say_nothing_are_recorded_with_what_they_were_asked(party):
    class Full(Told):
        def judge(self, before, after):
            raise OSError(28, "No space left on device", "/data/DOE-JANE.nii")

    here = Here(party, {"east": Told(), "north": Told(), "west": Full()})
    here.away = lambda site, looks: site == "north" and bool(sites_of(party, REPORT))
    play(coordinator(party), here)
    found = [
        (one["Site"], one["Order"], one["Reason"]) for one in records_of(party.folder) if one["Event"] == NO_ANSWER
    ]
    assert ("west", "judge", "the site refuses the order") in found
    assert "DOE-JANE" not in str(records_of(party.folder)) and "DOE-JANE" in "".join(here.said)


@pytest.mark.parametrize("error", [OSError("/data/DOE-JANE"), RuntimeError("torch: DOE-JANE"), KeyError("DOE-JANE")])
def test_whatever_goes_wrong_at_a_site_its_operator_is_told_and_one_fixed_sentence_leaves(error):
    said: list[str] = []

    def fail(content):
        raise error

    message = Message(RecordDict(), 1, "train")
    message.metadata.__dict__["_message_id"] = "1"
    reply = reply_to(message, fail, said.append)
    assert reply.has_error() and isinstance(reply.error, Error) and reply.error.reason == REFUSAL
    assert "DOE-JANE" in "".join(said)


def test_an_order_whose_content_never_comes_is_given_up_and_not_waited_for(monkeypatch):
    """As Flower leaves it at a site where the coordinator was killed while the site was getting an order."""
    over = threading.Event()
    monkeypatch.setattr(tasks, "INPUT", 0.1)
    monkeypatch.setattr(tasks, "pull_task_input", lambda client: over.wait(60))
    began = time.monotonic()
    with pytest.raises(tasks.TaskLost):
        tasks._input_of(None)
    over.set()
    assert time.monotonic() - began < 30
