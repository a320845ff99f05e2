"""report.md says everything, and nothing that came from outside becomes markup."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.analysis import Refinement
from domain.mask import Outcome
from domain.study import Order, Patient
from tests.tools.outputs_builders import analysis_of, box, mask_on, volume_of, write_phantom
from tools.report_markdown import escaped, report_markdown


@pytest.fixture
def text(tmp_path: Path) -> str:
    volume = volume_of(write_phantom(tmp_path))
    masks = [mask_on(volume, "liver", box(volume.geometry), 1, Outcome.REVIEW)]
    patient = Patient("P-1", name="やまだ^たろう")
    return report_markdown(analysis_of([volume], masks, patient=patient), ["report.pdf was not written."])


def test_says_what_a_reader_needs(text: str) -> None:
    for part in (
        "NOT REVIEWED BY A PHYSICIAN",
        "やまだ たろう",
        "P-1",
        "A-7",
        "2026-01-01 10:11",
        "evidence: s1, s9",
        "voxel count × voxel volume",
        "| liver | volume |",
        "implausible size",
        "Series 4: slices are uneven.",
        "report.pdf was not written.",
        "notes.txt",
        "gallbladder: no model for it here",
        "| MedImageParse | 3 |",
        "liver in abdomen CT",
        "failed: a check failed",
    ):
        assert part in text


def test_numbers_are_rounded_for_reading(text: str) -> None:
    assert "| liver | long axis | 12.35 | mm |" in text


def test_a_further_try_says_what_became_of_it(tmp_path: Path) -> None:
    volume = volume_of(write_phantom(tmp_path))
    mask = mask_on(volume, "liver", box(volume.geometry), 1, Outcome.REVIEW)
    tried = Refinement("1.2", "liver", "prompt", "a", "b", "why", "review", "review", kept=False)
    tries = (replace(tried, kept=True), tried, replace(tried, beside="m4"))
    said = report_markdown(replace(analysis_of([volume], [mask]), refinements=tries), [])
    for result in ("| kept |", "| not kept |", "| kept beside, m4 |"):
        assert said.count(result) == 1


HOSTILE = [
    "<script>alert(1)</script>",
    "[click](javascript:alert(1))",
    "![x](http://evil.example/p.png)",
    "a | b | c",
    "one\n\n# Heading",
    "`code` **bold** $x$",
    "&lt;b&gt;",
    "visit http://evil.example now",
    "\u202egnp.exe",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_untrusted_text_stays_text(tmp_path: Path, hostile: str) -> None:
    volume = volume_of(write_phantom(tmp_path))
    analysis = analysis_of([volume], [], order=Order(hostile), unanswered=(hostile,), summary=hostile)
    text = report_markdown(analysis)
    assert not re.search(r"(?<!\\)<(?!$)", text)
    assert not re.search(r"(?<!\\)\]\(", text)
    assert "http://" not in text
    assert "\u202e" not in text
    assert [line for line in text.splitlines() if line.startswith("# ")] == ["# MedImage Orchestrator – draft report"]
    (row,) = [line for line in text.splitlines() if line.startswith("| Indication")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 3


@given(st.text())
def test_any_text_is_one_line_of_plain_text(text: str) -> None:
    line = escaped(text)
    assert len(line.splitlines()) <= 1
    assert not re.search(r"(?<!\\)(?:\\\\)*[<`*\[\]|]", line)
