"""The whole product in a browser: a study from the file to the delivery, a server that dies, and a hostile file."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page, Route, expect
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from api.guard import HEADERS
from memory.advice import USABLE_DICE
from tests.api.engine import ct_slice
from tests.inference.endpoint_server import Behaviour, Shape, disc, endpoint_server
from tests.web.canvas import COLOURED, LIT
from tests.web.conftest import ROOT, Watched, wait_for

pytestmark = pytest.mark.peer("chromium")
PATIENCE_MS = 30_000
TARGET, WORDS = "bone", "bones"
"""How the planner asks for it, and how reviewers would; the embedded model knows both."""
QUESTION = "How much bone is there?"
AREA = re.compile(r"area \d+ mm²")
DRAFT = "Research use: draft until signed"
SLICES = 300
PICTURE = '<img src=x onerror="window.hacked=1">'
MARKUP = f"{PICTURE}<script>window.hacked=1</script>"
WIDER_THAN_SEEN = """() => [document.documentElement, document.getElementById('content')]
    .map(element => element.scrollWidth - element.clientWidth)"""


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """Models and a busy machine take their time."""
    expect.set_options(timeout=PATIENCE_MS)
    yield
    expect.set_options(timeout=5_000)


def real_ct(patient: str, number: int, **header: str) -> bytes:
    """An abdominal CT slice of a real patient, as of one of ours."""
    path = get_testdata_file("explicit_VR-UN.dcm", download=False)
    dataset: Dataset = pydicom.dcmread(str(path))
    dataset.PatientID, dataset.PatientName = patient, f"{patient}^Journey"
    root = f"1.2.826.0.1.3680043.9.88.{number}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID = root, f"{root}.1", f"{root}.1.1"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    for keyword, value in header.items():
        setattr(dataset, keyword, value)
    file = io.BytesIO()
    dataset.save_as(file)
    return file.getvalue()


def send(address: str, content: bytes, name: str = "a.dcm") -> str:
    """Send a file past the page; the UID of its study."""
    reply = httpx.post(f"{address}/api/v1/studies", files=[("files", (name, content))], timeout=120)
    assert reply.status_code == 201, reply.text
    return str(reply.json()["studies"][0]["study_uid"])


def read(address: str, path: str, **params: str) -> Any:
    reply = httpx.get(f"{address}/api/v1{path}", params=params, timeout=60)
    assert reply.status_code == 200, reply.text
    return reply.json()


def newest(address: str, study: str) -> dict[str, Any]:
    """The document of a study's newest analysis."""
    first = read(address, f"/studies/{study}/analyses")["analyses"][0]
    document: dict[str, Any] = read(address, f"/analyses/{first['analysis_id']}")
    return document


def turns(address: str, study: str) -> list[dict[str, Any]]:
    """What the only conversation of a study's patient holds."""
    (kept,) = read(address, "/chat", study_uid=study)["conversations"]
    said: list[dict[str, Any]] = read(address, f"/chat/{kept['conversation_id']}", study_uid=study)["turns"]
    return said


def analysed(address: str, study: str) -> dict[str, Any]:
    """Order past the page and wait; the document."""
    order = {"indication": QUESTION, "priority": "STAT"}
    job = httpx.post(f"{address}/api/v1/studies/{study}/analyses", json=order, timeout=60).json()
    for _ in range(3000):
        if job["state"] in {"done", "failed", "cancelled"}:
            break
        time.sleep(0.02)
        job = read(address, f"/jobs/{job['job_id']}")
    assert job["state"] == "done", job
    return newest(address, study)


def feedback(address: str, document: dict[str, Any], **body: object) -> dict[str, Any]:
    """Say past the page what was right or wrong with the first mask."""
    given = {"analysis_id": document["analysis_id"], "mask_id": document["masks"][0]["id"], "role": "radiologist"}
    reply = httpx.post(f"{address}/api/v1/feedback", json={**given, **body}, timeout=60)
    assert reply.status_code == 201, reply.text
    said: dict[str, Any] = reply.json()
    return said


def ask(page: Page, text: str) -> Locator:
    """Ask beside the images; the turn."""
    line = page.get_by_role("textbox", name="Question")
    line.fill(text)
    button = page.get_by_role("button", name="Ask", exact=True)
    expect(button).to_be_enabled()  # it is not while an answer comes
    button.click()
    return page.locator(".turn").last


def expect_answer(page: Page, said: re.Pattern[str] | str) -> None:
    """The last question is answered, and its turn is whole: the analysis is on record."""
    expect(page.locator(".turn").last.locator(".answer")).to_contain_text(said)
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_hidden()


