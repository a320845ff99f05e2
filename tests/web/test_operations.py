"""The page of operations: queues that can be paused, models, and the record of accesses."""

from __future__ import annotations

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.web.conftest import Watched

pytestmark = pytest.mark.peer("chromium")


def test_a_priority_is_paused_and_goes_on(product: str, watched: Watched) -> None:
    page = watched.page(product, "/operations")
    page.get_by_role("button", name="Pause RESEARCH").click()
    expect(page.get_by_role("row", name="RESEARCH paused")).to_be_visible()
    assert httpx.get(f"{product}/api/v1/jobs").json()["paused"] == ["RESEARCH"]
    page.get_by_role("button", name="Let go on RESEARCH").click()
    expect(page.get_by_role("button", name="Pause RESEARCH")).to_be_visible()
    assert httpx.get(f"{product}/api/v1/jobs").json()["paused"] == []


def test_models_and_accesses_are_there_and_accessible(product: str, watched: Watched) -> None:
    page = watched.page(product, "/operations")
    expect(page.get_by_role("heading", name="Model cards")).to_be_visible()
    expect(page.get_by_role("rowheader", name="embedded-ct").first).to_be_visible()
    page.get_by_label("Filter by action, person or outcome").fill("study.store")
    expect(page.get_by_role("region", name="Entries").get_by_text("study.store").first).to_be_visible()
    assert Axe().run(page).response["violations"] == []
    page.get_by_label("Theme").select_option("light")
    assert Axe().run(page).response["violations"] == []
