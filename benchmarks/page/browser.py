"""Times and rates as the browser itself takes them, each in a fresh context: nothing is cached from the run before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DRAWN = {
    "no WebGL": ("--disable-gpu",),
    "SwiftShader": ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
}
"""Two ways without a graphics card. The first is what Chrome does by itself on such a machine. In the second the
processor plays a graphics card for WebGL, and for putting the page together: slower, and only for tests of WebGL."""
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
WAIT_MS = 120_000
WATCH = files(__package__).joinpath("watch.js").read_text("utf-8")


@dataclass(frozen=True)
class Opened:
    """When a study was seen, in seconds from the navigation to its page.

    Attributes:
        preview_s: the server's picture of the first slice; None where the viewer was there sooner.
        image_s: the viewer's own canvas, with something bright on it.
    """

    preview_s: float | None
    image_s: float


@contextmanager
def chromium(path: str, drawn: str) -> Iterator[Browser]:
    """A browser that draws on the processor in one of the ways of `DRAWN`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", *QUIET, *DRAWN[drawn]])
        yield browser
        browser.close()


@contextmanager
def fresh(browser: Browser) -> Iterator[Page]:
    """A page of a new context, as on a reading-room screen that is still small; the tour has been seen."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(WAIT_MS)
    context.add_init_script("localStorage.setItem('medimage.toured', 'yes')")
    context.add_init_script(WATCH)
    yield context.new_page()
    context.close()


def paint_s(browser: Browser, address: str) -> tuple[float, float]:
    """First paint and first paint with content (W3C Paint Timing) of the worklist."""
    with fresh(browser) as page:
        page.goto(address)
        page.locator("html[data-painted]").wait_for(state="attached")
        found = page.evaluate("watched.paints()")
    return found["first-paint"] / 1000, found["first-contentful-paint"] / 1000


def opened(browser: Browser, address: str, study: str) -> Opened:
    """Open a study by its address."""
    with fresh(browser) as page:
        _show(page, address, study)
        found = page.evaluate("watched.times()")
    preview = found["preview"]
    return Opened(None if preview is None else preview / 1000, found["image"] / 1000)


def scroll_rate(browser: Browser, address: str, study: str, seconds: float) -> float:
    """Different slices drawn a second while an arrow key is held down, all slices being in the browser."""
    with fresh(browser) as page:
        _show(page, address, study)
        page.locator("[data-pane=main]").get_by_text("Loading").wait_for(state="detached")
        return float(page.evaluate("seconds => watched.scroll(seconds)", seconds))


def _show(page: Page, address: str, study: str) -> None:
    page.goto(f"{address}/studies/{study}")
    page.locator("html[data-image-drawn]").wait_for(state="attached")
