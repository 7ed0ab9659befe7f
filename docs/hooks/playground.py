"""Puts the playground that needs no server beside the pages: `playground/`, with Python for the browser.

Pyodide comes from npm, by `frontend/package.json`; where it has not been installed the playground is left out.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PYODIDE = ROOT / "frontend" / "node_modules" / "pyodide"
PYODIDE_FILES = (
    "pyodide.mjs",
    "pyodide.asm.mjs",
    "pyodide.asm.wasm",
    "python_stdlib.zip",
    "pyodide-lock.json",
)
ASSETS = ("static.js", "static.css", "worker.js", "icon.svg", "NOTICES.txt")


def on_config(config: Any) -> Any:
    """Give the examples of the pages a link to it; mkdocs calls this."""
    if PYODIDE.is_dir():
        config["extra_javascript"].append("javascripts/run.js")
    return config


def on_post_build(config: Any, **_: Any) -> None:
    """Write the playground into the site; mkdocs calls this."""
    if PYODIDE.is_dir():
        build(Path(config["site_dir"]) / "playground")


def build(folder: Path) -> None:
    """Write the playground into a folder, which any web server can serve as it is."""
    from neurallambda.viewer.playground.in_browser import archive

    write_page(folder)
    (folder / "pyodide").mkdir(parents=True, exist_ok=True)
    for name in PYODIDE_FILES:
        shutil.copyfile(PYODIDE / name, folder / "pyodide" / name)
    (folder / "packages.zip").write_bytes(archive())


def write_page(folder: Path) -> None:
    """Write the page alone, without the Python that it fetches."""
    from neurallambda.viewer.playground.in_browser import settings

    assets = ROOT / "src" / "neurallambda" / "viewer" / "assets"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ASSETS:
        shutil.copyfile(assets / name, folder / name)
    known = json.dumps(json.loads(settings())).replace("<", "\\u003c")
    page = (assets / "static.html").read_text("utf-8").replace("{settings}", known)
    (folder / "index.html").write_text(page, "utf-8")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
