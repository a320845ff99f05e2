"""The images: pictures with their numbers, what models marked in them, and what a reader measures and corrects."""

from __future__ import annotations

import asyncio
import io
import re
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pydicom
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Dialog, Locator, Page, Route, expect
from pydicom.uid import UID

import app
from api.application import create_app
from jobs.compute import ThreadCompute
from jobs.steps import SystemClock
from memory.embedder import NgramEmbedder
from memory.learning import open_learning
from records.audit import pseudonym_key
from settings import Settings
from tests.api.engine import ct_slice
from tests.inference.endpoint_server import Behaviour, disc, endpoint_server
from tests.web.canvas import COLOURED, LIT, MIDDLE_ALPHA
from tests.web.conftest import Watched

pytestmark = pytest.mark.peer("chromium")
SIZE = 64
SPACING_MM = 0.5
SLICE_MM = 2.0
LONG, PRIOR, SHORT = "1.2.826.0.1.3680043.9.77.1", "1.2.826.0.1.3680043.9.77.2", "1.2.826.0.1.3680043.9.77.3"
MIXED = "1.2.826.0.1.3680043.9.77.4"
"""Six slices that can be cut in three planes, and a series of one that cannot."""
SLICES = 300
FOUND = disc(12 / 64, 16 / 64, 0.055, "liver")
"""In the square of liver-like values."""
PATIENCE_MS = 30_000


