"""Makes each tutorial a notebook, run from top to bottom: it lies beside its page, with all outputs and pictures.

Each expression whose value the page states ends a cell, and so does each example of a `>>>` session. Where a notebook shows more of
a value than its text, the page shows it too: below the line, as plain HTML.
"""

import ast
import doctest
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from traceback import format_exception
from typing import Any

DOCS = Path(__file__).parents[1]
PAGES = ("tutorial.md", "first-network.md")
ARROW = "  # => "
FENCE = re.compile(r"^```python\n(?P<code>.*?)^```$\n?", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?P<page>[\w/-]+)\.md")
PICTURE = re.compile(r"!\[(?P<said>[^\]]*)\]\((?P<file>[\w/-]+\.svg)\)")
REMARK = re.compile(r"<!--.*?-->\n*", re.DOTALL)

PLACE = re.compile(r'<div class="shown" data-number="(\d+)"></div>')
SHOWN: dict[str, list[str]] = {}
"""What each page shows, from when it is read to when it is written."""

Json = dict[str, Any]


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Give a tutorial a link to its notebook; mkdocs calls this."""
    if page.file.src_uri not in PAGES:
        return markdown
    shown, SHOWN[page.file.src_uri] = with_places(markdown)
    title, rest = shown.split("\n", 1)
    name = notebook_of(page.file.src_uri)
    return f'{title}\n\nAs a notebook that has been run: <a href="../{name}" download>{name}</a>.\n{rest}'


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Put what a notebook shows into its places; mkdocs calls this."""
    if page.file.src_uri not in PAGES:
        return html
    shown = SHOWN[page.file.src_uri]
    return PLACE.sub(lambda found: f'<div class="shown">{shown[int(found[1])]}</div>', html)


def on_post_build(config: Any, **_: Any) -> None:
    """Write the notebooks into the site; mkdocs calls this."""
    for page in PAGES:
        written = json.dumps(notebook((DOCS / page).read_text("utf-8")), indent=1, ensure_ascii=False)
        (Path(config["site_dir"]) / notebook_of(page)).write_text(written + "\n", "utf-8")


def notebook_of(page: str) -> str:
    """What the notebook of a page is called."""
    return f"{Path(page).stem}.ipynb"


def notebook(markdown: str) -> Json:
    """A page as a notebook whose cells have been run."""
    cells: list[Json] = []
    at = count = 0

    def prose(text: str) -> None:
        if text.strip():
            cells.append({"cell_type": "markdown", "id": f"cell-{len(cells)}", "metadata": {}, **_told(text.strip())})

    for found, parts in zip(FENCE.finditer(markdown), ran(markdown), strict=True):
        prose(markdown[at : found.start()])
        at = found.end()
        for _, code, shown in parts:
            count += 1
            cells.append(
                {
                    "cell_type": "code",
                    "execution_count": count,
                    "id": f"cell-{len(cells)}",
                    "metadata": {},
                    "outputs": [one | {"execution_count": count} if "execution_count" in one else one for one in shown],
                    "source": code,
                }
            )
    prose(markdown[at:])
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _told(text: str) -> Json:
    """Prose as a cell has it: links lead to pages of the site, and pictures are part of the cell."""
    pictures: dict[str, dict[str, str]] = {}

    def attached(found: re.Match[str]) -> str:
        file = DOCS / found["file"]
        pictures[file.name] = {"image/svg+xml": b64encode(file.read_bytes()).decode()}
        return f"![{found['said']}](attachment:{file.name})"

    told = LINK.sub(r"](\g<page>/", PICTURE.sub(attached, REMARK.sub("", text)))
    return {"source": told} | ({"attachments": pictures} if pictures else {})


def with_places(markdown: str) -> tuple[str, list[str]]:
    """A page with a place after each piece of code of whose value a notebook shows more than text; and what it shows there."""
    shown: list[str] = []
    blocks = iter(ran(markdown))

    def told(_: re.Match[str]) -> str:
        parts, waiting = list[str](), list[str]()
        for text, _code, outputs in next(blocks):
            waiting.append(text)
            rich = [one["data"]["text/html"] for one in outputs if "text/html" in one.get("data", {})]
            if rich:
                fence = "".join(waiting).strip("\n")
                parts.append(f'```python\n{fence}\n```\n\n<div class="shown" data-number="{len(shown)}"></div>\n')
                shown.extend(rich)
                waiting.clear()
        rest = "".join(waiting).strip("\n")
        return "\n".join([*parts, *([f"```python\n{rest}\n```\n"] if rest else [])])

    return FENCE.sub(told, markdown), shown


@cache
def ran(markdown: str) -> list[list[tuple[str, str, list[Json]]]]:
    """The blocks of a page, run one after the other: of each its cells, as the page has them, as they are run, and what they show."""
    names: Json = {"__name__": "__main__"}
    blocks: list[list[tuple[str, str, list[Json]]]] = []
    for found in FENCE.finditer(markdown):
        blocks.append([(text, code, outputs(code, names)) for text, code in parts_of(found["code"])])
        wrong = [one for _, _, shown in blocks[-1] for one in shown if one["output_type"] == "error"]
        if wrong and not found["code"].lstrip().startswith(">>>"):  # a session may show what goes wrong
            raise RuntimeError(f"{found['code']}\nends in {wrong[0]['ename']}: {wrong[0]['evalue']}")
    return blocks


def parts_of(code: str) -> Iterator[tuple[str, str]]:
    """The cells of a block, each as the page has it and as it is run: what is stated of its values is left out, for they follow.

    A session is one part of the page.
    """
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


def outputs(code: str, names: Json) -> list[Json]:
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
                        {"data": data, "execution_count": None, "metadata": {}, "output_type": "execute_result"}
                    )
            else:
                exec(compile(ast.Module([last], []), "cell", "exec"), names)
    except Exception as error:
        lines = "".join(format_exception(error, limit=0)).splitlines()
        found.append({"ename": type(error).__name__, "evalue": str(error), "output_type": "error", "traceback": lines})
    if printed.getvalue():
        found.insert(0, {"name": "stdout", "output_type": "stream", "text": printed.getvalue()})
    return found
