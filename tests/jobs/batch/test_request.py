"""What a batch is asked: sources, filters, names."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from domain.study import Priority, Refusal
from jobs.batch.command import request_of
from jobs.batch.manifest import ManifestRow, manifest_rows
from jobs.batch.request import BatchUsage, SourceKind, batch_name, source_of


@pytest.mark.parametrize(
    "words",
    [
        ["query", "modality=CT", "since=2025-01-01"],
        ["modality=ct", "since=2025-01-01"],
        ["query modality=CT since=2025-01-01"],
        ["since=2025-01-01 modality=CT"],
    ],
)
def test_filters_may_come_as_one_word_or_several(words: list[str]) -> None:
    source = source_of(words)
    assert source.kind is SourceKind.STORED
    assert (source.which.modality, source.which.since) == ("CT", datetime(2025, 1, 1))
    assert source.text == source_of(["query", "since=2025-01-01", "modality=CT"]).text


def test_a_word_of_a_filter_may_have_blanks_and_a_day_is_meant_whole() -> None:
    which = source_of(["query", "description=chest pa", "until=2025-01-31"]).which
    assert which.description == "chest pa"
    assert which.until == datetime(2025, 2, 1)


@pytest.mark.parametrize(
    "words", [[], ["nowhere"], ["query", "patient=x"], ["query", "since=monday"], ["query", "CT"], [".", "."]]
)
def test_what_cannot_be_done_is_wrong_usage(words: list[str]) -> None:
    with pytest.raises(BatchUsage):
        source_of(words)


def test_the_same_command_has_the_same_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    whole = batch_name(source_of([str(tmp_path / "in")]), "liver", Priority.RESEARCH)
    monkeypatch.chdir(tmp_path)
    assert batch_name(source_of(["in"]), "liver", Priority.RESEARCH) == whole
    assert batch_name(source_of(["in"]), "spleen", Priority.RESEARCH) != whole


def test_names_are_names_of_folders(tmp_path: Path) -> None:
    for name in ("../x", "", "a/b", "x" * 49, ".hidden"):
        with pytest.raises(BatchUsage):
            request_of([] if not name else [str(tmp_path)], tmp_path, name=name)


def test_a_manifest_is_read_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes('\ufeffPath, Indication ,priority\na/b,"liver, then spleen",stat\n,,\nc,,never\n/d,,\n'.encode())
    rows = list(manifest_rows(path))
    first, empty, wrong, last = rows
    assert first == ManifestRow(2, tmp_path / "a/b", "a/b", "liver, then spleen", Priority.STAT)
    assert isinstance(empty, Refusal)
    assert isinstance(wrong, Refusal)
    assert wrong.file == "list.csv, line 4"
    assert last == ManifestRow(5, Path("/d"), "/d", "", None)


@pytest.mark.parametrize("content", [b"", b"file,indication\n", b"path,patient\n", b"path\n\xff\xfe\n"])
def test_a_manifest_of_another_form_is_wrong_usage(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(content)
    with pytest.raises(BatchUsage):
        list(manifest_rows(path))
