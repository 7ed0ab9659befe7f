"""Links that open a program hold the program that they say."""

import base64
import json
import re

from docs.figures.moving import SOURCE
from tests.docs.blocks import ROOT

SHARED = re.compile(r"#program=([\w-]+)")


def programs(page: str) -> list[list[object]]:
    texts = SHARED.findall((ROOT / page).read_text("utf-8"))
    return [json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))) for text in texts]


def test_the_moving_picture_can_be_opened() -> None:
    assert programs("docs/viewer.md") == [[SOURCE, "stepper", {}], [SOURCE, "machine", {}]]
    assert "docs/viewer.md#the-run-of-the-picture" in (ROOT / "README.md").read_text("utf-8")
