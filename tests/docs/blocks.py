"""The fenced blocks of the README and of the documentation, found by language."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])

FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*).*?\n(?P<text>.*?)^(?P=indent)``` *$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block; `line` is that of its first line of text, from 1."""

    page: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(language: str) -> list[Block]:
    """All blocks of one language, page by page, in order."""
    return [
        Block(page=str(page.relative_to(ROOT)), line=line, text=text)
        for page in PAGES
        if page.exists()
        for line, text in fenced(page.read_text(), language)
    ]


def fenced(markdown: str, language: str) -> list[tuple[int, str]]:
    """The blocks of one language in a text: the line each starts at, and what it holds, without its indentation."""
    return [
        (markdown.count("\n", 0, match.start("text")) + 1, _dedent(match["text"], len(match["indent"])))
        for match in FENCE.finditer(markdown)
        if match["language"] == language
    ]


def _dedent(text: str, width: int) -> str:
    return "".join(line[width:] if line[:width].isspace() or not width else line for line in text.splitlines(True))
