"""The memory on a real Chroma server over loopback."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from domain.study import Patient
from memory import vectors
from memory.advice import advise_or_go_on
from memory.embedder import NgramEmbedder
from memory.errors import MemoryUnavailable
from memory.feedback import open_memory
from memory.pseudonym import Pseudonyms
from memory.record import Setting, Submission
from memory.sought import Sought

COMMAND = Path(sys.executable).with_name("chroma")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    if not COMMAND.exists():
        pytest.skip("the chroma command is not installed")
    port = _free_port()
    command = [str(COMMAND), "run", "--path", str(tmp_path / "served"), "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _wait(f"http://127.0.0.1:{port}/api/v2/heartbeat")
        yield f"http://127.0.0.1:{port}", process
        process.kill()


def test_two_processes_may_share_a_server_and_a_run_goes_on_without_it(
    server: tuple[str, subprocess.Popen[bytes]],
    pseudonyms: Pseudonyms,
    submission: Callable[..., Submission],
    patient: Patient,
    now: datetime,
) -> None:
    url, process = server
    one, other = (open_memory(url, NgramEmbedder(), pseudonyms) for _ in range(2))
    kept = one.add(submission(), patient, "1.2", now=now)
    assert [r.feedback for r in other.retrieve(Sought("CT", "liver tumor"), now=now)] == [kept]
    process.kill()
    process.wait()
    with pytest.raises(MemoryUnavailable):
        other.counts()
    found = advise_or_go_on(
        other, modality="CT", region="abdomen", target="liver tumor", default=Setting("liver tumor")
    )
    assert found.advice is None
    assert "Without feedback memory" in found.warning


def test_an_absent_server_is_named(pseudonyms: Pseudonyms) -> None:
    with pytest.raises(MemoryUnavailable, match=r"127\.0\.0\.1"):
        open_memory(f"http://127.0.0.1:{_free_port()}", NgramEmbedder(), pseudonyms)


def test_a_server_that_hangs_does_not_hang_us(pseudonyms: Pseudonyms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        accepted: list[socket.socket] = []
        thread = threading.Thread(target=lambda: accepted.append(silent.accept()[0]))
        thread.start()
        with pytest.raises(MemoryUnavailable, match="Timeout"):
            open_memory(f"http://127.0.0.1:{silent.getsockname()[1]}", NgramEmbedder(), pseudonyms)
        thread.join()
        accepted[0].close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _wait(url: str) -> None:
    for _ in range(200):
        try:
            httpx.get(url, timeout=1.0)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the server did not start")
