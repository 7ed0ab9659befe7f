"""Entries typed at a terminal: history, completion, and lines that go on until the brackets are closed."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.formatted_text import HTML
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from neurallambda.cli.messages import complain
from neurallambda.cli.repl import LEAVE, WORDS, Repl
from neurallambda.lang.prelude import prelude
from neurallambda.lang.syntax.brackets import is_incomplete
from neurallambda.lang.terms import RESERVED

_WORD = re.compile(r":?[^\s()\[\]';]+")


class KeptHistory(FileHistory):
    """A history on disk. Where that cannot be read or written any more, `trouble` says why, and it goes on in memory."""

    trouble: str = ""

    def load_history_strings(self) -> Iterable[str]:
        """What was typed in earlier sessions, the last first."""
        try:
            yield from super().load_history_strings()
        except (OSError, ValueError) as error:
            self.trouble = self.trouble or _reason(error)

    def store_string(self, string: str) -> None:
        """Keep an entry."""
        if self.trouble:
            return
        try:
            super().store_string(string)
        except (OSError, ValueError) as error:
            self.trouble = _reason(error)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def typed_entries(repl: Repl) -> Iterator[str]:
    """What a person types, entry by entry, until Ctrl-D. Ctrl-C drops the entry."""
    history, told = _history(os.environ), False
    prompt: PromptSession[str] = PromptSession(
        HTML("<ansicyan><b>&gt; </b></ansicyan>"),
        prompt_continuation="  ",
        multiline=True,
        key_bindings=_bindings(),
        history=history,
        completer=completer(repl),
        complete_while_typing=False,
        enable_history_search=True,
    )
    while True:
        try:
            entry = prompt.prompt()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if isinstance(history, KeptHistory) and history.trouble and not told:
            complain(f"what is typed is not kept for later sessions: {history.filename}: {history.trouble}")
            told = True
        yield entry


def completer(repl: Repl) -> WordCompleter:
    """What Tab offers: all names that mean something, and the commands."""

    def words() -> list[str]:
        return sorted({*RESERVED, *prelude(), *repl.session.definitions, *repl.commands, *LEAVE, *WORDS})

    return WordCompleter(words, pattern=_WORD)


def history_file(environment: Mapping[str, str]) -> Path:
    """Where what was typed is kept: in the user's folder for state, by the XDG base directory specification.

    >>> history_file({"XDG_STATE_HOME": "/home/ada/.state"})
    PosixPath('/home/ada/.state/neurallambda/history')
    """
    state = environment.get("XDG_STATE_HOME", "")
    # The specification says that a path that is not absolute is to be ignored.
    folder = Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state"
    return folder / "neurallambda" / "history"


def _history(environment: Mapping[str, str]) -> History:
    """The history on disk; where that cannot be written, one in memory alone."""
    try:
        file = history_file(environment)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.open("ab").close()
    except (OSError, RuntimeError, ValueError):  # RuntimeError: there is no home
        return InMemoryHistory()
    return KeptHistory(file)


def _bindings() -> KeyBindings:
    """Enter gives an entry whose brackets are closed, and else begins another line of it."""
    bindings = KeyBindings()

    @bindings.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if is_incomplete(buffer.text):
            buffer.newline()
        else:
            buffer.validate_and_handle()

    return bindings
