"""A process that runs one program after another: a job a line on standard input, its answers a line each on standard output.

    python -m neurallambda.viewer.playground.worker MEMORY

It ends when its standard input does, in the middle of a program too: nothing goes on when the playground is gone.
"""

import json
import os
import sys
from queue import SimpleQueue
from threading import Thread
from typing import BinaryIO

from neurallambda.viewer.playground.jobs import Answer, perform, warm_up
from neurallambda.viewer.playground.requests import Job


def main() -> None:
    """Do what is asked until nobody asks any more."""
    answers = _take_output()
    jobs: SimpleQueue[bytes] = SimpleQueue()
    Thread(target=_listen, args=(sys.stdin.buffer, jobs), daemon=True).start()
    warm_up()
    limit_memory(int(sys.argv[1]))
    _tell(answers, {"kind": "ready"})
    while True:
        for answer in perform(Job.of_json(jobs.get())):
            _tell(answers, answer)
        _tell(answers, {"kind": "done"})


def limit_memory(more: int) -> None:
    """Let this process have so many bytes more than it has now, where the system can see to that."""
    try:
        from pathlib import Path
        from resource import RLIMIT_AS, getpagesize, getrlimit, setrlimit

        now = int(Path("/proc/self/statm").read_text().split()[0]) * getpagesize()
        setrlimit(RLIMIT_AS, (now + more, getrlimit(RLIMIT_AS)[1]))
    except (ImportError, OSError, ValueError):
        return


def _listen(stream: BinaryIO, jobs: "SimpleQueue[bytes]") -> None:
    for line in stream:
        jobs.put(line)
    os._exit(0)


def _take_output() -> BinaryIO:
    """Standard output for answers alone: whatever else is printed goes to standard error."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


def _tell(stream: BinaryIO, answer: Answer) -> None:
    stream.write(json.dumps(answer, separators=(",", ":")).encode() + b"\n")
    stream.flush()


if __name__ == "__main__":
    main()
