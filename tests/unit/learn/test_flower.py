"""A federation of three sites over real SuperLink and SuperNodes on this machine, with TLS and keys, and what is sent.

One run serves all: three rounds, in which the coordinator is killed, between two updates and after the last round, and
one site too, and all are started again; east speaks through a relay that records every byte.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from relay import Relay

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".venv-federation" / "bin" / "python"
PARTY = Path(__file__).with_name("party.py")
PERSON = "DOE-JANE-19480217"
PATIENCE = 900
"""Seconds, for a machine that does much else; the run takes about a minute of an idle one."""

FLEET = {
    "/v1/fleet/activate-node",
    "/v1/fleet/confirm-message-received",
    "/v1/fleet/deactivate-node",
    "/v1/fleet/get-fab",
    "/v1/fleet/get-run",
    "/v1/fleet/pull-messages",
    "/v1/fleet/pull-object",
    "/v1/fleet/push-messages",
    "/v1/fleet/push-object",
    "/v1/fleet/send-node-heartbeat",
}
WATCH = """
import os, sys
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        where = arguments[1] if event == "socket.connect" else arguments[:2]
        if not isinstance(where, (str, bytes)):
            with open(os.environ["WATCHED"], "a") as log:
                log.write(f"{where[0]} {where[1]}\\n")
