"""What keeps everybody but the person at this machine out of the review server.

The address printed at the start holds a token that works once: it is exchanged for a session cookie that scripts
cannot read and other sites cannot use. Each request must be addressed to this very host (no DNS rebinding). Each
change must also come from the page itself: same origin, and with a word that only the page was told (CSRF).
"""

from __future__ import annotations

import hmac
import secrets

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

COOKIE = "myot2_review"
WORD_HEADER = "x-myot2-word"

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self' data: blob:; font-src 'self' data:; "
    "worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """An ASGI application around another one; `token` opens it once.

    Parameters
    ----------
    app : ASGI application
    port : int
        The port at which it is served; the host is 127.0.0.1 or localhost.
    max_body : int
        Bytes of a request, from which on it is refused.
    """

    def __init__(self, app: ASGIApp, *, port: int, max_body: int):
        self.app, self.max_body = app, max_body
        self.hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
        self.token: str | None = secrets.token_urlsafe(32)
        self._session = secrets.token_urlsafe(32)
        self.word = secrets.token_urlsafe(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        answer = self._refusal(request)
        if answer is None:
            await self.app(scope, self._limited(receive), _with_headers(send))
        else:
            await answer(scope, receive, _with_headers(send))

    def _refusal(self, request: Request) -> Response | None:
        if request.headers.get("host") not in self.hosts:
            return PlainTextResponse("This server answers to 127.0.0.1 alone.", 421)
        if request.url.path == "/" and "token" in request.query_params:
            return self._enter(request.query_params["token"])
        if not _same(request.cookies.get(COOKIE), self._session):
            return PlainTextResponse("Open the address that the terminal shows.", 401)
        if request.method not in ("GET", "HEAD", "POST"):
            return PlainTextResponse("No such method.", 405)
        return self._refused_change(request) if request.method == "POST" else None

    def _enter(self, token: str) -> Response:
        if self.token is None or not _same(token, self.token):
            return PlainTextResponse("This address was used already, or is wrong. Start the review again.", 403)
        self.token = None
        answer = RedirectResponse("/", 303)
        answer.set_cookie(COOKIE, self._session, httponly=True, samesite="strict", path="/")
        return answer

    def _refused_change(self, request: Request) -> Response | None:
        if request.headers.get("origin") != f"http://{request.headers['host']}":
            return PlainTextResponse("Changes come from the page itself alone.", 403)
        if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return PlainTextResponse("Changes come from the page itself alone.", 403)
        if not _same(request.headers.get(WORD_HEADER), self.word):
            return PlainTextResponse("The page's word is missing or wrong. Load the page again.", 403)
        length = request.headers.get("content-length", "")
        if not (length.isascii() and length.isdecimal()):
            return PlainTextResponse("The length of the body is needed.", 411)
        return PlainTextResponse("Too large.", 413) if int(length) > self.max_body else None

    def _limited(self, receive: Receive) -> Receive:
        """The body, cut off where it is longer than allowed, whatever its header said."""
        seen = 0

        async def limited():
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            return {"type": "http.disconnect"} if seen > self.max_body else message

        return limited


def _with_headers(send: Send) -> Send:
    async def sending(message):
        if message["type"] == "http.response.start":
            added = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message = {**message, "headers": [*message.get("headers", []), *added]}
        await send(message)

    return sending


def _same(given: str | None, right: str) -> bool:
    return hmac.compare_digest((given or "").encode(), right.encode())
