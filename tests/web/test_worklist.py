"""The worklist: images come in, rows change as it happens, the keyboard does everything, a broken line comes back."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.api.engine import ct_slice
from tests.web.conftest import Watched

pytestmark = pytest.mark.peer("chromium")
LONG_MS = 30_000


@pytest.fixture(autouse=True)
def patient() -> Iterator[None]:
    """A slow machine must pass."""
    expect.set_options(timeout=LONG_MS)
    yield
    expect.set_options(timeout=5_000)


def sent(address: str, study: str, patient: str = "P1") -> str:
    files = [("files", ("1.dcm", io.BytesIO(ct_slice(study, patient, size=64)), "application/dicom"))]
    httpx.post(f"{address}/api/v1/studies", files=files).raise_for_status()
    return study


def ordered(address: str, study: str, indication: str, priority: str = "ROUTINE") -> str:
    body = {"indication": indication, "priority": priority}
    answer = httpx.post(f"{address}/api/v1/studies/{study}/analyses", json=body)
    return str(answer.raise_for_status().json()["job_id"])


def row(page: Page, study: str) -> Locator:
    return page.locator(f'tr[data-study="{study}"]')


def chosen(page: Page) -> Locator:
    return page.locator("tbody tr[aria-selected=true]")


def violations(page: Page) -> list[object]:
    return [found["id"] for found in Axe().run(page).response["violations"]]


def archive(*studies: tuple[str, str]) -> bytes:
    """A zip of a slice a study, and of a file that is no image."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for study, patient in studies:
            made.writestr(f"{study}.dcm", ct_slice(study, patient, size=64))
        made.writestr("notes.txt", "not an image")
    return buffer.getvalue()


def test_images_are_sent_ordered_followed_and_opened(address: str, watched: Watched, tmp_path: Path) -> None:
    page = watched.page(address)
    expect(page.get_by_role("heading", name="No studies yet")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("main").get_by_role("button", name="Add images").first.click()
    window = page.get_by_role("dialog", name="Add images")
    upload = tmp_path / "studies.zip"
    upload.write_bytes(archive(("1.2.826.1", "P1"), ("1.2.826.2", "P2")))
    window.locator("input[type=file]").first.set_input_files(upload)
    window.get_by_label("What they show").fill("abdomen")
    assert violations(page) == []
    window.get_by_role("button", name="Send").click()
    expect(window.get_by_text("Received: 2 studies")).to_be_visible()
    expect(window.get_by_role("cell", name="notes.txt")).to_be_visible()
    assert violations(page) == []
    window.get_by_role("listitem").filter(has_text="P2").get_by_role("button", name="Order analysis").click()
    order = page.get_by_role("dialog", name="Order an analysis")
    order.get_by_label("Indication").fill("wait: how large?")
    order.get_by_label("Priority").select_option("URGENT")
    order.get_by_label("Targets").fill("square, liver")
    assert violations(page) == []
    order.get_by_role("button", name="Order", exact=True).click()
    expect(order).to_have_count(0)
    expect(row(page, "1.2.826.2").get_by_role("progressbar")).to_be_visible()
    expect(row(page, "1.2.826.2")).to_contain_text("Urgent")
    assert violations(page) == []
    row(page, "1.2.826.2").click()
    expect(page).to_have_url(f"{address}/studies/1.2.826.2")


def test_what_cannot_be_used_is_said_with_its_remedy(address: str, watched: Watched) -> None:
    watched.expected = ("422",)
    page = watched.page(address)
    expect(page.get_by_role("heading", name="No studies yet")).to_be_visible()
    page.keyboard.press("a")
    window = page.get_by_role("dialog", name="Add images")
    files = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"not an image"}
    window.locator("input[type=file]").first.set_input_files(files)  # type: ignore[arg-type]
    window.get_by_role("button", name="Send").click()
    expect(window.get_by_role("alert")).to_contain_text("None of the files can be used.")
    expect(window.get_by_role("cell", name="notes.txt")).to_be_visible()
    page.keyboard.press("Escape")
    expect(window).to_have_count(0)


