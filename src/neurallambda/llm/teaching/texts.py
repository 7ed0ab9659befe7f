"""Plain text to measure by how much of its language a model has kept: what it writes by itself, and files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from neurallambda.errors import ArgumentError

ROWS, TIME, SEED = 160, 200, 5
"""How many texts a base model writes, how long each is, and the seed of that."""
HELD = 32
"""So many of them, the first, are held out: perplexity is measured on them, the others are repeated in training."""


def own_texts(model: Any, place: Path | None) -> tuple[Tensor, Tensor]:
    """What a base model writes by itself: texts that are held out, and texts to be repeated in training.

    Args:
        model: without a graft.
        place: the folder where they are kept; None: nowhere.
    """
    file = None if place is None else place / f"texts-{ROWS}-{TIME}.safetensors"
    texts = sampled_texts(model, ROWS, TIME, seed=SEED, file=file)
    return texts[:HELD], texts[HELD:]


@torch.no_grad()
def sampled_texts(model: Any, rows: int, time: int, *, seed: int, file: Path | None = None) -> Tensor:
    """Plain text that a base model writes by itself: what it knows of the language.

    Args:
        model: without a graft.
        rows: how many texts.
        time: how many tokens each has, the one that begins a text among them.
        seed: of the sampling.
        file: where they are kept, and taken from the next time.

    Returns:
        [rows, time] tokens.

    Raises:
        ArgumentError: if the file holds something else.
    """
    if file is not None and file.exists():
        texts = load_file(file)["texts"]
        if texts.shape != (rows, time):
            raise ArgumentError(f"{file}: it holds texts of {tuple(texts.shape)}, expected {(rows, time)}")
        return texts
    torch.manual_seed(seed)
    begin = torch.full((rows, 1), model.config.bos_token_id, dtype=torch.long)
    texts = model.generate(
        begin,
        attention_mask=torch.ones_like(begin),
        do_sample=True,
        top_k=0,
        max_new_tokens=time - 1,
        min_new_tokens=time - 1,
        pad_token_id=model.config.eos_token_id,
    )
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        save_file({"texts": texts}, file)
    return texts


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


def texts_of(files: Sequence[Path], tokenizer: Any) -> dict[str, Tensor]:
    """The texts of several files, each by the name of its file without the ending.

    Args:
        files: of plain text.
        tokenizer: of the model.
    """
    return {file.stem: file_texts(file, tokenizer) for file in files}


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
