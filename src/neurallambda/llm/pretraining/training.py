"""A language model of its own: an RWKV-7 of a few million parameters, trained on texts that another model wrote."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
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
from neurallambda.train.events import Event, Stepped
from neurallambda.train.learner import GradientLearner, learn

CHECKPOINT = "checkpoint.safetensors"
EARLIER = "checkpoint.pt"
"""What earlier versions called it, which kept it otherwise."""
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
        batches: all texts, those held out first.
    """

    tokens: Tensor
    held: Tensor
    held_bytes: int
    batches: Sequence[Sequence[Story]]


def corpus_of(batches: Sequence[Sequence[Story]], tokenizer: Any, *, held: int) -> Corpus:
    """Texts as tokens.

    Args:
        batches: of texts.
        tokenizer: of the model.
        held: how many batches, the first, are not trained on.

    Raises:
        ArgumentError: if no others are left.
    """
    _check_count(batches, held)
    first = [story for batch in batches[:held] for story in batch]
    others = [story for batch in batches[held:] for story in batch]
    spelled = [_spelled(part, tokenizer) for part in (others, first)]
    return Corpus(
        *spelled,
        held_bytes=sum(len(story.text.encode()) for story in first),
        batches=batches,
    )


def _check_count(batches: Sequence[Sequence[Story]], held: int) -> None:
    if len(batches) <= held:
        raise ArgumentError(
            f"held: got {held} batches of texts to hold out, and there are {len(batches)}; expected fewer, or more texts (tokens=... of "
            "`neurallambda llm stories`)"
        )


def _spelled(stories: Sequence[Story], tokenizer: Any) -> Tensor:
    rows = tokenizer([story.text for story in stories]).input_ids
    ended = (row + [tokenizer.eos_token_id] * story.ends for row, story in zip(rows, stories, strict=True))
    return torch.tensor([token for row in ended for token in row])


