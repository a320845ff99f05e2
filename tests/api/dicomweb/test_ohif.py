"""OHIF opens a study from here: the images are drawn, SEG and SR are listed, the segmentation is laid over them."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from api.application import create_app
from api.services import Services
from tests.api.dicomweb.archive import admit, analyse, listening
from tests.api.dicomweb.ohif import beside, dist

CHROMIUM = Path("/usr/bin/chromium")
SOFTWARE = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
PATIENCE_MS = 60_000
pytestmark = [pytest.mark.peer("ohif"), pytest.mark.peer("chromium")]


@pytest.fixture
def files() -> Path:
    if not CHROMIUM.exists():
        pytest.skip("Chromium is missing: apt-get install -y chromium")
    return dist()


def drawn(page: Page) -> np.ndarray:
    """What the viewport shows, (rows, columns, 3)."""
    picture = page.locator("[data-cy=viewport-grid]").screenshot()
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)


def red(picture: np.ndarray) -> int:
    """Pixels that are clearly red: what the first segment is drawn in."""
    return int((picture[..., 0] - picture[..., 1:].max(axis=-1) > 40).sum())


def test_a_study_with_segmentation_opens(files: Path, data: Path, services: Services) -> None:
    [record] = asyncio.run(admit(services, sorted((data / "ct_liver_seg_sr/ct").glob("*.dcm"))))
    asyncio.run(analyse(services, record.study_uid))
    wrong: list[str] = []
    with listening(beside(create_app(services), files)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=SOFTWARE)
        page = browser.new_page(viewport={"width": 900, "height": 600})
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: wrong.append(f"page error: {error}"))
        page.on("response", lambda r: wrong.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        ours = (address, f"blob:{address}", "data:")
        page.on("request", lambda r: None if r.url.startswith(ours) else wrong.append(r.url))
        page.goto(f"{address}/viewer?StudyInstanceUIDs={record.study_uid}")

        listed = page.locator("[data-cy=studyBrowser-panel]")
        for label in ("CT", "SEG", "SR"):
            expect(listed.get_by_text(label, exact=True).last).to_be_visible(timeout=PATIENCE_MS)
        expect(page.get_by_text("(3/3)").or_(page.get_by_text("(1/3)"))).to_be_visible(timeout=PATIENCE_MS)
        page.get_by_text("Skip all").click()
        page.wait_for_function("() => document.querySelector('canvas') !== null")
        assert red(drawn(page)) == 0

        with page.expect_response(lambda r: "/instances/" in r.url and "/frames/" not in r.url) as fetched:
            listed.get_by_text("DRAFT segmentation, research use").dblclick()
        assert fetched.value.ok
        page.get_by_text("Yes", exact=True).click()
        expect(page.get_by_text("Yes", exact=True)).to_be_hidden(timeout=PATIENCE_MS)
        for _ in range(60):  # the overlay is drawn when the volume is there; nothing in the page says so
            if red(drawn(page)) > 1000:
                break
            page.wait_for_timeout(500)
        assert red(drawn(page)) > 1000
        browser.close()
    assert wrong == []
