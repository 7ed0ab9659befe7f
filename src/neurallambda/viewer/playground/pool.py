"""Worker processes, lent to one job at a time; whoever goes away, or takes too long, loses the process and not the pool."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from time import monotonic
from typing import Any

from neurallambda.viewer.playground.limits import PlaygroundLimits
from neurallambda.viewer.playground.requests import Job

HEARTBEAT = 0.25
"""After so many seconds without an answer, those who wait are told that the run goes on."""


class BusyError(Exception):
    """More programs run already than may, and those that wait waited long enough."""


class Worker:
    """One process that runs programs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.is_ready = False

    @staticmethod
    async def start(limits: PlaygroundLimits) -> "Worker":
        """Start a process; it says when it is ready."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "neurallambda.viewer.playground.worker",
            str(limits.memory),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=limits.answer,
        )
        return Worker(process)

    async def ask(self, job: Job) -> None:
        """Give it a job."""
        assert self.process.stdin is not None
        self.process.stdin.write(job.to_json().encode() + b"\n")
        await self.process.stdin.drain()

    async def answer(self) -> dict[str, Any] | None:
        """The next thing that it tells; None where it ended."""
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        return json.loads(line) if line.endswith(b"\n") else None

    def end(self) -> None:
        """End the process, whatever it does."""
        with suppress(ProcessLookupError):
            self.process.kill()


class Pool:
    """The processes of a playground."""

    def __init__(self, limits: PlaygroundLimits) -> None:
        self.limits = limits
        self._free = asyncio.Semaphore(limits.runs)
        self._idle: list[Worker] = []
        self._lent: set[Worker] = set()
        self._starting: set[asyncio.Task[None]] = set()
        self._waiting = 0

    async def start(self) -> None:
        """Have a process ready for each place, before anybody asks."""
        for _ in range(self.limits.runs):
            await self._add()

    async def stop(self) -> None:
        """End all processes."""
        for starting in self._starting:
            starting.cancel()
        ended = [*self._idle, *self._lent]
        for worker in ended:
            worker.end()
        await asyncio.gather(*(worker.process.wait() for worker in ended))
        self._idle.clear()

    async def _add(self) -> None:
        self._idle.append(await Worker.start(self.limits))

    async def perform(self, job: Job) -> AsyncGenerator[dict[str, Any], None]:
        """Have a job done.

        Yields:
            What the worker tells, and `progress` while it is silent. A limit that is met is a `problem`.

        Raises:
            BusyError: where no place becomes free in time.
        """
        await self._take_place()
        try:
            worker = self._take() or await Worker.start(self.limits)
            self._lent.add(worker)
            is_done = False
            try:
                await worker.ask(job)
                async for answer in self._answers(worker):
                    is_done = answer["kind"] == "done"
                    if not is_done:
                        yield answer
            except (ConnectionError, ValueError):  # it is gone; or a line is longer than the limit
                yield _problem("answer", "what is to be shown is too large for the playground; try a shorter program")
            finally:
                self._lent.discard(worker)
                if is_done:
                    self._idle.append(worker)
                else:
                    worker.end()
                    self._replace()
        finally:
            self._free.release()

    def _take(self) -> Worker | None:
        """A process that has nothing to do; one that is ready, if there is one."""
        self._idle.sort(key=lambda worker: worker.is_ready)
        return self._idle.pop() if self._idle else None

    def _replace(self) -> None:
        """Have another process ready for whoever comes next."""
        starting = asyncio.ensure_future(self._add())
        self._starting.add(starting)
        starting.add_done_callback(self._starting.discard)

    async def _take_place(self) -> None:
        limits = self.limits
        busy = BusyError(
            f"{limits.runs} programs run already, as many as the playground runs at once; stop one, or try again soon"
        )
        if self._free.locked() and self._waiting >= limits.waiting:
            raise busy
        self._waiting += 1
        try:
            await asyncio.wait_for(self._free.acquire(), limits.patience)
        except TimeoutError:
            raise busy from None
        finally:
            self._waiting -= 1

    async def _answers(self, worker: Worker) -> AsyncIterator[dict[str, Any]]:
        """What a worker tells of one job, up to `done`; or a limit that the job met."""
        started = monotonic()
        coming: asyncio.Future[dict[str, Any] | None] | None = None
        try:
            while True:
                coming = coming or asyncio.ensure_future(worker.answer())
                done, _ = await asyncio.wait([coming], timeout=HEARTBEAT)
                if not worker.is_ready:
                    started = monotonic()  # what is loaded is not the program's time
                seconds = monotonic() - started
                if seconds > self.limits.seconds:
                    yield _problem("time", _too_long(self.limits.seconds))
                    return
                if not done:
                    yield {"kind": "progress", "seconds": seconds}
                    continue
                answer, coming = coming.result(), None
                if answer is None:
                    yield _problem("memory", "the program's process ended, most likely for want of memory")
                    return
                if answer["kind"] == "ready":
                    worker.is_ready = True
                    continue
                yield answer
                if answer["kind"] == "done":
                    return
        finally:
            if coming is not None:
                coming.cancel()


def _too_long(seconds: float) -> str:
    return (
        f"the program ran longer than {seconds:g} seconds, as long as the playground lets one run, and was stopped; "
        f"`neurallambda run` has no such limit"
    )


def _problem(limit: str, message: str) -> dict[str, Any]:
    return {"kind": "problem", "problem": {"message": message, "limit": limit}}
