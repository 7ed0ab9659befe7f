"""What the playground answers: its page, what the page is made of, and what becomes of programs."""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from neurallambda import __version__
from neurallambda.engines import ENGINES
from neurallambda.errors import ArgumentError
from neurallambda.traces.running import TRACED
from neurallambda.viewer.playground.gallery import gallery
from neurallambda.viewer.playground.guard import POLICY, App, guarded
from neurallambda.viewer.playground.limits import PlaygroundLimits
from neurallambda.viewer.playground.pool import BusyError, Pool
from neurallambda.viewer.playground.requests import KINDS, read_job

ASSETS = {
    "playground.js": "text/javascript",
    "playground.css": "text/css",
    "icon.svg": "image/svg+xml",
}


@dataclass
class Playground:
    """A playground: what answers requests, and the processes behind it."""

    limits: PlaygroundLimits = field(default_factory=PlaygroundLimits)
    pool: Pool = field(init=False)

    def __post_init__(self) -> None:
        self.pool = Pool(self.limits)

    def app(self) -> App:
        """The application, for a server.

        Raises:
            ImportError: where Starlette is not installed.
        """
        from starlette.applications import Starlette
        from starlette.exceptions import HTTPException
        from starlette.responses import JSONResponse
        from starlette.routing import Route

        def refuse(status: int, message: str) -> App:
            return JSONResponse({"problem": {"message": message}}, status_code=status)

        def refuse_path(request: Any, error: Exception) -> Any:
            assert isinstance(error, HTTPException)
            return refuse(error.status_code, "there is nothing at this address; the playground is at /")

        @asynccontextmanager
        async def lifespan(app: Any) -> AsyncIterator[None]:
            await self.pool.start()
            yield
            await self.pool.stop()

        routes = [
            Route("/", self._page),
            Route("/assets/{name}", self._asset),
            Route("/api/settings", self._settings),
            Route("/api/{kind}", self._perform, methods=["POST"]),
        ]
        app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: refuse_path})
        return guarded(app, refuse=refuse, body=self.limits.body)

    async def _page(self, request: Any) -> Any:
        """The page. The editor makes style sheets of its own, which are taken with this answer's nonce alone.

        Browsers give style attributes to what is typed into an editor, and complain if they may not.
        """
        from starlette.responses import HTMLResponse

        nonce = secrets.token_urlsafe(16)
        text = asset("playground.html").decode().replace("{nonce}", nonce)
        return HTMLResponse(
            text,
            headers={
                "content-security-policy": POLICY.format(nonce=f" 'nonce-{nonce}'; style-src-attr 'unsafe-inline'")
            },
        )

    async def _asset(self, request: Any) -> Any:
        from starlette.exceptions import HTTPException
        from starlette.responses import Response

        name = request.path_params["name"]
        if name not in ASSETS:
            raise HTTPException(404)
        return Response(asset(name), media_type=ASSETS[name])

    async def _settings(self, request: Any) -> Any:
        from starlette.responses import JSONResponse

        return JSONResponse(settings(self.limits))

    async def _perform(self, request: Any) -> Any:
        """A program checked, run or traced: a line of JSON for each thing there is to tell, as soon as there is."""
        from starlette.exceptions import HTTPException
        from starlette.responses import JSONResponse, StreamingResponse

        kind = request.path_params["kind"]
        if kind not in KINDS:
            raise HTTPException(404)
        try:
            job = read_job(kind, await request.body(), self.limits)
        except ArgumentError as error:
            return JSONResponse({"problem": {"message": str(error)}}, status_code=400)
        answers = self.pool.perform(job)
        try:
            first = await anext(answers)
        except BusyError as error:
            return JSONResponse({"problem": {"message": str(error), "limit": "runs"}}, status_code=503)

        async def lines() -> AsyncIterator[bytes]:
            try:
                yield _line(first)
                async for answer in answers:
                    yield _line(answer)
            finally:
                await answers.aclose()  # a browser that went away, or pressed Stop, ends the run here

        return StreamingResponse(lines(), media_type="application/x-ndjson")


def settings(limits: PlaygroundLimits) -> dict[str, Any]:
    """What the page needs to know: the gallery, the engines, the limits."""
    return {
        "version": __version__,
        "soft": True,
        "traced": list(TRACED),
        "engines": [str(name) for name in ENGINES],
        "gallery": gallery(),
        "limits": {"source": limits.source, "steps": limits.steps, "traced": limits.traced, "seconds": limits.seconds},
    }


def asset(name: str) -> bytes:
    """A file that the page is made of."""
    return files("neurallambda.viewer").joinpath("assets", name).read_bytes()


def _line(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer, separators=(",", ":")).encode() + b"\n"
