"""The commands around language models, with a tiny base model in a folder."""

import json
import shutil
from copy import deepcopy
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch
from typer.testing import CliRunner

from neurallambda.cli.app import app
from neurallambda.cli.llm_options import LAST_SEED
from neurallambda.llm import GraftConfig, disabled, graft, load_grafted, save_grafted, structure_of
from neurallambda.llm.bases import load_base
from neurallambda.llm.experiments import matrix, window
from neurallambda.llm.experiments.result_file import FORM
from neurallambda.llm.pretraining import training as pretraining
from neurallambda.llm.teaching import measuring, training
from neurallambda.llm.teaching.measuring import perplexity
from neurallambda.llm.teaching.recipe import TeachingRecipe
from neurallambda.llm.teaching.tasks import TASKS
from neurallambda.llm.teaching.texts import file_texts, own_texts
from neurallambda.train import recipe as recipes
from tests.llm.test_report import good, result
from tests.llm.test_teaching import tokenizer, tokenizers
from tests.llm.tiny import transformers

SCHEMA = jsonschema.Draft202012Validator(json.loads((files("neurallambda.traces") / "schema.json").read_text()))


def called(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["llm", *words])
    return done.exit_code, done.output


@pytest.fixture(scope="module")
def opened(base: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A graft with an open gate, that says something else than its base."""
    model, spelled = load_base(base)
    graft(model, GraftConfig(width=4, depth=8, noise=0.0))
    for seed in range(100):
        with torch.no_grad():
            generator = torch.Generator().manual_seed(seed)
            for parameter in structure_of(model).parameters():
                parameter.normal_(generator=generator)
            structure_of(model).gate.fill_(50.0)
        with disabled(model):
            plain = written(model, spelled)
        if written(model, spelled) != plain:
            return str(save_grafted(model, tmp_path_factory.mktemp("opened") / "graft"))
    raise AssertionError("no structure that shows was found")


def written(model: Any, spelled: Any, prompt: str = "dog cat |") -> str:
    """What a model goes on with, of four tokens."""
    inputs = spelled(prompt, return_tensors="pt", return_token_type_ids=False)
    tokens = model.generate(**inputs, max_new_tokens=4, do_sample=False, pad_token_id=spelled.pad_token_id)
    return spelled.decode(tokens[0, inputs.input_ids.shape[1] :], skip_special_tokens=True)


def test_a_graft_is_made_measured_and_used(base: str, tmp_path: Path) -> None:
    out = str(tmp_path / "made")
    assert called("graft", "--base", base, "--out", out, "width=4", "depth=8") == (0, f"{out}\n")
    assert {path.name for path in Path(out).iterdir()} == {"README.md", "graft.json", "graft.safetensors"}
    code, said = called("evaluate", out, "reverse", "--base", base, "--lengths", "2,3", "--rows", "4")
    assert code == 0
    assert [line.split("\t")[0] for line in said.splitlines()] == ["2", "3"]
    said = called("generate", out, "dog cat |", "--base", base, "--tokens", "4")
    assert said == (0, written(*load_base(base)) + "\n")  # the gate is closed


@pytest.mark.parametrize(
    "words",
    [
        ("train", "reverse", "--out", "{tmp}/made"),
        ("matrix", "--out", "{tmp}/cells"),
        ("window", "--out", "{tmp}/window.json"),
        ("evaluate", "{opened}", "reverse"),
        ("generate", "{opened}", "dog"),
        ("inspect", "{opened}", "dog"),
        ("retention", "{opened}"),
    ],
)
def test_a_device_that_is_not_there_is_refused(words: tuple[str, ...], base: str, opened: str, tmp_path: Path) -> None:
    code, said = called(
        *(word.format(tmp=tmp_path, opened=opened) for word in words), "--base", base, "--device", "gpu"
    )
    assert (code, "device: got 'gpu', expected one that torch can use here" in said) == (2, True)
    assert not list(tmp_path.glob("made")) + list(tmp_path.glob("cells")) + list(tmp_path.glob("window.json"))


def test_a_text_goes_on_as_the_structure_says_or_plainly_without_it(base: str, opened: str) -> None:
    model, spelled = load_base(base)
    plain = written(model, spelled)
    own = written(load_grafted(model, opened), spelled)
    assert own != plain
    words = ("generate", opened, "dog cat |", "--base", base, "--tokens", "4")
    assert called(*words) == (0, f"{own}\n")
    assert called(*words, "--plain") == (0, f"{plain}\n")


def test_what_is_measured_has_the_structure_in_it(base: str, opened: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, spelled = load_base(base)
    tokens = spelled("dog cat ball |", return_tensors="pt").input_ids
    given: list[Any] = []
    monkeypatch.setattr(measuring, "exact_match", lambda model, task, _, length, **more: given.append(model) or 0.25)
    assert called("evaluate", opened, "copy", "--base", base, "--lengths", "3,2") == (0, "3\t0.250\n2\t0.250\n")
    with torch.no_grad():
        expected = load_grafted(deepcopy(model), opened)(tokens).logits
        assert not torch.allclose(model(tokens).logits, expected, atol=1e-2)
        assert all(torch.equal(one(tokens).logits, expected) for one in given)


def test_what_a_structure_does_to_the_language_is_measured(base: str, opened: str, tmp_path: Path) -> None:
    text = tmp_path / "psalm.txt"
    text.write_text("dog cat ball tree\n\nhouse bird\n" * 2000)
    code, said = called("retention", opened, str(text), "--base", base)
    assert code == 0, said
    model, spelled = load_base(base)
    texts = [own_texts(model, None)[0], file_texts(text, spelled)]
    before = [perplexity(model, tokens) for tokens in texts]
    after = [perplexity(load_grafted(model, opened), tokens) for tokens in texts]
    expected = [
        f"{name}\t{one:.4f}\t{other:.4f}\t{other / one:.4f}"
        for name, one, other in zip(("own", "psalm"), before, after, strict=True)
    ]
    assert said.splitlines() == expected
    assert all(abs(other / one - 1) > 3e-4 for one, other in zip(before, after, strict=True))


def test_every_task_is_named_in_the_help() -> None:
    assert all(task in called("train", "--help")[1] for task in TASKS)


def test_what_a_structure_does_is_shown(base: str, tmp_path: Path) -> None:
    out, page, record = str(tmp_path / "made"), tmp_path / "page.html", tmp_path / "record.json"
    called("graft", "--base", base, "--out", out, "width=4", "depth=8")
    for file in (page, record):
        code, said = called("inspect", out, "dog cat |", "--base", base, "--tokens", "3", "-o", str(file))
        assert code == 0, said
        assert [line.split()[0] for line in said.splitlines()[:5]] == ["token", "<s>", "dog", "cat", "|"]
    assert "made: dog cat |" in page.read_text()
    SCHEMA.validate(json.loads(record.read_text()))
    code, said = called("inspect", out, "dog", "--base", base, "-o", "record.png")
    assert (code, "the name does not tell the format" in said) == (2, True)
    nowhere = str(tmp_path / "nowhere" / "page.html")
    code, said = called("inspect", out, "dog", "--base", base, "--tokens", "1", "-o", nowhere)
    assert (code, said.splitlines()[-1]) == (2, f"{nowhere}: No such file or directory")


def test_texts_are_written_and_a_model_is_trained_on_them(base: str, tmp_path: Path) -> None:
    pytest.importorskip("rwkv7_hf")
    file, out = str(tmp_path / "texts.jsonl"), str(tmp_path / "model")
    changes = ["tokens=240", "rows=6", "time=20", "precision=float32"]
    code, said = called("stories", "--base", base, "--out", file, *changes)
    assert code == 0, said
    assert "batch 2: " in said
    assert said.splitlines()[-1] == file
    sizes = ["vocabulary=300", "layers=2", "width=16", "head=8", "inner=32", "rank=4", "steps=2", "rows=2", "time=16"]
    code, said = called("pretrain", file, "--out", out, *sizes)
    assert code == 0, said
    assert "step 2: loss" in said
    assert called("graft", "--base", out, "--out", str(tmp_path / "made"), "width=4", "depth=8")[0] == 0
    code, said = called("pretrain", file, "--out", out, *(one.replace("rows=2", "rows=3") for one in sizes))
    assert (code, "another rows" in said) == (2, True)


@pytest.fixture(scope="module")
def bounded(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A base model that reads 64 tokens, and a graft in it."""
    folder, spelled = tmp_path_factory.mktemp("bounded"), tokenizer()
    sizes: dict[str, Any] = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "bos_token_id": 1}
    config = transformers.GPT2Config(vocab_size=len(spelled), **sizes, eos_token_id=2, pad_token_id=0)
    transformers.GPT2LMHeadModel(config).save_pretrained(folder / "base")
    spelled.save_pretrained(folder / "base")
    model, _ = load_base(str(folder / "base"))
    return str(folder / "base"), str(save_grafted(graft(model, GraftConfig(width=4, depth=8)), folder / "graft"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["evaluate", "GRAFT", "reverse", "--lengths", "4,40"], "--lengths: got 40, which makes 82 tokens"),
        (
            ["generate", "GRAFT", "dog cat", "--tokens", "100"],
            "--tokens: got 100 after 3 of the prompt, which makes 103",
        ),
        (
            ["inspect", "GRAFT", "dog cat", "--tokens", "100"],
            "--tokens: got 100 after 3 of the prompt, which makes 103",
        ),
        (["train", "reverse", "--out", "x", "lengths=2-40"], "lengths: got 40, which makes 82 tokens"),
    ],
)
def test_more_than_a_model_has_positions_for_is_refused(
    words: list[str], message: str, bounded: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    base, folder = bounded
    code, said = called(*(folder if word == "GRAFT" else word for word in words), "--base", base)
    assert (code, said.startswith(message)) == (2, True), said
    assert "expected at most the 64" in said
    assert "\n" not in said.rstrip()  # nor any number


def test_a_model_with_few_positions_is_taught_and_used_up_to_them(bounded: tuple[str, str], tmp_path: Path) -> None:
    base, folder = bounded
    assert called("generate", folder, "dog cat", "--base", base, "--tokens", "61")[0] == 0
    (tmp_path / "psalm.txt").write_text("dog cat ball tree\n" * 2000)
    code, said = called("retention", folder, str(tmp_path / "psalm.txt"), "--base", base)
    assert code == 0, said
    sizes = ["steps=2", "rows=2", "width=4", "depth=8", "lengths=2-31"]
    code, said = called("train", "reverse", "--base", base, "--out", str(tmp_path / "made"), *sizes)
    assert code == 0, said


def test_a_prompt_without_a_token_is_refused(base: str, opened: str, tmp_path: Path) -> None:
    shutil.copytree(base, tmp_path / "bare")
    spelled = tokenizer()
    spelled.backend_tokenizer.post_processor = tokenizers.processors.TemplateProcessing(single="$A", special_tokens=[])
    spelled.save_pretrained(tmp_path / "bare")
    for command in ("generate", "inspect"):
        code, said = called(command, opened, "", "--base", str(tmp_path / "bare"))
        assert (code, said) == (2, "prompt: it has no token; expected a text of at least one\n")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ([], "config: got [], expected a record with the fields of a GraftConfig"),
        ({"width": 3}, "config: missing or unknown: ['depth', "),
        ({"width": "wide"}, "config: width: got 'wide', expected an integer"),
    ],
)
def test_a_graft_whose_configuration_cannot_be_used_is_named(
    config: Any, message: str, base: str, opened: str, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(opened, tmp_path / "graft"))
    facts = json.loads((folder / "graft.json").read_text())
    is_whole = isinstance(config, dict) and config != {"width": 3}
    changed = facts | {"config": facts["config"] | config if is_whole else config}
    (folder / "graft.json").write_text(json.dumps(changed))
    code, said = called("generate", str(folder), "dog", "--base", base)
    assert (code, said.startswith(f"{folder / 'graft.json'}: {message}")) == (2, True), said


