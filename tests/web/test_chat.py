"""The conversation beside the images: steps as they happen, stop, approvals, and a connection that breaks."""

from __future__ import annotations

import io
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.api.engine import ct_slice
from tests.web.conftest import Watched

pytestmark = pytest.mark.peer("chromium")
STUDY = "1.2.826.1"


def sent(address: str, study: str = STUDY, patient: str = "P1", count: int = 3) -> str:
    """A small CT at the server; its UID."""
    files = [
        ("files", (f"{k}.dcm", io.BytesIO(ct_slice(study, patient, index=k, size=64)), "application/dicom"))
        for k in range(count)
    ]
    httpx.post(f"{address}/api/v1/studies", files=files).raise_for_status()
    return study


def opened(watched: Watched, address: str, study: str = STUDY) -> Page:
    page = watched.page(address, f"/studies/{study}")
    expect(page.get_by_role("textbox", name="Question")).to_be_visible()
    return page


def ask(page: Page, text: str) -> None:
    page.get_by_role("textbox", name="Question").fill(text)
    page.get_by_role("textbox", name="Question").press("Enter")


def test_an_answer_comes_with_its_steps_and_goes_to_the_report(address: str, watched: Watched) -> None:
    sent(address)
    page = opened(watched, address)
    ask(page, "How large is the square?")
    step = page.get_by_role("list", name="Steps").get_by_role("listitem")
    expect(step).to_contain_text("segmentation · segment · threshold@1")
    expect(page.locator(".answer")).to_contain_text("One dense square.")
    page.get_by_role("button", name="Copy to report").click()
    expect(page.get_by_role("tab", name="Report")).to_have_attribute("aria-selected", "true")


def test_a_conversation_is_kept_and_another_patient_has_their_own(address: str, watched: Watched) -> None:
    sent(address)
    other = sent(address, "1.2.826.2", "P2", 1)
    page = opened(watched, address)
    ask(page, "How large?")
    expect(page.locator(".answer")).to_contain_text("One dense square.")
    page.reload()
    expect(page.locator(".turn .question")).to_contain_text("How large?")
    page.goto(f"{address}/studies/{other}")
    expect(page.get_by_text("Ask in your own words.")).to_be_visible()
    expect(page.locator(".turn")).to_have_count(0)


def test_a_run_is_stopped_at_once(address: str, watched: Watched) -> None:
    sent(address)
    page = opened(watched, address)
    ask(page, "wait")
    expect(page.locator(".steps li.running")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("alert")).to_have_text("Stopped.")
    expect(page.locator(".steps li.stopped")).to_have_count(1)


def test_a_failed_run_shows_its_remedy(address: str, watched: Watched) -> None:
    sent(address)
    page = opened(watched, address)
    ask(page, "unavailable")
    expect(page.get_by_role("alert")).to_contain_text("Configure one.")


def test_a_slash_offers_commands_for_the_keyboard(address: str, watched: Watched) -> None:
    sent(address)
    page = opened(watched, address)
    line = page.get_by_role("textbox", name="Question")
    line.press_sequentially("/me")
    expect(page.get_by_role("listbox", name="Commands").get_by_role("option")).to_have_count(1)
    line.press("Enter")
    expect(line).to_have_value("Measure the ")


def test_a_broken_stream_is_taken_up_again(address: str, watched: Watched) -> None:
    sent(address)
    page = opened(watched, address)
    watched.expected = ("ERR_CONNECTION_REFUSED", "ERR_FAILED")
    times = []

    def break_once(route: object) -> None:
        times.append(route)
        (route.abort if len(times) == 1 else route.continue_)()  # type: ignore[attr-defined]

    page.route("**/api/v1/chat", break_once)
    ask(page, "How large?")
    expect(page.locator(".answer")).to_contain_text("One dense square.", timeout=30_000)
    assert len(times) >= 2


def test_text_is_never_markup(address: str, watched: Watched) -> None:
    sent(address)
    page = opened(watched, address)
    ask(
        page,
        'say <img src="x" onerror="document.title=1"> ![b](https://a.invalid/b.png) [a](javascript:alert(1)) **end**',
    )
    expect(page.locator(".answer strong")).to_have_text("end")
    expect(page.locator(".answer")).to_contain_text("<img")
    expect(page.locator(".turn img")).to_have_count(0)
    expect(page.locator(".turn a")).to_have_count(0)
    assert page.title() == "MedImage Orchestrator"


def test_nothing_stands_in_the_way_of_a_screen_reader(address: str, watched: Watched, tmp_path: Path) -> None:
    sent(address)
    page = opened(watched, address)
    ask(page, "How large?")
    expect(page.locator(".answer")).to_contain_text("One dense square.")
    page.screenshot(path=str(tmp_path / "chat.png"))
    assert Axe().run(page).response["violations"] == []
