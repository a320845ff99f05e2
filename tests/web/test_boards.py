"""A tumour board in two browsers: what one says and shows, the other hears and sees."""

from __future__ import annotations

import re

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.web.conftest import Watched

pytestmark = pytest.mark.peer("chromium")


def open_board(product: str, watched: Watched, title: str) -> Page:
    page = watched.page(product, "/boards")
    page.get_by_label("Title (without the patient's name)").fill(title)
    page.get_by_label("Question for the board").fill("Is there a mass?")
    page.get_by_role("button", name="Open the board").click()
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    return page


def test_two_browsers_share_what_is_said_and_shown(product: str, watched: Watched) -> None:
    one = open_board(product, watched, "Shared case")
    other = watched.page(product, "/boards")
    other.get_by_role("link", name="Shared case").click()
    expect(other.get_by_text("Live", exact=True)).to_be_visible()
    one.get_by_label("Your contribution").fill("Decision: discuss again on Friday.")
    one.get_by_role("button", name="Say it").click()
    expect(other.get_by_role("log")).to_contain_text("Decision: discuss again on Friday.")
    expect(one.get_by_role("log").get_by_text("Decision: discuss again on Friday.")).to_have_count(1)
    one.get_by_role("button", name="Show to the others").click()
    expect(other.get_by_text(re.compile("shows slice 1"))).to_be_visible()
    minutes = other.get_by_role("link", name="Markdown").get_attribute("href")
    assert "discuss again on Friday" in httpx.get(f"{product}{minutes}").text
    word = httpx.get(f"{product}{other.get_by_role('link', name='Word').get_attribute('href')}")
    assert word.content[:2] == b"PK"


def test_an_agent_is_called_by_name_and_a_closed_board_is_only_read(product: str, watched: Watched) -> None:
    page = open_board(product, watched, "Called by name")
    line = page.get_by_label("Your contribution")
    line.press_sequentially("@his")
    page.get_by_role("button", name="@history").click()
    expect(line).to_have_value("@history ")
    line.press_sequentially("what do we know?")
    line.press("Enter")
    expect(page.locator(".message.agent").first).to_be_visible(timeout=60_000)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Close the board").click()
    expect(page.get_by_label("Your contribution")).to_be_hidden()
    expect(page.get_by_text("closed", exact=True)).to_be_visible()


def test_boards_are_accessible_in_both_themes(product: str, watched: Watched) -> None:
    page = open_board(product, watched, "Accessible")
    page.get_by_label("Your contribution").fill("Hello.")
    page.get_by_role("button", name="Say it").click()
    expect(page.get_by_role("log")).to_contain_text("Hello.")
    assert Axe().run(page).response["violations"] == []
    page.get_by_label("Theme").select_option("light")
    assert Axe().run(page).response["violations"] == []
    page.goto(f"{product}/boards")
    expect(page.get_by_role("table")).to_be_visible()
    assert Axe().run(page).response["violations"] == []
