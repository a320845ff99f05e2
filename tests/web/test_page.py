"""The page in a real browser: nothing from outside, no errors, a question answered step by step."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from api.application import create_app
from api.page import FILES
from tests.api.engine import build_services, ct_slice

CHROMIUM = Path("/usr/bin/chromium")
INSTALL = "apt-get install -y chromium"
WEB = Path(__file__).resolve().parents[2] / "web"
pytestmark = pytest.mark.peer("chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"Chromium is missing: {INSTALL}")
        pytest.skip(f"Chromium is missing: {INSTALL}")
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


def launch(playwright: Playwright) -> Browser:
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    return playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu", *quiet])


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A server of its own in a thread, on a free port."""
    services, _ = build_services(tmp_path, WEB)
    server = uvicorn.Server(
        uvicorn.Config(create_app(services), host="127.0.0.1", port=0, log_level="warning", ws="none")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A fresh page at the server; errors and requests to anywhere else fail the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(f"page error: {error}"))
    page.on("console", lambda line: wrong.append(f"console: {line.text}") if line.type == "error" else None)
    page.on("request", lambda r: None if r.url.startswith((address, "blob:" + address)) else wrong.append(r.url))
    page.goto(address)
    yield page
    context.close()
    assert wrong == []


def send(page: Page, count: int = 3, study: str = "1.2.826.1", patient: str = "P1") -> None:
    files = [
        {"name": f"{k}.dcm", "mimeType": "application/dicom", "buffer": ct_slice(study, patient, index=k, size=64)}
        for k in range(count)
    ]
    page.locator("#files").set_input_files(files)
    expect(page.locator("#studies button[aria-current=true]")).to_contain_text(patient)


def test_an_empty_page_says_what_to_do(page: Page) -> None:
    expect(page.locator("#no-studies")).to_have_text("No study yet. Add images to begin.")
    expect(page.get_by_text("draft until signed")).to_be_visible()
    expect(page.locator("#question")).to_be_disabled()


def test_upload_look_ask_and_see_steps_numbers_and_files(page: Page, tmp_path: Path) -> None:
    send(page)
    expect(page.locator("#picture")).to_have_js_property("naturalWidth", 64)
    expect(page.locator("#slice-number")).to_have_text("2 of 3")
    page.locator("#slice").press("ArrowRight")
    expect(page.locator("#slice-number")).to_have_text("3 of 3")
    page.get_by_role("button", name="Measure the liver.").click()
    page.locator("#question").press("Enter")
    expect(page.locator(".steps li.ok .what")).to_have_text("segmentation · segment · threshold@1")
    expect(page.locator(".answer").last).to_have_text("One dense square.")
    expect(page.locator("#measurements tbody tr")).to_contain_text("0.192 mL")
    expect(page.locator("#masks li.review")).to_contain_text("Only a threshold.")
    expect(page.locator("#findings li")).to_contain_text("Evidence: s1.")
    expect(page.get_by_role("link", name="report.json")).to_have_attribute(
        "href", "/api/v1/analyses/chat1/artifacts/report.json"
    )
    expect(page.locator("#caption")).to_have_text("Overlay: 1.2.826.1.1.overlay.png")
    page.get_by_role("button", name="Image", exact=True).click()
    expect(page.locator("#caption")).to_contain_text("0.500 × 0.500 mm")
    page.screenshot(path=os.environ.get("MEDIMAGE_SCREENSHOT", str(tmp_path / "page.png")))


def test_a_run_is_stopped_by_the_button(page: Page) -> None:
    send(page)
    page.locator("#question").fill("wait")
    page.locator("#send").click()
    expect(page.locator(".steps li.running")).to_be_visible()
    page.locator("#stop").click()
    expect(page.locator(".failure")).to_have_text("Stopped.")
    expect(page.locator(".steps li.bad")).to_have_count(1)
    expect(page.locator("#stop")).to_be_hidden()


def test_a_failed_run_shows_the_remedy(page: Page) -> None:
    send(page)
    page.locator("#question").fill("unavailable")
    page.locator("#send").click()
    expect(page.locator(".failure")).to_contain_text("Configure one.")


def test_opening_another_study_begins_another_conversation(page: Page) -> None:
    send(page)
    page.locator("#question").fill("How large?")
    page.locator("#send").click()
    expect(page.locator(".answer").last).to_have_text("One dense square.")
    send(page, 1, "1.2.826.2", "P2")
    expect(page.locator(".turn")).to_have_count(0)
    page.locator("#question").fill("How large?")
    page.locator("#send").click()
    expect(page.locator(".answer").last).to_have_text("One dense square.")


def test_text_of_a_study_is_never_markup(page: Page) -> None:
    send(page, 1, "1.2.826.3", "<img src=x onerror=alert(1)>"[:28])
    expect(page.locator("#study-facts")).to_contain_text("<img src=x")
    assert page.locator("#studies img").count() == 0


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1024, 768), (768, 1024)])
def test_nothing_overflows_the_width(page: Page, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    send(page)
    expect(page.locator("#picture")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_control_has_a_name(page: Page) -> None:
    send(page)
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('button, input, select, textarea, a')]
            .filter(e => !(e.labels?.length || e.textContent.trim() || e.getAttribute('aria-label')))
            .map(e => e.outerHTML)"""
    )
    assert unnamed == []


def test_axe_finds_nothing_to_complain_about(page: Page) -> None:
    send(page)
    page.locator("#question").fill("How large?")
    page.locator("#send").click()
    expect(page.locator(".answer").last).to_have_text("One dense square.")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_the_server_serves_every_file_of_the_page_and_no_other() -> None:
    assert {path.name for path in WEB.iterdir() if path.is_file()} == {name for name, _ in FILES.values()}


def test_the_page_never_writes_markup() -> None:
    for script in WEB.glob("*.js"):
        source = script.read_text()
        assert not any(
            word in source for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(")
        )
