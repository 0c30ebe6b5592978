"""The guard of the coordinator's port: sites' calls pass, all others only from the coordinator's own machine."""

from __future__ import annotations

import asyncio

import pytest
from starlette.responses import PlainTextResponse

from myot2.learn.flower.guard import SitesMayOnly

ELSEWHERE = ("192.0.2.7", "2001:db8::7", "::ffff:192.0.2.7", "not an address", None)
LARGEST = 1000
HERE = ("127.0.0.1", "127.8.8.8", "::1")


def reaches(path: str, host: str | None, kind: str = "http") -> bool:
    """Whether a call gets through; what does not is answered with 403."""
    reached, sent = [], []

    async def application(scope, receive, send):
        reached.append(scope["path"])

    async def send(message):
        sent.append(message)

    scope = {"type": kind, "method": "GET", "path": path, "headers": [], "client": host and (host, 50000)}
    asyncio.run(SitesMayOnly(application, LARGEST)(scope, None, send))
    assert reached or sent[0]["status"] == 403
    return bool(reached)


@pytest.mark.parametrize("path", ["/v1/fleet/pull-messages", "/health"])
def test_sites_reach_what_is_theirs(path):
    assert all(reaches(path, host) for host in (*ELSEWHERE, *HERE))


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/control/register-node", "/v1/runtime/pull-task", "/", "/v1/fleet", "/v1//fleet/x", "/V1/fleet/x"),
        *("/healthy", "/health/", "/v1/control/?/v1/fleet/", "/v1/control/%2Fv1%2Ffleet%2F"),
    ],
)
def test_the_rest_is_for_this_machine_alone(path):
    assert not any(reaches(path, host) for host in ELSEWHERE)
    assert all(reaches(path, host) for host in HERE)


def test_what_is_no_call_passes():
    assert reaches("", "192.0.2.7", kind="lifespan")


def status(body: list[bytes], *headers: tuple[bytes, bytes], handled: bool = False) -> tuple[int, int]:
    """Status of the answer to a call of a site, and how many parts of its body were asked for.

    With `handled`, the application makes an answer of its own of whatever goes wrong while it reads.
    """
    parts, sent = iter(body), []
    asked = 0

    async def application(scope, receive, send):
        try:
            while (await receive())["more_body"]:
                pass
        except ValueError:
            if not handled:
                raise
            await PlainTextResponse("went wrong", status_code=500)(scope, receive, send)
            return
        await PlainTextResponse("read")(scope, receive, send)

    async def receive():
        nonlocal asked
        asked += 1
        return {"type": "http.request", "body": next(parts), "more_body": asked < len(body)}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/fleet/push-object", "headers": list(headers)}
    asyncio.run(SitesMayOnly(application, LARGEST)({**scope, "client": ("192.0.2.7", 50000)}, receive, send))
    assert [one["type"] for one in sent] == ["http.response.start", "http.response.body"]
    return sent[0]["status"], asked


def test_a_body_as_large_as_the_model_is_read():
    assert status([b"a" * 500] * 2, (b"content-length", b"1000")) == (200, 2)


def test_a_body_that_says_to_be_larger_is_not_read_at_all():
    assert status([b"a" * 500] * 3, (b"content-length", b"1500")) == (413, 0)


def test_a_body_that_does_not_say_its_size_or_a_smaller_one_is_read_as_far_as_it_may_go():
    assert status([b"a" * 500] * 100) == (413, 3) == status([b"a" * 500] * 100, handled=True)
    assert status([b"a" * 500] * 100, (b"content-length", b"10")) == (413, 3)