def ct(study: str, patient: str, slices: int) -> bytes:
    """An archive of CT slices, 2 mm apart; a square of 60 HU in air (rows 8–15, columns 8–23)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for index in range(slices):
            archive.writestr(f"{index}.dcm", ct_slice(study, patient, index=index, size=SIZE, value=60))
    return buffer.getvalue()


def mixed(study: str, patient: str) -> bytes:
    """An archive of a series of six slices and another of one."""
    alone = pydicom.dcmread(io.BytesIO(ct_slice(study, patient, size=SIZE, value=60)))
    alone.SeriesInstanceUID, alone.SeriesNumber = f"{study}.2", 2
    alone.SOPInstanceUID = alone.file_meta.MediaStorageSOPInstanceUID = UID(f"{study}.2.1")
    scout, buffer = io.BytesIO(), io.BytesIO()
    alone.save_as(scout, enforce_file_format=True)
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("scout.dcm", scout.getvalue())
        for index in range(6):
            archive.writestr(f"{index}.dcm", ct_slice(study, patient, index=index, size=SIZE, value=60))
    return buffer.getvalue()


def send(address: str, name: str, content: bytes, described: str = "") -> str:
    """Send a file; the UID of its study."""
    files = [("files", (name, content))]
    reply = httpx.post(f"{address}/api/v1/studies", files=files, data={"described": described}, timeout=120)
    assert reply.status_code == 201, reply.text
    return str(reply.json()["studies"][0]["study_uid"])


def analysis(address: str, study: str) -> str:
    """Order the liver and wait for the report; its id."""
    order = {"indication": "How large is the liver?", "prompts": ["liver"]}
    reply = httpx.post(f"{address}/api/v1/studies/{study}/analyses", json=order, timeout=60)
    assert reply.status_code == 202, reply.text
    job = reply.json()
    for _ in range(3000):
        if job["state"] in {"done", "failed", "cancelled"}:
            break
        time.sleep(0.02)
        job = httpx.get(f"{address}/api/v1/jobs/{job['job_id']}", timeout=60).json()
    assert job["state"] == "done", job
    return str(job["analysis_id"])


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory, dist: Path) -> Iterator[str]:
    """The product over an endpoint that finds a disc, with a long CT and its prior."""
    folder = tmp_path_factory.mktemp("reading")
    started, ending = threading.Event(), threading.Event()
    ports: list[int] = []

    async def serve(url: str) -> None:
        endpoints = [{"url": url, "version": "7"}]
        settings = Settings.model_validate(
            {"data_dir": folder, "models": {"cache_mb": 0, "medimageparse": {"endpoints": endpoints}}}
        )
        compute, clock = ThreadCompute(), SystemClock()
        learning = open_learning(folder, pseudonym_key(folder / "audit.key"), embedder=NgramEmbedder())
        learning.begin()
        async with app.composition(settings).engine(compute, clock, learning.advice) as parts:
            services = replace(app.assemble(settings, parts, compute, clock, compute, learning), page=dist)
            await services.start()
            config = uvicorn.Config(create_app(services), host="127.0.0.1", port=0, log_level="warning", ws="none")
            server = uvicorn.Server(config)
            running = asyncio.create_task(server.serve())
            while not server.started:
                await asyncio.sleep(0.02)
            ports.append(server.servers[0].sockets[0].getsockname()[1])
            started.set()
            await asyncio.to_thread(ending.wait)
            server.should_exit = True
            await running
            await services.close()

    with endpoint_server(Behaviour({"liver": FOUND}, (SIZE, SIZE), values="soft")) as url:
        thread = threading.Thread(target=lambda: asyncio.run(serve(url)))
        thread.start()
        while thread.is_alive() and not started.wait(0.1):
            pass
        assert started.is_set(), "The server did not start."
        address = f"http://127.0.0.1:{ports[0]}"
        # The two of one patient; the prior is shorter and begins at the same place.
        send(address, "prior.zip", ct(PRIOR, "P1", 100))
        send(address, "long.zip", ct(LONG, "P1", SLICES))
        send(address, "short.zip", ct(SHORT, "P2", 3))
        send(address, "mixed.zip", mixed(MIXED, "P3"))
        yield address
        ending.set()
        thread.join(60)


def opened(watched: Watched, address: str, study: str, *, width: int = 1280, height: int = 800) -> Page:
    page = watched.page(address, f"/studies/{study}", width=width, height=height)
    expect(slice_number(page)).to_be_visible(timeout=PATIENCE_MS)
    return page


def slice_number(page: Page, pane: str = "main") -> Locator:
    return page.locator(f"[data-pane={pane}] .slice-number")


def expect_lit(page: Page, pane: str = "main") -> None:
    """Something bright is drawn: the picture is there."""
    canvas = page.locator(f"[data-pane={pane}] .pane-picture canvas")
    for _ in range(300):
        if canvas.count() and canvas.evaluate(LIT) > 100:
            return
        page.wait_for_timeout(100)
    pytest.fail("Nothing is drawn.")


def expect_coloured(page: Page, some: bool, pane: str = "main") -> None:
    """Marks are on the canvas over the picture, or none are."""
    canvas = page.locator(f"[data-pane={pane}] .pane-overlay")
    for _ in range(300):
        if (canvas.evaluate(COLOURED) > 500) is some:
            return
        page.wait_for_timeout(100)
    pytest.fail("Marks are missing." if some else "Marks are still shown.")


def place_mm(page: Page, x: float, y: float) -> tuple[str, NDArray[np.float64]]:
    """Value and millimetres that the viewer says are under a point of the pane."""
    page.mouse.move(x, y)
    said = page.locator("[data-pane=main] .hud.bottom.right")
    expect(said).to_contain_text("mm", timeout=PATIENCE_MS)
    value, place = said.locator("span").all_inner_texts()
    return value, np.array([float(part) for part in place.removesuffix(" mm").split()])


def test_a_ct_of_300_slices_opens_in_the_middle_and_scrolls_by_keys_and_wheel(watched: Watched, reading: str) -> None:
    page = opened(watched, reading, LONG)
    expect(slice_number(page)).to_have_text("150 / 300", timeout=PATIENCE_MS)
    expect_lit(page)
    for key, shown in (
        ("ArrowDown", "151 / 300"), ("PageDown", "161 / 300"), ("ArrowUp", "160 / 300"), ("PageUp", "150 / 300"),
        ("End", "300 / 300"), ("Home", "1 / 300"),
    ):  # fmt: skip
        page.keyboard.press(key)
        expect(slice_number(page)).to_have_text(shown, timeout=PATIENCE_MS)
    box = page.locator("[data-pane=main]").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.wheel(0, 120)
    expect(slice_number(page)).to_have_text("2 / 300", timeout=PATIENCE_MS)
    expect(page.locator("[data-pane=main]")).not_to_contain_text("Loading", timeout=PATIENCE_MS)


def test_numbers_come_from_the_geometry(watched: Watched, reading: str) -> None:
    page = opened(watched, reading, SHORT)
    expect_lit(page)
    pane = page.locator("[data-pane=main]")
    for letter, side in (("R", "west"), ("L", "east"), ("A", "north"), ("P", "south")):
        expect(pane.locator(f".edge.{side}")).to_have_text(letter)
    box = pane.bounding_box()
    assert box is not None
    x, y = box["x"] + 0.2 * box["width"], box["y"] + 0.5 * box["height"]
    before, after = place_mm(page, x, y)[1], place_mm(page, x + 300, y)[1]
    assert before[2] == pytest.approx(SLICE_MM)  # the second of three slices
    page.keyboard.press("l")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 300, y, steps=8)
    page.mouse.up()
    row = page.get_by_role("region", name="Measurements").get_by_role("listitem")
    expect(row).to_contain_text(re.compile(r"\d+\.\d mm"), timeout=PATIENCE_MS)
    drawn = np.linalg.norm(after - before)
    for _ in range(300):
        if abs(float(row.inner_text().split(" mm")[0]) - drawn) < 2 * SPACING_MM:
            break
        page.wait_for_timeout(100)  # while it is dragged the number follows
    else:
        pytest.fail(f"{row.inner_text()} instead of {drawn:.1f} mm")
    # The square of 60 HU ends where the file says: 16 of 32 mm are 8 mm long.
    inside = [
        place[0]
        for value, place in (
            place_mm(page, box["x"] + part, box["y"] + 0.22 * box["height"])
            for part in range(20, int(box["width"]) - 20, 8)
        )
        if value == "60 HU"
    ]
    assert min(inside) == pytest.approx(8 * SPACING_MM, abs=SPACING_MM)
    assert max(inside) == pytest.approx(23 * SPACING_MM, abs=SPACING_MM)


def test_pixels_without_a_size_are_measured_in_pixels(watched: Watched, reading: str) -> None:
    picture = np.zeros((120, 160, 3), np.uint8)
    picture[30:90, 40:120] = (200, 60, 40)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    page = opened(watched, reading, send(reading, "doppler.png", buffer.getvalue(), "ultrasound of the liver"))
    expect(page.locator("[data-pane=main]")).to_contain_text("No pixel size in the file")
    expect_lit(page)
    box = page.locator("[data-pane=main]").bounding_box()
    assert box is not None
    page.keyboard.press("l")
    page.mouse.move(box["x"] + 150, box["y"] + 300)
    page.mouse.down()
    page.mouse.move(box["x"] + 350, box["y"] + 300, steps=6)
    page.mouse.up()
    row = page.get_by_role("region", name="Measurements").get_by_role("listitem")
    expect(row).to_contain_text(re.compile(r"\d+\.\d px"), timeout=PATIENCE_MS)
    assert "mm" not in row.inner_text()


@pytest.mark.parametrize("drawn_by", ["processor", "webgl"])
def test_marks_lie_on_the_picture_and_go_with_ai_off(watched: Watched, reading: str, drawn_by: str) -> None:
    analysis(reading, SHORT)
    page = opened(watched, reading, SHORT)
    page.evaluate(f"localStorage.setItem('medimage.draw', '{drawn_by}')")
    page.reload()
    expect(page.get_by_role("checkbox", name="Show liver")).to_be_checked(timeout=PATIENCE_MS)
    expect_lit(page)
    expect_coloured(page, True)
    expect(page.get_by_text("Hatched: the model was unsure here")).to_be_visible()
    page.keyboard.press("a")
    expect_coloured(page, False)
    expect(page.locator("[data-pane=main]")).to_contain_text("AI marks off")
    page.keyboard.press("a")
    expect_coloured(page, True)
    page.get_by_role("checkbox", name="Show liver").uncheck()
    expect_coloured(page, False)


def test_a_structure_has_an_opacity_of_its_own(watched: Watched, reading: str) -> None:
    analysis(reading, SHORT)
    page = opened(watched, reading, SHORT)
    page.get_by_role("region", name="Structures").get_by_role("button", name="liver", exact=True).click()
    expect_coloured(page, True)
    page.get_by_label("Fill and outline").select_option("fill")
    own = page.get_by_role("slider", name="Opacity of liver")
    for opacity in ("0.2", "0.9"):
        own.fill(opacity)
        expect_alpha(page, float(opacity))
    page.get_by_role("slider", name="Opacity", exact=True).fill("0.5")  # of all: nothing is left of its own
    expect_alpha(page, 0.5)


def expect_alpha(page: Page, wanted: float) -> None:
    """Most coloured pixels of the overlay are that opaque."""
    canvas = page.locator("[data-pane=main] .pane-overlay")
    for _ in range(300):
        if canvas.evaluate(MIDDLE_ALPHA) / 255 == pytest.approx(wanted, abs=0.02):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"{canvas.evaluate(MIDDLE_ALPHA)} of 255 instead of {wanted:g}")


def brush_down(page: Page) -> tuple[float, float]:
    """Begin to correct the liver: the brush is down, 60 points left of the place that is returned."""
    expect_lit(page)
    page.get_by_role("button", name="Correct liver", exact=True).click(timeout=PATIENCE_MS)
    box = page.locator("[data-pane=main]").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + 0.75 * box["height"]
    page.mouse.move(x - 60, y)
    page.mouse.down()
    return x, y


def test_a_brush_stroke_becomes_a_stored_correction(watched: Watched, reading: str) -> None:
    analysis_id = analysis(reading, SHORT)
    page = opened(watched, reading, SHORT)
    x, y = brush_down(page)
    page.mouse.move(x + 60, y, steps=6)
    page.mouse.up()
    correction = page.get_by_role("region", name="Correction")
    expect(correction.get_by_role("status").first).to_contain_text(re.compile(r"Changed: [1-9]\d* voxels in slice 2"))
    page.keyboard.press("Control+z")
    expect(correction.get_by_role("status").first).to_have_text("Nothing is changed yet.")
    page.keyboard.press("Control+y")
    correction.get_by_label("You are").select_option("radiologist")
    correction.get_by_role("button", name="Send correction").click()
    expect(correction).to_contain_text(
        re.compile(r"Correction stored. Dice .*: 0\.\d+. Changed: slice 2\."), timeout=PATIENCE_MS
    )
    (kept,) = httpx.get(f"{reading}/api/v1/feedback", params={"analysis_id": analysis_id}).json()["feedback"]
    assert (kept["kind"], kept["role"], kept["target"]) == ("mask_correction", "radiologist", "liver")
    assert 0 < kept["dice_before"] < 1


def test_strokes_that_are_not_sent_stay_when_the_study_is_left(watched: Watched, reading: str) -> None:
    analysis(reading, SHORT)
    page = opened(watched, reading, SHORT)
    x, y = brush_down(page)
    page.mouse.move(x, y, steps=4)
    page.mouse.wheel(0, 120)  # neither this nor undo tears the stroke
    page.keyboard.press("Control+z")
    page.mouse.move(x + 60, y, steps=4)
    page.mouse.up()
    changed = page.get_by_role("region", name="Correction").get_by_role("status").first
    expect(changed).to_have_text(re.compile(r"Changed: [1-9]\d* voxels in slice 2"))
    expect(slice_number(page)).to_have_text("2 / 3")
    told = changed.inner_text()
    structures = page.get_by_role("region", name="Structures")
    expect(structures).to_contain_text("corrected, not sent")
    chosen = page.get_by_label("Analysis")
    other = chosen.locator("option").nth(1).get_attribute("value")
    mine = chosen.input_value()
    # Another analysis of the study calls its mask "m1" too.
    chosen.select_option(other)
    expect(page.get_by_role("checkbox", name="Show liver")).to_be_checked(timeout=PATIENCE_MS)
    expect(structures).not_to_contain_text("corrected, not sent")
    expect(page.get_by_role("region", name="Correction")).to_be_hidden()
    page.get_by_role("checkbox", name="Show liver").uncheck()
    chosen.select_option(mine)
    expect(page.get_by_role("checkbox", name="Show liver")).to_be_checked(timeout=PATIENCE_MS)
    page.get_by_role("link", name="Worklist").first.click()
    expect(page.locator(".viewer")).to_be_hidden(timeout=PATIENCE_MS)
    page.go_back()
    expect(structures).to_contain_text("corrected, not sent", timeout=PATIENCE_MS)
    page.get_by_role("button", name="Correct liver", exact=True).click()
    expect(changed).to_have_text(told, timeout=PATIENCE_MS)
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    page.reload()
    assert asked == ["beforeunload"]


def test_a_series_without_cuts_and_a_measurement_of_another_layout_go_back_to_one_pane(
    watched: Watched, reading: str
) -> None:
    page = opened(watched, reading, MIXED)
    expect(slice_number(page)).to_have_text("3 / 6", timeout=PATIENCE_MS)
    expect_lit(page)
    box = page.locator("[data-pane=main]").bounding_box()
    assert box is not None
    page.keyboard.press("ArrowDown")
    expect(slice_number(page)).to_have_text("4 / 6", timeout=PATIENCE_MS)
    page.keyboard.press("l")
    page.mouse.move(box["x"] + 150, box["y"] + 300)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 300, steps=6)
    page.mouse.up()
    row = page.get_by_role("region", name="Measurements").get_by_role("listitem")
    expect(row).to_contain_text("slice 4", timeout=PATIENCE_MS)
    page.keyboard.press("Home")
    expect(slice_number(page)).to_have_text("1 / 6", timeout=PATIENCE_MS)
    page.get_by_label("Layout").select_option("mpr")
    expect(slice_number(page, "coronal")).to_be_visible(timeout=PATIENCE_MS)
    for pane in ("axial", "coronal", "sagittal"):
        expect(page.locator(f"[data-pane={pane}] .hud.top.left")).to_contain_text("P3")
    row.get_by_role("button").first.click()
    expect(slice_number(page)).to_have_text("4 / 6", timeout=PATIENCE_MS)
    page.get_by_label("Layout").select_option("mpr")
    expect(slice_number(page, "coronal")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("list", name="Series").get_by_role("button").nth(1).click()
    expect(slice_number(page)).to_have_text("1 / 1", timeout=PATIENCE_MS)
    expect(page.get_by_label("Layout")).to_have_value("one")


def test_tools_stand_in_named_groups_and_sliders_say_what_they_set(watched: Watched, reading: str) -> None:
    page = opened(watched, reading, LONG)
    tools = page.get_by_role("toolbar", name="Image tools")
    for name in ("Look at the picture", "Play the slices", "Measure", "Arrange the pictures"):
        expect(tools.get_by_role("group", name=name)).to_be_visible()
    slider = page.get_by_role("slider", name="Slice")
    expect(slider).to_have_attribute("aria-valuetext", "slice 150 of 300", timeout=PATIENCE_MS)


def test_a_prior_that_cannot_be_read_says_so_and_is_tried_again(watched: Watched, reading: str) -> None:
    watched.expected = ("status of 503",)
    page = opened(watched, reading, LONG)
    failing = {"left": True}

    def answer(route: Route) -> None:
        if failing["left"]:
            route.fulfill(status=503, content_type="application/json", body='{"title": "The store is away."}')
        else:
            route.continue_()

    page.route(f"**/api/v1/studies/{PRIOR}", answer)
    page.get_by_label("Layout").select_option("prior", timeout=PATIENCE_MS)
    bar = page.locator(".prior-bar")
    expect(bar).to_contain_text("Loading the prior")
    expect(bar.get_by_role("alert")).to_be_visible(timeout=PATIENCE_MS)
    expect(bar).not_to_contain_text("No other study")
    failing["left"] = False
    bar.get_by_role("button").click()
    expect(slice_number(page, "prior")).to_be_visible(timeout=PATIENCE_MS)


def test_a_mask_that_is_asked_for_before_its_pixels_are_here_is_shown_when_they_come(
    watched: Watched, reading: str
) -> None:
    analysis(reading, SHORT)
    page = opened(watched, reading, SHORT)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/masks/*", hold)
    page.reload()
    expect(slice_number(page)).to_have_text("2 / 3", timeout=PATIENCE_MS)
    page.get_by_role("tab", name="Report").click()
    page.get_by_role("button", name="Show liver in the image").first.click(timeout=PATIENCE_MS)
    page.locator("[data-pane=main]").click()
    page.keyboard.press("Home")
    expect(slice_number(page)).to_have_text("1 / 3", timeout=PATIENCE_MS)
    for route in held:
        route.continue_()
    expect(slice_number(page)).to_have_text("2 / 3", timeout=PATIENCE_MS)
    expect_coloured(page, True)


def test_a_viewport_that_could_not_be_opened_is_opened_on_another_try(watched: Watched, reading: str) -> None:
    page = opened(watched, reading, SHORT)
    page.add_init_script(
        """(() => {
            const Observer = window.ResizeObserver;
            let refused = false;
            window.ResizeObserver = class extends Observer {
                constructor(listener) {
                    super(listener);
                    if (refused) return;
                    refused = true;
                    throw new Error('No room for a viewport.');
                }
            };
        })()"""
    )
    page.reload()
    pane = page.locator("[data-pane=main]")
    expect(pane.get_by_role("alert")).to_contain_text("No room for a viewport.", timeout=PATIENCE_MS)
    pane.get_by_role("button", name="Try again").click()
    expect_lit(page)
    expect(pane.get_by_role("alert")).to_be_hidden()


def test_pictures_of_another_series_are_covered_until_it_has_come(watched: Watched, reading: str) -> None:
    page = opened(watched, reading, MIXED)
    expect_lit(page)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(f"**/series/{MIXED}.2/pixels**", hold)
    page.get_by_role("list", name="Series").get_by_role("button").nth(1).click()
    expect(slice_number(page)).to_have_text("1 / 1", timeout=PATIENCE_MS)
    canvas = page.locator("[data-pane=main] .pane-picture canvas")
    expect(canvas).to_be_hidden()
    expect(page.locator("[data-pane=main] .pane-overlay")).to_be_hidden()
    for _ in range(300):
        if held:
            break
        page.wait_for_timeout(100)
    held[0].continue_()
    expect(canvas).to_be_visible(timeout=PATIENCE_MS)


def test_the_prior_scrolls_along_by_position(watched: Watched, reading: str) -> None:
    page = opened(watched, reading, LONG)
    page.get_by_label("Layout").select_option("prior", timeout=PATIENCE_MS)
    expect(slice_number(page, "prior")).to_be_visible(timeout=PATIENCE_MS)
    page.locator("[data-pane=main]").click()
    page.keyboard.press("Home")
    expect(slice_number(page, "prior")).to_have_text("1 / 100", timeout=PATIENCE_MS)
    page.keyboard.press("PageDown")
    expect(slice_number(page)).to_have_text("11 / 300", timeout=PATIENCE_MS)
    expect(slice_number(page, "prior")).to_have_text("11 / 100", timeout=PATIENCE_MS)
    expect(page.locator("[data-pane=prior]")).to_contain_text("Linked by table position, not registered")
    # Laid beside each other by hand and linked again, they stay so far apart.
    page.get_by_label("Linked").uncheck()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(slice_number(page)).to_have_text("13 / 300", timeout=PATIENCE_MS)
    expect(slice_number(page, "prior")).to_have_text("11 / 100")
    page.get_by_label("Linked").check()
    expect(page.locator("[data-pane=prior]")).to_contain_text("4.0 mm apart")
    page.locator("[data-pane=main]").click()
    page.keyboard.press("PageDown")
    expect(slice_number(page, "prior")).to_have_text("21 / 100", timeout=PATIENCE_MS)


def test_an_even_block_is_cut_in_three_planes(watched: Watched, reading: str) -> None:
    page = opened(watched, reading, LONG)
    page.get_by_label("Layout").select_option("mpr", timeout=PATIENCE_MS)
    for plane, count in (("axial", 300), ("coronal", SIZE), ("sagittal", SIZE)):
        expect(slice_number(page, plane)).to_contain_text(f"/ {count}", timeout=PATIENCE_MS)
    expect(page.locator("[data-pane=coronal] .edge.north")).to_have_text("H")
    expect(page.locator("[data-pane=sagittal] .edge.west")).to_have_text("A")


@pytest.mark.parametrize(("theme", "width"), [("dark", 1280), ("light", 1024)])
def test_nothing_is_in_the_way_of_assistive_technology(watched: Watched, reading: str, theme: str, width: int) -> None:
    analysis(reading, SHORT)
    page = opened(watched, reading, SHORT, width=width, height=768)
    page.evaluate(f"localStorage.setItem('medimage.theme', '{theme}')")
    page.reload()
    page.get_by_role("button", name="Correct liver", exact=True).click(timeout=PATIENCE_MS)
    expect_lit(page)
    found = Axe().run(page, context=".viewer")
    assert found.violations_count == 0, found.generate_report()
