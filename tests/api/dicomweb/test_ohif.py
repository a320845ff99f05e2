"""OHIF opens a study from here: the images are drawn, the segmentation over them, the diameters with their values."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect, sync_playwright

from api.application import create_app
from api.services import Services
from domain.analysis import Analysis
from domain.finding import Measurement
from domain.mask import Mask
from domain.study import Volume
from tests.api.dicomweb import archive
from tests.api.dicomweb.archive import listening
from tests.api.dicomweb.ohif import beside, dist
from tests.tools.outputs_builders import analysis_of
from tools.measurement import measure

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


@dataclass
class Shown:
    """OHIF in a browser, at one study; what went wrong in it."""

    page: Page
    wrong: list[str]

    @property
    def listed(self) -> Locator:
        return self.page.locator("[data-cy=studyBrowser-panel]")

    @property
    def annotations(self) -> Locator:
        """What is drawn over the images."""
        return self.page.locator("[data-cy=viewport-grid] svg.svg-layer")

    @property
    def words(self) -> str:
        """The text beside annotations, without the ends of its lines."""
        return "".join(self.annotations.locator("text").all_text_contents())


@contextmanager
def opened(services: Services, files: Path, study_uid: str) -> Iterator[Shown]:
    """The study, when its series are listed and its images are drawn."""
    wrong: list[str] = []
    with listening(beside(create_app(services), files)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=SOFTWARE)
        page = browser.new_page(viewport={"width": 900, "height": 600})
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: wrong.append(f"page error: {error}"))
        page.on("response", lambda r: wrong.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        ours = (address, f"blob:{address}", "data:")
        page.on("request", lambda r: None if r.url.startswith(ours) else wrong.append(r.url))
        page.goto(f"{address}/viewer?StudyInstanceUIDs={study_uid}")
        shown = Shown(page, wrong)
        for label in ("CT", "SEG", "SR"):
            expect(shown.listed.get_by_text(label, exact=True).last).to_be_visible(timeout=PATIENCE_MS)
        expect(page.get_by_text("(3/3)").or_(page.get_by_text("(1/3)"))).to_be_visible(timeout=PATIENCE_MS)
        page.get_by_text("Skip all").click()
        page.wait_for_function("() => document.querySelector('canvas') !== null")
        yield shown
        browser.close()


@dataclass
class Written:
    """A kept study, and what the draft over it measured."""

    study_uid: str
    measurements: list[Measurement]


@pytest.fixture
def study(data: Path, services: Services, monkeypatch: pytest.MonkeyPatch) -> Written:
    """A study with a draft over it: a box in a slice, its SEG, and its SR with the product's measurements."""
    rows: list[Measurement] = []

    def measured(volumes: Sequence[Volume], masks: Sequence[Mask], **fields: Any) -> Analysis:
        rows.extend(
            m for mask, volume in zip(masks, volumes, strict=True) for m in measure(mask, volume, step_id="s9")[0]
        )
        return analysis_of(volumes, masks, measurements=tuple(rows), **fields)

    monkeypatch.setattr(archive, "analysis_of", measured)
    [record] = asyncio.run(archive.admit(services, sorted((data / "ct_liver_seg_sr/ct").glob("*.dcm"))))
    asyncio.run(archive.analyse(services, record.study_uid))
    return Written(record.study_uid, rows)


def test_the_segmentation_is_laid_over_the_images(files: Path, study: Written, services: Services) -> None:
    with opened(services, files, study.study_uid) as shown:
        page = shown.page
        assert red(drawn(page)) == 0
        with page.expect_response(lambda r: "/instances/" in r.url and "/frames/" not in r.url) as fetched:
            shown.listed.get_by_text("DRAFT segmentation, research use").dblclick()
        assert fetched.value.ok
        page.get_by_text("Yes", exact=True).click()
        expect(page.get_by_text("Yes", exact=True)).to_be_hidden(timeout=PATIENCE_MS)
        for _ in range(60):  # the overlay is drawn when the volume is there; nothing in the page says so
            if red(drawn(page)) > 1000:
                break
            page.wait_for_timeout(500)
        assert red(drawn(page)) > 1000
    assert shown.wrong == []


def test_the_report_is_drawn_with_its_values_and_label(files: Path, study: Written, services: Services) -> None:
    value = {m.name: m.value for m in study.measurements}
    with opened(services, files, study.study_uid) as shown:
        assert shown.words == ""
        shown.listed.get_by_text("DRAFT measurements, research use").dblclick()
        expect(shown.annotations.locator("text")).to_be_visible(timeout=PATIENCE_MS)
        assert f"liver, volume {value['volume']:.1f} mL:" in shown.words
        assert f"Long axis: {value['long_axis']:.2f} mm" in shown.words
        assert f"W: : {value['short_axis']:.2f} mm" in shown.words  # OHIF's own word for the short axis
        ends = [line.bounding_box() for line in shown.annotations.locator("line[stroke-dasharray]").all()]
        crossing = [box for box in ends if box is not None and min(box["width"], box["height"]) > 50]
        assert len(crossing) == 2
    assert shown.wrong == []
