"""Plain text from files."""

from pathlib import Path

import pytest

from neurallambda.errors import ArgumentError
from neurallambda.llm.teaching.texts import file_texts
from tests.llm.test_teaching import tokenizer

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
