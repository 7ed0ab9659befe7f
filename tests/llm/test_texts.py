"""Plain text: from files, and what models write by themselves."""

from pathlib import Path

import pytest
import torch

from neurallambda.errors import ArgumentError
from neurallambda.llm.teaching import texts
from neurallambda.llm.teaching.texts import file_texts, fingerprint, own_texts, sampled_texts, texts_of
from tests.llm.test_teaching import small_model, tokenizer
from tests.llm.tiny import plain

WORDS = ("dog", "cat", "ball", "tree", "house", "bird", "fish", "car")


def test_pieces_begin_with_lines_evenly_apart(tmp_path: Path) -> None:
    file, spelled = tmp_path / "words.txt", tokenizer()
    file.write_text("\n\n".join(f"{word} {word}" for word in WORDS * 3))
    found = file_texts(file, spelled, rows=3, time=7)
    assert found.shape == (3, 7)
    assert [spelled.decode(row) for row in found] == ["<s> dog dog cat cat ball ball"] * 3


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    spelled, file = tokenizer(), tmp_path / "bytes.txt"
    with pytest.raises(ArgumentError, match=r"No such file.*bible-kjv-text"):
        file_texts(file, spelled)
    file.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ArgumentError, match="no text in UTF-8"):
        file_texts(file, spelled)
    for text in ("", "dog cat\nball"):
        file.write_text(text)
        with pytest.raises(ArgumentError, match="expected at least 200"):
            file_texts(file, spelled)


def test_no_text_takes_the_place_of_another(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    files = [tmp_path / "book.txt", tmp_path / "other" / "book.txt"]
    for file in (*files, tmp_path / "own.txt"):
        file.write_text("dog cat\n" * 400)
    with pytest.raises(ArgumentError, match=r"other/book\.txt: another text is called 'book' too"):
        texts_of(files, tokenizer(), time=7)
    with pytest.raises(ArgumentError, match="'own' is what the model's own texts are called"):
        texts_of([tmp_path / "own.txt"], tokenizer(), time=7)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few and short texts, and none that were written before."""
    for name, value in (("ROWS", 4), ("TIME", 6), ("HELD", 1), ("_WRITTEN", {})):
        monkeypatch.setattr(texts, name, value)


@pytest.mark.usefixtures("few")
def test_texts_are_kept_and_are_those_of_a_model_of_these_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, other = small_model(30), small_model(30)
    with torch.no_grad():
        other.lm_head.weight[3, 4] += 1e-3
    held, rest = own_texts(model, tmp_path)
    assert (held.shape, rest.shape) == ((1, 6), (3, 6))
    assert torch.equal(torch.cat([held, rest]), sampled_texts(model, 4, 6, seed=texts.SEED))
    assert fingerprint(model) == fingerprint(small_model(30)) != fingerprint(other)
    own_texts(other, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    monkeypatch.setattr(texts, "_WRITTEN", {})
    monkeypatch.setattr(texts, "sampled_texts", lambda *_, **__: pytest.fail("it is kept"))
    assert torch.equal(own_texts(model, tmp_path)[0], held)


@pytest.mark.usefixtures("few")
def test_texts_that_were_not_written_to_their_end_are_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = small_model(30)
    held, _ = own_texts(model, tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for torn in (whole[:-8], whole[:5], b""):
        file.write_bytes(torn)
        monkeypatch.setattr(texts, "_WRITTEN", {})
        assert torch.equal(own_texts(model, tmp_path)[0], held)
        assert [path.read_bytes() for path in tmp_path.iterdir()] == [whole]


@pytest.mark.usefixtures("few")
def test_no_folder_is_made_to_keep_texts_in_and_they_are_written_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = small_model(30)
    held, _ = own_texts(model, tmp_path / "nothing")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(texts, "sampled_texts", lambda *_, **__: pytest.fail("it is known"))
    assert torch.equal(own_texts(model, None)[0], held)


def test_texts_are_no_longer_than_a_model_can_read() -> None:
    assert texts.time_for(small_model(30)) == texts.time_for(plain("mamba")) == texts.TIME
    assert texts.time_for(plain("gpt2")) == 64
    assert sampled_texts(plain("gpt2"), 2, 64, seed=0).shape == (2, 64)


def test_texts_begin_with_what_a_model_says_that_texts_begin_with() -> None:
    model = small_model(30)
    model.config.eos_token_id = [2, 5]
    assert set(sampled_texts(model, 3, 4, seed=0)[:, 0].tolist()) == {1}
    model.config.bos_token_id = None
    assert set(sampled_texts(model, 3, 4, seed=0)[:, 0].tolist()) == {2}
    model.config.eos_token_id = None
    with pytest.raises(ArgumentError, match="bos_token_id None and eos_token_id None"):
        sampled_texts(model, 3, 4, seed=0)