def expect_count(canvas: Locator, script: str, more_than: int) -> None:
    """Until so many pixels are drawn."""
    for _ in range(PATIENCE_MS // 100):
        if canvas.count() and canvas.evaluate(script) > more_than:
            return
        canvas.page.wait_for_timeout(100)
    pytest.fail("Nothing is drawn.")


def paint(page: Page) -> None:
    """A long stroke of the brush below the middle of the picture."""
    box = page.locator("[data-pane=main]").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + 0.7 * box["height"]
    page.mouse.move(x - 150, y)
    page.mouse.down()
    page.mouse.move(x + 150, y, steps=10)
    page.mouse.up()


def test_a_study_goes_from_its_file_to_the_delivery_and_teaches_the_next_prompt(
    product: str, watched: Watched, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # On a slow machine an act of the reviewer may come between their words and these being saved: the page then reads
    # again and saves them over what it finds (test_report.py), and the browser notes the refusal.
    watched.expected = ("412",)
    page = watched.page(product)
    page.get_by_role("button", name="Add images").first.click()
    file = {"name": "a.dcm", "mimeType": "application/dicom", "buffer": real_ct("JOURNEY-1", 1)}
    page.get_by_label("Choose files").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("dialog").get_by_text("Received: 1 study")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Order analysis").click()
    page.get_by_role("textbox", name=re.compile("^Indication")).fill(QUESTION)
    page.get_by_role("dialog").get_by_role("button", name="Order", exact=True).click()
    row = page.get_by_role("row").filter(has_text="JOURNEY-1")
    expect(row).to_contain_text(QUESTION)
    expect(row).to_contain_text("Draft")  # by itself: the list is live
    row.get_by_role("link").click()
    study = page.url.rsplit("/", 1)[1]

    turn = ask(page, QUESTION)
    expect(turn.get_by_role("list", name="Steps").get_by_text("segment").first).to_be_visible()
    expect_answer(page, AREA)
    expect(page.get_by_role("checkbox", name=f"Show {TARGET}")).to_be_checked()
    expect_count(page.locator("[data-pane=main] .pane-overlay"), COLOURED, 500)

    page.get_by_role("button", name=f"Correct {TARGET}", exact=True).click()
    paint(page)
    correction = page.get_by_role("region", name="Correction")
    correction.get_by_label("You are").select_option("radiologist")
    correction.get_by_role("button", name="Send correction").click()
    expect(correction).to_contain_text("Correction stored.")
    first = newest(product, study)
    (brushed,) = read(product, "/feedback", analysis_id=first["analysis_id"])["feedback"]
    assert (brushed["kind"], brushed["target"]) == ("mask_correction", TARGET)
    assert 0 < brushed["dice_before"] < USABLE_DICE  # so it speaks against the words that were used

    # What one patient's review says shapes nobody's prompt by itself; the same said of three does.
    feedback(product, first, kind="preferred_wording", better={"prompt": WORDS})
    for number in (2, 3):
        other = analysed(product, send(product, real_ct(f"JOURNEY-{number}", number)))
        assert [row["text"] for row in other["prompts"]] == [TARGET]
        feedback(product, other, kind="preferred_wording", better={"prompt": WORDS})
    fourth = send(product, real_ct("JOURNEY-4", 4))
    page.goto(f"{product}/studies/{fourth}")
    ask(page, QUESTION)
    expect_answer(page, AREA)
    learned = newest(product, fourth)
    (prompt,) = learned["prompts"]
    assert (prompt["target"], prompt["text"]) == (TARGET, WORDS)
    assert "because reviews of 3 patients" in prompt["reason"]
    trail = read(product, f"/analyses/{learned['analysis_id']}/artifacts/provenance.json")
    (craft,) = [one for one in trail["activities"] if one["tool"] == "craft_prompts"]
    assert brushed["id"] in craft["outputs"]["advice"][0]["evidence"]

    page.goto(f"{product}/studies/{study}")
    page.get_by_role("tab", name="Report").click()
    page.get_by_role("button", name="Start review").click()
    impression = page.get_by_role("region", name="Impression")
    impression.get_by_role("button", name="Edit").click()
    written = page.get_by_label("Impression, free text")
    written.fill(f"{written.input_value()}\nNo fracture. {MARKUP}")
    impression.get_by_role("button", name="Done").click()
    expect(page.get_by_text("All changes are saved.")).to_be_visible()
    expect(impression.get_by_text("human text").first).to_be_visible()
    page.get_by_role("button", name="Sign…").click()
    page.get_by_role("button", name="Sign in my name").click()
    page.get_by_role("button", name="Ask for delivery").click()
    page.get_by_role("button", name="Approve and deliver").click()
    expect(page.get_by_role("list", name="Status of the report").locator("[aria-current=step]")).to_contain_text(
        "Delivered"
    )
    signed = newest(product, study)
    assert signed["status"] == "delivered"
    assert MARKUP in signed["summary"]
    delivered = tmp_path_factory.getbasetemp().glob(f"product*/data/delivered/*/{signed['analysis_id']}*")
    names = {path.name for folder in delivered for path in folder.iterdir()}
    plan = read(product, f"/analyses/{signed['analysis_id']}/delivery")
    assert names >= {one["name"] for one in plan["files"] if not one["kept_back"]} >= {"report.pdf"}
    assert page.evaluate("window.hacked") is None


class Installation:
    """The product in a process of its own that can be killed and started again in the same place."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._folder, self._endpoints = folder, json.dumps([{"url": endpoint, "version": "7"}])
        self._process: subprocess.Popen[bytes] | None = None
        self.address = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Serve; returns once it answers."""
        settings = {
            "DATA_DIR": str(self._folder / "data"),
            "SERVER__PORT": str(self._port),
            "MODELS__MEDIMAGEPARSE__ENDPOINTS": self._endpoints,
        }
        environment = os.environ | {f"MEDIMAGE_{name}": value for name, value in settings.items()}
        with (self._folder / "log").open("a") as log:
            command = [sys.executable, "app.py", "serve"]
            self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        wait_for(f"{self.address}/readyz", self._process, self._folder / "log")

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it, without a word by default."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)


class Held:
    """A shape of the endpoint whose first answer waits until it is let go."""

    def __init__(self) -> None:
        self.asked, self.go = threading.Event(), threading.Event()
        self._shape = disc(0.2, 0.25, 0.055, "liver")

    def inside(self, rows: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.bool_]:
        self.asked.set()
        self.go.wait(PATIENCE_MS / 1000)
        return self._shape.inside(rows, columns)


def test_a_server_killed_in_the_middle_of_an_answer_loses_nothing(watched: Watched, tmp_path: Path) -> None:
    watched.expected = ("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET")
    held = Held()
    shapes = {"liver": Shape(held.inside, "liver"), "spleen": disc(0.2, 0.25, 0.055, "spleen")}
    with endpoint_server(Behaviour(shapes, (64, 64))) as endpoint:
        server = Installation(tmp_path, endpoint)
        server.start()
        try:
            study = send(server.address, ct_slice("1.2.826.5", "P5", size=64, value=60))
            page = watched.page(server.address, f"/studies/{study}")
            ask(page, "How large is the spleen?")
            expect_answer(page, "mm²")
            ask(page, "How large is the liver?")
            assert held.asked.wait(PATIENCE_MS / 1000)
            expect(page.locator(".turn").last.locator(".steps li.running").first).to_be_visible()
            server.kill()
            expect(page.locator(".turn").last.locator(".note")).to_contain_text("The connection broke.")
            held.go.set()
            server.start()
            expect_answer(page, re.compile(r"[Ll]iver.*mm²"))
            expect(page.locator(".turn")).to_have_count(2)
            said = turns(server.address, study)
            assert [turn["question"] for turn in said] == ["How large is the spleen?", "How large is the liver?"]
            indications = [row["indication"] for row in read(server.address, f"/studies/{study}/analyses")["analyses"]]
            assert sorted(indications) == ["How large is the liver?", "How large is the spleen?"]
        finally:
            held.go.set()
            server.kill(signal.SIGTERM)


def test_a_question_is_kept_that_is_asked_before_the_page_knows_the_conversation(
    product: str, watched: Watched
) -> None:
    study = send(product, real_ct("EARLY", 77))
    page = watched.page(product)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/api/v1/chat?*", hold)
    page.goto(f"{product}/studies/{study}")
    line = page.get_by_role("textbox", name="Question")
    line.fill(QUESTION)
    line.press("Enter")
    page.wait_for_timeout(200)
    for route in held:
        route.continue_()
    page.unroute("**/api/v1/chat?*")
    if line.input_value():  # it was not taken, and waits
        page.get_by_role("button", name="Ask", exact=True).click()
    expect_answer(page, AREA)
    assert [turn["question"] for turn in turns(product, study)] == [QUESTION]


def test_a_ct_of_300_slices_opens_and_scrolls_to_its_end(product: str, watched: Watched) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for index in range(SLICES):
            archive.writestr(f"{index}.dcm", ct_slice("1.2.826.300", "LONG", index=index, size=256, value=60))
    page = watched.page(product, f"/studies/{send(product, buffer.getvalue(), 'long.zip')}")
    pane = page.locator("[data-pane=main]")
    expect(pane.locator(".slice-number")).to_have_text(f"{SLICES // 2} / {SLICES}")
    expect_count(pane.locator(".pane-picture canvas"), LIT, 100)
    page.keyboard.press("End")
    expect(pane.locator(".slice-number")).to_have_text(f"{SLICES} / {SLICES}")
    expect_count(pane.locator(".pane-picture canvas"), LIT, 100)
    for _ in range(5):
        page.keyboard.press("PageUp")
    expect(pane.locator(".slice-number")).to_have_text(f"{SLICES - 50} / {SLICES}")


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1024, 768)])
def test_every_page_fits_and_says_that_all_is_a_draft(product: str, watched: Watched, width: int, height: int) -> None:
    rows = read(product, "/worklist")["rows"]
    board = {"study_uids": [rows[0]["study_uid"]], "title": f"Board at {width}"}
    opened = httpx.post(f"{product}/api/v1/boards", json=board, timeout=60)
    assert opened.status_code == 201, opened.text
    page = watched.page(product, width=width, height=height)
    study, session = f"/studies/{rows[0]['study_uid']}", f"/boards/{opened.json()['board_id']}"
    for path in ("/", study, "/boards", session, "/operations"):
        page.goto(product + path)
        expect(page.locator("#content").get_by_role("heading").first).to_be_visible()
        note = page.get_by_role("note").filter(has_text=DRAFT)
        expect(note).to_be_in_viewport(ratio=1)
        assert page.evaluate(WIDER_THAN_SEEN) == [0, 0], path
    page.goto(product + study)
    page.get_by_role("tab", name="Report").click()
    assert page.evaluate(WIDER_THAN_SEEN) == [0, 0]


