"""What the page's benchmark counts as the shell, and which figures miss a bar."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import httpx
import pydicom
import pytest

from benchmarks.page.__main__ import Drawn, Measured, lines
from benchmarks.page.browser import Opened
from benchmarks.page.shell import named, shell_bytes
from benchmarks.page.stack import STUDY, archive

INDEX = """<!doctype html><html><head>
<link rel="icon" href="/icon.svg">
<script type="module" crossorigin src="/assets/index-1.js"></script>
<link rel="modulepreload" crossorigin href="/assets/client-2.js">
<link rel="stylesheet" crossorigin href="/assets/index-3.css">
</head><body><div id="page"></div></body></html>"""
FAST = Drawn(
    paints=[(0.3, 0.4), (0.2, 0.3), (3.0, 3.0)],
    images=[Opened(0.5, 1.4), Opened(None, 1.6), Opened(0.6, 9.0)],
    rates=[55.0, 58.0, 12.0],
)


def missed(found: Measured) -> list[str]:
    return [line.what for line in lines(found) if not line.kept]


def test_the_shell_is_the_index_and_what_it_names() -> None:
    assert named(INDEX) == ("/assets/index-1.js", "/assets/client-2.js", "/assets/index-3.css")


def test_a_file_counts_packed_however_it_was_sent() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, text=INDEX if request.url.path == "/" else "x" * 100_000)

    with httpx.Client(transport=httpx.MockTransport(answer), base_url="http://page") as http:
        packed, _ = shell_bytes(http)
    assert set(asked) == {"/", *named(INDEX)}
    assert packed < 2_000


def test_medians_decide() -> None:
    assert missed(Measured((90_000, 91_000), {"one": FAST, "other": FAST})) == []
    slow = replace(FAST, rates=[29.0], images=[Opened(None, 2.6)])
    found = Measured((151_000, 151_000), {"one": FAST, "other": slow})
    assert missed(found) == ["shell, packed", "other: first image on the canvas", "other: slices scrolled"]
    assert "the viewer was sooner" in {line.found for line in lines(found)}


@pytest.mark.parametrize("slices", [1, 3])
def test_the_stack_is_one_series_of_even_slices(slices: int) -> None:
    with zipfile.ZipFile(io.BytesIO(archive(slices, 32))) as packed:
        found = [pydicom.dcmread(io.BytesIO(packed.read(name))) for name in packed.namelist()]
    assert {one.StudyInstanceUID for one in found} == {STUDY}
    assert [float(one.ImagePositionPatient[2]) for one in found] == [float(index) for index in range(slices)]
    assert max(found[0].pixel_array.ravel()) > 600
