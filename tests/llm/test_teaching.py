"""Tasks in words, and teaching them."""

from random import Random
from typing import Any

import pytest
import torch
from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.lang import evaluate
from neurallambda.llm import GraftConfig, graft, parameter_groups
from neurallambda.llm.teaching import losses as losses_of
from neurallambda.llm.teaching.lisp_words import DIGITS, from_words, in_words
from neurallambda.llm.teaching.measuring import exact_match, perplexity
from neurallambda.llm.teaching.recipe import Precision, TeachingRecipe
from neurallambda.llm.teaching.replay import Replay
from neurallambda.llm.teaching.room import check_length
from neurallambda.llm.teaching.tasks import PAIRS, PROGRAMS, TASKS, draw, text_task
from neurallambda.llm.teaching.texts import sampled_texts
from neurallambda.llm.teaching.training import teach
from neurallambda.tasks.lisp.programs import tokens as tokens_of
from neurallambda.train.events import noting
from neurallambda.train.following import NotFiniteError
from tests.llm.tiny import plain, transformers

tokenizers = pytest.importorskip("tokenizers")
pytestmark = [  # PEFT's own use
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.past_key_values. is deprecated:FutureWarning"),
]


def tokenizer() -> Any:
    """One token for each word that the tasks are written in."""
    words = ["<pad>", "<s>", "</s>", "<unk>", *sorted({word for task in TASKS.values() for word in spoken(task)})]
    backend = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="<unk>")
    )
    backend.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    backend.post_processor = tokenizers.processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


def spoken(task: Any) -> list[str]:
    random = Random(0)
    return [word for _ in range(40) for text in task.draw(9, random) for word in text.split()]


def small_model(size: int) -> Any:
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 2}
    ends = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(vocab_size=size, **sizes, **ends)).eval()


def answer_to(name: str, prompt: list[str]) -> str:
    """What is right, worked out in another way than the task does."""
    held: list[str] = []
    match name:
        case "reverse":
            held = prompt[:-1]
        case "copy":
            return " ".join(prompt[:-1])
        case "dyck":
            for bracket in prompt[:-1]:
                held = held[:-1] if held and PAIRS[held[-1]] == bracket else [*held, bracket]
            held = [PAIRS[bracket] for bracket in held]
        case "trace":
            for word in prompt[:-1]:
                held = held[:-1] if word == "take" else [*held, word]
        case "arithmetic":
            defined = " ".join(f"{word} {number}" for number, word in enumerate(DIGITS))
            functions = " ".join(
                f"{word} (fn [x y] {text.replace('?x', 'x').replace('?y', 'y')})" for word, text in PROGRAMS.items()
            )
            written = " ".join({"in": "(", "out": ")"}.get(word, word) for word in prompt[:-1])
            return DIGITS[int(str(evaluate(f"(let [{defined} {functions}] {written})").text))]
        case _:
            return " ".join([*in_words(tokens_of(str(evaluate(" ".join(from_words(prompt[:-1]))).text))), "end"])
    return " ".join(held[::-1])


@pytest.mark.parametrize("name", TASKS)
def test_answers_are_right(name: str) -> None:
    random = Random(3)
    for length in (1, 2, 5, 12) if name != "lisp" else (5, 12, 30):
        for _ in range(10):
            prompt, answer = TASKS[name].draw(length, random)
            assert answer_to(name, prompt.split()) == answer
            if name != "lisp":
                assert len(prompt.split()) == length + 1 + (3 * (length - 1) if name == "arithmetic" else 0)


@pytest.mark.parametrize("name", TASKS)
def test_answers_are_marked_among_the_tokens(name: str) -> None:
    spelled, task = tokenizer(), TASKS[name]
    batch = draw(task, 8, 5, Random(1), spelled)
    again = Random(1)
    for row in range(5):
        prompt, answer = task.draw(8, again)
        marked = spelled.convert_ids_to_tokens(batch.tokens[row][batch.answer[row]].tolist())
        expected = [word if word in spelled.vocab else "<unk>" for word in answer.split()]
        assert marked == expected
        whole = batch.tokens[row][batch.real[row]]
        assert len(whole) == 1 + len(prompt.split()) + len(answer.split())
        assert bool(batch.answer[row][batch.real[row]][-1])


def test_a_task_is_taught_and_the_base_stays() -> None:
    spelled = tokenizer()
    model = small_model(len(spelled))
    with torch.no_grad():
        for weight in (model.model.embed_tokens.weight, model.lm_head.weight):
            weight.normal_()  # words that differ from each other, as those of a trained model do
    graft(model, GraftConfig(width=16, depth=16, noise=0.0))
    before = {name: one.clone() for name, one in model.named_parameters() if "grafted_structure" not in name}
    texts = sampled_texts(model, 6, 20, seed=0)
    assert texts.shape == (6, 20)
    losses: list[float] = []
    recipe = TeachingRecipe(steps=60, rows=8, lengths=(1, 2), replay_tokens=40, replay_lengths=(4, 8))
    teach(
        model,
        parameter_groups(model, 3e-2),
        text_task("reverse"),
        spelled,
        recipe,
        seed=0,
        replay=Replay(texts, len(spelled), (1,)),
        listeners=[noting(losses)],
    )
    assert len(losses) == 60
    assert sum(losses[-5:]) < sum(losses[:5]) - 1.0
    assert all(torch.equal(one, before[name]) for name, one in model.named_parameters() if name in before)
    assert not model.training
    assert 1 < perplexity(model, texts) < 1e6
    lost = small_model(len(spelled))
    everything = [{"params": list(lost.parameters()), "lr": 1e20}]
    with pytest.raises(
        NotFiniteError, match=r"step \d+: the loss, or its gradient, is no finite number; a smaller learning_rate"
    ):
        teach(lost, everything, text_task("reverse"), spelled, recipe, seed=0)


