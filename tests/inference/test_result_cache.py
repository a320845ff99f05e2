"""The result cache: what it keeps, for how long, and what it must never mix up."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.transport.result_cache import CacheKey, ResultCache

KEY = CacheKey("MedImageParse", "7", "blue", "ab" * 32)


def numbered(number: int) -> CacheKey:
    return replace(KEY, body=f"{number:064x}")


@pytest.mark.parametrize(
    "other", [{"model": "x"}, {"version": "8"}, {"deployment": "green"}, {"body": "cd" * 32}, {"version": "unknown"}]
)
async def test_every_part_of_the_key_counts(tmp_path: Path, other: dict[str, str]) -> None:
    cache = ResultCache(folder=tmp_path)
    await cache.put(KEY, b"[1]")
    assert await cache.get(KEY) == b"[1]"
    assert await cache.get(replace(KEY, **other)) is None


async def test_the_least_recently_used_goes_first() -> None:
    cache = ResultCache(30)
    for number in range(3):
        await cache.put(numbered(number), bytes(10))
    await cache.get(numbered(0))
    await cache.put(numbered(3), bytes(10))
    assert await cache.get(numbered(1)) is None
    assert await cache.get(numbered(0)) is not None


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40)), max_size=40))
async def test_the_bound_holds_whatever_comes(puts: list[tuple[int, int]]) -> None:
    cache, last = ResultCache(50), dict[int, int]()
    for number, size in puts:
        await cache.put(numbered(number), bytes(size))
        last[number] = size
        assert cache.snapshot()["bytes"] <= 50
    kept = {n: await cache.get(numbered(n)) for n in last}
    assert cache.snapshot()["bytes"] == sum(len(answer) for answer in kept.values() if answer is not None)
    assert all(answer is None or len(answer) == last[n] for n, answer in kept.items())


async def test_a_folder_outlives_the_process_but_not_for_unknown_versions(tmp_path: Path) -> None:
    unknown = replace(KEY, version="unknown")
    first = ResultCache(folder=tmp_path / "answers")
    await first.put(KEY, b"[1]")
    await first.put(unknown, b"[2]")
    assert await first.get(unknown) == b"[2]"
    second = ResultCache(folder=tmp_path / "answers")
    assert await second.get(KEY) == b"[1]"
    assert await second.get(unknown) is None


async def test_files_are_the_owners_and_a_changed_one_is_no_answer(tmp_path: Path) -> None:
    folder = tmp_path / "answers"
    await ResultCache(folder=folder).put(KEY, b"[1]")
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    file.write_bytes(file.read_bytes()[:-1] + b"}")
    assert await ResultCache(folder=folder).get(KEY) is None
    assert not list(folder.iterdir())


async def test_the_folder_is_bounded(tmp_path: Path) -> None:
    cache = ResultCache(0, folder=tmp_path, folder_bytes=400)
    for number in range(10):
        await cache.put(numbered(number), bytes(100))
    await cache.put(numbered(10), bytes(1000))
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 400
    assert await cache.get(numbered(9)) == bytes(100)
    assert await cache.get(numbered(10)) is None


async def test_what_is_discarded_is_gone_everywhere(tmp_path: Path) -> None:
    cache = ResultCache(folder=tmp_path)
    await cache.put(KEY, b"[1]")
    await cache.discard(KEY)
    assert await cache.get(KEY) is None
    assert cache.snapshot()["bytes"] == 0