def test_a_policy_stands_before_every_page_and_stops_what_it_forbids(product: str, watched: Watched) -> None:
    study = read(product, "/worklist")["rows"][0]["study_uid"]
    script = re.search(r'src="(/assets/[^"]+\.js)"', httpx.get(product).text)
    assert script is not None
    for path in ("/", f"/studies/{study}", "/operations", script[1], "/api/v1/worklist", "/api/v1/studies/9.9"):
        found = httpx.get(product + path)
        assert {name: found.headers.get(name) for name in HEADERS} == HEADERS, path
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert [word for word in ("unsafe", "data:", "http", "*") if word in policy] == []
    page = watched.page(product, f"/studies/{study}")
    expect(page.locator("[data-pane=main] .slice-number")).to_be_visible()
    watched.expected = ("Content Security Policy", "example.invalid")
    refused = page.evaluate(
        """async () => {
            const refused = [];
            const both = new Promise(resolve => document.addEventListener('securitypolicyviolation', event => {
                if (refused.push(event.effectiveDirective) === 2) resolve(refused.sort());
            }));
            const script = document.createElement('script');
            script.textContent = 'window.hacked = 1';
            document.body.append(script);
            const picture = document.createElement('img');
            picture.src = 'https://example.invalid/x.png';
            document.body.append(picture);
            return both;
        }"""
    )
    assert refused == ["img-src", "script-src-elem"]
    assert page.evaluate("window.hacked") is None