def test_mixed_precision_learns_much_the_same_and_leaves_parameters_as_wide_as_they_were() -> None:
    spelled = tokenizer()
    texts = torch.randint(3, len(spelled), (6, 20), generator=torch.Generator().manual_seed(0))
    losses: dict[Precision, list[float]] = {"float32": [], "bfloat16": []}
    for precision, found in losses.items():
        model = graft(small_model(len(spelled)), GraftConfig(width=8, depth=16))
        recipe = TeachingRecipe(
            steps=10, rows=8, lengths=(1, 2), replay_tokens=40, replay_lengths=(4, 8), precision=precision
        )
        torch.manual_seed(0)
        teach(
            model,
            parameter_groups(model, 1e-2),
            text_task("reverse"),
            spelled,
            recipe,
            seed=0,
            replay=Replay(texts, len(spelled), (1,)),
            listeners=[noting(found)],
        )
        assert {one.dtype for one in model.parameters()} == {torch.float32}
        assert model(texts[:1, :5]).logits.dtype == torch.float32
    assert losses["float32"] != losses["bfloat16"]
    assert losses["float32"] == pytest.approx(losses["bfloat16"], abs=0.1)
    with pytest.raises(ArgumentError, match="precision: got 'float16'"):
        TeachingRecipe(precision="float16")  # pyright: ignore[reportArgumentType]


def test_exact_match_is_what_greedy_decoding_writes() -> None:
    """A model that answers by looking at what is right, but for a word now and then."""
    spelled, task = tokenizer(), text_task("copy")
    rights = 0
    batch = draw(task, 4, 20, Random(5), spelled)

    class Known(torch.nn.Module):
        def forward(self, input_ids: Tensor, logits_to_keep: Tensor, **_: Any) -> Any:
            logits = torch.nn.functional.one_hot(input_ids.roll(-1, 1), len(spelled)).float()
            logits[::3, -2] = 0.0
            logits[::3, -2, 0] = 1.0
            return transformers.modeling_outputs.CausalLMOutput(logits=logits[:, logits_to_keep])

    rights = exact_match(Known(), task, spelled, 4, rows=20, seed=5)
    assert rights == 1 - len(batch.tokens[::3]) / 20


def test_padding_among_examples_changes_no_answer() -> None:
    spelled, task = tokenizer(), text_task("dyck")
    model = small_model(len(spelled))
    batch = draw(task, 8, 6, Random(1), spelled)
    assert not batch.real.all()
    logits, _, counts = losses_of.answers_of(model, batch)
    for row in range(6):
        alone = model(batch.tokens[row][batch.real[row]][None]).logits[0]
        places = batch.answer[row].nonzero().flatten() - 1
        assert torch.allclose(logits[row][counts[row]], alone[places], atol=1e-5)


def test_what_a_model_is_given_goes_where_its_parameters_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """The device without numbers stands for any that is not the processor."""
    spelled, given = tokenizer(), list[Tensor]()

    class Elsewhere(torch.nn.Embedding):
        def forward(self, input_ids: Tensor, use_cache: bool, **more: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
            given.extend([input_ids, *more.values()])
            logits = super().forward(input_ids) @ self.weight.T
            return transformers.modeling_outputs.CausalLMOutput(logits=logits)

    model, batch = Elsewhere(len(spelled), 4, device="meta"), draw(text_task("dyck"), 8, 6, Random(1), spelled)
    monkeypatch.setattr(
        losses_of, "summed_in_pieces", lambda loss, *rows: loss(*rows)
    )  # it needs a device with numbers
    answers = losses_of.answers_of(model, batch)
    assert len(given) == 3  # tokens, places and, as some rows are padded, a mask
    divergence = losses_of.divergence(model, model, batch.tokens)
    given += [*answers, divergence, losses_of.language_losses(model, batch.tokens)]
    assert {one.device.type for one in given} == {"meta"}


def test_a_length_that_a_model_cannot_read_is_refused() -> None:
    spelled, task = tokenizer(), text_task("reverse")
    bounded = plain("gpt2")
    bounded.resize_token_embeddings(len(spelled))
    assert 0 <= exact_match(bounded, task, spelled, 31, rows=2, seed=0) <= 1
    check_length(bounded, task, spelled, 31)
    refused = "got 40, which makes 82 tokens, expected at most the 64"
    with pytest.raises(ArgumentError, match=f"length: {refused}"):
        check_length(bounded, task, spelled, 40)
    with pytest.raises(ArgumentError, match="an example with its answer, which makes 82 tokens"):
        exact_match(bounded, task, spelled, 40, rows=2, seed=0)
    for family in ("llama", "mamba"):
        check_length(plain(family), task, spelled, 40)