sys.addaudithook(watch)
"""


def environment(**more: str) -> dict[str, str]:
    path = os.pathsep.join([*filter(None, [more.pop("PYTHONPATH", "")]), str(ROOT / "src")])
    quiet = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}
    return {**os.environ, **quiet, "PYTHONPATH": path, **more}


@dataclass
class Programs:
    """The programs of a run, and what they said."""

    folder: Path
    running: dict[str, subprocess.Popen] = field(default_factory=dict)

    def start(self, name: str, role: str, *options: str, **env: str) -> subprocess.Popen:
        with open(self.folder / f"{name}.out", "ab") as words:
            self.running[name] = subprocess.Popen(
                [PYTHON, PARTY, role, self.folder, *options],
                env=environment(**env),
                stdout=words,
                stderr=subprocess.STDOUT,
            )
        return self.running[name]

    def said(self, name: str) -> str:
        path = self.folder / f"{name}.out"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def kill(self, name: str) -> None:
        self.running[name].send_signal(signal.SIGKILL)
        self.running[name].wait()

    def wait_for(self, what: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not what():
            if time.monotonic() > end:
                pytest.fail("\n\n".join(f"{name}: {self.said(name)[-3000:]}" for name in self.running))
            time.sleep(0.1)

    def stop(self) -> None:
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@dataclass
class Run:
    """What a federation left behind."""

    programs: Programs
    relay: Relay
    reference: str
    strangers: dict[str, str]
    plaintext: str
    calls: dict[str, tuple[int, str]]
    watched: str

    @property
    def ledger(self) -> list[dict]:
        return records(self.programs.folder)


def records(folder: Path) -> list[dict]:
    path = folder / "coordinator/ledger.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line)["record"] for line in lines]


def count(folder: Path, event: str) -> int:
    return sum(one["Event"] == event for one in records(folder))


def ended(folder: Path, site: str) -> int:
    """How many SuperNodes of a site have ended in good order."""
    return (folder / site / "logs/supernode.log").read_text(errors="replace").count("SuperNode terminated gracefully")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    if not PYTHON.exists():
        pytest.skip("the federation's environment (make federation) is not here")
    folder = tmp_path_factory.mktemp("federation")
    programs, port = Programs(folder), free_port()
    subprocess.run([PYTHON, PARTY, "prepare", folder], env=environment(), check=True)
    relay = Relay(folder / "coordinator/tls", port)
    watching = folder / "watching"
    watching.mkdir()
    (watching / "sitecustomize.py").write_text(WATCH)
    east = {"PYTHONPATH": str(watching), "WATCHED": str(folder / "watched.txt")}
    try:
        programs.start("coordinator", "coordinator", "--port", str(port))
        programs.start("east", "east", "--port", str(relay.port), **east)
        for site in ("north", "west"):
            programs.start(site, site, "--port", str(port))
        other = tmp_path_factory.mktemp("other")
        expected = subprocess.run(
            [PYTHON, PARTY, "reference", other], env=environment(), check=True, capture_output=True, text=True
        ).stdout.split()[-1]
        programs.wait_for(lambda: count(folder, "update") >= 1)
        programs.kill("coordinator")
        programs.start("coordinator", "coordinator", "--port", str(port), FORWARDED_ALLOW_IPS="*")
        programs.wait_for(lambda: programs.said("coordinator").count("The SuperLink listens") == 2)
        start_strangers(programs, other, port)
        plaintext, calls = spoken_plainly(port), calls_of_others(port, folder / "coordinator/tls/ca.crt")
        programs.wait_for(lambda: count(folder, "round opened") == 2)
        programs.kill("west")
        programs.start("west", "west", "--port", str(port))
        programs.wait_for(lambda: count(folder, "round closed") == 3)
        before = ended(folder, "west")
        programs.kill("west")
        programs.wait_for(lambda: ended(folder, "west") > before)  # its SuperNode says good-bye to the coordinator
        strangers = turned_away(programs)
        programs.kill("coordinator")
        programs.start("coordinator", "coordinator", "--port", str(port))
        programs.wait_for(lambda: programs.said("coordinator").count("Version 1.3.0 is for") == 2)
        programs.start("west", "west", "--port", str(port))
        programs.wait_for(lambda: programs.running["coordinator"].poll() is not None)
    finally:
        programs.stop()
        relay.close()
    return Run(programs, relay, expected, strangers, plaintext, calls, (folder / "watched.txt").read_text())


def start_strangers(programs: Programs, other: Path, port: int) -> None:
    """A node whose key is not registered, and one that trusts another authority."""

    def start(name: str, option: str, path: str) -> None:
        programs.start(name, "north", "--port", str(port), "--place", name, option, str(other / path))

    start("unregistered", "--node-key", "north/node.key")
    start("misled", "--authority", "coordinator/tls/ca.crt")


def turned_away(programs: Programs) -> dict[str, str]:
    """What the strangers said in the end."""
    names = ("unregistered", "misled")
    programs.wait_for(lambda: all(programs.running[name].poll() is not None for name in names))
    log = (programs.folder / "unregistered/logs/supernode.log").read_text(errors="replace")
    return {name: programs.said(name) for name in names} | {"log": log}


def spoken_plainly(port: int) -> str:
    """What comes back when a node is registered without TLS."""
    with socket.create_connection(("127.0.0.1", port), 30) as plain:
        plain.sendall(b"POST /v1/fleet/activate-node HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        try:
            return plain.recv(4096).decode("latin-1")
        except ConnectionError as error:
            return type(error).__name__


def calls_of_others(port: int, authority: Path) -> dict[str, tuple[int, str]]:
    """Status and text of calls to the running SuperLink."""
    context, control = ssl.create_default_context(cafile=authority), "/v1/control/list-nodes"

    def call(path: str, source: str, body=b"", **headers: str) -> tuple[int, str]:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=60, context=context, source_address=(source, 0)
        )
        try:
            connection.request("POST", path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.read().decode("latin-1")
        finally:
            connection.close()

    push, kind = "/v1/fleet/push-object", "application/protobuf"
    return {
        "of this machine": call(control, "127.0.0.1", Content_Type=kind),
        "through a proxy of this machine": call(control, "127.0.0.1", X_Forwarded_For="192.0.2.7"),
        "with a forged origin": call(control, "127.0.0.2", X_Forwarded_For="192.0.2.7", Content_Type=kind),
        "said to be large": call(push, "127.0.0.1", Content_Length=str(10**9)),
        "large": call(push, "127.0.0.1", iter([b"a" * 2**16] * 32), Content_Type=kind),
    }


def answers(run: Run, site: str) -> list[Path]:
    return sorted((run.programs.folder / site / "outbox").iterdir())


def test_three_rounds_make_three_versions_though_the_coordinator_and_a_site_are_killed(run):
    assert run.programs.running["coordinator"].returncode == 0, run.programs.said("coordinator")
    closed = [one for one in run.ledger if one["Event"] == "round closed"]
    assert [(one["Round"], one["Version"]) for one in closed] == [(1, "1.1.0"), (2, "1.2.0"), (3, "1.3.0")]
    for number in (1, 2, 3):
        updates = [one for one in run.ledger if one["Event"] == "update" and one["Round"] == number]
        assert sorted(one["Site"] for one in updates) == ["east", "north", "west"]
        assert all(one["Accepted"] for one in updates)


def test_the_weights_are_those_of_the_same_rounds_without_any_transport(run):
    last = run.programs.folder / "coordinator/models/versions/1.3.0/version.json"
    assert json.loads(last.read_text())["WeightsSha256"] == run.reference


def test_every_site_keeps_the_last_version_though_one_was_not_there_after_the_last_round(run):
    kept = [one["Site"] for one in run.ledger if one["Event"] == "kept" and one["Round"] == 3]
    assert sorted(kept) == ["east", "north", "west"]
    for site in ("east", "north", "west"):
        models = run.programs.folder / site / "models/versions"
        digests = [json.loads(path.read_text())["WeightsSha256"] for path in sorted(models.glob("*/version.json"))]
        assert digests[-1] == run.reference


def test_a_node_whose_key_is_not_registered_is_turned_away(run):
    assert "a SuperNode that stays connected" in run.strangers["unregistered"]
    assert "Failed to initialize the connection" in run.strangers["log"]


def test_a_site_that_trusts_another_authority_sends_nothing(run):
    assert "Nothing was sent" in run.strangers["misled"]
    assert "certificate" in run.strangers["misled"]


def test_plaintext_is_not_answered(run):
    assert "HTTP" not in run.plaintext


def test_the_guard_is_in_the_running_superlink(run):
    """Control answers this machine; a proxy's word on whom it speaks for is believed, for that closes the door."""
    assert run.calls["of this machine"][0] == 200
    assert run.calls["through a proxy of this machine"] == (403, "Only from the coordinator's own machine.")


