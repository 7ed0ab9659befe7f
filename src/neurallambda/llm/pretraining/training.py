"""A language model of its own: an RWKV-7 of a few million parameters, trained on texts that another model wrote."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError
from neurallambda.llm.extras import extra
from neurallambda.llm.pretraining.recipe import PretrainingRecipe
from neurallambda.llm.pretraining.seeds import generator_of
from neurallambda.llm.pretraining.stories import Story, read_stories
from neurallambda.llm.pretraining.vocabulary import make_tokenizer
from neurallambda.llm.rwkv.chunked import fast_class
from neurallambda.llm.rwkv.start import start_rwkv7
from neurallambda.llm.teaching.tasks import WORDS

CHECKPOINT = "checkpoint.pt"
CURVE = 32
"""On so many pieces of the texts held out the loss is measured during training."""
MAY_CHANGE = ("steps", "check_every", "save_every")
"""What of a recipe may be otherwise when a training goes on."""


@dataclass(frozen=True)
class Corpus:
    """Texts as tokens, one after the other.

    Attributes:
        tokens: [tokens], each text begun, and ended unless it was cut, by a token that stands for no text.
        held: [held tokens] likewise, not to be trained on.
        held_bytes: how many bytes of text these stand for.
    """

    tokens: Tensor
    held: Tensor
    held_bytes: int


def corpus_of(batches: Sequence[Sequence[Story]], tokenizer: Any, *, held: int) -> Corpus:
    """Texts as tokens.

    Args:
        batches: of texts.
        tokenizer: of the model.
        held: how many batches, the first, are not trained on.

    Raises:
        ArgumentError: if no others are left.
    """
    if len(batches) <= held:
        raise ArgumentError(f"held: there are {len(batches)} batches of texts, expected more than the {held} held out")
    first = [story for batch in batches[:held] for story in batch]
    others = [story for batch in batches[held:] for story in batch]
    spelled = [_spelled(part, tokenizer) for part in (others, first)]
    return Corpus(*spelled, held_bytes=sum(len(story.text.encode()) for story in first))


def _spelled(stories: Sequence[Story], tokenizer: Any) -> Tensor:
    rows = tokenizer([story.text for story in stories]).input_ids
    ended = (row + [tokenizer.eos_token_id] * story.ends for row, story in zip(rows, stories, strict=True))
    return torch.tensor([token for row in ended for token in row])


@dataclass
class Progress:
    """How far a training is.

    Attributes:
        model: what is trained.
        optimizer: with its moments.
        step: how many steps are done.
        seconds: how long these took.
        curve: the steps at which the loss was measured, each with that of training, since the measurement before, and that on
            the texts held out.
        recent: the losses of the steps since then.
    """

    model: Any
    optimizer: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0
    curve: list[dict[str, float]] = field(default_factory=list)
    recent: list[float] = field(default_factory=list)


@checked
def pretrain(
    file: Path, folder: Path, recipe: PretrainingRecipe, *, say: Callable[[str], None] = lambda _: None
) -> Progress:
    """Train an RWKV-7 on texts; where a training was interrupted, it goes on.

    The folder can be loaded by `load_base` from the first checkpoint on. The file of texts may have grown since.

    Args:
        file: of texts, which `write_stories` wrote.
        folder: where the model, its tokenizer and a checkpoint are kept.
        recipe: its sizes, and how it is trained.
        say: told how far it is.

    Returns:
        The trained model, in evaluation, and how the losses went.

    Raises:
        ArgumentError: if the texts are too few, the folder holds another training, or a loss is no finite number.
    """
    batches = read_stories(file)
    tokenizer = _tokenizer(folder, batches, recipe)
    corpus = corpus_of(batches, tokenizer, held=recipe.held)
    progress = begin(recipe, tokenizer)
    _resume(folder, progress, recipe, batches)
    say(
        f"{len(corpus.tokens)} tokens, {sum(one.numel() for one in progress.model.parameters())} parameters, "
        f"from step {progress.step} on"
    )
    kept = perf_counter()
    try:
        for _ in range(progress.step, recipe.steps):
            began = perf_counter()
            take_step(progress, corpus, tokenizer, recipe)
            progress.seconds += perf_counter() - began
            if progress.step % recipe.check_every == 0 or progress.step == recipe.steps:
                _check(progress, corpus, tokenizer, recipe)
                last = progress.curve[-1]
                say(
                    f"step {progress.step}: loss {last['loss']:.4f}, held out {last['held']:.4f}, {progress.seconds:.0f} s"
                )
            if perf_counter() - kept > recipe.save_every or progress.step == recipe.steps:
                keep(folder, progress, recipe, batches)
                kept = perf_counter()
    except KeyboardInterrupt:
        keep(folder, progress, recipe, batches)
        raise
    progress.model.eval()
    return progress


def keep(folder: Path, progress: Progress, recipe: PretrainingRecipe, batches: Sequence[Sequence[Story]]) -> None:
    """Keep what is reached: the model as transformers keeps one, and all that is needed to go on.

    Args:
        folder: where.
        progress: how far it is.
        recipe: of the training.
        batches: the texts.
    """
    weights = progress.model.state_dict()  # tied ones are kept twice: the package does not tie what it loads
    progress.model.save_pretrained(folder, state_dict={name: weight.clone() for name, weight in weights.items()})
    facts = {
        "model": weights,
        "optimizer": progress.optimizer.state_dict(),
        "step": progress.step,
        "seconds": progress.seconds,
        "curve": progress.curve,
        "recent": progress.recent,
        "recipe": asdict(recipe),
        "texts": (len(batches), _digest(batches)),
    }
    torch.save(facts, folder / f"{CHECKPOINT}.new")
    (folder / f"{CHECKPOINT}.new").replace(folder / CHECKPOINT)


def pieces_of(tokens: Tensor, recipe: PretrainingRecipe, step: int) -> Tensor:
    """The pieces of a step: [rows, time + 1] tokens.

    All pieces of an epoch are different ones; where they begin, and their order, depend on the seed and the epoch alone.

    Args:
        tokens: all of them, in one row.
        recipe: how many pieces, and how long.
        step: which.

    Raises:
        ArgumentError: if there are too few tokens for one step.
    """
    count = (len(tokens) - 1) // recipe.time - 1  # one less than there are, so that the first may begin anywhere
    in_epoch = count // recipe.rows
    if in_epoch < 1:
        raise ArgumentError(
            f"texts: they have {len(tokens)} tokens, expected at least {(recipe.rows + 1) * recipe.time + 1} for one step"
        )
    epoch, place = divmod(step, in_epoch)
    generator = generator_of(recipe.seed, epoch)
    first = torch.randint(recipe.time, (), generator=generator)
    chosen = torch.randperm(count, generator=generator)[place * recipe.rows : (place + 1) * recipe.rows]
    return tokens[first + chosen[:, None] * recipe.time + torch.arange(recipe.time + 1)]


def _tokenizer(folder: Path, batches: Sequence[Sequence[Story]], recipe: PretrainingRecipe) -> Any:
    """The tokenizer of a folder; one is made where there is none."""
    if (folder / "tokenizer.json").exists():
        return extra("transformers").PreTrainedTokenizerFast.from_pretrained(folder)
    texts = (story.text for batch in batches[recipe.held :] for story in batch)
    tokenizer = make_tokenizer(texts, size=recipe.vocabulary, words=WORDS)
    tokenizer.save_pretrained(folder)
    return tokenizer


def begin(recipe: PretrainingRecipe, tokenizer: Any) -> Progress:
    """A model before its first step, and its optimizer.

    Args:
        recipe: how large it is.
        tokenizer: of the model.
    """
    config = extra("rwkv7_hf").RWKV7Config(
        vocab_size=len(tokenizer),
        hidden_size=recipe.width,
        num_hidden_layers=recipe.layers,
        head_dim=recipe.head,
        intermediate_size=recipe.inner,
        decay_low_rank_dim=recipe.rank,
        a_low_rank_dim=recipe.rank,
        v_low_rank_dim=recipe.rank,
        gate_low_rank_dim=2 * recipe.rank,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    config._auto_class = None  # the package's code is not copied into the folder, and nothing asks for it there
    del config.auto_map
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = start_rwkv7(fast_class()(config))
    if recipe.is_tied:
        model.lm_head.weight = model.model.embeddings.weight
    matrices = {id(one.weight) for one in model.modules() if isinstance(one, torch.nn.Linear)}
    matrices.discard(id(model.model.embeddings.weight))
    parameters = list(model.parameters())
    groups = [
        {"params": [one for one in parameters if id(one) in matrices], "weight_decay": recipe.weight_decay},
        {"params": [one for one in parameters if id(one) not in matrices], "weight_decay": 0.0},
    ]
    return Progress(model.train(), torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.99)))


def _resume(folder: Path, progress: Progress, recipe: PretrainingRecipe, batches: Sequence[Sequence[Story]]) -> None:
    """Bring a training to where it was."""
    if not (folder / CHECKPOINT).exists():
        return
    kept = torch.load(folder / CHECKPOINT, weights_only=True)
    changed = [name for name, value in asdict(recipe).items() if kept["recipe"].get(name) != value]
    if wrong := [name for name in changed if name not in MAY_CHANGE]:
        raise ArgumentError(f"{folder}: it holds a training with another {', '.join(wrong)}; name another folder")
    count, digest = kept["texts"]
    if _digest(batches[:count]) != digest:
        raise ArgumentError(f"{folder}: it holds a training on other texts; name another folder")
    if kept["step"] > recipe.steps:
        raise ArgumentError(f"steps: got {recipe.steps}, and {folder} has {kept['step']} already")
    progress.model.load_state_dict(kept["model"])
    progress.optimizer.load_state_dict(kept["optimizer"])
    for name in ("step", "seconds", "curve", "recent"):
        setattr(progress, name, kept[name])


def _digest(batches: Sequence[Sequence[Story]]) -> str:
    texts = [[(story.text, story.ends) for story in batch] for batch in batches]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def take_step(progress: Progress, corpus: Corpus, tokenizer: Any, recipe: PretrainingRecipe) -> None:
    """Take one step of a training.

    Args:
        progress: changed in place.
        corpus: the texts as tokens.
        tokenizer: of the model.
        recipe: of the training.

    Raises:
        ArgumentError: if the loss is no finite number.
    """
    rate = recipe.rate_at(progress.step) * recipe.learning_rate
    for group in progress.optimizer.param_groups:
        group["lr"] = rate
    losses = text_losses(progress.model, pieces_of(corpus.tokens, recipe, progress.step), tokenizer, recipe)
    loss = losses.mean()
    value = float(loss.detach())
    if not isfinite(value):
        raise ArgumentError(
            f"learning_rate: after {progress.step} steps the loss is no finite number; a smaller one than "
            f"{recipe.learning_rate} may help. The last checkpoint is as it was"
        )
    progress.optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(progress.model.parameters(), recipe.clip)
    progress.optimizer.step()
    progress.step += 1
    progress.recent.append(value)


@torch.no_grad()
def _check(progress: Progress, corpus: Corpus, tokenizer: Any, recipe: PretrainingRecipe) -> None:
    """Note the losses."""
    pieces = corpus.held[: (len(corpus.held) - 1) // recipe.time * recipe.time + 1].unfold(
        0, recipe.time + 1, recipe.time
    )
    progress.model.eval()
    losses = [text_losses(progress.model, part, tokenizer, recipe) for part in pieces[:CURVE].split(recipe.rows)]
    progress.model.train()
    recent, progress.recent = progress.recent, []
    progress.curve.append(
        {
            "step": progress.step,
            "loss": round(sum(recent) / len(recent), 4),
            "held": round(float(torch.cat(losses).mean()), 4),
        }
    )


def text_losses(model: Any, pieces: Tensor, tokenizer: Any, recipe: PretrainingRecipe) -> Tensor:
    """The loss of each token that follows, but those that begin a text: where a text was cut, nothing tells that.

    Args:
        model: what reads them.
        pieces: [rows, time + 1] tokens.
        tokenizer: of the model.
        recipe: in which precision.
    """
    inputs, follow = pieces[:, :-1], pieces[:, 1:]
    with torch.autocast("cpu", torch.bfloat16, enabled=recipe.precision == "bfloat16"):
        logits = model(input_ids=inputs, use_cache=False).logits
    counts = follow != tokenizer.bos_token_id
    return functional.cross_entropy(logits[counts].float(), follow[counts], reduction="none")
