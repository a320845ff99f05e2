"""Size of the shell, first paint, first image and scrolling, in Chromium at the product that this starts itself.

    python -m benchmarks.page [--runs 5] [--slices 300] [--side 512] [--seconds 5] [--chromium PATH]

The page must have been built (`python web/build.py`). Every run has a browser context of its own, so nothing is cached
in it; the server is warm after the first. Bars are for two idle cores without a graphics card: the load of the machine
is printed, as anything else that runs counts against them. What draws on the processor is measured in both ways that
Chromium has for it (`benchmarks/page/browser.py`). Exit status 1: a bar was missed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import httpx

from benchmarks.page.browser import DRAWN, Opened, chromium, opened, paint_s, scroll_rate
from benchmarks.page.machine import load, machine
from benchmarks.page.product import ROOT, product, send
from benchmarks.page.shell import shell_bytes
from benchmarks.page.stack import archive

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SHELL_KB = 150.0
PAINT_S = 1.0
IMAGE_S = 2.5
SLICES_S = 30.0


@dataclass(frozen=True)
class Line:
    """One row of the table."""

    what: str
    found: str
    bar: str = ""
    kept: bool = True


@dataclass(frozen=True)
class Drawn:
    """What one way of drawing gave, a value a run; `rates` are slices a second."""

    paints: Sequence[tuple[float, float]]
    images: Sequence[Opened]
    rates: Sequence[float]


@dataclass(frozen=True)
class Measured:
    """Bytes of the shell, packed and as sent, and what each way of drawing gave."""

    shell: tuple[int, int]
    drawn: Mapping[str, Drawn]


def lines(found: Measured) -> list[Line]:
    """Figures beside their bars; medians decide."""
    packed, sent = (size / 1000 for size in found.shell)
    table = [
        Line("shell, packed", f"{packed:.1f} kB", f"≤ {SHELL_KB:.0f} kB", packed <= SHELL_KB),
        Line("shell, as sent", f"{sent:.1f} kB"),
    ]
    for way, drawn in found.drawn.items():
        table += _of_way(way, drawn)
    return table


def _of_way(way: str, drawn: Drawn) -> list[Line]:
    first, content = ([run[part] for run in drawn.paints] for part in (0, 1))
    images = [run.image_s for run in drawn.images]
    previews = [run.preview_s for run in drawn.images if run.preview_s is not None]
    paint, image = f"≤ {PAINT_S:g} s", f"≤ {IMAGE_S:g} s"
    return [
        Line(f"{way}: first paint", _spread(first, "s"), paint, median(first) <= PAINT_S),
        Line(f"{way}: first paint with content", _spread(content, "s"), paint, median(content) <= PAINT_S),
        Line(f"{way}: the server's first picture", _spread(previews, "s") if previews else "the viewer was sooner"),
        Line(f"{way}: first image on the canvas", _spread(images, "s"), image, median(images) <= IMAGE_S),
        Line(f"{way}: slices scrolled", _spread(drawn.rates, "/s", 1), f"≥ {SLICES_S:g}/s", _fast(drawn.rates)),
    ]


def _fast(rates: Sequence[float]) -> bool:
    return median(rates) >= SLICES_S


def _spread(values: Sequence[float], unit: str, digits: int = 2) -> str:
    low, high = min(values), max(values)
    return f"{median(values):.{digits}f} {unit} ({low:.{digits}f} – {high:.{digits}f})"


def measure(options: argparse.Namespace) -> tuple[Measured, str]:
    """Start, send, look; the figures and the browser's version."""
    drawn: dict[str, Drawn] = {}
    version = ""
    with product() as address:
        study = send(address, archive(options.slices, options.side))
        with httpx.Client(base_url=address, timeout=60) as http:
            shell = shell_bytes(http)
        for way in DRAWN:
            with chromium(options.chromium, way) as browser:
                version = browser.version
                drawn[way] = look(browser, address, study, options)
    return Measured(shell, drawn), version


def look(browser: Browser, address: str, study: str, options: argparse.Namespace) -> Drawn:
    """All runs of one way of drawing."""
    runs = range(options.runs)
    return Drawn(
        [paint_s(browser, address) for _ in runs],
        [opened(browser, address, study) for _ in runs],
        [scroll_rate(browser, address, study, options.seconds) for _ in runs],
    )


def missing(chromium_path: str) -> str:
    """What must be there first; "" when all is."""
    if not (ROOT / "web" / "dist" / "index.html").is_file():
        return "The page has not been built: python web/build.py"
    if find_spec("playwright") is None:
        return "Playwright is not installed: uv sync --group dev"
    if not Path(chromium_path).exists():
        return f"There is no browser at {chromium_path}: apt-get install -y chromium, or --chromium PATH"
    return ""


def main(arguments: list[str] | None = None) -> int:
    """Run and print; 1 where a bar was missed."""
    description = (__doc__ or "").split("\n", 1)[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=description)
    parser.add_argument("--runs", type=int, default=5, help="of each; medians are told (5)")
    parser.add_argument("--slices", type=int, default=300, help="of the CT (300)")
    parser.add_argument("--side", type=int, default=512, help="rows and columns of a slice (512)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of scrolling, a run (5)")
    parser.add_argument("--chromium", default="/usr/bin/chromium", metavar="PATH")
    options = parser.parse_args(arguments)
    lacking = missing(options.chromium)
    if lacking:
        print(lacking, file=sys.stderr)
        return 1
    before = load()
    found, version = measure(options)
    print(machine(version))
    print(
        f"load {before:.1f} before and {load():.1f} after; CT of {options.slices} × {options.side}²; median of "
        f"{options.runs} (least – largest)"
    )
    table = lines(found)
    for line in table:
        verdict = "" if not line.bar else "kept" if line.kept else "MISSED"
        print(f"  {line.what:<40}{line.found:<28}{line.bar:<12}{verdict}".rstrip())
    return 0 if all(line.kept for line in table) else 1


if __name__ == "__main__":
    sys.exit(main())
