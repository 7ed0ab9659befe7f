"""Who may talk to the playground: pages that it served itself, to a browser on this machine.

A page from elsewhere could point its own name at this machine's address, or send a form here; neither gets an answer. What the
playground serves may load nothing from elsewhere, and runs no script that stands in a page.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OWN_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{nonce}; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY.format(nonce=""),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""What every answer carries, unless it says otherwise itself."""


class RefusedError(Exception):
    """A request that gets no other answer than why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def guarded(app: App, *, refuse: Callable[[int, str], App], body: int, seconds: float = 10.0) -> App:
    """An application that answers only those who may ask.

    Args:
        app: what is guarded.
        refuse: an answer that says why there is none.
        body: how many bytes a request may have.
        seconds: how long it may take to arrive.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return

        async def send_guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                missing = [(n.encode(), v.encode()) for n, v in HEADERS.items() if n.encode() not in present]
                message = {**message, "headers": [*message["headers"], *missing]}
            await send(message)

        try:
            check(scope)
            received = await _body(scope, receive, body, seconds)
        except RefusedError as error:
            await refuse(error.status, error.message)(scope, receive, send_guarded)
            return
        await app(scope, _replay(received, receive), send_guarded)

    return answer


def check(scope: Scope) -> None:
    """Refuse a request that does not come from a page of the playground, or does what none of them does.

    Raises:
        RefusedError: saying why.
    """
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    hosts = [value for name, value in scope["headers"] if name.lower() == b"host"]
    host = headers.get("host", "")
    if len(hosts) != 1 or _hostname(host) not in OWN_NAMES:
        raise RefusedError(421, "this playground answers to localhost alone: open it as http://localhost:PORT")
    if scope["method"] not in ("GET", "HEAD", "POST"):
        raise RefusedError(405, "the playground knows GET and POST")
    origin = headers.get("origin")
    if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
        raise RefusedError(403, "another page asked for this; the playground answers its own pages alone")
    if headers.get("sec-fetch-site", "same-origin") == "cross-site" and scope["method"] == "POST":
        raise RefusedError(403, "another page asked for this; the playground answers its own pages alone")
    if scope["method"] == "POST" and headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise RefusedError(415, "the playground takes application/json")


def _hostname(host: str) -> str | None:
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # refuses what is no number
    except ValueError:
        return None
    return parts.hostname if not parts.username and not parts.path else None


async def _body(scope: Scope, receive: Receive, most: int, seconds: float) -> bytes:
    """All that was sent with a request."""
    if scope["method"] != "POST":
        return b""
    too_large = RefusedError(413, f"the request is larger than {most:,} bytes; the playground takes no longer programs")
    for name, value in scope["headers"]:
        if name.lower() == b"content-length" and (not value.isdigit() or int(value[:20]) > most):
            raise too_large
    received = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise RefusedError(400, "the request broke off")
                received += message.get("body", b"")
                if len(received) > most:
                    raise too_large
                if not message.get("more_body"):
                    return bytes(received)
    except TimeoutError:
        raise RefusedError(408, "the request did not arrive in time") from None


def _replay(body: bytes, receive: Receive) -> Receive:
    """What was received already, and then what comes."""
    waiting: list[MutableMapping[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> MutableMapping[str, Any]:
        return waiting.pop() if waiting else await receive()

    return replayed
