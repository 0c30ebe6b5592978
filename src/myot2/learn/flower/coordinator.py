"""The coordinator's part: a SuperLink that sites connect to, and the rounds, played over it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from flwr.app import Message, MessageType
from flwr.common.constant import ErrorCode, SubStatus
from flwr.common.serde import fab_to_proto, run_from_proto
from flwr.proto.control_pb2 import (
    ListNodesRequest,
    RegisterNodeRequest,
    StartRunRequest,
    UnregisterNodeRequest,
)
from flwr.proto.runtime_pb2 import PullTaskInputRequest, PushTaskOutputRequest
from flwr.supercore.constant import TaskType
from flwr.supercore.control import ControlHttpClient
from flwr.supercore.fab import Fab
from flwr.supercore.heartbeat import HeartbeatSender, make_task_heartbeat_fn_http
from flwr.supercore.interceptors import RuntimeVersionHttpInterceptor
from flwr.supercore.task_identity import TaskIdentity
from flwr.superlink.grid.http_grid import HttpGrid

from myot2 import __version__
from myot2.core.errors import MyoT2Error
from myot2.learn import messages
from myot2.learn.aggregate import HeadAxes
from myot2.learn.certificates import node_key_bytes
from myot2.learn.federation import Settings
from myot2.learn.flower.payload import packed, unpacked
from myot2.learn.flower.tasks import acquire, is_up, running, runtime_client, wait_until, write_secret
from myot2.learn.ledger import now_in_utc
from myot2.learn.round import MODELS, NO_UPDATE, REPORT, UPDATE, Round, last_accepted, open_round, played
from myot2.learn.rounds import (
    Examine,
    Outcome,
    close,
    kept_by,
    no_answer,
    propose,
    take_declined,
    take_nothing,
    take_receipt,
    take_report,
    take_update,
)
from myot2.learn.signing import require_private
from myot2.learn.updates import digest
from myot2.learn.versions import current
from myot2.segment.model import WEIGHTS, ModelConfiguration

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_NO_APP = """
[project]
name = "myot2-federation"
version = "{version}"
license = "Apache-2.0"
[tool.flwr.app]
publisher = "myot2"
[tool.flwr.app.components]
serverapp = "not.shipped:app"
clientapp = "not.shipped:app"
"""
"""Flower wants an app; this one has no code in it, and nobody unpacks it."""

PAUSE = 0.5
"""Seconds between two looks for sites and answers."""

_TYPES = {messages.LEARN: MessageType.TRAIN, messages.JUDGE: MessageType.EVALUATE, messages.KEEP: MessageType.QUERY}


@dataclass(frozen=True)
class Coordinator:
    """All that a coordinator needs.

    Attributes
    ----------
    folder : Path
        See `myot2.learn.rounds`.
    settings : Settings
    key : Ed25519PrivateKey
        By which orders are signed.
    configuration : ModelConfiguration
    head : mapping of str to int
        See `myot2.learn.aggregate.head_axes`.
    examine : callable
        Dice of weights on synthetic people.
    report : callable
        Takes lines of text.
    """

    folder: Path
    settings: Settings
    key: Ed25519PrivateKey
    configuration: ModelConfiguration
    head: HeadAxes
    examine: Examine
    report: Callable[[str], None] = print


def serve(coordinator: Coordinator, *, host: str, port: int, tls: Path) -> None:
    """Play the rounds that are left, then end.

    Parameters
    ----------
    coordinator : Coordinator
    host, port : str, int
        Where the SuperLink listens: 0.0.0.0 (all addresses of this machine) or 127.0.0.1, by which this process calls.
    tls : Path
        Folder of ca.crt, server.pem and server.key (`myot2.learn.certificates`).

    Raises
    ------
    MyoT2Error
        The SuperLink does not start, or others can read its private key.
    """
    require_private(tls / "server.key")
    home, here = coordinator.folder / "superlink", f"127.0.0.1:{port}"
    log, secret = coordinator.folder / "logs" / "superlink.log", home / "secret"
    write_secret(secret)
    command = [
        *(sys.executable, "-m", "myot2.learn.flower.superlink", str(largest_body(coordinator.folder))),
        *("--host", host, "--port", str(port)),
        *("--ssl-ca-certfile", str(tls / "ca.crt"), "--ssl-certfile", str(tls / "server.pem")),
        *("--ssl-keyfile", str(tls / "server.key"), "--database", str(home / "state.db")),
        *("--enable-supernode-auth", "--disable-runtime-dependency-installation"),
        *("--isolation", "process", "--superexec-auth-secret-file", str(secret)),
    ]
    with running(command, home, log) as superlink:
        wait_until(
            lambda: superlink.poll() is not None or is_up(here, tls / "ca.crt"),
            600,
            what="a SuperLink that answers",
            where=log,
            do="Read its last lines; another program may have its port.",
        )
        if superlink.poll() is not None:
            raise MyoT2Error(expected="a SuperLink that stays", found="it ended", where=log, do="Read its last lines.")
        root = (tls / "ca.crt").read_bytes()
        register(coordinator.settings, here, root)
        coordinator.report(f"The SuperLink listens at {host}:{port}; its words are in {log}.")
        with grid_of_a_run(here, root, secret.read_bytes()) as grid:
            play(coordinator, grid)


def largest_body(folder: Path) -> int:
    """Bytes that a call may bring: the weights, which Flower sends in parts, and a MiB around them."""
    return (current(folder / MODELS).folder / WEIGHTS).stat().st_size + 2**20


def play(coordinator: Coordinator, grid: HttpGrid) -> None:
    """Play rounds until as many are closed as the settings want; a round that was begun goes on."""
    while played(coordinator.folder) < coordinator.settings.rounds:
        _deliver(coordinator, grid, awaited=set())
        this = open_round(coordinator.folder, coordinator.settings, when=now_in_utc())
        coordinator.report(f"Round {this.number} begins with version {this.parent.number}.")
        _learn(coordinator, grid, this)
        structures, head, examine = coordinator.configuration.structures, coordinator.head, coordinator.examine
        candidate = propose(this, structures=structures, head=head, examine=examine, when=now_in_utc())
        if candidate:
            _judge(coordinator, grid, this, candidate)
        made = close(this, coordinator.configuration, when=now_in_utc())
        coordinator.report(
            f"Round {this.number}: {f'version {made.number}' if made else 'no new version; the ledger says why'}."
        )
    _deliver(coordinator, grid, awaited=set(coordinator.settings.sites))


def _learn(coordinator: Coordinator, grid: HttpGrid, this: Round) -> None:
    """Ask the sites that have not answered yet for their updates."""

    def take(site: str, message: bytes, tensors: bytes) -> Outcome:
        if not tensors:
            return take_declined(this, site, message, when=now_in_utc())
        return take_update(
            this,
            site,
            message,
            tensors,
            structures=coordinator.configuration.structures,
            examine=coordinator.examine,
            when=now_in_utc(),
        )

    waiting = set(coordinator.settings.sites) - set(this.events(UPDATE)) - set(this.events(NO_UPDATE))
    silent = Exchange(coordinator, grid, this, messages.LEARN, this.parent_weights(), take).run(waiting, waiting)
    for site, reason in sorted(silent.items()):
        take_nothing(this, site, reason, when=now_in_utc())


def _judge(coordinator: Coordinator, grid: HttpGrid, this: Round, candidate: bytes) -> None:
    """Ask all sites for their verdicts; those that answered in this round are waited for."""
    answered = set(this.events(UPDATE))
    answered |= {site for site, one in this.events(NO_UPDATE).items() if one["Reason"] in messages.DECLINES}
    structures = coordinator.configuration.structures

    def take(site: str, message: bytes, _: bytes) -> Outcome:
        return take_report(this, site, message, structures=structures, when=now_in_utc())

    waiting = set(coordinator.settings.sites) - set(this.events(REPORT))
    exchange = Exchange(coordinator, grid, this, messages.JUDGE, candidate, take)
    _record_silence(this, messages.JUDGE, exchange.run(waiting, answered))


def _deliver(coordinator: Coordinator, grid: HttpGrid, *, awaited: set[str]) -> None:
    """Give the sites the last accepted weights, as far as they have not confirmed them."""
    this, made = last_accepted(coordinator.folder, coordinator.settings)
    if this is None or made is None:
        return

    def take(site: str, message: bytes, _: bytes) -> Outcome:
        return take_receipt(this, site, message, made, when=now_in_utc())

    weights = (made.folder / WEIGHTS).read_bytes()
    waiting = set(coordinator.settings.sites) - kept_by(this)
    if waiting & awaited:
        names = ", ".join(sorted(waiting))
        coordinator.report(f"Version {made.number} is for {names}, for {coordinator.settings.wait_minutes:g} min.")
    exchange = Exchange(coordinator, grid, this, messages.KEEP, weights, take)
    _record_silence(this, messages.KEEP, exchange.run(waiting, awaited))


def _record_silence(this: Round, kind: str, silent: dict[str, str]) -> None:
    for site, reason in sorted(silent.items()):
        no_answer(this, site, kind, reason, when=now_in_utc())


@dataclass
class Exchange:
    """Orders of one kind to some sites, and their answers; a site that fell away and came back is asked again."""

    coordinator: Coordinator
    grid: HttpGrid
    this: Round
    kind: str
    weights: bytes
    take: Callable[[str, bytes, bytes], Outcome]
    asked: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Site to the message's id and to when its node had connected."""
    silent: dict[str, str] = field(default_factory=dict)

    def run(self, waiting: set[str], awaited: set[str]) -> dict[str, str]:
        """Go on until all have answered or the time is over; give the sites without an answer, and why.

        Of the sites that are not connected, only those of `awaited` are waited for.
        """
        waiting, end = set(waiting), time.monotonic() + 60 * self.coordinator.settings.wait_minutes
        while waiting:
            nodes = self._nodes()
            for site in sorted(waiting & set(nodes)):
                self._ask(site, nodes[site])
            waiting -= self._take_answers()
            if not waiting & (set(nodes) | awaited):
                self.silent |= dict.fromkeys(waiting & set(self.asked), "the site went away")
                break
            if time.monotonic() > end:
                self.silent |= dict.fromkeys(waiting, "no answer in time")
                break
            time.sleep(PAUSE)
        return self.silent

    def _nodes(self) -> dict[str, object]:
        """The connected nodes by their sites; a node whose key is no site's is not asked for anything."""
        keys = {node_key_bytes(member.node): site for site, member in self.coordinator.settings.sites.items()}
        return {keys[node.public_key]: node for node in self.grid.get_nodes() if node.public_key in keys}

    def _ask(self, site: str, node) -> None:
        if site in self.asked and self.asked[site][1] == node.last_activated_at:
            return
        order = self.this.order(site, self.kind, self.weights, self.coordinator.key)
        message = Message(packed(order, self.weights), node.node_id, _TYPES[self.kind], group_id=str(self.this.number))
        (identity,) = self.grid.push_messages([message])
        self.asked[site] = (identity, node.last_activated_at)

    def _take_answers(self) -> set[str]:
        """Sites that are done with."""
        of = {identity: site for site, (identity, _) in self.asked.items()}
        done = set()
        for reply in self.grid.pull_messages(list(of)) if of else []:
            site = of[reply.metadata.reply_to_message_id]
            self.asked.pop(site)
            if reply.has_error():
                if reply.error.code == ErrorCode.CLIENT_APP_RAISED_EXCEPTION:
                    self.silent[site] = "the site refuses the order"
                    done.add(site)
                continue
            done.add(site)
            outcome = self._outcome(site, reply)
            said = "accepted" if outcome.accepted else f"refused: {outcome.reason}"
            self.coordinator.report(f"  {site}, {self.kind}: {said}")
        return done

    def _outcome(self, site: str, reply: Message) -> Outcome:
        try:
            return self.take(site, *unpacked(reply.content, where=f"the answer of site {site}"))
        except MyoT2Error as error:
            self.silent[site] = f"expected {error.expected}; found {error.found}"
            return Outcome(False, self.silent[site])