def test_markup_in_a_file_and_in_a_report_stays_text(product: str, watched: Watched) -> None:
    header = {"PatientName": "<img src=x>^X", "SeriesDescription": PICTURE, "StudyDescription": PICTURE}
    study = send(product, real_ct("<b>MARKUP</b>", 66, **header))
    page = watched.page(product)
    row = page.get_by_role("row").filter(has_text="<b>MARKUP</b>")
    expect(row).to_contain_text(PICTURE)
    row.get_by_role("link").click()
    expect(page.locator("[data-pane=main] .hud.top.left")).to_contain_text(PICTURE)
    turn = ask(page, f"{QUESTION} {MARKUP}")
    expect(turn.locator(".question")).to_contain_text(MARKUP)
    expect_answer(page, AREA)
    page.get_by_role("button", name="Copy to report").click()
    page.get_by_role("button", name="Edit", exact=True).first.click()
    page.get_by_label("Impression, free text").fill(MARKUP)
    page.get_by_role("region", name="Impression").get_by_role("button", name="Done").click()
    expect(page.get_by_role("list", name="Impression with sources")).to_contain_text(MARKUP)
    expect(page.get_by_text("All changes are saved.")).to_be_visible()
    assert MARKUP in newest(product, study)["summary"]
    assert page.locator("img[src=x]").count() == 0
    assert page.evaluate("window.hacked") is None
    page.goto(f"{product}/operations")
    expect(page.get_by_role("heading", name="Model cards")).to_be_visible()
    assert page.locator("img[src=x]").count() == 0
    assert page.evaluate("window.hacked") is None
