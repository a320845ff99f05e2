"""What a browser must fetch before the page can show anything: its index, and what the index names."""

from __future__ import annotations

import gzip
from html.parser import HTMLParser

import httpx


class _Names(HTMLParser):
    """Scripts, style sheets and chunks that an index asks for at once, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.paths: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        path = given.get("src") if tag == "script" else None
        if tag == "link" and (given.get("rel") or "") in {"modulepreload", "stylesheet"}:
            path = given.get("href")
        if path:
            self.paths.append(path)


def named(index: str) -> tuple[str, ...]:
    """Paths of the files that an index names and that the first picture of the page waits for."""
    names = _Names()
    names.feed(index)
    return tuple(names.paths)


def shell_bytes(http: httpx.Client) -> tuple[int, int]:
    """Bytes of the shell packed with gzip, and as they went over the wire.

    The second is more where a file lies there without its packed copy: `web/build.py` makes them, a bare `npm run
    build` does not.
    """
    packed = sent = 0
    index = http.get("/")
    for path in ("/", *named(index.text)):
        with http.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as reply:
            reply.raise_for_status()
            content = b"".join(reply.iter_bytes())
            sent += reply.num_bytes_downloaded
        packed += len(gzip.compress(content, 9, mtime=0))
    return packed, sent
