"""What the package ships is what its source says."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FRONTEND = ROOT / "frontend"
ASSETS = ROOT / "src" / "neurallambda" / "viewer" / "assets"
BUILT = ("viewer.js", "viewer.css", "playground.js", "playground.css", "NOTICES.txt")


def test_the_built_files_are_those_of_the_source(tmp_path: Path) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("no Node: the built files are compared where it is installed")
    if not (FRONTEND / "node_modules").exists():
        command = [npm, "ci", "--no-audit", "--no-fund", "--silent"]
        done = subprocess.run(command, cwd=FRONTEND, check=False, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"npm ci did not work: {done.stderr.strip()[-200:]}")
    subprocess.run([node, "build.mjs", str(tmp_path)], cwd=FRONTEND, check=True)
    for name in BUILT:
        assert (tmp_path / name).read_bytes() == (ASSETS / name).read_bytes(), f"{name} is old: `make frontend`"


def test_what_a_browser_loads_is_small() -> None:
    import gzip

    sizes = {name: len(gzip.compress((ASSETS / name).read_bytes())) for name in BUILT[:4]}
    assert sizes["viewer.js"] + sizes["viewer.css"] < 40_000
    assert sizes["playground.js"] + sizes["playground.css"] < 140_000
