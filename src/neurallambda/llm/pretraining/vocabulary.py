"""The tokens of a language model that is trained here: a byte-level BPE."""

from collections.abc import Iterable, Sequence
from typing import Any

from neurallambda.llm.extras import extra

PAD, BEGIN, END = "<pad>", "<s>", "</s>"
REPEATS = 50
"""So often the words that shall be one token each are given to the training of the tokens, beside the texts."""


def make_tokenizer(texts: Iterable[str], *, size: int, words: Sequence[str] = ()) -> Any:
    """A tokenizer whose tokens are trained on texts (Sennrich et al., 2016); it can spell any text, byte by byte.

    A text begins with a token of its own, and with a space if it has none, so its first word is the same token as further on.

    Args:
        texts: to train it on.
        size: how many tokens there are, the 256 of bytes and three that stand for no text among them.
        words: that shall be one token each.

    Returns:
        A `PreTrainedTokenizerFast`.
    """
    tokenizers = extra("tokenizers")
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=True)
    bpe.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[PAD, BEGIN, END],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator([*texts, *[" ".join(words)] * REPEATS], trainer)
    bpe.post_processor = tokenizers.processors.TemplateProcessing(
        single=f"{BEGIN} $A", pair=f"{BEGIN} $A $B", special_tokens=[(BEGIN, bpe.token_to_id(BEGIN))]
    )
    return extra("transformers").PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token=BEGIN, eos_token=END, pad_token=PAD, padding_side="left"
    )


def spelled_apart(tokenizer: Any, words: Iterable[str]) -> list[str]:
    """Those words that are more than one token each.

    Args:
        tokenizer: whose tokens.
        words: without a space.
    """
    return [word for word in words if len(tokenizer(f" {word}", add_special_tokens=False).input_ids) != 1]
