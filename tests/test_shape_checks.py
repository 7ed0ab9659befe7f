"""The run-time checks of shapes and types cover every room that can have shapes."""

import tomllib
from pathlib import Path

import neurallambda

ROOT = Path(__file__).parent.parent
UNCHECKED = {"__init__", "__main__", "automata", "lang"}


def test_every_room_is_checked() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["addopts"]
    listed = (
        next(option for option in options if option.startswith("--jaxtyping-packages=")).partition("=")[2].split(",")
    )
    package = Path(neurallambda.__file__).parent
    rooms = {path.stem for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert {f"neurallambda.{room}" for room in rooms - UNCHECKED} <= set(listed)
