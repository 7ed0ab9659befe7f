"""Nothing public is missing from the documentation."""

import ast
import inspect
import re
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name
from types import ModuleType
from typing import Any

import pytest
import typer.main

import neurallambda
from neurallambda.cli.app import app
from tests.docs.blocks import ROOT


def test_every_public_name_is_on_the_page_of_the_api() -> None:
    page = (ROOT / "docs/api.md").read_text()
    modules = re.findall(r"^::: (neurallambda\.[\w.]+)$", page, re.MULTILINE)
    named = {module.rpartition(".")[2] for module in modules}
    errors = {"ArgumentError", "ErrorKind", "NeurallambdaError", "ProgramError", "SourceError"}  # their whole module is
    assert "neurallambda.errors" in modules
    assert set(neurallambda.__all__) - {"__version__"} == (named | errors) & set(neurallambda.__all__)


PACKAGES = (
    "automata",
    "beta",
    "lang",
    "llm",
    "nn",
    "symbols",
    "tasks",
    "traces",
    "train",
    "twins",
    "viewer",
    "worlds",
)
"""The packages whose names are described on the page of the API, most of them."""


def offered(package: ModuleType) -> list[str]:
    """The names that a package imports to offer them: those that are written `name as name`."""
    tree = ast.parse(Path(inspect.getfile(package)).read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return [alias.name for node in imports for alias in node.names if alias.asname == alias.name]


def described() -> list[Any]:
    """Whatever a page takes the description of from the code."""
    pages = "\n".join(page.read_text() for page in (ROOT / "docs").rglob("*.md"))
    return [resolve_name(dotted) for dotted in re.findall(r"^::: (neurallambda\.[\w.]+)$", pages, re.MULTILINE)]


@pytest.mark.parametrize("name", PACKAGES)
def test_every_name_that_a_package_offers_is_on_a_page_of_the_api(name: str) -> None:
    package, found = import_module(f"neurallambda.{name}"), described()
    names = offered(package)
    assert names
    assert [one for one in names if not any(getattr(package, one) is other for other in found)] == []


def test_every_structure_is_on_the_page_of_the_api_or_has_a_page_with_an_example() -> None:
    pages = "\n".join(page.read_text() for page in (ROOT / "docs/structures").glob("*.md"))
    imports = re.findall(r"^from neurallambda\.structures import (.+)$", pages, re.MULTILINE)
    shown = {name for names in imports for name in re.findall(r"\w+", names)}
    package, found = import_module("neurallambda.structures"), described()
    left = set(offered(package)) - shown
    assert sorted(one for one in left if not any(getattr(package, one) is other for other in found)) == []


def test_every_command_and_option_is_on_the_page_of_the_command_line() -> None:
    page = (ROOT / "docs/command-line.md").read_text()
    commands = vars(typer.main.get_command(app))["commands"]
    for name, command in commands.items():
        assert f"`{name}`" in page or f"neurallambda {name} " in page
        for parameter in command.params:
            for option in parameter.opts:
                if option.startswith("--") and option != "--help":
                    assert f"`{option}`" in page, (name, option)


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text()
    pages = [str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")]
    assert not [page for page in pages if f": {page}\n" not in navigation]
