"""Doing Flower's tasks in MyoT2's own process, by MyoT2's own code.

Flower's usual way is to start `flwr-clientapp` or `flwr-serverapp`, which unpack an app that came over the network and
import it. Here the app that comes with a task is left packed: what is done is the function that was passed in. An error
is told in full where it happened; what goes back over the network is one fixed sentence, for an error's own words may
hold the path of a file and so a participant's name.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
import ssl
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
from flwr.app import Error, Message, RecordDict
from flwr.common.constant import ErrorCode, SubStatus
from flwr.proto.runtime_pb2 import AcquireTaskRequest
from flwr.supercore.constant import TaskType
from flwr.supercore.heartbeat import HeartbeatSender, make_task_heartbeat_fn_http
from flwr.supercore.interceptors import (
    RuntimeTokenHttpInterceptor,
    RuntimeVersionHttpInterceptor,
    SuperExecAuthHttpInterceptor,
)
from flwr.supercore.runtime import RuntimeHttpClient
from flwr.supernode.runtime.run_clientapp import pull_task_input, push_message, push_task_output

from myot2.core.errors import MyoT2Error
from myot2.learn.signing import write_private

REFUSAL = "The site refuses; its operator knows why."
INPUT = 300
"""Seconds within which an order and its weights must have come after the SuperNode announced them."""
PR_SET_PDEATHSIG = 1
_ACQUIRE = frozenset({"/flwr.proto.Runtime/AcquireTask"})

Handler = Callable[[RecordDict], RecordDict]


class TaskLost(Exception):
    """What a SuperNode announced does not come."""


def environment(home: Path) -> dict[str, str]:
    """The environment of Flower's programs: no telemetry, no look for updates, their files below `home`.

    Whom a call comes from is believed of a proxy on this machine alone (uvicorn's X-Forwarded-For), for the guard of
    the coordinator's port asks it (`myot2.learn.flower.guard`).
    """
    quiet = {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1", "FLWR_HOME": str(home)}
    return {**os.environ, **quiet, "FORWARDED_ALLOW_IPS": "127.0.0.1"}


def program(name: str) -> str:
    """The path of one of Flower's programs in the environment that runs this."""
    return str(Path(sys.executable).with_name(name))


@contextmanager
def running(command: list[str], home: Path, log: Path):
    """Let a program run meanwhile; its words go to a file, and it ends with this."""
    home.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as words:
        process = subprocess.Popen(
            command,
            env=environment(home),
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=subprocess.STDOUT,
            preexec_fn=_end_with_parent,
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _end_with_parent() -> None:
    """Ask the kernel (Linux) to end this process when the one that started it does, however that ends."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def write_secret(path: Path) -> None:
    """A new secret between Flower's programs and this process, for this user alone."""
    path.unlink(missing_ok=True)
    write_private(path, secrets.token_bytes(32))


def runtime_client(address: str, *, secret: bytes = b"", token: str = "", root: bytes | None = None):
    """A client of the Runtime API of a SuperNode (on this machine, without TLS) or a SuperLink (`root`: its CA)."""
    interceptors: list = [RuntimeVersionHttpInterceptor(component_name="SuperExec" if secret else "flwr-clientapp")]
    if secret:
        interceptors.append(SuperExecAuthHttpInterceptor(master_secret=secret, protected_methods=_ACQUIRE))
    if token:
        interceptors.append(RuntimeTokenHttpInterceptor(token))
    return RuntimeHttpClient.from_server_address(
        server_address=address,
        insecure=root is None,
        root_certificates=root,
        interceptors=interceptors,  # without Flower's retries, which end this process where a task's time is over
    )


def acquire(client: RuntimeHttpClient, kind: TaskType) -> str | None:
    """The token of a task that waits to be done; None where there is none."""
    response = client.AcquireTask(AcquireTaskRequest(supported_task_types=[kind]))
    return response.token if response.HasField("task") and response.token else None


def work_at_site(
    address: str,
    secret: bytes,
    handle: Handler,
    *,
    alive: Callable[[], bool],
    report: Callable[[str], None] = print,
    pause: float = 0.5,
) -> int:
    """Do the tasks of a SuperNode, one after another, as long as it is alive and none is lost.

    Parameters
    ----------
    address : str
        Of the SuperNode's Runtime API on this machine.
    secret : bytes
        By which this process proves to the SuperNode that it may do its tasks.
    handle : callable
        From the records of an order to those of the answer.
    alive : callable
        Whether to go on.
    report : callable
        Takes lines of text, for the site's own eyes.
    pause : float
        Seconds between two looks.

    Returns
    -------
    int
        How many tasks were begun. A task is lost where this machine was too busy to say in time that it is at work; the
        coordinator asks again when the SuperNode connects anew, and gets what was made meanwhile.
    """
    begun = 0
    client = runtime_client(address, secret=secret)
    try:
        while alive():
            token = acquire(client, TaskType.CLIENT_APP)
            if token:
                begun += 1
                _do(address, token, handle, report)
            else:
                time.sleep(pause)
    except (httpx.HTTPError, TaskLost) as error:
        report(f"The task was lost ({type(error).__name__}); connecting anew.")
    finally:
        client.close()
    return begun


def _do(address: str, token: str, handle: Handler, report: Callable[[str], None]) -> None:
    client = runtime_client(address, token=token)
    beat = HeartbeatSender(make_task_heartbeat_fn_http(client))
    beat.start()
    try:
        message, context = _input_of(client)
        reply = reply_to(message, handle, report)
        status, details = (SubStatus.FAILED, REFUSAL) if reply.has_error() else (SubStatus.COMPLETED, "")
        push_message(client, reply, context)
        push_task_output(client=client, context=context, sub_status=status, details=details)
    finally:
        beat.stop()
        client.close()


def _input_of(client: RuntimeHttpClient):
    """An order and its context.

    Where the coordinator stopped while a SuperNode was getting an order, Flower 1.41 keeps the task, whose content will
    never come, and would wait for it for hours.
    """
    pool = ThreadPoolExecutor(1)
    try:
        message, context, _, _ = pool.submit(pull_task_input, client).result(INPUT)  # the last is code: it stays packed
    except httpx.HTTPError:
        raise
    except Exception as error:
        raise TaskLost from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return message, context


def reply_to(message: Message, handle: Handler, report: Callable[[str], None]) -> Message:
    """The answer to an order, or the fixed refusal, whatever went wrong: the site goes on, and its operator is told."""
    try:
        return Message(handle(message.content), reply_to=message)
    except MyoT2Error as error:
        report(f"This order was refused: {error}")
    except Exception as error:  # a full disk, torch, a damaged file: none of them may end the site's part
        report("".join(["This order failed:\n", *traceback.format_exception(error)]))
    return Message(Error(code=ErrorCode.CLIENT_APP_RAISED_EXCEPTION, reason=REFUSAL), reply_to=message)


def wait_until(ready: Callable[[], bool], seconds: float, *, what: str, where: str | Path, do: str) -> None:
    """Wait until something is so.

    Raises
    ------
    MyoT2Error
        It did not become so in this time.
    """
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise MyoT2Error(expected=what, found=f"nothing of it in {seconds:g} s", where=where, do=do)
        time.sleep(0.2)


def is_up(address: str, authority: Path | None = None) -> bool:
    """Whether a SuperLink (with the certificate of its authority) or a SuperNode answers at an address."""
    context = ssl.create_default_context(cafile=authority) if authority else True
    try:
        url = f"{'https' if authority else 'http'}://{address}/health"
        return httpx.get(url, verify=context, timeout=2, trust_env=False).status_code < 500
    except httpx.HTTPError:
        return False
