"""Where and on what something was measured or trained."""

import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

ROOT = Path(__file__).parents[3]
"""The checkout that this file is of, where it is of one."""


@dataclass(frozen=True)
class Commit:
    """The commit used, and whether anything but results differed from it; both None outside a git checkout."""

    hash: str | None
    dirty: bool | None


def commit(root: Path = ROOT) -> Commit:
    """The state of the checkout at `root`."""
    head = _git("rev-parse", "HEAD", root=root)
    changes = _git("status", "--porcelain", "--", ".", ":!benchmarks/results", ":!results", root=root)
    return Commit(hash=head, dirty=None if head is None or changes is None else bool(changes))


def hardware() -> Mapping[str, object]:
    """The processor, its cores that this process may use, the memory in bytes, torch's threads, and the GPUs."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "torch_threads": torch.get_num_threads(),
        "gpus": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
    }


def versions() -> Mapping[str, str]:
    """The versions of Python, of the packages that do the work, and of the operating system."""
    packages = ("neurallambda", "torch", "numpy")
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
        "system": platform.platform(),
    }


def _git(*arguments: str, root: Path) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _cpu_model() -> str:
    """The processor's name; where Linux does not give it, what Python knows of it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
