"""Tables: no cell is a formula, no file is half written, memory does not grow."""

from __future__ import annotations

import csv
import math
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from domain.errors import ConfigurationError
from jobs.batch.rows import RESULTS, Pseudonyms, result_rows
from jobs.batch.table import cell, failures_beside, open_table, require_format, write_table


@pytest.mark.parametrize(
    "text",
    [
        "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =cmd|' /C calc'!A0", "\n@x", "＝1+1", "−2", "|calc", "%0A",
        "\ufeff=1", "\u200b=1",
    ],
)  # fmt: skip
def test_text_that_a_spreadsheet_would_compute_is_text(tmp_path: Path, text: str) -> None:
    out = tmp_path / "t.csv"
    write_table(out, {"a": str, "b": str}, [{"a": text, "b": "x"}])
    with out.open(newline="", encoding="utf-8") as file:
        _, (first, second) = csv.reader(file)
    assert first.startswith("'")
    assert second == "x"


def test_numbers_stay_numbers() -> None:
    values = [-12.5, 3, True, None, math.nan, 1e-9, "liver: 3 cm"]
    assert [cell(v) for v in values] == ["-12.5", "3", "true", "", "", "1e-09", "liver: 3 cm"]


def test_text_stays_in_its_cell_and_on_its_line(tmp_path: Path) -> None:
    out = tmp_path / "t.csv"
    evil = 'a","b\r\n=1+1\x1b[31m\x00\ud800'
    write_table(out, {"a": str, "b": str}, [{"a": evil, "b": "Befund: 5 µm"}])
    content = out.read_bytes().decode("utf-8")
    assert content.count("\r\n") == 2
    assert "\x1b" not in content
    with out.open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file))[1] == ['a","b =1+1\ufffd[31m\ufffd\ufffd', "Befund: 5 µm"]


def test_a_table_is_whole_or_what_it_was(tmp_path: Path) -> None:
    out = tmp_path / "t.csv"
    write_table(out, {"a": int}, [{"a": 1}])

    def breaks() -> Any:
        yield {"a": 2}
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_table(out, {"a": int}, breaks())
    assert out.read_text().split() == ["a", "1"]
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_memory_does_not_grow_with_rows(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        tracemalloc.start()
        write_table(tmp_path / "t.csv", RESULTS, ({"batch": "b", "number": n, "value": n / 3} for n in range(rows)))
        reached = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return reached

    small, large = peak(500), peak(10_000)
    assert large < small + 100_000


@pytest.mark.parametrize("name", ["t.xlsx", "t", "folder.csv"])
def test_other_formats_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ConfigurationError):
        require_format(tmp_path / name)


def test_without_pyarrow_the_remedy_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigurationError, match="pyarrow") as refused:
        require_format(tmp_path / "t.parquet")
    assert "--extra parquet" in refused.value.remedy
    assert not list(tmp_path.iterdir())


def test_parquet_keeps_types(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    out = tmp_path / "t.parquet"
    with open_table(out, RESULTS) as table:
        for number in range(12_000):
            table.add({"batch": "b", "number": number, "value": -1.5, "needs_review": True, "text": "=1"})
    read = parquet.read_table(out)
    assert read.num_rows == 12_000
    row = read.slice(11_999, 1).to_pylist()[0]
    assert (row["number"], row["value"], row["needs_review"], row["text"], row["unit"]) == (
        11_999, -1.5, True, "=1", None,
    )  # fmt: skip


def test_failures_stand_beside() -> None:
    assert failures_beside(Path("a/results.parquet")) == Path("a/results.failures.parquet")


DOCUMENT = {
    "status": "partial",
    "needs_review": True,
    "warnings": ["w1", "w2"],
    "unanswered": ["No model here knows the spleen."],
    "masks": [
        {"id": "m1", "target": "liver", "series_uid": "1.2.1", "model": "MedImageParse@7", "step_id": "s3",
         "qa": {"outcome": "pass", "confidence": 0.9}},
    ],
    "steps": [{"id": "s3", "model": "MedImageParse@7"}, {"id": "s4", "model": ""}, {"id": "s5", "model": "Own@a@2"}],
    "measurements": [
        {"name": "area", "target": "liver", "value": 9.5, "unit": "mm2", "series_uid": "1.2.1", "mask_id": "m1"},
        {"name": "ratio", "target": "heart", "value": 0.5, "unit": "1", "series_uid": "1.2.2", "step_id": "s5"},
    ],
    "findings": [{"id": "f1", "text": "Liver: 9.5 mm²", "evidence": ["s3", "s4"], "confidence": None, "qa": "pass"}],
}  # fmt: skip


def test_rows_say_where_a_number_comes_from() -> None:
    area, ratio, finding = result_rows(DOCUMENT, {"batch": "b", "number": 1}, Pseudonyms(b"key"))
    assert (area["quantity"], area["value"], area["unit"], area["confidence"], area["quality"]) == (
        "area", 9.5, "mm2", 0.9, "pass",
    )  # fmt: skip
    assert (area["model"], area["model_version"], area["warnings"], area["status"]) == (
        "MedImageParse", "7", 2, "partial",
    )  # fmt: skip
    assert (ratio["model"], ratio["model_version"], ratio["quality"]) == ("Own@a", "2", "")
    assert (finding["target"], finding["series_uid"], finding["text"]) == ("liver", "1.2.1", "Liver: 9.5 mm²")


def test_a_study_without_anything_is_a_row() -> None:
    (row,) = result_rows({**DOCUMENT, "measurements": [], "findings": []}, {}, Pseudonyms(b"key"))
    assert (row["kind"], row["text"], row["warnings"]) == ("study", "No model here knows the spleen.", 2)


def test_pseudonyms_are_stable_and_the_installations_own() -> None:
    names, others = Pseudonyms(b"key", True), Pseudonyms(b"other", True)
    assert names.uid("study", "1.2") == names.uid("study", "1.2") != others.uid("study", "1.2")
    assert names.uid("study", "1.2") != names.uid("series", "1.2")
    assert names.patient("|P", "1") == names.patient("|P", "2")
    assert names.patient("|", "1") != names.patient("|", "2"), "nobody says that the nameless are one"
    assert Pseudonyms(b"key").uid("study", "1.2") == "1.2"
