"""The report beside the images: from the draft to the delivery, with two readers, and with a critical finding."""

from __future__ import annotations

import io
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import update

from api.application import create_app
from api.services import Services
from jobs.steps import SystemClock
from records.approvals import ApprovalRecords
from records.signing import Signing
from records.tables import AnalysisRow
from tests.api.engine import build_services, ct_slice
from tests.web.conftest import Watched

pytestmark = pytest.mark.peer("chromium")
STUDY = "1.2.826.1"
SUMMARY = "Square: volume 0.2 mL, no change.\nNot answered — kidney: no model here."
FINDINGS = [
    {"id": "f1", "text": "Square: volume 0.2 mL, no change.", "evidence": ["s1"], "confidence": 0.93, "qa": "pass"},
    {"id": "f2", "text": "Pneumothorax: left apex.", "evidence": ["s1"], "confidence": 0.41, "qa": "review"},
]
CRITICAL = {
    "finding": "f2",
    "rule": "pneumothorax",
    "name": "Pneumothorax",
    "urgency": "minutes",
    "minutes": 15,
    "note": "",
    "source": "ACR",
}


class Room:
    """A server with one study and one draft; its clock is the browser's."""

    def __init__(self, address: str, services: Services) -> None:
        self.address, self.services = address, services
        self.http = httpx.Client(base_url=address, timeout=60)
        slices = [ct_slice(STUDY, index=k, size=64) for k in range(3)]
        files = [("files", (f"{k}.dcm", io.BytesIO(s), "application/dicom")) for k, s in enumerate(slices)]
        self.http.post("/api/v1/studies", files=files).raise_for_status()
        self.analysis = self.analysed("square?")
        self.says(summary=SUMMARY, findings=FINDINGS)

    def analysed(self, question: str) -> str:
        """The id of a new draft."""
        job = self.http.post(f"/api/v1/studies/{STUDY}/analyses", json={"indication": question}).json()
        give_up = time.monotonic() + 60
        while (state := self.http.get(f"/api/v1/jobs/{job['job_id']}").json())["state"] != "done":
            assert time.monotonic() < give_up, state
            time.sleep(0.05)
        return str(state["analysis_id"])

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = self.http.get(f"/api/v1/analyses/{self.analysis}").json()
        return document

    def says(self, **facts: object) -> None:
        """Let the draft say something else, as if its run had."""
        document = {**self.document, **facts}
        chosen = update(AnalysisRow).where(AnalysisRow.id == self.analysis).values(document=document)
        self.services.audit.database.transact_now(lambda session: session.execute(chosen))

    def opened(self, watched: Watched, **size: int) -> Locator:
        """The report in a new browser."""
        return opened(watched.page(self.address, f"/studies/{STUDY}", **size))


