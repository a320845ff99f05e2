"""The built page in a real browser: at a server whose planner is a threshold, and at the whole product."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from api.application import create_app
from tests.api.engine import build_services

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "web" / "dist"
CHROMIUM = Path("/usr/bin/chromium")
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
SOFTWARE = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
"""WebGL without a graphics card."""
START_S = 90.0


@pytest.fixture(scope="session")
def dist() -> Path:
    """The page as `make page` builds it, built here when it is not what its sources say.

    MEDIMAGE_TEST_PAGE names a folder with a page that was built elsewhere.
    """
    if "MEDIMAGE_TEST_PAGE" in os.environ:
        return Path(os.environ["MEDIMAGE_TEST_PAGE"])
    done = subprocess.run([sys.executable, "web/build.py"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        missing(f"The page could not be built: {done.stderr[-800:]}")
    return DIST


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Of one file: its loop runs as long as it does, and no test with a loop of its own may meet it."""
    if not CHROMIUM.exists():
        missing("Chromium is missing: apt-get install -y chromium")
    with sync_playwright() as playwright:
        args = ["--no-sandbox", *QUIET, *SOFTWARE]
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=args)
        yield chromium
        chromium.close()


def missing(reason: str) -> None:
    """On CI nothing may be missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def address(tmp_path: Path, dist: Path) -> Iterator[str]:
    """A server of its own in a thread, on a free port, with nothing in it."""
    services, _ = build_services(tmp_path, dist)
    server = uvicorn.Server(
        uvicorn.Config(create_app(services), host="127.0.0.1", port=0, log_level="warning", ws="none")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory, dist: Path) -> Iterator[str]:
    """The product as `make run` starts it, with its demo study, in a process of its own."""
    folder = tmp_path_factory.mktemp("product")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    environment = dict(
        os.environ, MEDIMAGE_DEMO="true", MEDIMAGE_DATA_DIR=str(folder / "data"), MEDIMAGE_SERVER__PORT=str(port)
    )
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "app.py", "serve"], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        try:
            wait_for(f"{address}/readyz", process, folder / "log")
            yield address
        finally:
            process.terminate()
            process.wait(60)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until a server answers. Fails with its last words when it does not."""
    give_up = time.monotonic() + START_S
    while time.monotonic() < give_up and process.poll() is None:
        try:
            with urlopen(url, timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    pytest.fail(log.read_text("utf-8")[-2000:])


class Watched:
    """Contexts of a browser in which an error, or a request to anywhere else, is a failure."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.wrong: list[str] = []
        self.expected: tuple[str, ...] = ()

    def page(self, address: str, path: str = "/", *, width: int = 1280, height: int = 800) -> Page:
        """A page of a new context, opened at an address."""
        context = self._browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
        # The tour greets who comes for the first time.
        context.add_init_script("localStorage.setItem('medimage.toured', 'yes')")
        self._contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self._note(f"page error: {error}"))
        page.on("console", lambda line: self._note(f"console: {line.text}") if line.type == "error" else None)
        page.on("request", lambda r: None if r.url.startswith((address, f"blob:{address}")) else self._note(r.url))
        page.goto(address + path)
        return page

    def _note(self, what: str) -> None:
        if not any(part in what for part in self.expected):
            self.wrong.append(what)

    def close(self) -> None:
        """Close all. Fails when anything was wrong."""
        for context in self._contexts:
            context.close()
        assert self.wrong == []


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    watched = Watched(browser)
    yield watched
    watched.close()