@pytest.mark.parametrize("said_of_base", [{}, "x", None, {"name": 3}])
def test_a_graft_that_does_not_say_its_base_is_refused(said_of_base: object, opened: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(opened, tmp_path / "graft"))
    facts = json.loads((folder / "graft.json").read_text())
    (folder / "graft.json").write_text(json.dumps(facts | {"base": said_of_base}))
    for words in (["generate", str(folder), "dog"], ["evaluate", str(folder), "copy"], ["retention", str(folder)]):
        code, said = called(*words)
        assert code == 2
        assert "graft.json: base: got " in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["pretrain", "nowhere.jsonl", "--out", "x"], "nowhere.jsonl: No such file"),
        (["pretrain", "nowhere.jsonl", "--out", "x", "head=3"], "head: got 3, expected a divisor"),
        (["stories", "--base", "nothing/there", "--out", "x"], "cannot be loaded"),
        (["stories", "--out", "x", "temperature=0"], "temperature: got 0"),
        (["evaluate", "nowhere", "reverse"], "there is no graft in it"),
        (["fetch", "gpt5"], "there is no model 'gpt5'"),
        (["report", "nowhere"], "there is no result"),
        (["train", "juggle", "--out", "x"], "there is no task 'juggle'"),
        (["graft", "--base", "nothing/there", "--out", "x"], "cannot be loaded"),
        (["matrix", "--arms", "everything", "--out", "x"], "arms: 'everything' is unknown"),
        (["matrix", "--starts", "half", "--out", "x"], "starts: 'half' is unknown"),
        (
            ["matrix", "--arms", "calls", "--tasks", "dyck", "--out", "x"],
            "of the task dyck are not known; those of reverse, copy, lisp",
        ),
        (["evaluate", "nowhere", "reverse", "--lengths", "two"], "expected numbers"),
        (["graft", "--out", "x", "structure=heap"], "structure: got 'heap'"),
        (["graft", "--out", "x", "widht=3"], "did you mean width?"),
        (["train", "copy", "--out", "x", "steps=0"], "steps: got 0"),
        (["train", "copy", "--out", "x", "lengths=4-2"], "lengths: got 4-2"),
        (["train", "copy", "--out", "x", "learning_rate=-1"], "learning_rate: got -1"),
        (["train", "copy", "--out", "x", "layers_to_transform=1,2,3"], "layers_to_transform: got"),
        (["matrix", "--out", "x", "learning_rate=1"], "learning_rate: the matrix chooses it itself"),
        (["graft", "--out", "x", "structure=calls"], "neurallambda llm train lisp structure=calls"),
        (["graft", "--out", "x", "width"], "'width': expected KEY=VALUE, as in structure=stack"),
        (["graft", "--base", "nowhere", "--out", "x"], "there is no folder of this name here"),
        (["graft", "--out", "x", "values=a,b"], "values: there is no such key"),
        (
            ["train", "copy", "--out", "x", "structure=bank"],
            "the task copy has no bank of programs; the task arithmetic has one",
        ),
        (["train", "copy", "--out", "x", "device=cuda"], "device: it is an option, --device"),
        (["train", "copy", "--out", "x", "seed=3"], "seed: it is an option, --seed"),
        (["generate", "nowhere", "dog", "--tokens", "5000000000"], "Invalid value for '--tokens'"),
        (["graft", "--out", "x", "width=99999999999"], "heads, width, depth: got 1, 99999999999 and 128"),
        (["graft", "--out", "x", f"width={10**15}"], "expected a product of at most 1099511627776"),
        (["graft", "--out", "x", f"width={10**30}"], "expected an integer below 2**63"),
        (["graft", "--out", "x", f"width={2**40}", "depth=1"], "there is not enough memory"),
        (["graft", "--out", "x", "--seed", "99999999999999999999999"], "Invalid value for '--seed'"),
        (["train", "copy", "--out", "x", "--seed", "99999999999999999999999"], "Invalid value for '--seed'"),
        (["evaluate", "nowhere", "copy", "--seed", "-1"], "Invalid value for '--seed'"),
        (["pretrain", "nowhere.jsonl", "--out", "x", "--beside", "nothing/there"], "'nothing/there' cannot be loaded"),
        (["inspect", "nowhere", "dog"], "there is no graft in it"),
        (["retention", "nowhere"], "there is no graft in it"),
    ],
)
def test_what_cannot_be_used_is_said(
    words: list[str], message: str, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # no hub is asked again and again
    words = [*words, "--base", base] if words[0] in ("graft", "train") and "--base" not in words else words
    code, said = called(*words)
    assert code == 2
    assert message in said
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())


