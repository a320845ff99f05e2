"""The description that the page's types are made of is that of the routes."""

from __future__ import annotations

import json
from pathlib import Path

from api.describe import as_text, description

KEPT = Path(__file__).resolve().parents[2] / "web" / "openapi.json"


def test_the_kept_description_is_of_these_routes() -> None:
    assert KEPT.read_text("utf-8") == as_text(), "Run: python -m api.describe web/openapi.json"


def test_it_is_no_different_from_one_call_to_the_next() -> None:
    assert json.dumps(description()) == json.dumps(description())