def test_whom_a_call_comes_from_is_not_believed_of_others_though_the_environment_says_so(run):
    """127.0.0.2 is of this machine and not the address of a proxy: were the header believed, it would be turned away.

    The coordinator was started with FORWARDED_ALLOW_IPS=*.
    """
    assert run.calls["with a forged origin"][0] == 200


def test_a_body_larger_than_the_model_is_refused(run):
    assert run.calls["said to be large"] == (413, "More than a model's weights.")
    assert run.calls["large"] == (413, "More than a model's weights.")


def test_a_site_calls_what_a_site_may_and_nothing_else(run):
    assert {call.path for call in run.relay.calls()} <= FLEET


def test_what_a_site_sends_is_its_outbox_and_a_little_of_the_transport(run):
    """Declared messages and tensors are found whole; what else each call holds are digests, numbers and dates."""
    declared = []
    for place in answers(run, "east"):
        message, tensors = place / "message.json", place / "update.safetensors"
        declared += [message.read_bytes(), *([tensors.read_bytes()] if tensors.exists() else [])]
    assert len(declared) == 3 * (1 + 3)  # in each of three rounds tensors, and the messages of learn, judge and keep
    pushed = [call.body for call in run.relay.calls() if call.path.endswith("/push-object")]
    assert all(any(content in body for body in pushed) for content in declared)
    rest = []
    for body in pushed:
        for content in declared:
            body = body.replace(content, b"")
        rest.append(body)
    assert max(map(len, rest)) < 500  # measured: 434
    assert len(pushed) <= 3 * 6 * 6  # six objects of Flower's an answer, and again where the coordinator was killed
    others = [call for call in run.relay.calls() if not call.path.endswith("/push-object")]
    assert max(len(call.body) for call in others) < 750  # measured: 637, names and tree of a message's objects
    assert max(len(call.head) for call in run.relay.calls()) < 1000  # measured: 848


def test_no_image_and_no_name_is_in_anything_that_a_site_sends(run):
    """Planted markers, rows of the images and names occur nowhere, plain or in base64; the files do hold them."""
    import numpy as np

    stream = run.relay.stream
    images = sorted((run.programs.folder / "east/images").glob("*.npy"))
    assert len(images) == 3 and PERSON in images[0].name
    needles = [PERSON.encode(), b"DOE-JANE", b"sub-", b"east/images"]
    for path in images:
        values = np.load(path)
        rows = values.reshape(-1, values.shape[-1])
        needles += [row.tobytes() for row in rows]
        needles += [row.astype(kind).tobytes() for row in rows for kind in (">f4", "<f8", "<f2")]
    for needle in needles:
        assert needle not in stream
    for needle in (PERSON.encode(), *(needle[:48] for needle in needles[4:40])):
        for shift in range(3):
            encoded = base64.b64encode(b"\0" * shift + needle)[4:-4]
            assert encoded not in stream


def test_a_marker_that_is_sent_would_be_found(run):
    """The search above can fail: what the site does send is found the same way."""
    manifest = json.loads((answers(run, "east")[0] / "message.json").read_text())
    assert manifest["Nonce"].encode() in run.relay.stream


def test_the_site_s_processes_connect_to_the_coordinator_and_themselves_alone(run):
    """No telemetry, no look for updates, no registry; compiled libraries are not watched."""
    hosts = {line.split()[0] for line in run.watched.splitlines()}
    ports = {line.split()[1] for line in run.watched.splitlines()}
    assert hosts <= {"127.0.0.1", "localhost", "::1"}
    assert str(run.relay.port) in ports


def test_the_code_that_flower_ships_is_nowhere_unpacked(run):
    for site in ("east", "north", "west", "coordinator"):
        assert not list((run.programs.folder / site).rglob("*.fab"))
        assert not list((run.programs.folder / site).rglob("apps"))


def test_the_coordinator_s_certificate_is_of_its_authority(run):
    tls = run.programs.folder / "coordinator/tls"
    context = ssl.create_default_context(cafile=tls / "ca.crt")
    assert context.cert_store_stats()["x509_ca"] >= 1
    assert (tls / "server.key").stat().st_mode & 0o777 == 0o600
    assert not list(tls.glob("ca.key"))
