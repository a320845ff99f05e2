"""report.pdf opens, says it is a draft on every page, and shows names in any script."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from pypdf import PdfReader

from domain.study import Order, Patient
from tests.tools.outputs_builders import analysis_of, box, mask_on, volume_of, write_phantom
from tools.overlay import overlay_png
from tools.report_pdf import marked_up, report_pdf


def pages(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]


def test_every_page_carries_the_notice_and_the_facts_are_there(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path))
    masks = [mask_on(volume, f"organ {i}", box(volume.geometry), i) for i in range(1, 12)]
    analysis = analysis_of([volume], masks)
    png, _ = overlay_png(volume, masks, analysis.measurements)
    pdf = report_pdf(analysis, [("Series 4, slice 2 of 3", png)], ["the SEG failed"])
    text = pages(pdf)
    assert len(text) > 1
    assert all("NOT REVIEWED BY A PHYSICIAN" in page and "DRAFT" in page for page in text)
    whole = "\n".join(text)
    for part in ("P-1", "A-7", "Series 4, slice 2 of 3", "the SEG failed", "notes.txt", "organ 11", "MedImageParse"):
        assert part in whole
    assert sum(len(page.images) for page in PdfReader(io.BytesIO(pdf)).pages) == 1


def test_names_in_other_scripts_are_shown_or_degrade(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path))
    patient = Patient("7", name="Äneas^Rüdiger=山田^太郎=やまだ")
    text = "\n".join(pages(report_pdf(analysis_of([volume], [], patient=patient))))
    assert "Äneas Rüdiger=山田 太郎=やまだ" in text
    assert marked_up("a𐍈ș") == "a?s"


@pytest.mark.parametrize("hostile", ["<b>", "</para>", "<img src='file:///etc/passwd'/>", "&amp;", "x" * 5000, "\x00"])
def test_markup_in_untrusted_text_is_shown_not_obeyed(tmp_path: Path, hostile: str) -> None:
    volume = volume_of(write_phantom(tmp_path))
    analysis = analysis_of([volume], [], order=Order(hostile), summary=hostile, warnings=(hostile,))
    pdf = report_pdf(analysis)
    if hostile.startswith("<"):
        assert hostile in "\n".join(pages(pdf)).replace("\n", "")
    assert sum(len(page.images) for page in PdfReader(io.BytesIO(pdf)).pages) == 0


def test_the_same_analysis_writes_the_same_bytes(tmp_path: Path) -> None:
    analysis = analysis_of([volume_of(write_phantom(tmp_path))], [])
    assert report_pdf(analysis) == report_pdf(analysis)
