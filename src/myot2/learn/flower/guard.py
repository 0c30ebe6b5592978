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


class _Body:
    """A call's body, of which no more is given on than it may have."""

    def __init__(self, receive: Any, most: int):
        self._receive, self._left = receive, most

    @property
    def too_large(self) -> bool:
        """Whether more has come."""
        return self._left < 0

    async def receive(self) -> Any:
        """The next part."""
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self.too_large:
            raise ValueError("the body is too large")
        return message


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
            await self._pass_on(scope, _Body(receive, self.largest), send)

    async def _pass_on(self, scope: dict[str, Any], body: _Body, send: Any) -> None:
        async def send_unless_too_large(message: Any) -> None:
            if not body.too_large:  # else it is what a handler of Flower's makes of the error
                await send(message)

        try:
            await self.app(scope, body.receive, send_unless_too_large)
        except Exception:
            if not body.too_large:
                raise
        if body.too_large:
            await _too_large(scope, body.receive, send)


_too_large = PlainTextResponse("More than a model's weights.", status_code=413)


def declared_size(scope: dict[str, Any]) -> int:
    """Content-Length of a call; 0 where it has none, for then the bytes are counted as they come."""
    sizes = [value for name, value in scope["headers"] if name == b"content-length"]
    return max((int(value) for value in sizes if value.isdigit()), default=0)


def allowed(path: str, client: tuple[str, int] | None) -> bool:
    """Whether a call may be made from where it comes."""
    if path.startswith(OPEN_TO_SITES[0]) or path == OPEN_TO_SITES[1]:
        return True
    try:
        return client is not None and ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False
