"""The page as text: whole, and with no way out for what a program says."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from html import escape

import pytest

from neurallambda.errors import ArgumentError
from neurallambda.viewer import page, show
from tests.viewer.records import Record, factorial, splitting

RECORD = re.compile(r'<script id="record" type="application/json">(.*?)</script>', re.DOTALL)
HOSTILE = "</script><script>alert(1)</script><!-- <script> \u2028 & {script} {record}"


def test_the_record_is_in_the_page() -> None:
    record, _ = factorial(5)
    shown = RECORD.search(page(record))
    assert shown is not None
    assert json.loads(shown[1]) == record


def test_hostile_text_is_data() -> None:
    record = splitting()
    record["header"]["source"] = record["header"]["name"] = HOSTILE
    record["end"]["outcome"] = {"value": HOSTILE}
    record["header"]["lanes"][0]["term"] = {"text": HOSTILE}
    text = page(record)
    shown = RECORD.search(text)
    assert shown is not None
    assert json.loads(shown[1]) == record
    assert text.count("<script") == 2
    assert "alert(1)</script>" not in text


def test_only_the_pages_own_script_may_run_and_nothing_is_loaded() -> None:
    text = page(splitting())
    policy = re.search(r'content="(default-src [^"]*)"', text)
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    assert policy is not None
    assert script is not None
    digest = b64encode(sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy[1]
    assert "default-src 'none'" in policy[1]
    assert not re.search(r"""(src|href)=["']?(?!data:)""", text.partition("<style>")[0])


def in_a_cell(record: Record) -> str:
    return show(record)._repr_html_()  # pyright: ignore[reportPrivateUsage]


def test_a_notebook_shows_a_table_of_terms_and_the_viewer() -> None:
    record, texts = factorial(40)
    text = in_a_cell(record)
    table, _, viewer = text.partition("<details>")
    assert f"<code>{texts[1]}</code>" in table
    assert table.count("<tr>") == 10
    assert "<script" not in text.replace(escape(page(record)), "")
    assert escape(page(record)) in viewer


def test_a_notebook_shows_hostile_text_as_text() -> None:
    record = splitting()
    record["header"]["lanes"][0]["term"] = {"text": HOSTILE}
    record["end"]["outcome"] = {"value": HOSTILE}
    assert "<script" not in in_a_cell(record)


def test_a_page_of_a_short_run_is_small() -> None:
    assert len(page(factorial(5)[0]).encode()) < 1_000_000


@pytest.mark.parametrize("bad", [{}, {"header": {}}, {"header": {}, "steps": [], "end": {"x": float("nan")}}])
def test_what_is_no_record_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ArgumentError, match="trace: it"):
        page(bad)
