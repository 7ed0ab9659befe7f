"""Texts that a language model writes, kept in a file, for another one to be trained on.

The file is JSONL: the first line says whose texts they are and how they were drawn, each other line holds one batch. A batch
depends on the seed and on its own number alone, so a file that was interrupted goes on to what it would have been.
"""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError, check_count
from neurallambda.llm.extras import extra
from neurallambda.llm.pretraining.seeds import check_seed, generator_of
from neurallambda.llm.teaching.recipe import check_rate
from neurallambda.train.run_folder import where

FORM = "neurallambda stories 1"


@checked
@dataclass(frozen=True, kw_only=True)
class StoryRecipe:
    """How texts are drawn.

    Args:
        tokens: how many, at least, in tokens of the model that writes.
        rows: how many texts are written at once.
        time: at how many tokens a text is cut, the one that begins it among them.
        temperature: 1 draws from the model as it is, less draws likelier tokens more often.
        precision: what the model computes in; bfloat16 is about four times as fast on processors that have instructions for it.
        seed: the same seed gives the same texts.

    Raises:
        ArgumentError: if a number is out of range; which one, and what came.
    """

    tokens: int = 2_000_000
    rows: int = 192
    time: int = 256
    temperature: float = 0.8
    precision: Literal["bfloat16", "float32"] = "bfloat16"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("tokens", "rows"):
            check_count(name, getattr(self, name))
        check_seed(self.seed)
        check_count("time", self.time, least=2)
        check_rate("temperature", self.temperature)


@dataclass(frozen=True)
class Story:
    """A text, and whether it ends there or was cut."""

    text: str
    ends: bool


def write_stories(
    model: Any, tokenizer: Any, file: Path, recipe: StoryRecipe, *, say: Callable[[str], None] = lambda _: None
) -> Path:
    """Let a model write texts until there are enough of them; a file that has some goes on.

    Args:
        model: what writes. Its texts begin with its first token and end with that or with its last one.
        tokenizer: of the model.
        file: where they are kept.
        recipe: how they are drawn.
        say: told how far it is.

    Returns:
        The file.

    Raises:
        ArgumentError: if the file holds something else, or texts that were drawn otherwise.
    """
    name = model.config._name_or_path
    head = {"form": FORM, "base": name, "recipe": {**asdict(recipe), "tokens": None}}
    batches = _begun(file, head)
    written, number = sum(batch["tokens"] for batch in batches), len(batches)
    writer = deepcopy(model).to(getattr(torch, recipe.precision)).eval()
    if getattr(model.config, "_attn_implementation", None) == "sdpa":
        writer.set_attn_implementation("eager")  # for one token of each row, several times as fast on a processor
    with file.open("a", encoding="utf-8") as lines:
        while written < recipe.tokens:
            rows = _drawn(writer, recipe, number)
            stories = [story for row in rows for story in stories_in(row, model.config, tokenizer)]
            count = sum(token != model.config.eos_token_id for row in rows for token in row)
            batch = {"tokens": count, "stories": [[story.text, story.ends] for story in stories]}
            lines.write(json.dumps(batch, ensure_ascii=False) + "\n")
            lines.flush()
            written, number = written + batch["tokens"], number + 1
            say(f"batch {number}: {written} of {recipe.tokens} tokens")
    return file


@checked
def read_stories(file: Path) -> list[list[Story]]:
    """The texts of a file, batch by batch.

    Args:
        file: which `write_stories` wrote.

    Raises:
        ArgumentError: if there is no such file, or it holds something else.
    """
    return [[Story(text, ends) for text, ends in batch["stories"]] for batch in _read(file)[1]]


def _begun(file: Path, head: dict[str, Any]) -> list[dict[str, Any]]:
    """The batches of a file; one that was cut in its last line is mended, and a new one begun where there is none."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(head | {"sampling": where()}, ensure_ascii=False) + "\n", "utf-8")
        return []
    found, batches = _read(file)
    if any(found.get(key) != value for key, value in head.items()):
        raise ArgumentError(
            f"{file}: its texts were drawn from {found.get('base')} by another recipe; name another file"
        )
    whole = [json.dumps(one, ensure_ascii=False) for one in (found, *batches)]
    file.write_text("\n".join(whole) + "\n", "utf-8")
    return batches


def _read(file: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The head of a file and its batches, without a last line that was cut."""
    try:
        lines = file.read_text("utf-8").split("\n")
    except OSError as error:
        raise ArgumentError(f"{file}: {error.strerror}; `neurallambda llm stories` makes such files") from None
    except UnicodeDecodeError:
        raise ArgumentError(f"{file}: it is no text in UTF-8") from None
    try:
        head, *batches = [json.loads(line) for line in lines[:-1]]  # what follows the last end of a line was cut
        if head["form"] != FORM or not all({"tokens", "stories"} <= set(batch) for batch in batches):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise ArgumentError(f"{file}: it holds no texts of `neurallambda llm stories`") from None
    return head, batches


@torch.no_grad()
def _drawn(writer: Any, recipe: StoryRecipe, number: int) -> list[list[int]]:
    """The tokens of one batch."""
    generator = generator_of(recipe.seed, number)

    def choose(_: Tensor, scores: Tensor) -> Tensor:
        """Leave one token of each row, drawn by its place in the sums of probabilities: `torch.multinomial` takes ten times as long."""
        sums = (scores / recipe.temperature).softmax(-1).cumsum(-1)
        place = torch.rand(len(scores), 1, generator=generator) * sums[:, -1:]
        chosen = torch.searchsorted(sums, place, right=True).clamp(max=scores.shape[-1] - 1)
        return torch.full_like(scores, -torch.inf).scatter(1, chosen, 0.0)

    begin = torch.full((recipe.rows, 1), writer.config.bos_token_id, dtype=torch.long)
    return writer.generate(
        begin,
        attention_mask=torch.ones_like(begin),
        do_sample=False,
        max_new_tokens=recipe.time - 1,
        pad_token_id=writer.config.eos_token_id,
        logits_processor=extra("transformers").LogitsProcessorList([choose]),
    ).tolist()


def stories_in(row: list[int], config: Any, tokenizer: Any) -> Iterator[Story]:
    """The texts of one row: they begin, and may end, with tokens that stand for no text.

    Args:
        row: its tokens.
        config: of the model, which says which these are.
        tokenizer: of the model.
    """
    marks, piece = {config.bos_token_id, config.eos_token_id}, list[int]()
    for place, token in enumerate(row):
        if token not in marks:
            piece.append(token)
        if piece and (token in marks or place == len(row) - 1):
            text = tokenizer.decode(piece, skip_special_tokens=True).strip()
            if text:
                yield Story(text, token in marks)
            piece = []
