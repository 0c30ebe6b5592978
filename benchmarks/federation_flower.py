"""The federation of benchmarks/federation.py over Flower: SuperLink and SuperNodes on loopback, with TLS and keys.

Each party is a program of its own with the shipped model. Prints what each round sent, what each party took, and the
SHA-256 of the model in the end, which is that of the same rounds without the network where those were played before
(benchmarks/federation.py with the same --work and options).

    .venv-federation/bin/python benchmarks/federation_flower.py --work FOLDER [options of benchmarks/federation.py]
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import federation
from federation import KINDS, WHEN, BenchmarkWork, say

from myot2.core.usage import print_usage
from myot2.learn.aggregate import head_axes
from myot2.learn.certificates import make_certificates, make_node_key
from myot2.learn.federation import Member, Settings
from myot2.learn.flower.coordinator import Coordinator, serve
from myot2.learn.flower.node import join
from myot2.learn.ledger import records_of
from myot2.learn.round import CLOSED, MODELS, UPDATE
from myot2.learn.signing import make_key, public_of, read_key
from myot2.learn.site import Identity
from myot2.learn.versions import current, start

COORDINATOR = "coordinator"
HOUR = 3600


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    argv = sys.argv[1:] if argv is None else argv
    parser = federation.parser(__doc__)
    parser.add_argument("--role", choices=[COORDINATOR, *KINDS], help="be one party; the program starts all itself")
    parser.add_argument("--port", type=int)
    options = parser.parse_args(argv)
    home = options.work / "over-flower"
    if not options.role:
        play(home, options.model, argv)
        report(home, options.work)
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with suppress(SystemExit):
        (coordinate if options.role == COORDINATOR else take_part)(home, options)
    print_usage(options.role)
    return 0


def play(home: Path, model: Path, argv: list[str]) -> None:
    """Make all keys, start the parties, and wait for the coordinator's end."""
    if home.exists():
        sys.exit(f"{home} is there; remove it to play again")
    make_key(home / COORDINATOR / "signing.key")
    make_certificates(home / COORDINATOR / "tls", ())
    members = {
        name: Member(key=make_key(home / name / "signing.key"), node=make_node_key(home / name / "node.key"))
        for name in KINDS
    }
    (home / "sites.json").write_text(json.dumps({name: one.model_dump() for name, one in members.items()}))
    start(home / COORDINATOR / MODELS, model, when=WHEN)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with ExitStack() as stack:
        for name in KINDS:
            stack.enter_context(running(home, name, argv, port))
        with running(home, COORDINATOR, argv, port) as process:
            if process.wait(HOUR):
                sys.exit(f"the coordinator failed; see {home / COORDINATOR}.log")


@contextmanager
def running(home: Path, role: str, argv: list[str], port: int) -> Iterator[subprocess.Popen]:
    """A party; it is ended in the end."""
    command = [sys.executable, __file__, *argv, "--role", role, "--port", str(port)]
    with open(home / f"{role}.log", "w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(120)


def coordinate(home: Path, options) -> None:
    """Be the coordinator."""
    study, place = federation.prepare(options, ()), home / COORDINATOR
    sites = json.loads((home / "sites.json").read_text())
    coordinator = Coordinator(
        folder=place,
        settings=Settings(name="benchmark", sites=sites, rounds=options.rounds),
        key=read_key(place / "signing.key"),
        configuration=study.configuration,
        head=head_axes(study.configuration),
        examine=study.examine,
        report=say,
    )
    serve(coordinator, host="127.0.0.1", port=options.port, tls=place / "tls")


def take_part(home: Path, options) -> None:
    """Be a hospital."""
    place, name = home / options.role, options.role
    study = federation.prepare(options, (name,))
    who = Identity(
        "benchmark", name, read_key(place / "signing.key"), public_of(read_key(home / COORDINATOR / "signing.key"))
    )
    join(
        place,
        who=who,
        work=BenchmarkWork(study, study.hospitals[name].learned),
        address=f"127.0.0.1:{options.port}",
        authority=home / COORDINATOR / "tls" / "ca.crt",
        node_key=place / "node.key",
        report=say,
    )


def report(home: Path, work: Path) -> None:
    """Bytes, memory, and the model of the end."""
    for one in records_of(home / COORDINATOR):
        if one["Event"] == UPDATE:
            print(f"round {one['Round']}, {one['Site']}: update and manifest {one['Bytes']:,} bytes {one['Reason']}")
        elif one["Event"] == CLOSED:
            print(f"round {one['Round']}: version {one.get('Version')}. {' '.join(one['Reasons'])}")
    for role in (COORDINATOR, *KINDS):
        print((home / f"{role}.log").read_text().splitlines()[-1])
    print(f"over Flower: weights {current(home / COORDINATOR / MODELS).weights_sha256}")
    for place in sorted((work / "federation").glob("*/coordinator")):
        print(f"without the network: weights {current(place / MODELS).weights_sha256}")


if __name__ == "__main__":
    sys.exit(main())
