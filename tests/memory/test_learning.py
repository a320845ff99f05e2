"""The memory of an installation: opened once, found again after a failure, let go of at the end."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from memory.embedder import NgramEmbedder
from memory.errors import MemoryOwned, MemoryUnavailable
from memory.learning import Opened, open_learning

KEY = b"a key of this test only"


def test_it_is_opened_once() -> None:
    opened = Opened(object)
    assert opened.value is None
    assert opened.get() is opened.get() is opened.value


def test_a_failure_is_told_again_and_tried_again_later() -> None:
    now, tries = [0.0], []

    def fail_first() -> str:
        tries.append(now[0])
        if len(tries) == 1:
            raise MemoryUnavailable("The server is down.")
        return "open"

    opened = Opened(fail_first, retry_s=30, clock=lambda: now[0])
    for now[0] in (0.0, 10.0, 29.0):
        with pytest.raises(MemoryUnavailable, match="down"):
            opened.get()
    now[0] = 31.0
    assert opened.get() == "open"
    assert tries == [0.0, 31.0]


def test_a_folder_has_one_owner_until_it_is_closed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = open_learning(tmp_path, KEY, embedder=NgramEmbedder())
    first.begin()
    second = open_learning(tmp_path, KEY, embedder=NgramEmbedder())
    with caplog.at_level(logging.WARNING):
        second.begin()
    assert "Without feedback memory" in caplog.text
    with pytest.raises(MemoryOwned):
        second.memory()
    first.close()
    third = open_learning(tmp_path, KEY, embedder=NgramEmbedder())
    assert third.memory().counts().unread == 0
    third.close()


def test_no_experiment_runs_when_it_is_off(tmp_path: Path) -> None:
    off = open_learning(tmp_path, KEY, embedder=NgramEmbedder())
    assert off.running() is None
    off.close()
    half = open_learning(tmp_path, KEY, mode="ab", embedder=NgramEmbedder())
    running = half.running()
    assert running is not None
    assert running.mode == "ab"
    assert set(half.experiments()) == {"ab", "shadow"}
    half.close()


def test_a_server_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    learning = open_learning(tmp_path, KEY, url="http://127.0.0.1:9", token="secret", embedder=NgramEmbedder())
    with pytest.raises(MemoryUnavailable) as raised:
        learning.memory()
    assert "secret" not in str(raised.value)
    assert not (tmp_path / "memory").exists()
    learning.close()
