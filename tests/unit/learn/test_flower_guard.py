"""The guard of the coordinator's port: sites' calls pass, all others only from the coordinator's own machine."""

from __future__ import annotations

import asyncio

import pytest

from myot2.learn.flower.guard import SitesMayOnly

ELSEWHERE = ("192.0.2.7", "2001:db8::7", "::ffff:192.0.2.7", "not an address", None)
HERE = ("127.0.0.1", "127.8.8.8", "::1")


def reaches(path: str, host: str | None, kind: str = "http") -> bool:
    """Whether a call gets through; what does not is answered with 403."""
    reached, sent = [], []

    async def application(scope, receive, send):
        reached.append(scope["path"])

    async def send(message):
        sent.append(message)

    scope = {"type": kind, "method": "GET", "path": path, "headers": [], "client": host and (host, 50000)}
    asyncio.run(SitesMayOnly(application)(scope, None, send))
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
