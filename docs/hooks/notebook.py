"""Makes the tutorial a notebook, run from top to bottom: `tutorial.ipynb` beside its page, with all outputs.

Each expression whose value the page states ends a cell, and so does each example of a `>>>` session. Where a notebook shows more of
a value than its text, the page shows it too: below the line, as plain HTML.
"""

import ast
import doctest
import json
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from traceback import format_exception
from typing import Any

PAGE = Path(__file__).parents[1] / "tutorial.md"
NAME = "tutorial.ipynb"
ARROW = "  # => "
FENCE = re.compile(r"^```python\n(?P<code>.*?)^```$\n?", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?P<page>[\w/-]+)\.md")

PLACE = re.compile(r'<div class="shown" data-number="(\d+)"></div>')
SHOWN: list[str] = []
"""What the page shows, from when it is read to when it is written."""

Json = dict[str, Any]


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Give the tutorial a link to its notebook; mkdocs calls this."""
    if page.file.src_uri != PAGE.name:
        return markdown
    shown, SHOWN[:] = with_places(markdown)
    title, rest = shown.split("\n", 1)
    return f'{title}\n\nAs a notebook that has been run: <a href="../{NAME}" download>{NAME}</a>.\n{rest}'


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Put what a notebook shows into its places; mkdocs calls this."""
    if page.file.src_uri != PAGE.name:
        return html
    return PLACE.sub(lambda found: f'<div class="shown">{SHOWN[int(found[1])]}</div>', html)


def on_post_build(config: Any, **_: Any) -> None:
    """Write the notebook into the site; mkdocs calls this."""
    written = json.dumps(notebook(PAGE.read_text("utf-8")), indent=1, ensure_ascii=False)
    (Path(config["site_dir"]) / NAME).write_text(written + "\n", "utf-8")


def notebook(markdown: str) -> Json:
    """A page as a notebook whose cells have been run."""
    cells: list[Json] = []
    names: Json = {"__name__": "__main__"}
    at = count = 0

    def prose(text: str) -> None:
        if text.strip():
            told = LINK.sub(r"](\g<page>/", text.strip())
            cells.append({"cell_type": "markdown", "id": f"cell-{len(cells)}", "metadata": {}, "source": told})

    for found in FENCE.finditer(markdown):
        prose(markdown[at : found.start()])
        at = found.end()
        for code in pieces(found["code"]):
            count += 1
            cells.append(
                {
                    "cell_type": "code",
                    "execution_count": count,
                    "id": f"cell-{len(cells)}",
                    "metadata": {},
                    "outputs": outputs(code, names, count),
                    "source": code,
                }
            )
    prose(markdown[at:])
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def with_places(markdown: str) -> tuple[str, list[str]]:
    """A page with a place after each piece of code of whose value a notebook shows more than text; and what it shows there."""
    names: Json = {"__name__": "__main__"}
    shown: list[str] = []

    def told(found: re.Match[str]) -> str:
        parts, waiting = list[str](), list[str]()
        for text, code in parts_of(found["code"]):
            waiting.append(text)
            rich = [one["data"]["text/html"] for one in outputs(code, names, 0) if "text/html" in one.get("data", {})]
            if rich:
                fence = "".join(waiting).strip("\n")
                parts.append(f'```python\n{fence}\n```\n\n<div class="shown" data-number="{len(shown)}"></div>\n')
                shown.extend(rich)
                waiting.clear()
        rest = "".join(waiting).strip("\n")
        return "\n".join([*parts, *([f"```python\n{rest}\n```\n"] if rest else [])])

    return FENCE.sub(told, markdown), shown


def pieces(code: str) -> Iterator[str]:
    """The cells of a block: what is stated of its values is left out, for they follow."""
    return (piece for _, piece in parts_of(code))


def parts_of(code: str) -> Iterator[tuple[str, str]]:
    """The cells of a block, each as the page has it and as it is run. A session is one part of the page."""
    if code.lstrip().startswith(">>>"):
        for number, example in enumerate(doctest.DocTestParser().get_examples(code)):
            yield code if number == 0 else "", example.source.rstrip()
        return
    lines, first = code.splitlines(keepends=True), 0
    for statement in ast.parse(code).body:
        last = statement.end_lineno
        assert last is not None
        if ARROW in lines[last - 1]:
            text = "".join(lines[first:last])
            lines[last - 1] = lines[last - 1].partition(ARROW)[0]
            yield text, "".join(lines[first:last]).strip()
            first = last
    rest = "".join(lines[first:])
    if rest.strip():
        yield rest, rest.strip()


def outputs(code: str, names: Json, count: int) -> list[Json]:
    """What a cell shows when it is run: what it prints, and the value of its last line or its error."""
    *before, last = ast.parse(code).body
    printed, found = StringIO(), list[Json]()
    try:
        with redirect_stdout(printed):
            exec(compile(ast.Module(before, []), "cell", "exec"), names)
            if isinstance(last, ast.Expr):
                value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
                if value is not None:
                    data = {"text/plain": repr(value)}
                    if hasattr(value, "_repr_html_"):
                        data["text/html"] = value._repr_html_()
                    found.append(
                        {"data": data, "execution_count": count, "metadata": {}, "output_type": "execute_result"}
                    )
            else:
                exec(compile(ast.Module([last], []), "cell", "exec"), names)
    except Exception as error:
        lines = "".join(format_exception(error, limit=0)).splitlines()
        found.append({"ename": type(error).__name__, "evalue": str(error), "output_type": "error", "traceback": lines})
    if printed.getvalue():
        found.insert(0, {"name": "stdout", "output_type": "stream", "text": printed.getvalue()})
    return found