class Pretraining(GradientLearner):
    """A model that is trained from nothing; as `begin` makes it.

    Attributes:
        corpus: the texts as tokens.
        tokenizer: of the model.
        recipe: how it is trained.
        curve: the steps at which the loss was measured, each with that of training, since the measurement before, and that on
            the texts held out.
        recent: the losses of the steps since then.
        say: told each such measurement.
    """

    def __init__(
        self,
        model: Any,
        groups: Sequence[dict[str, Any]],
        corpus: Corpus,
        tokenizer: Any,
        recipe: PretrainingRecipe,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        parameters = list(model.parameters())
        super().__init__(model, groups, limit=recipe.steps, clip=recipe.clip, seed=recipe.seed, clipped=parameters)
        if self.accelerator.num_processes > 1:
            raise ArgumentError(
                f"processes: got {self.accelerator.num_processes}, expected one: pieces of texts are not divided among several"
            )
        self.corpus, self.tokenizer, self.recipe, self.say = corpus, tokenizer, recipe, say
        self.curve: list[dict[str, float]] = []
        self.recent: list[float] = []

    def rate(self, greatest: float) -> float:
        return greatest * self.recipe.rate_at(self.steps)

    def losses(self) -> tuple[Tensor, Tensor]:
        pieces = pieces_of(self.corpus.tokens, self.recipe, self.steps)
        loss = text_losses(self.model, pieces, self.tokenizer, self.recipe).mean()
        return loss, loss

    def advance(self) -> Iterator[Event]:
        """Take a step; every now and then measure the loss on the texts held out."""
        for event in super().advance():
            if isinstance(event, Stepped):
                self.recent.extend(event.losses)
            yield event
        is_last = self.why_over() == "finished"
        if (self.why_over() is None and self.steps % self.recipe.check_every == 0) or is_last:
            self.curve.append(
                {
                    "step": self.steps,
                    "loss": round(sum(self.recent) / len(self.recent), 4),
                    "held": round(self.loss_held_out(), 4),
                }
            )
            self.recent = []
            last = self.curve[-1]
            self.say(f"step {self.steps}: loss {last['loss']:.4f}, held out {last['held']:.4f}, {self.seconds:.0f} s")

    @torch.no_grad()
    def loss_held_out(self) -> float:
        """The loss on the first pieces of the texts held out."""
        time, held = self.recipe.time, self.corpus.held
        pieces = held[: (len(held) - 1) // time * time + 1].unfold(0, time + 1, time)[:CURVE]
        self.model.eval()
        parts = [text_losses(self.model, part, self.tokenizer, self.recipe) for part in pieces.split(self.recipe.rows)]
        return float(torch.cat(parts).mean())

    def facts(self) -> dict[str, Any]:
        texts = [len(self.corpus.batches), _digest(self.corpus.batches)]
        own = {"recipe": asdict(self.recipe), "texts": texts, "curve": self.curve, "recent": self.recent}
        return super().facts() | own

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        changed = [name for name, value in asdict(self.recipe).items() if facts["recipe"].get(name) != value]
        if wrong := [name for name in changed if name not in MAY_CHANGE]:
            raise ArgumentError(
                f"recipe: the folder holds a training with another {', '.join(wrong)}; name another folder"
            )
        count, digest = facts["texts"]
        if _digest(self.corpus.batches[:count]) != digest:
            raise ArgumentError("texts: the folder holds a training on other texts; name another folder")
        if facts["steps"] > self.recipe.steps:
            raise ArgumentError(f"steps: got {self.recipe.steps}, and the folder has {facts['steps']} already")
        super().restore(tensors, facts)
        self.curve, self.recent = facts["curve"], facts["recent"]


@checked
def pretrain(
    file: Path, folder: Path, recipe: PretrainingRecipe, *, say: Callable[[str], None] = lambda _: None
) -> Pretraining:
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
        ArgumentError: if the texts are too few, or the folder holds another training.
        NotFiniteError: if a loss is no finite number.
        KeyboardInterrupt: if it was interrupted; what it had learned by then is kept.
    """
    batches, checkpoint = read_stories(file), folder / CHECKPOINT
    _check_count(batches, recipe.held)
    tokenizer = _tokenizer(folder, batches, recipe) if checkpoint.exists() else _made(batches, recipe)
    corpus, kept = corpus_of(batches, tokenizer, held=recipe.held), perf_counter()
    pieces_of(corpus.tokens, recipe, 0)  # or it is refused
    learner = begin(recipe, tokenizer, corpus, say=say)
    if (folder / EARLIER).exists() and not checkpoint.exists():
        raise ArgumentError(
            f"{folder}: {EARLIER} there is that of an earlier version, which cannot be gone on with; name another folder"
        )

    tokenizer.save_pretrained(folder)
    parameters = sum(one.numel() for one in learner.model.parameters())
    goes_on = ", going on where it was" if checkpoint.exists() else ""
    say(f"{len(learner.corpus.tokens)} tokens, {parameters} parameters{goes_on}")

    def keep_too() -> None:
        nonlocal kept
        kept, weights = perf_counter(), learner.model.state_dict()
        # tied ones are kept twice: the package does not tie what it loads
        learner.model.save_pretrained(folder, state_dict={name: one.clone() for name, one in weights.items()})

    def is_due() -> bool:
        return perf_counter() - kept > recipe.save_every or learner.steps == recipe.steps

    reason = learn(learner, checkpoint=checkpoint, resume=checkpoint.exists(), is_due=is_due, keep_too=keep_too)
    if reason == "interrupted":
        raise KeyboardInterrupt
    return learner


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
    """The tokenizer of a training that goes on."""
    if (folder / "tokenizer.json").exists():
        return extra("transformers").PreTrainedTokenizerFast.from_pretrained(folder)
    return _made(batches, recipe)


def _made(batches: Sequence[Sequence[Story]], recipe: PretrainingRecipe) -> Any:
    """A tokenizer for the texts that are trained on."""
    texts = (story.text for batch in batches[recipe.held :] for story in batch)
    return make_tokenizer(texts, size=recipe.vocabulary, words=WORDS)


def begin(
    recipe: PretrainingRecipe, tokenizer: Any, corpus: Corpus, *, say: Callable[[str], None] = lambda _: None
) -> Pretraining:
    """A model before its first step.

    Args:
        recipe: how large it is, and how it is trained.
        tokenizer: of the model.
        corpus: what it is trained on.
        say: told how far it is.
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
    rate = {"lr": recipe.learning_rate}
    return Pretraining(model, [group | rate for group in groups], corpus, tokenizer, recipe, say)


def _digest(batches: Sequence[Sequence[Story]]) -> str:
    texts = [[(story.text, story.ends) for story in batch] for batch in batches]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


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