@pytest.fixture
def room(tmp_path: Path, dist: Path) -> Iterator[Room]:
    services, clock = build_services(tmp_path, dist)[0], SystemClock()
    approvals = ApprovalRecords(services.audit, clock)
    signing = Signing(services.audit, services.analyses, approvals, clock, tmp_path / "delivered")
    services = replace(services, clock=clock, signing=signing)
    server = uvicorn.Server(
        uvicorn.Config(create_app(services), host="127.0.0.1", port=0, log_level="warning", ws="none")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.02)
    room = Room(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", services)
    yield room
    room.http.close()
    server.should_exit = True
    thread.join()


def opened(page: Page) -> Locator:
    page.get_by_role("tab", name="Report").click()
    report = page.locator(".report")
    expect(report.get_by_role("list", name="Status of the report")).to_be_visible()
    return report


def impression(report: Locator) -> Locator:
    """The field of the free text."""
    region = report.get_by_role("region", name="Impression")
    if region.get_by_role("button", name="Edit").is_visible():
        region.get_by_role("button", name="Edit").click()
    return region.get_by_role("textbox")


def saved(report: Locator) -> None:
    expect(report.get_by_text("All changes are saved.")).to_be_visible()


def status(report: Locator, word: str) -> None:
    expect(report.locator('[aria-current="step"] strong')).to_have_text(word)


def signed(report: Locator) -> None:
    report.get_by_role("button", name="Sign…").click()
    report.get_by_role("button", name="Sign in my name").click()


def test_from_the_draft_to_the_delivery(room: Room, watched: Watched) -> None:
    report = room.opened(watched)
    status(report, "Draft")
    report.get_by_role("button", name="Start review").click()
    status(report, "In review")
    report.get_by_role("button", name="Edit sentence f1").click()
    report.get_by_role("textbox", name="Sentence f1").fill("Square: volume 0.2 mL, smaller than before.")
    saved(report)
    report.get_by_role("button", name="Done").click()
    change = report.locator("#finding-f1 .diff")
    expect(change.locator("del")).to_have_text(["no", "change"])
    expect(change.locator("ins").first).to_contain_text("smaller")
    assert room.document["summary"].startswith("Square: volume 0.2 mL, smaller than before."), "the impression follows"
    assert room.document["findings"][0]["drafted"] == FINDINGS[0]["text"]
    signed(report)
    status(report, "Signed")
    expect(report.get_by_role("button", name=re.compile("^Edit"))).to_have_count(0)
    report.get_by_role("button", name="Ask for delivery").click()
    report.get_by_role("button", name="Approve and deliver").click()
    status(report, "Delivered")
    expect(report.locator('[aria-current="step"]')).to_contain_text("local")
    assert room.document["status"] == "delivered"


def test_what_a_reader_types_is_kept_when_another_was_first(room: Room, watched: Watched) -> None:
    watched.expected = ("412",)
    mine, theirs = room.opened(watched), room.opened(watched)
    impression(mine)  # both have read the draft
    impression(theirs).fill("Theirs.")
    saved(theirs)
    impression(mine).fill("Mine.")
    conflict = mine.get_by_role("region", name="Somebody else changed this report")
    expect(conflict.get_by_role("alert")).to_be_visible()
    expect(conflict.locator("p.diff del")).to_have_text("Theirs")
    expect(conflict.locator("p.diff ins")).to_have_text("Mine")
    assert room.document["summary"] == "Theirs.", "nothing is written over"
    expect(impression(mine)).to_have_value("Mine.")
    mine.get_by_role("button", name="Save mine over it").click()
    saved(mine)
    assert room.document["summary"] == "Mine."


def test_changes_that_lie_beside_each_other_both_stand(room: Room, watched: Watched) -> None:
    watched.expected = ("412",)
    report = room.opened(watched)
    report.get_by_role("button", name="Edit sentence f2").click()
    started = room.http.post(f"/api/v1/analyses/{room.analysis}/review", json={"action": "start"})
    assert started.status_code == 200
    report.get_by_role("textbox", name="Sentence f2").fill("No pneumothorax.")
    saved(report)
    assert room.document["findings"][1]["text"] == "No pneumothorax."


def test_a_critical_finding_is_told_before_anything_is_signed(room: Room, watched: Watched) -> None:
    watched.expected = ("409",)
    room.says(critical=[CRITICAL])
    report = room.opened(watched)
    block = report.get_by_role("region", name="Critical finding")
    expect(block).to_contain_text("not told")
    first = report.get_by_role("region", name="Needs your eye").get_by_role("listitem").first
    expect(first).to_contain_text("Tell at once")
    signed(report)
    expect(report.get_by_role("alert")).to_contain_text("It is not on record that this was told: Pneumothorax")
    expect(report.get_by_role("alert")).to_contain_text("record as the attending who was told and when")
    block.get_by_role("button", name="Record that it was told").click()
    block.get_by_label("Attending physician").fill("Dr. Okafor")
    block.get_by_label("Told to").fill("Dr. Lee, emergency department")
    block.get_by_role("button", name="Put on record").click()
    expect(block.get_by_role("checkbox")).to_be_focused()  # nobody confirms by default
    block.get_by_role("checkbox").check()
    block.get_by_role("button", name="Put on record").click()
    expect(block).to_contain_text("Told to Dr. Lee, emergency department")
    expect(block.get_by_role("button")).to_have_count(0)
    report.get_by_role("button", name="Sign in my name").click()
    status(report, "Signed")
    (act,) = room.document["communications"]
    assert (act["role"], act["attending"], act["by"]) == ("attending", "Dr. Okafor", "local")


def test_what_needs_the_eye_comes_first_and_leads_to_its_sentence(room: Room, watched: Watched) -> None:
    report = room.opened(watched)
    items = report.get_by_role("region", name="Needs your eye").get_by_role("listitem")
    expect(items.first).to_contain_text("Low confidence")
    items.first.get_by_role("button").click()
    expect(report.locator("#finding-f2")).to_be_focused()
    report.locator("#finding-f1").get_by_text("Evidence (1)").click()
    expect(report.locator("#finding-f1 .evidence li")).to_contain_text("segmentation · segment")


def test_reasons_are_needed_to_give_back_and_to_reject(room: Room, watched: Watched) -> None:
    report = room.opened(watched)
    report.get_by_role("button", name="Start review").click()
    report.get_by_role("button", name="Return…").click()
    report.get_by_label("Reason").fill("Look at the apex again.")
    report.get_by_role("button", name="Return to draft").click()
    status(report, "Draft")
    report.get_by_role("button", name="Reject…").click()
    report.get_by_role("button", name="Reject for good").click()
    expect(report.get_by_label("Reason")).to_be_focused()
    status(report, "Draft")
    report.get_by_label("Reason").fill("Another patient's position.")
    report.get_by_role("button", name="Reject for good").click()
    status(report, "Rejected")
    report.get_by_text("History (").click()
    expect(report.locator(".history")).to_contain_text("Look at the apex again.")


def test_a_colleague_is_asked_and_answers(room: Room, watched: Watched) -> None:
    report = room.opened(watched)
    report.get_by_text("Second opinion and peer review").click()
    report.get_by_label("Question").fill("Is this a skin fold?")
    report.get_by_role("button", name="Ask", exact=True).click()
    eye = report.get_by_role("region", name="Needs your eye")
    expect(eye).to_contain_text("Second opinion awaited")
    answer = report.get_by_role("form", name="Answer to: Is this a skin fold?")
    answer.get_by_label("Major disagreement").check()
    answer.get_by_label("Your name").fill("Dr. Lee")
    answer.get_by_label("Comment").fill("Pleural line at the apex.")
    answer.get_by_role("button", name="Answer").click()
    expect(report.locator(".opinions")).to_contain_text("Dr. Lee")
    expect(eye).to_contain_text("Second opinion disagrees")
    assert "opinions" not in room.document, "quality work stays out of the report"


def test_an_addendum_is_added_to_what_is_signed(room: Room, watched: Watched) -> None:
    report = room.opened(watched)
    signed(report)
    status(report, "Signed")
    report.get_by_label("Text of the addendum").fill("Compared with the earlier study: no change.")
    report.get_by_label("Author").fill("Dr. Okafor")
    report.get_by_role("button", name="Sign the addendum").click()
    expect(report.locator(".addendum")).to_contain_text("Addendum 1, signed by Dr. Okafor")
    text = room.http.get(f"/api/v1/analyses/{room.analysis}/artifacts/report.json").json()
    assert text["addenda"][0]["text"] == "Compared with the earlier study: no change."


def test_an_answer_of_the_conversation_comes_in_as_human_text(room: Room, watched: Watched) -> None:
    page = watched.page(room.address, f"/studies/{STUDY}")
    page.get_by_role("textbox", name="Question").fill("How large?")
    page.get_by_role("textbox", name="Question").press("Enter")
    page.get_by_role("button", name="Copy to report").click()
    report = opened(page)
    expect(report.get_by_role("status").filter(has_text="unsupported by a step")).to_be_visible()
    expect(report.locator(".impression-lines li.human")).to_contain_text("One dense square.")
    expect(report.locator(".impression-lines li.human")).to_contain_text("human text")
    saved(report)


def test_a_prior_report_lies_beside(room: Room, watched: Watched) -> None:
    room.analysed("again")
    report = room.opened(watched)
    report.get_by_role("button", name="Compare with a prior report").click()
    beside = report.page.get_by_role("dialog")
    expect(beside.get_by_role("region", name="Prior report")).to_contain_text("Square")
    beside.get_by_label("Show the words that changed").check()
    expect(beside.locator("ins").first).to_be_visible()
    assert Axe().run(report.page).response["violations"] == []


def test_text_of_reports_is_never_markup(room: Room, watched: Watched) -> None:
    room.says(summary='<img src="x" onerror="document.title=1">', findings=[{**FINDINGS[0], "text": "<b>Square</b>"}])
    report = room.opened(watched)
    expect(report.locator(".impression-lines")).to_contain_text("<img")
    expect(report.locator("img, b")).to_have_count(0)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_nothing_stands_in_the_way_of_a_screen_reader(room: Room, watched: Watched, theme: str) -> None:
    room.says(critical=[CRITICAL])
    page = watched.page(room.address, f"/studies/{STUDY}", width=1024, height=768)
    page.get_by_label("Theme").select_option(theme)
    report = opened(page)
    report.get_by_role("button", name="Record that it was told").click()
    report.get_by_role("button", name="Sign…").click()
    report.get_by_text("Second opinion and peer review").click()
    report.get_by_text("Files and delivery").click()
    report.get_by_role("button", name="Changes against the AI draft").click()
    impression(report)
    assert Axe().run(page).response["violations"] == []


def test_every_number_of_a_real_run_leads_to_the_image(product: str, watched: Watched) -> None:
    with httpx.Client(base_url=product, timeout=60) as http:
        studies = http.get("/api/v1/studies").json()["studies"]
        chest = next(s["study_uid"] for s in studies if s["body_part"] == "CHEST")
        job = http.post(f"/api/v1/studies/{chest}/analyses", json={"indication": "How large are the lungs?"}).json()
        give_up = time.monotonic() + 120
        while (state := http.get(f"/api/v1/jobs/{job['job_id']}").json())["state"] not in {"done", "failed"}:
            assert time.monotonic() < give_up, state
            time.sleep(0.2)
    report = opened(watched.page(product, f"/studies/{chest}"))
    sentence = report.locator("#finding-f1")
    number = sentence.get_by_role("button", name=re.compile("^Show .* in the image$")).first
    expect(number).to_be_visible()
    number.click()
    table = report.locator(".measured").first
    table.locator("summary").click()
    expect(table.get_by_role("button", name=re.compile("^Show ")).first).to_be_visible()
    expect(report.get_by_role("link", name=re.compile("PDF"))).to_have_attribute("href", re.compile(r"report\.pdf$"))
