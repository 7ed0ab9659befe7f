"""What a model that was pretrained here has become: its numbers, in a file and in a model card."""

from collections.abc import Sequence
from dataclasses import asdict
from math import exp
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from neurallambda.llm.bases import load_base
from neurallambda.llm.pretraining.recipe import PretrainingRecipe
from neurallambda.llm.pretraining.stories import Story, read_stories
from neurallambda.llm.pretraining.training import Pretraining, corpus_of
from neurallambda.llm.pretraining.vocabulary import spelled_apart
from neurallambda.llm.teaching.tasks import WORDS
from neurallambda.train.results import write_result
from neurallambda.train.run_folder import where

FORM = "neurallambda pretrained 1"
RESULT = "pretrained.json"


@torch.no_grad()
def surprise(model: Any, tokenizer: Any, stories: Sequence[Story], *, at_once: int = 16) -> dict[str, float]:
    """How surprised a model is by texts: a token, and a byte, which models of different tokens can be compared by.

    Args:
        model: in evaluation.
        tokenizer: of the model; it begins each text with a token that is not counted.
        stories: the texts.
        at_once: how many the model is given at once.

    Returns:
        The `perplexity` of a token, and the natural logarithm of that of a byte, `nats_per_byte`.
    """
    rows = sorted((tokenizer(story.text).input_ids for story in stories), key=len)
    total, count = 0.0, 0
    for first in range(0, len(rows), at_once):
        part = rows[first : first + at_once]
        time = max(map(len, part))
        tokens = torch.tensor([row + [tokenizer.pad_token_id] * (time - len(row)) for row in part])
        real = torch.arange(1, time) < torch.tensor([len(row) for row in part])[:, None]
        logits = model(input_ids=tokens[:, :-1], use_cache=False).logits  # padding comes after all that counts
        losses = functional.cross_entropy(logits[real].float(), tokens[:, 1:][real], reduction="none")
        total, count = total + float(losses.double().sum()), count + len(losses)
    size = sum(len(story.text.encode()) for story in stories)
    return {"perplexity": round(exp(total / count), 4), "nats_per_byte": round(total / size, 4)}


def sample_text(model: Any, tokenizer: Any, *, tokens: int = 200, seed: int = 0) -> str:
    """A text that a model writes, drawn at temperature 0.8.

    Args:
        model: in evaluation.
        tokenizer: of the model.
        tokens: how many at most.
        seed: of the drawing.
    """
    begin = torch.tensor([[tokenizer.bos_token_id]])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        written = model.generate(
            begin,
            attention_mask=torch.ones_like(begin),
            do_sample=True,
            temperature=0.8,
            top_k=0,
            max_new_tokens=tokens,
            pad_token_id=tokenizer.pad_token_id,
        )
    return tokenizer.decode(written[0], skip_special_tokens=True).strip()


def describe(
    folder: Path,
    file: Path,
    recipe: PretrainingRecipe,
    progress: Pretraining,
    *,
    beside: str | None = None,
    sample: int = 200,
) -> Path:
    """Measure a model that was trained, and write what is found beside it: `pretrained.json`, and a model card.

    Args:
        folder: of the model.
        file: the texts it was trained on.
        recipe: how.
        progress: what the training came to.
        beside: the name of another model to measure on the same texts.
        sample: how many tokens a text that it writes has at most.

    Returns:
        The folder.
    """
    model, tokenizer = load_base(str(folder))
    batches = read_stories(file)
    held = [story for batch in batches[: recipe.held] for story in batch]
    corpus = corpus_of(batches, tokenizer, held=recipe.held)
    facts = {
        "form": FORM,
        "recipe": asdict(recipe),
        "parameters": sum(one.numel() for one in progress.model.parameters()),
        "texts": sum(map(len, batches)) - len(held),
        "tokens": len(corpus.tokens),
        "steps": progress.steps,
        "tokens_seen": progress.steps * recipe.rows * recipe.time,
        "seconds": round(progress.seconds, 1),
        "held": {"texts": len(held), "tokens": len(corpus.held), **surprise(model, tokenizer, held)},
        "beside": None if beside is None else {"model": beside, **surprise(*load_base(beside), held)},
        "words_of_several_tokens": spelled_apart(tokenizer, WORDS),
        "curve": progress.curve,
        "sample": sample_text(model, tokenizer, tokens=sample),
        "training": where(),
    }
    write_result(folder / RESULT, facts)
    (folder / "README.md").write_text(_card(facts))
    return folder


def _card(facts: dict[str, Any]) -> str:
    recipe, held, beside = facts["recipe"], facts["held"], facts["beside"]
    other = "" if beside is None else f" ({beside['model']}: {beside['nats_per_byte']} nats a byte)"
    return f"""---
library_name: transformers
tags: [rwkv7, neurallambda]
---

# A small RWKV-7 that tells stories

{facts["parameters"]:,} parameters: {recipe["layers"]} blocks of width {recipe["width"]}, {recipe["vocabulary"]} tokens. It was trained
by `neurallambda llm pretrain` on {facts["texts"]:,} texts ({facts["tokens"]:,} tokens) that another language model wrote, for
{facts["steps"]:,} steps, {facts["tokens_seen"]:,} tokens in all, in {facts["seconds"]:,} seconds.

On {held["texts"]} texts that were held out its perplexity is {held["perplexity"]} a token, {held["nats_per_byte"]} nats a byte{other}.

It is meant for experiments with recurrent language models, and for nothing else. `neurallambda.llm.bases.load_base` loads it, and so
does `rwkv7_hf.RWKV7ForCausalLM.from_pretrained`. A text that it wrote:

> {facts["sample"].replace(chr(10), chr(10) + "> ")}
"""
