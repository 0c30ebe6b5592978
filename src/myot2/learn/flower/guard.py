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


class SitesMayOnly:
    """ASGI middleware that refuses calls of other machines outside of `OPEN_TO_SITES`."""

    def __init__(self, app: Any):
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Pass a call on, or answer 403."""
        if scope["type"] in ("http", "websocket") and not allowed(scope["path"], scope.get("client")):
            await PlainTextResponse("Only from the coordinator's own machine.", status_code=403)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def allowed(path: str, client: tuple[str, int] | None) -> bool:
    """Whether a call may be made from where it comes."""
    if path.startswith(OPEN_TO_SITES[0]) or path == OPEN_TO_SITES[1]:
        return True
    try:
        return client is not None and ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False
