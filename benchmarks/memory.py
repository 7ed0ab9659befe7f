"""How fast this machine moves memory, and how much of it a call needs."""

import json
import multiprocessing
import resource
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from benchmarks.timing import Spread, measure_time


def copy_bandwidth(*, buffer_bytes: int = 2**28, repeats: int = 9, device: str = "cpu") -> Spread:
    """Bytes a second that torch moves when it copies a buffer: the bytes read and the bytes written both count.

    Args:
        buffer_bytes: The size of the buffer; take it well above the processor's caches.
        repeats: How many copies to time.
        device: Where the buffer lies.
    """
    source = torch.ones(buffer_bytes, dtype=torch.uint8, device=device)
    target = torch.zeros_like(source)
    wait = torch.cuda.synchronize if source.is_cuda else None
    seconds = measure_time(lambda: target.copy_(source), repeats=repeats, synchronize=wait)
    return Spread(
        median=2 * buffer_bytes / seconds.median,
        lower_quartile=2 * buffer_bytes / seconds.upper_quartile,
        upper_quartile=2 * buffer_bytes / seconds.lower_quartile,
        repeats=repeats,
    )


def peak_process_memory(function: Callable[..., object], *arguments: object) -> int:
    """Bytes by which a fresh process grows, at its highest, while `function(*arguments)` runs.

    The function runs in a new interpreter that has imported its module and nothing else of the caller's, so it must be
    a module-level function, and its arguments must be picklable. Pages are counted as the operating system sees them.

    Raises:
        RuntimeError: The process ended without an answer.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_report_growth, args=(sender, function, arguments))
    process.start()
    sender.close()
    try:
        return receiver.recv()
    except EOFError:
        raise RuntimeError(f"the process that measured {function.__qualname__} ended early; see its output") from None
    finally:
        process.join()


def peak_tensor_memory(call: Callable[[], object]) -> int:
    """Bytes that torch holds at most, on all devices together, above what it held when `call` began.

    Every allocation that torch makes counts, temporaries inside its kernels included. Tracing slows the call, so never
    time what is measured here.
    """
    activities = [torch.profiler.ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities, profile_memory=True) as profile:
        call()
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.json"
        profile.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text())["traceEvents"]
    changes = [(event["ts"], event["args"]["Bytes"]) for event in events if event["name"] == "[memory]"]
    held = highest = 0
    for _, change in sorted(changes, key=lambda item: item[0]):
        held += change
        highest = max(highest, held)
    return highest


def _report_growth(sender: Connection, function: Callable[..., object], arguments: tuple[object, ...]) -> None:
    with suppress(OSError):  # Linux alone: the highest size so far becomes the size now
        Path("/proc/self/clear_refs").write_text("5")
    before = _highest_resident_bytes()
    function(*arguments)
    sender.send(_highest_resident_bytes() - before)


def _highest_resident_bytes() -> int:
    """The process's highest size.

    Linux starts `ru_maxrss` of a new process at the size of the one that made it, so there it says nothing about a
    child of a large parent; `VmHWM` starts afresh.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    (size,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return int(size) * 1024
