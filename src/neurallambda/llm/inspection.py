"""What a grafted structure does while its model writes: the latch, the actions and what is held, token by token."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurallambda.arguments import checked
from neurallambda.automata.runs.table import aligned
from neurallambda.errors import ArgumentError, check_count
from neurallambda.llm.grafting import disabled, structure_of
from neurallambda.llm.heads import LEAST, GraftedHead, heads_of
from neurallambda.llm.structure import GraftedStructure
from neurallambda.llm.teaching.room import device_of
from neurallambda.traces.pictures import Item, Json, Lane, Mixture, Seen, Store, certain
from neurallambda.traces.recording import Recorder


@dataclass(frozen=True)
class GraftInspection:
    """What a model with a graft does with one text.

    Attributes:
        tokens: those of the prompt, and those that were written.
        prompt: how many tokens the prompt has.
        latch: how surely the latch is on after each token; None without one.
        heads: what its structures do.
        answers: the likeliest next token after each token.
        plain: the same without the structure.
    """

    tokens: tuple[str, ...]
    prompt: int
    latch: Float[Tensor, " time"] | None
    heads: tuple[GraftedHead, ...]
    answers: tuple[str, ...]
    plain: tuple[str, ...]

    @property
    def written(self) -> str:
        """What the model wrote after the prompt."""
        return " ".join(self.tokens[self.prompt :])

    def text(self) -> str:
        """A line for each token."""
        heads = [part for one in self.heads for part in (one.name, "holds", *(["calls"] if one.calls else []))]
        head = ("token", "latch", *heads, "next", "without")
        rows: list[tuple[str, ...]] = [head]
        for step, token in enumerate(self.tokens):
            cells = [token, "-" if self.latch is None else _on(float(self.latch[step]))]
            for one in self.heads:
                held = " ".join(text if weight > 0.95 else f"{text}:{weight:.2f}" for text, weight in one.held[step])
                best = int(one.actions[step].argmax())
                weight = float(one.actions[step, best])
                cells += [one.labels[best] + ("" if weight > 0.995 else f":{weight:.2f}"), held or "-"]
                cells += [one.calls[step] or "-"] if one.calls else []
            rows.append((*cells, self.answers[step], self.plain[step]))
        return aligned(rows)


@checked
@torch.no_grad()
def inspect(model: nn.Module, tokenizer: Any, prompt: str, *, tokens: int = 20) -> GraftInspection:
    """Let a model with a graft go on with a text, greedily, and keep what its structure does.

    Args:
        model: a grafted model.
        tokenizer: of the model.
        prompt: what the text begins with.
        tokens: how many are written at most.

    Raises:
        ArgumentError: if the model has no graft, or the prompt is empty.

    Example:
        >>> import tokenizers
        >>> from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
        >>> from neurallambda.llm import GraftConfig, graft
        >>> words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"?": 0, "dog": 1, "cat": 2}, unk_token="?"))
        >>> words.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
        >>> tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="?")
        >>> tiny = LlamaConfig(
        ...     vocab_size=3, hidden_size=8, intermediate_size=8, num_hidden_layers=2, num_attention_heads=1
        ... )
        >>> model = graft(LlamaForCausalLM(tiny), GraftConfig(structure="queue", width=4, depth=8))
        >>> found = inspect(model, tokenizer, "dog cat", tokens=1)
        >>> found.tokens[: found.prompt], found.heads[0].name
        (('dog', 'cat'), 'queue 1')
    """
    check_count("tokens", tokens)
    structure, held = structure_of(model), model.training
    inputs = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False).to(device_of(model))
    if not inputs.input_ids.numel():
        raise ArgumentError("prompt: it has no token; expected a text of at least one")
    model.eval()
    try:
        writes: Any = model
        written = writes.generate(**inputs, max_new_tokens=tokens, do_sample=False, pad_token_id=tokenizer.pad_token_id)
        with seen_by(structure) as hidden:
            answers = model(written, use_cache=False).logits[0].argmax(-1)
        with disabled(model):
            plain = model(written, use_cache=False).logits[0].argmax(-1)
        names = _names(tokenizer, written[0])
        written_as = _names(tokenizer, torch.tensor(structure.config.value_tokens, dtype=torch.long))
        latch, heads = heads_of(structure, hidden[0], names, written_as)
    finally:
        model.train(held)
    return GraftInspection(
        tokens=names,
        prompt=inputs.input_ids.shape[1],
        latch=latch,
        heads=heads,
        answers=_names(tokenizer, answers),
        plain=_names(tokenizer, plain),
    )


@checked
def trace_graft(found: GraftInspection, *, name: str) -> Iterator[Json]:
    """The trace of an inspection, as the viewer shows it: at each token the latch, the actions, and what is held.

    Args:
        found: what a model did with one text.
        name: what the graft is called.

    Yields:
        Events, as JSON has them; the value at the end is what the model wrote.
    """
    recorder = Recorder("structure", name=name, input=list(found.tokens[: found.prompt]))
    empty = {head.name: Store(head.kind, ()) for head in found.heads}
    yield recorder.header(Seen((Lane(numbers={"position": 0}, stores=empty),)))
    for step, token in enumerate(found.tokens):
        registers: dict[str, Mixture] = {}
        if found.latch is not None:
            on = float(found.latch[step])
            registers["latch"] = _heaviest(("on", "off"), torch.tensor([on, 1 - on]))
        registers |= {head.name: _heaviest(head.labels, head.actions[step]) for head in found.heads}
        registers |= {f"call of {head.name}": certain(head.calls[step] or "-") for head in found.heads if head.calls}
        registers |= {"next": certain(found.answers[step]), "without": certain(found.plain[step])}
        stores = {head.name: Store(head.kind, _items(head, step)) for head in found.heads}
        rule = certain(f"{'reads' if step < found.prompt else 'writes'} {token}")
        lane = Lane(rules=rule, registers=registers, numbers={"position": step + 1}, stores=stores)
        yield recorder.step(Seen((lane,)))
    yield recorder.end(outcome={"value": found.written})


@contextmanager
def seen_by(structure: GraftedStructure) -> Iterator[list[Tensor]]:
    """The hidden states that the structure is shown while the block lasts.

    Args:
        structure: of a grafted model.
    """
    seen: list[Tensor] = []
    hook = structure.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    try:
        yield seen
    finally:
        hook.remove()


def _items(head: GraftedHead, step: int) -> tuple[Item, ...]:
    """What lies in a structure; the last item is a stack's top, the first is a queue's front."""
    items = tuple(
        Item(text, weight=None if weight > 1 - LEAST else round(weight, 6)) for text, weight in head.held[step]
    )
    return items[::-1] if head.kind == "stack" else items


def _heaviest(names: tuple[str, ...], weights: Tensor) -> Mixture:
    pairs = [(name, min(1.0, weight)) for name, weight in zip(names, weights.tolist(), strict=True) if weight >= LEAST]
    return tuple(sorted(pairs, key=lambda pair: -pair[1]))


def _names(tokenizer: Any, tokens: Tensor) -> tuple[str, ...]:
    """Tokens as people read them; what is no text by itself has its name in the vocabulary."""
    return tuple(
        tokenizer.decode([token]).strip() or tokenizer.convert_ids_to_tokens(token) for token in tokens.tolist()
    )


def _on(weight: float) -> str:
    return "on" if weight > 0.995 else "off" if weight < 0.005 else f"on:{weight:.2f}"
