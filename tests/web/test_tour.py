"""The guided tour: greets who comes first, walks from the worklist to the signature, and lets nobody get lost in it."""

from __future__ import annotations

import io
from collections.abc import Iterator

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.api.engine import ct_slice
from tests.web.conftest import Watched

pytestmark = pytest.mark.peer("chromium")
LONG_MS = 30_000
STEPS = ("worklist", "viewer", "ask", "masks", "correct", "report", "sign")


@pytest.fixture(autouse=True)
def patient() -> Iterator[None]:
    """A slow machine must pass."""
    expect.set_options(timeout=LONG_MS)
    yield
    expect.set_options(timeout=5_000)


def sent(address: str) -> None:
    files = [("files", ("1.dcm", io.BytesIO(ct_slice("1.2.826.1", "P1", size=64)), "application/dicom"))]
    httpx.post(f"{address}/api/v1/studies", files=files).raise_for_status()


def started(page: Page) -> None:
    page.get_by_role("button", name="Guided tour").click()
    expect(page.get_by_role("dialog", name="What is to be read")).to_be_visible()


def at_step(page: Page, name: str) -> None:
    expect(page.locator(".tour-card")).to_have_attribute("data-step", name)


def test_it_greets_once(address: str, browser: Browser) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(address)
    expect(page.get_by_role("dialog")).to_contain_text("Step 1 of 7")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("heading", name="No studies yet")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    context.close()


def test_it_walks_from_the_worklist_to_the_signature(address: str, watched: Watched) -> None:
    sent(address)
    page = watched.page(address)
    expect(page.locator("tbody tr")).to_have_count(1)
    started(page)
    for name in STEPS:
        at_step(page, name)
        expect(page.locator(".tour-light")).to_be_visible()
        if name != "worklist":
            expect(page).to_have_url(f"{address}/studies/1.2.826.1")
        page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="Start reading")).to_be_visible()
    expect(page.locator("#tab-report")).to_have_attribute("aria-selected", "true")
    for name in reversed(STEPS[:-1]):
        page.keyboard.press("ArrowLeft")
        at_step(page, name)
    expect(page).to_have_url(f"{address}/")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_without_a_study_each_step_stands_by_itself(address: str, watched: Watched) -> None:
    page = watched.page(address)
    expect(page.get_by_role("heading", name="No studies yet")).to_be_visible()
    started(page)
    page.keyboard.press("ArrowRight")
    at_step(page, "viewer")
    expect(page.get_by_role("dialog")).to_contain_text("It is not on this page yet")
    expect(page).to_have_url(f"{address}/")


def test_the_focus_stays_in_the_card(address: str, watched: Watched) -> None:
    page = watched.page(address)
    started(page)
    expect(page.get_by_role("button", name="Next")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="End the tour")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Next")).to_be_focused()
    page.keyboard.press("j")
    at_step(page, "worklist")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_nothing_stands_in_the_way_of_a_screen_reader(address: str, watched: Watched, theme: str) -> None:
    sent(address)
    page = watched.page(address)
    page.get_by_label("Theme").select_option(theme)
    started(page)
    for name in STEPS:
        at_step(page, name)
        expect(page.locator(".tour-light")).to_be_visible()
        assert [found["id"] for found in Axe().run(page).response["violations"]] == []
        page.keyboard.press("ArrowRight")
