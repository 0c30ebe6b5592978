"""The guard of the coordinator's port: from other machines a site's calls are answered, and no others.

Flower 1.41 serves three interfaces at one port: Fleet (the sites'), Control (registering nodes, starting runs) and
Runtime (doing the coordinator's tasks). Control asks for no credential unless an identity provider is set up, so that
whoever reaches the port could register a node or start a run. Here Control and Runtime are for this machine alone.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from starlette.responses import PlainTextResponse

OPEN_TO_SITES = ("/v1/fleet/", "/health")


class _TooLarge(Exception):
    """A call brings more than it may."""


class SitesMayOnly:
    """ASGI middleware that refuses calls of other machines outside of `OPEN_TO_SITES`, and bodies that are too large.

    Parameters
    ----------
    app : callable
        The application behind it.
    largest : int
        Bytes that a call may bring; what is larger is not read to its end.
    """

    def __init__(self, app: Any, largest: int):
        self.app, self.largest = app, largest

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Pass a call on, or answer 403 or 413."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
        elif not allowed(scope["path"], scope.get("client")):
            await PlainTextResponse("Only from the coordinator's own machine.", status_code=403)(scope, receive, send)
        elif declared_size(scope) > self.largest:
            await _too_large(scope, receive, send)
        else:
            try:
                await self.app(scope, _counted(receive, self.largest), send)
            except _TooLarge:
                await _too_large(scope, receive, send)


_too_large = PlainTextResponse("More than a model's weights.", status_code=413)


def declared_size(scope: dict[str, Any]) -> int:
    """Content-Length of a call; 0 where it has none, for then the bytes are counted as they come."""
    sizes = [value for name, value in scope["headers"] if name == b"content-length"]
    return max((int(value) for value in sizes if value.isdigit()), default=0)


def _counted(receive: Any, most: int) -> Any:
    left = most

    async def counting() -> Any:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise _TooLarge
        return message

    return counting


def allowed(path: str, client: tuple[str, int] | None) -> bool:
    """Whether a call may be made from where it comes."""
    if path.startswith(OPEN_TO_SITES[0]) or path == OPEN_TO_SITES[1]:
        return True
    try:
        return client is not None and ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False