def register(settings: Settings, address: str, root: bytes) -> None:
    """Let the SuperLink know the sites' transport keys, and no others."""
    wanted = {node_key_bytes(member.node): site for site, member in settings.sites.items()}
    with _control(address, root) as control:
        known = {node.public_key: node.node_id for node in control.ListNodes(ListNodesRequest()).nodes_info}
        for key, number in known.items():
            if key not in wanted:
                control.UnregisterNode(UnregisterNodeRequest(node_id=number))
        for key, site in sorted(wanted.items(), key=lambda one: one[1]):
            if key not in known:
                control.RegisterNode(RegisterNodeRequest(public_key=key, name=site))


@contextmanager
def grid_of_a_run(address: str, root: bytes, secret: bytes) -> Iterator[HttpGrid]:
    """A new run of Flower, and the grid by which its messages are sent; the run ends with this."""
    from flwr.cli.build import build_fab_from_files

    code, _ = build_fab_from_files({"pyproject.toml": _NO_APP.format(version=__version__).encode()})
    fab = Fab(digest(code), code, {})
    with _control(address, root) as control:
        control.StartRun(StartRunRequest(fab=fab_to_proto(fab)))
    client = runtime_client(address, secret=secret, root=root)
    try:
        token = _token(client)
    finally:
        client.close()
    grid = HttpGrid(runtime_api_address=address, root_certificates=root, token=token)
    beat = HeartbeatSender(make_task_heartbeat_fn_http(grid._runtime_client))
    beat.start()
    status, details = SubStatus.FAILED, "The coordinator was stopped."
    try:
        task = grid._runtime_client.PullTaskInput(PullTaskInputRequest())
        TaskIdentity.task_id, TaskIdentity.run_id = task.task_id, task.run.run_id
        TaskIdentity.node_id = task.context.node_id
        grid.set_run(run_from_proto(task.run))
        yield grid
        status, details = SubStatus.COMPLETED, ""
    finally:
        beat.stop()
        grid._runtime_client.PushTaskOutput(PushTaskOutputRequest(sub_status=status, details=details))
        grid.close()


def _token(client) -> str:
    found: list[str] = []

    def ready() -> bool:
        found.extend(filter(None, [acquire(client, TaskType.SERVER_APP)]))
        return bool(found)

    wait_until(ready, 60, what="the run's task", where="the SuperLink", do="Read logs/superlink.log.")
    return found[0]


@contextmanager
def _control(address: str, root: bytes) -> Iterator[ControlHttpClient]:
    client = ControlHttpClient.from_server_address(
        server_address=address,
        insecure=False,
        root_certificates=root,
        interceptors=[RuntimeVersionHttpInterceptor(component_name="flwr CLI")],
    )
    try:
        yield client
    finally:
        client.close()