def test_a_report_names_the_file_that_it_cannot_show(tmp_path: Path) -> None:
    torn, deep, poor = '{"form": "neurall', "[" * 100_000, json.dumps({"form": FORM})
    for text, message in ((torn, "this is no JSON"), (deep, "this is no JSON"), (poor, "model is missing")):
        (tmp_path / "wrong.json").write_text(text)
        code, said = called("report", str(tmp_path))
        assert (code, f"wrong.json: {message}" in said) == (2, True), said


def test_the_last_seed_is_that_of_other_trainings() -> None:
    assert LAST_SEED == recipes.LAST_SEED


@pytest.mark.parametrize(
    ("words", "needs"),
    [
        (["graft"], "folder"),
        (["train", "copy"], "folder"),
        (["matrix"], "folder"),
        (["pretrain", "texts.jsonl"], "folder"),
        (["window"], "file"),
        (["stories"], "file"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else value,
)
def test_a_place_that_cannot_be_written_is_refused_before_the_work(
    words: list[str], needs: str, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    begun: list[str] = []
    for module, name in (
        (training, "teach"),
        (matrix, "run_cell"),
        (window, "measure_window"),
        (pretraining, "pretrain"),
    ):
        monkeypatch.setattr(module, name, lambda *_, **__: begun.append("work"))
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    words = words if words[0] == "pretrain" else [*words, "--base", base]
    for out in ("file" if needs == "folder" else "folder", "file/inside"):
        code, said = called(*words, "--out", out)
        assert (code, said.startswith(f"--out: got {out}, ")) == (2, True), said
        assert f"expected a {needs}" in said
    assert not begun
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_texts_that_cannot_be_read_are_refused_before_a_matrix_begins(
    base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    monkeypatch.setattr(matrix, "run_cell", lambda *_, **__: begun.append("a cell"))
    (tmp_path / "short.txt").write_text("dog cat")
    (tmp_path / "long.txt").write_text("dog cat ball tree\n" * 2000)
    words = ["matrix", "--base", base, "--out", str(tmp_path / "out"), "--text"]
    for name, message in (("nowhere.txt", "No such file"), ("short.txt", "expected at least")):
        code, said = called(*words, str(tmp_path / name))
        assert (code, said.startswith(str(tmp_path / name)), message in said) == (2, True, True), said
    assert not begun
    code, said = called(*words, str(tmp_path / "long.txt"))
    assert code == 0, said
    assert begun == ["a cell"] * 4
    assert not (tmp_path / "out").exists()  # it was made to see that it can be, and nothing was put into it


@pytest.mark.parametrize(("changes", "steps"), [([], [0, 100]), (["replay_warmup=7"], [7, 7])])
def test_a_matrix_teaches_each_arm_as_it_is_meant_and_otherwise_where_that_is_asked(
    changes: list[str], steps: list[int], base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught: list[tuple[str, int]] = []

    def run_cell(cell: matrix.Cell, _: Path, *, recipe: TeachingRecipe, **__: Any) -> None:
        taught.append((cell.arm, recipe.replay_warmup))

    monkeypatch.setattr(matrix, "run_cell", run_cell)
    arms = ["structure", "fitted-warmup"]
    words = ["matrix", *changes, "--base", base, "--out", str(tmp_path), "--tasks", "copy", "--starts", "pretrained"]
    code, said = called(*words, "--arms", ",".join(arms))
    assert code == 0, said
    assert taught == list(zip(arms, steps, strict=True))


def test_a_page_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(result("copy", "lora", good(1))))
    for out, named in ((tmp_path, tmp_path), (tmp_path / "one.json" / "page.md", tmp_path / "one.json")):
        code, said = called("report", str(tmp_path), "-o", str(out))
        assert (code, said.startswith(f"{named}: ")) == (2, True), said
