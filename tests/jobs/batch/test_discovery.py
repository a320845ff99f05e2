"""Studies are found by headers alone, in an order that stays, with memory that does not grow."""

from __future__ import annotations

import asyncio
import os
import tracemalloc
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from domain.study import Priority
from jobs.batch.discovery import Discovery
from jobs.batch.entries import BatchBusy, StudyState
from jobs.batch.index import BatchIndex
from jobs.batch.request import BatchRequest, source_of
from jobs.compute import WorkerDied
from tests.jobs.batch.images import CT, ROOT, ct, headers
from tools.ingest import ingest


class Here:
    """Compute in this process, that counts files; dies where it is told to."""

    def __init__(self, deadly: str = "") -> None:
        self.looked = 0
        self._deadly = deadly

    async def run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        if isinstance(args[0], list):
            if self._deadly and any(place.name == self._deadly for place in args[0]):
                raise WorkerDied("A worker process ended in the middle of its work.")
            self.looked += len(args[0])
        return function(*args, **kwargs)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[BatchIndex]:
    opened = BatchIndex(tmp_path / "batch")
    yield opened
    opened.close()


async def nothing() -> AsyncIterator[Sequence[str]]:
    return
    yield


async def find(index: BatchIndex, path: Path, compute: Here | None = None) -> bool:
    request = BatchRequest("b", source_of([str(path)]), "liver", Path("out.csv"))
    return await Discovery(index, compute or Here(), asyncio.Event()).run(request, nothing)


def names(index: BatchIndex) -> list[list[str]]:
    """Files of each study, by its number."""
    return [[place.name for place, _ in index.files(study.number)] for study in index.studies()]


def refused(index: BatchIndex) -> dict[str, str]:
    return {refusal.file: refusal.reason for _, refusal in index.refused()}


async def test_files_of_a_study_are_one_wherever_they_lie(index: BatchIndex, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    ct(folder / "b" / "1", 2)
    ct(folder / "a" / "1", 1)
    ct(folder / "c" / "1", 1)
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "picture.png")
    assert await find(index, folder)
    assert names(index) == [["picture.png"], ["a/1", "c/1"], ["b/1"]]
    assert [study.group for study in index.studies()][1:] == [f"study {ROOT}.1", f"study {ROOT}.2"]
    assert [unnamed for _, unnamed in index.files(1)] == [True], "a picture does not say its modality"


async def test_files_that_are_no_images_are_refused_by_name(index: BatchIndex, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    ct(folder / "good", 1)
    (folder / "cut").write_bytes(CT.read_bytes()[:300])
    (folder / "notes.txt").write_text("x")
    (folder / "empty").touch()
    (folder / ".hidden").write_text("x")
    os.mkfifo(folder / "pipe")
    (folder / "gone").symlink_to(folder / "nowhere")
    (folder / "round").symlink_to(folder)
    assert await find(index, folder)
    assert names(index) == [["good"]]
    assert set(refused(index)) == {"cut", "notes.txt", "empty", "pipe", "gone", "round"}


async def test_archives_are_looked_into_and_nothing_stays_unpacked(index: BatchIndex, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    with zipfile.ZipFile(folder / "disc.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in (1, 2, 1):
            archive.write(ct(tmp_path / "x", number), f"../DICOM/{len(archive.namelist())}/IM1")
        archive.writestr("__MACOSX/._IM1", "noise")
        archive.writestr("readme.txt", "x")
        archive.writestr("bomb.dcm", b"\0" * 30_000_000)
    (folder / "broken.zip").write_bytes((folder / "disc.zip").read_bytes()[:2000])
    assert await find(index, folder)
    assert names(index) == [["disc.zip/../DICOM/0/IM1", "disc.zip/../DICOM/2/IM1"], ["disc.zip/../DICOM/1/IM1"]]
    assert set(refused(index)) == {"disc.zip/readme.txt", "disc.zip/bomb.dcm", "broken.zip"}
    assert "far more" in refused(index)["disc.zip/bomb.dcm"]
    assert not [path for path in index.folder.iterdir() if path.is_dir()]


async def test_what_was_looked_at_is_not_looked_at_again(index: BatchIndex, tmp_path: Path) -> None:
    folder = headers(tmp_path / "in", 30)
    compute = Here()
    assert await find(index, folder, compute)
    assert compute.looked == 30
    before = names(index)
    ct(folder / "new", 7)
    assert await find(index, folder, compute)
    assert compute.looked == 31
    assert sorted(names(index)) == sorted([*before, ["new"]])
    assert names(index)[:3] == before[:3], "numbers stay"


async def test_a_file_that_comes_too_late_is_said(index: BatchIndex, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    ct(folder / "1", 1)
    await find(index, folder)
    index.settle(1, StudyState.ORDERED)
    ct(folder / "2", 1)
    await find(index, folder)
    assert names(index) == [["1"]]
    assert "after its study" in refused(index)["2"]


async def test_a_file_that_ends_its_process_is_refused_alone(index: BatchIndex, tmp_path: Path) -> None:
    folder = headers(tmp_path / "in", 20, a_study=1)
    deadly = "000/000007"
    assert await find(index, folder, Here(deadly))
    assert index.count() == 19
    assert set(refused(index)) == {deadly}


async def test_it_stops_when_told_and_goes_on_later(
    index: BatchIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.batch.discovery.LOOKS_AT_ONCE", 1)
    folder = headers(tmp_path / "in", 450)
    stop = asyncio.Event()
    request = BatchRequest("b", source_of([str(folder)]), "liver", Path("out.csv"))
    assert not await Discovery(index, Here(), stop, lambda *_: stop.set()).run(request, nothing)
    assert index.count() == 20
    assert await find(index, folder)
    assert index.count() == 45


async def test_real_files_are_grouped_as_the_reader_groups_them(index: BatchIndex, tmp_path: Path, data: Path) -> None:
    for folder in ("ct_lung_nodule", "transfer_syntaxes", "bad_input", "other_modalities"):
        await find(index, data / folder)
        read = ingest([data / folder])
        groups = {study.group.partition(" ")[2] for study in index.studies() if study.group.startswith("study ")}
        dicom = {item.study.study_uid for item in read.studies if item.study.series[0].source_format == "DICOM"}
        assert {uid for uid in dicom if not uid.startswith("2.25.")} <= groups


async def test_memory_does_not_grow_with_the_number_of_files(index: BatchIndex, tmp_path: Path) -> None:
    folder = headers(tmp_path / "in", 5000)
    request = BatchRequest("b", source_of([str(folder)]), "liver", Path("out.csv"))
    held: list[int] = []

    def told(files: int, _studies: int) -> None:
        if files >= 3500 and not tracemalloc.is_tracing():  # from the first file on it would take a minute
            tracemalloc.start()
        elif tracemalloc.is_tracing():
            held.append(tracemalloc.get_traced_memory()[0])

    try:
        assert await Discovery(index, Here(), asyncio.Event(), told).run(request, nothing)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (index.count(), len(held)) == (500, 7)
    assert peak < 2_000_000
    assert held[-1] < held[0] + 100_000


def test_one_process_has_a_batch(tmp_path: Path) -> None:
    first = BatchIndex(tmp_path)
    with pytest.raises(BatchBusy):
        BatchIndex(tmp_path)
    first.close()
    BatchIndex(tmp_path).close()


def test_questions_are_numbered_once(index: BatchIndex) -> None:
    ask = partial(index.question, "liver")
    assert ask(Priority.STAT) == ask(Priority.STAT) != ask(Priority.ROUTINE)
