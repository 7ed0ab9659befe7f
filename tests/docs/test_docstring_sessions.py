"""The documentation shows the sessions of docstrings as code."""

from docs.hooks.doctests import fence


def test_a_session_is_fenced_up_to_the_next_blank_line() -> None:
    assert fence("One.\n\n>>> f(\n...     1)\n2\n\nMore.") == "One.\n\n```pycon\n>>> f(\n...     1)\n2\n```\n\nMore."


def test_sessions_keep_their_indentation() -> None:
    assert fence("  >>> f()\n  3\n") == "  ```pycon\n  >>> f()\n  3\n  ```\n"


def test_text_without_sessions_stays() -> None:
    assert fence("Returns a >>> b.\n\n1 > 0\n") == "Returns a >>> b.\n\n1 > 0\n"
