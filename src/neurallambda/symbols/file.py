"""Codebooks in files: the vectors as safetensors, the symbols beside them in its metadata."""

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError
from neurallambda.symbols.checks import check_finite
from neurallambda.symbols.codebook import Codebook
from neurallambda.symbols.kinds import Kind
from neurallambda.symbols.typed_json import from_json, to_json

FORMAT = "neurallambda codebook 1"
VECTORS = "vectors"


@checked
def save(codebook: Codebook, path: Path | str) -> None:
    """Write a codebook to a file.

    Args:
        codebook: its symbols must be None, bool, int, float, str, bytes, or tuples and frozensets of them.
        path: the file, replaced if it is there.

    Raises:
        ArgumentError: if a symbol is of another type; nothing is written then.
        OSError: if the file cannot be written.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> codebook = Codebook.make([1, True, ("a", 2.5)])
        >>> with TemporaryDirectory() as folder:
        ...     save(codebook, f"{folder}/symbols.safetensors")
        ...     load(f"{folder}/symbols.safetensors").symbols
        (1, True, ('a', 2.5))
    """
    metadata = {"format": FORMAT, "kind": str(codebook.kind), "symbols": to_json(codebook.symbols)}
    save_file({VECTORS: codebook.vectors.detach().contiguous()}, path, metadata=metadata)


@checked
def load(path: Path | str, *, device: torch.device | str = "cpu") -> Codebook:
    """Read a codebook from a file that `save` wrote.

    Args:
        path: the file.
        device: where the codebook shall live.

    Returns:
        The codebook: the same symbols, the same vectors bit for bit, in the same floating point type.

    Raises:
        ArgumentError: if the file is broken, or holds something else.
        OSError: if there is no such file, or it cannot be read.
    """
    metadata, tensors = _read(Path(path), device)
    if metadata.get("format") != FORMAT or list(tensors) != [VECTORS]:
        raise ArgumentError(
            f"path: got {path}, a safetensors file of format {metadata.get('format')!r} with the tensors "
            f"{sorted(tensors)}, expected one that was written by save: {FORMAT!r} with {VECTORS!r}"
        )
    try:
        vectors = tensors[VECTORS]
        if vectors.ndim != 2 or not vectors.is_floating_point():
            raise ArgumentError(
                f"vectors: got {vectors.dtype} of shape {tuple(vectors.shape)}, expected a matrix of floats"
            )
        check_finite("vectors", vectors)
        if metadata.get("kind") not in set(Kind):
            raise ArgumentError(f"kind: got {metadata.get('kind')!r}, expected one of {', '.join(Kind)}")
        return Codebook(symbols=from_json(metadata.get("symbols", "")), vectors=vectors, kind=Kind(metadata["kind"]))
    except ArgumentError as error:
        raise ArgumentError(f"path: got {path}, whose content does not fit together: {error}") from None


def _read(path: Path, device: torch.device | str) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and tensors of a file, in memory of their own: a mapped one would change with the file."""
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            names = list(file.keys())  # the file is no mapping: it only has this method
            return file.metadata() or {}, {name: file.get_tensor(name).clone() for name in names}
    except SafetensorError as error:
        raise ArgumentError(
            f"path: got {path}, which is not a whole safetensors file ({error}); it may be cut off, or another format"
        ) from None
