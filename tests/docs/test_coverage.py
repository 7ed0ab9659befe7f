"""Nothing public is missing from the documentation."""

import re

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
