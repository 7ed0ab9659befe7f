"""Plain text to measure by how much of its language a model has kept: what it writes by itself, and files."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.llm.teaching.room import device_of, positions_of
from neurallambda.train import checkpoint

ROWS, TIME, SEED = 160, 200, 5
"""How many texts a base model writes, how long each is, and the seed of that."""
OWN = "own"
"""What the texts that a model writes itself are called among others."""
HELD = 32
"""So many of them, the first, are held out: perplexity is measured on them, the others are repeated in training."""
_WRITTEN: dict[str, Tensor] = {}
"""What models wrote in this process, by the names of files: the texts of a model of a hub have no folder to be kept in."""


def own_texts(model: Any, place: Path | None) -> tuple[Tensor, Tensor]:
    """What a base model writes by itself: texts that are held out, and texts to be repeated in training.

    Args:
        model: without a graft.
        place: the folder where they are kept, those of other weights under another name; None, or one that is not there: nowhere.
    """
    time = time_for(model)
    name = f"texts-{ROWS}-{time}-{fingerprint(model)[:16]}.safetensors"
    file = place / name if place is not None and place.is_dir() else None
    texts = _WRITTEN.get(name)
    if texts is None and file is not None:
        texts = _kept(file, (ROWS, time))
    if texts is None:
        texts = sampled_texts(model, ROWS, time, seed=SEED)
        if file is not None:
            with suppress(OSError, SafetensorError):  # in a folder that cannot be written, they are made each time
                checkpoint.save(file, {"texts": texts}, {})
    _WRITTEN[name] = texts
    return texts[:HELD], texts[HELD:]


def time_for(model: Any) -> int:
    """How many tokens a text has that a model is measured on: fewer than others where it cannot read as many.

    Args:
        model: which.
    """
    return min(TIME, positions_of(model) or TIME)


def fingerprint(model: Any) -> str:
    """What tells the weights of a model from all others: the SHA-256 of their names, kinds and bytes.

    Args:
        model: any.

    Example:
        >>> fingerprint(torch.nn.Identity())[:8]
        'e3b0c442'
    """
    found = hashlib.sha256()
    for name, weight in model.named_parameters():
        found.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
        found.update(weight.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return found.hexdigest()


@torch.no_grad()
def sampled_texts(model: Any, rows: int, time: int, *, seed: int) -> Tensor:
    """Plain text that a base model writes by itself: what it knows of the language.

    Args:
        model: without a graft.
        rows: how many texts.
        time: how many tokens each has, the one that begins a text among them.
        seed: of the sampling.

    Returns:
        [rows, time] tokens.

    Raises:
        ArgumentError: if the model names no token that a text could begin with.
    """
    ends = model.config.eos_token_id
    end = next(iter(ends), None) if isinstance(ends, list) else ends
    first = end if model.config.bos_token_id is None else model.config.bos_token_id
    if not isinstance(first, int):
        raise ArgumentError(
            f"model: got bos_token_id {model.config.bos_token_id} and eos_token_id {ends}, expected a number as one of them: "
            "the token that its own texts begin with; set it in its config.json"
        )
    torch.manual_seed(seed)
    begin = torch.full((rows, 1), first, dtype=torch.long, device=device_of(model))
    texts = model.generate(
        begin,
        attention_mask=torch.ones_like(begin),
        do_sample=True,
        top_k=0,
        max_new_tokens=time - 1,
        min_new_tokens=time - 1,
        pad_token_id=first if end is None else end,
    )
    return texts.cpu()


def beginning(tokenizer: Any) -> tuple[int, ...]:
    """The tokens that a tokenizer begins every text with: one for Llama's, none for those of GPT-2 and Qwen.

    Args:
        tokenizer: of a model.
    """
    with_it, without = (tokenizer("a", add_special_tokens=is_begun).input_ids for is_begun in (True, False))
    return tuple(with_it[: next((n for n in range(len(with_it)) if with_it[n : n + len(without)] == without), 0)])


def _kept(file: Path, shape: tuple[int, int]) -> Tensor | None:
    """The texts of a file; None where there is none, or one that was not written to its end."""
    try:
        texts = checkpoint.load(file)[0]["texts"]
    except (ArgumentError, KeyError, OSError):
        return None
    return texts if texts.shape == shape else None


def file_texts(file: Path, tokenizer: Any, *, rows: int = HELD, time: int = TIME) -> Tensor:
    """Texts from a file of plain text: pieces that begin with lines evenly apart.

    Args:
        file: lines of text in UTF-8; empty ones are left out.
        tokenizer: of the model.
        rows: how many texts.
        time: how many tokens each has, what the tokenizer begins a text with among them.

    Returns:
        [rows, time] tokens.

    Raises:
        ArgumentError: if there is no such file, it is no text, or it is too short.
    """
    try:
        lines = [line.strip() for line in file.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise ArgumentError(
            f"{file}: {reason}; expected a file of plain text, such as that of Debian's packages bible-kjv and "
            "bible-kjv-text: bible -f gen1:1-rev22:21 | cut -d' ' -f2- > bible.txt"
        ) from None
    return torch.tensor([_piece(file, lines, row * len(lines) // rows, tokenizer, time) for row in range(rows)])


def texts_of(files: Sequence[Path], tokenizer: Any, *, time: int = TIME) -> dict[str, Tensor]:
    """The texts of several files, each by the name of its file without the ending.

    Args:
        files: of plain text.
        tokenizer: of the model.
        time: how many tokens each text has.

    Raises:
        ArgumentError: if one cannot be read, or two have the same name.
    """
    for place, file in enumerate(files):
        if file.stem == OWN:
            raise ArgumentError(f"{file}: {OWN!r} is what the model's own texts are called; name the file otherwise")
        if file.stem in {other.stem for other in files[:place]}:
            raise ArgumentError(f"{file}: another text is called {file.stem!r} too; name one of the files otherwise")
    return {file.stem: file_texts(file, tokenizer, time=time) for file in files}


def _piece(file: Path, lines: list[str], first: int, tokenizer: Any, time: int) -> list[int]:
    """The first tokens of the text that begins with a line."""
    count = 4
    while True:
        tokens = tokenizer(" ".join(lines[first : first + count])).input_ids
        if len(tokens) >= time:
            return tokens[:time]
        if first + count >= len(lines):
            raise ArgumentError(
                f"{file}: from line {first + 1} on it has {len(tokens)} tokens, expected at least {time}"
            )
        count *= 2
