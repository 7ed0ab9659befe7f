"""Every module imports by itself, with the runtime dependencies alone, and the exact rooms without torch."""

import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import neurallambda

SOURCE = Path(neurallambda.__file__).parent.parent
MODULES = sorted(
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
    for path in SOURCE.glob("neurallambda/**/*.py")
    if path.stem != "__main__"
)
# Kernels that are chosen at run time, where the package that compiles them is there, are named after it.
PLAIN = [name for name in MODULES if "numba" not in name and "triton" not in name]
PRESENT = [name for name in MODULES if find_spec("triton") or "triton" not in name]
EXACT = [
    name for name in MODULES if name.startswith(("neurallambda.errors", "neurallambda.lang", "neurallambda.automata"))
]
EXTRAS = (
    "numba",
    "matplotlib",
    "accelerate",
    "tensorboard",
    "transformers",
    "peft",
    "gguf",
    "rwkv7_hf",
    "automata",
    "datasets",
    "pyarrow",
    "mkdocs",
    "starlette",
    "uvicorn",
    "playwright",
    "beartype",
    "hypothesis",
    "pytest",
)
TENSORS = ("torch", "numpy", "jaxtyping")
IN_COPIES = """
import importlib, os, sys
import torch  # once, for all of them

def in_a_copy(name, then=lambda: None):
    if os.fork() == 0:
        try:
            importlib.import_module(name)
            then()
        except BaseException as error:
            print(f"{name} cannot be imported first: {error!r}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)  # without the cleaning up that is for the first process to do
    if os.wait()[1]:
        raise ImportError(name)

def in_copies(packages):
    for package, names in packages.items():
        in_a_copy(package, lambda: [in_a_copy(name) for name in names if name not in sys.modules])

def layer_by_layer(layers):
    for packages, below in layers:
        in_copies(packages)
        for name in below:
            importlib.import_module(name)
"""
"""Python that imports each package, and then each of its modules, in a fork of a process that imported the layers below alone."""


def run(code: str) -> None:
    """Run code in a fresh interpreter, where neither the shape checks nor this process's imports are."""
    quiet = ("-W", "error", "-W", "ignore::DeprecationWarning")
    done = subprocess.run([sys.executable, *quiet, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def importing(names: list[str], *, without: tuple[str, ...]) -> str:
    """Code that imports `names` where importing any of `without` fails."""
    return f"import importlib, sys\nfor name in {without}: sys.modules[name] = None\n" + "".join(
        f"importlib.import_module({name!r})\n" for name in names
    )


def test_there_are_modules() -> None:
    assert {"neurallambda.errors", "neurallambda.lang.syntax.parser"} <= set(EXACT)
    assert {"neurallambda.structures.numba_kernels", "neurallambda.structures.superposition.triton"} <= set(
        MODULES
    ) - set(PLAIN)


def test_every_module_needs_the_runtime_dependencies_only() -> None:
    run(importing(PLAIN, without=EXTRAS))


def test_the_exact_rooms_need_no_torch() -> None:
    run(importing(EXACT, without=TENSORS))


def room(name: str) -> str:
    """The part of the package that a module belongs to; the package itself is one, too."""
    return name.split(".")[1] if "." in name else name


def test_every_module_can_come_first() -> None:
    """A cycle of imports shows only when the wrong module is imported first, so each one is, in a process of its own.

    A module's packages are imported before it: what they import cannot come any earlier, and so needs no process. So are
    the layers below, which import nothing of it (another check of the project holds them to that) and so close no cycle.
    """
    contract = tomllib.loads((SOURCE.parent / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    rooms = [re.findall(r"\w+", layer) for layer in reversed(contract["layers"])]
    rooms[-1:] = [["neurallambda"]]  # in the place of `__main__`, which runs what it imports
    assert {room(name) for name in PRESENT} == {name for layer in rooms for name in layer}
    layers: list[tuple[dict[str, list[str]], list[str]]] = []
    for layer in rooms:
        packages: dict[str, list[str]] = {}
        for name in PRESENT:
            if room(name) in layer:
                packages.setdefault(name.rpartition(".")[0] or name, []).append(name)
        layers.append((packages, [name for name in PLAIN if room(name) in layer]))
    run(IN_COPIES + f"layer_by_layer({layers})\n")
