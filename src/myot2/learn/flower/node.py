"""A site's part: a SuperNode that talks to the coordinator, and this process, which does what it asks."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

from flwr.app import RecordDict

from myot2.core.errors import MyoT2Error
from myot2.learn.flower.payload import packed, unpacked
from myot2.learn.flower.tasks import is_up, program, running, wait_until, work_at_site, write_secret
from myot2.learn.ledger import now_in_utc
from myot2.learn.signing import require_private
from myot2.learn.site import Identity, Work, answer

TRIES, SOON, AGAIN = 3, 180, 40
"""How often a SuperNode may end within how many seconds, and seconds before the next try: a SuperLink that has not seen
a node's end, for it was stopped itself, lets it in again a minute after the last sign of it."""
PAUSE, START = 5, 600
"""Seconds between looks for the coordinator, and for a start."""


def join(
    folder: str | Path,
    *,
    who: Identity,
    work: Work,
    address: str,
    authority: str | Path,
    node_key: str | Path,
    report: Callable[[str], None] = print,
    port: int | None = None,
) -> None:
    """Take part until the SuperNode ends or this process is interrupted.

    Parameters
    ----------
    folder : str or Path
        The site's own; see `myot2.learn.site`.
    who : Identity
    work : Work
    address : str
        Host and port of the coordinator's SuperLink.
    authority : str or Path
        Certificate of the authority that vouches for the coordinator (PEM).
    node_key : str or Path
        Private transport key, which the coordinator has registered.
    report : callable
        Takes lines of text.
    port : int, optional
        Of this machine's own loopback address, between the SuperNode and this process; a free one by default.

    Raises
    ------
    MyoT2Error
        The SuperNode ended: the coordinator does not know the node, or its certificate is not the authority's; or
        others can read the node's key.
    """
    require_private(Path(node_key))
    folder, short = Path(folder), 0
    log = folder / "logs" / "supernode.log"
    while short < TRIES:
        _wait_for(address, authority, report)
        began = time.monotonic()
        tasks = _connected(folder, log, who, work, address, authority, node_key, report, port or _free_port())
        # where it ends soon although the coordinator is there, it was turned away
        lasted = tasks or time.monotonic() - began > SOON or not vouched_for(address, authority)
        short = 0 if lasted else short + 1
        if 0 < short < TRIES:
            report(f"The SuperNode ended; trying again in {AGAIN} s.")
            time.sleep(AGAIN)
    raise MyoT2Error(
        expected="a SuperNode that stays connected",
        found=f"that it ended {TRIES} times, each within {SOON} s",
        where=log,
        do="Read its last lines. Most likely the coordinator has not registered this node's key (send it card.json), "
        "or the clocks differ: one that is over 5 s ahead of the coordinator's or over 305 s behind is refused.",
    )


def _wait_for(address: str, authority: str | Path, report: Callable[[str], None]) -> None:
    """Wait until the coordinator can be reached; it may be started later, and stop for a while."""
    if vouched_for(address, authority):
        return
    report(f"{address} cannot be reached yet; waiting.")
    while not vouched_for(address, authority):
        time.sleep(PAUSE)


def _connected(
    folder: Path,
    log: Path,
    who: Identity,
    work: Work,
    address: str,
    authority: str | Path,
    node_key: str | Path,
    report: Callable[[str], None],
    port: int,
) -> int:
    """Let a SuperNode run and do its tasks until it ends; give how many."""
    secret = folder / "supernode" / "secret"
    write_secret(secret)
    command = [
        program("flower-supernode"),
        *("--superlink", address, "--root-certificates", str(authority)),
        *("--auth-supernode-private-key", str(node_key)),
        *("--isolation", "process", "--superexec-auth-secret-file", str(secret)),
        *("--host", "127.0.0.1", "--port", str(port)),
    ]
    local = f"127.0.0.1:{port}"
    with running(command, folder / "supernode", log) as node:
        wait_until(
            lambda: node.poll() is not None or is_up(local),
            START,
            what="a SuperNode that has started",
            where=log,
            do="Read its last lines.",
        )
        report(f"The SuperNode runs; its words are in {log}. Waiting for orders of {address}.")
        return work_at_site(
            local,
            secret.read_bytes(),
            lambda content: respond(content, folder, who, work, report),
            alive=lambda: node.poll() is None,
            report=report,
        )


def vouched_for(address: str, authority: str | Path) -> bool:
    """Whether the coordinator can be reached and has a certificate of the authority; False where it is not there.

    Raises
    ------
    MyoT2Error
        Something answers that the authority does not vouch for, or that does not speak TLS.
    """
    host, _, port = address.rpartition(":")
    try:
        context = ssl.create_default_context(cafile=authority)
        with socket.create_connection((host, int(port)), 10) as plain, context.wrap_socket(plain, server_hostname=host):
            return True
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError):  # something on the way closed it: nobody behind it yet
        return False
    except ssl.SSLError as error:
        raise MyoT2Error(
            expected=f"a coordinator with a certificate of {Path(authority).name}",
            found=getattr(error, "verify_message", "") or error.reason or "no TLS",
            where=address,
            do="Nothing was sent. Compare address and authority with what the coordinator told you by another way.",
        ) from error
    except ValueError as error:
        raise MyoT2Error(
            expected="host:port", found=address, where="the coordinator's address", do="Correct it."
        ) from error
    except OSError:
        return False


def respond(content: RecordDict, folder: Path, who: Identity, work: Work, report: Callable[[str], None]) -> RecordDict:
    """From an order's records to the answer's."""
    order, weights = unpacked(content, where="the coordinator's order")
    sent = answer(folder, order, weights, who=who, work=work, when=now_in_utc())
    report(f"Answered with {len(sent.message)} bytes of message and {len(sent.tensors)} bytes of tensors.")
    return packed(sent.message, sent.tensors)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