def test_the_keyboard_does_everything(address: str, watched: Watched) -> None:
    for number in range(1, 4):
        sent(address, f"1.2.826.{number}", f"P{number}")
    page = watched.page(address)
    expect(page.locator("tbody tr")).to_have_count(3)
    expect(chosen(page)).to_have_attribute("data-study", "1.2.826.1")
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("k")
    expect(chosen(page)).to_have_attribute("data-study", "1.2.826.2")
    expect(chosen(page)).to_be_focused()
    page.keyboard.press("f")
    expect(chosen(page).get_by_role("button", name="Flag")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("m")
    expect(chosen(page)).to_contain_text("with you")
    page.keyboard.press("u")
    expect(chosen(page)).not_to_contain_text("Unread")
    page.get_by_role("button", name="Flagged 1").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.reload()
    expect(page.get_by_role("button", name="Flagged 1")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Clear filters").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("p3")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(row(page, "1.2.826.3")).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys of the worklist")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{address}/studies/1.2.826.3")


def test_a_search_that_finds_nothing_says_how_to_go_on(address: str, watched: Watched) -> None:
    sent(address, "1.2.826.1")
    page = watched.page(address)
    page.get_by_role("searchbox").fill("%")
    expect(page.get_by_role("heading", name="No study matches")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("main").get_by_role("button", name="Clear filters").last.click()
    expect(page.locator("tbody tr")).to_have_count(1)


def test_what_another_does_is_seen_and_the_chosen_row_stays(address: str, watched: Watched) -> None:
    for number in range(1, 4):
        sent(address, f"1.2.826.{number}", f"P{number}")
    first, second = watched.page(address), watched.page(address)
    expect(first.locator("tbody tr")).to_have_count(3)
    first.keyboard.press("j")
    expect(chosen(first)).to_have_attribute("data-study", "1.2.826.2")
    expect(row(second, "1.2.826.3")).to_be_visible()
    ordered(address, "1.2.826.3", "wait: bleeding?", "STAT")
    expect(first.locator("tbody tr").first).to_have_attribute("data-study", "1.2.826.3")
    expect(chosen(first)).to_have_attribute("data-study", "1.2.826.2")
    expect(chosen(first)).to_be_focused()
    row(second, "1.2.826.3").get_by_role("button", name="Stop").click()
    expect(row(first, "1.2.826.3")).to_contain_text("Stopped")


def test_a_job_is_hurried_from_its_row(address: str, watched: Watched) -> None:
    sent(address, "1.2.826.1")
    sent(address, "1.2.826.2", "P2")
    ordered(address, "1.2.826.1", "wait")
    ordered(address, "1.2.826.2", "How large?")
    page = watched.page(address)
    waiting = row(page, "1.2.826.2")
    expect(waiting).to_contain_text("Queued")
    waiting.get_by_label("Raise the priority").select_option("URGENT")
    expect(waiting.locator(".priority")).to_contain_text("Urgent")
    expect(waiting).to_contain_text("raised: by a person")


def test_a_line_that_breaks_is_said_and_comes_back(address: str, watched: Watched) -> None:
    sent(address, "1.2.826.1")
    page = watched.page(address)
    watched.expected = ("ERR_INTERNET_DISCONNECTED",)
    expect(page.locator("tbody tr")).to_have_count(1)
    page.context.set_offline(True)
    expect(page.get_by_role("alert")).to_contain_text("Not connected")
    expect(page.locator("tbody tr")).to_have_count(1)
    sent(address, "1.2.826.2", "P2")
    page.context.set_offline(False)
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("width", [1024, 1280])
def test_nothing_stands_in_the_way_of_a_screen_reader(address: str, watched: Watched, theme: str, width: int) -> None:
    sent(address, "1.2.826.1")
    sent(address, "1.2.826.2", "P2")
    ordered(address, "1.2.826.1", "unavailable", "STAT")
    ordered(address, "1.2.826.2", "How large?", "RESEARCH")
    page = watched.page(address, width=width)
    page.get_by_label("Theme").select_option(theme)
    expect(row(page, "1.2.826.2")).to_contain_text("Draft")
    expect(row(page, "1.2.826.1")).to_contain_text("Configure one.")
    assert violations(page) == []
