"""A whole batch, as its users meet it: real records, queue, worker and planner, in processes that can be killed."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.inference.endpoint_server import Behaviour, Shape, disc, endpoint_server
from tests.jobs.batch.images import NAME, ROOT, studies
from tests.jobs.batch.wired import EXIT_REVIEW, EXIT_SOME, EXIT_UNUSABLE, EXIT_USAGE, Batches, Done, until

COUNT = 30
QUESTION = "How large is the liver?"
OF_A_RUN = frozenset({"analysis_id", "seconds"})
"""What differs from run to run."""


class Gate(dict[str, Shape]):
    """Shapes of which an endpoint draws so many, and the rest when it is opened: a batch cannot end before that."""

    def __init__(self, shapes: Mapping[str, Shape], first: int) -> None:
        super().__init__(shapes)
        self._first = threading.Semaphore(first)
        self._opened = threading.Event()

    def open(self) -> None:
        """Answer everything."""
        self._opened.set()

    def get(self, prompt: str, default: Any = None) -> Any:
        """The shape, when its turn has come."""
        if not self._first.acquire(blocking=False):
            self._opened.wait(60)
        return super().get(prompt, default)


class World:
    """A data folder, and batches over it."""

    def __init__(self, batches: Batches, folder: Path, url: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.data.mkdir(parents=True)
        (self.data / "audit.key").write_text("ab" * 32)
        self._batches = batches
        self._environment = {
            "MEDIMAGE_DATA_DIR": str(self.data),
            "MEDIMAGE_MODELS__MEDIMAGEPARSE__ENDPOINTS": json.dumps([{"url": url, "key": "k", "version": "7"}]),
        }

    def batch(
        self,
        *words: str | Path,
        signals: list[int] | None = None,
        when: Callable[[], bool] | None = None,
        then: Callable[[], None] | None = None,
    ) -> Done:
        """Run a batch; see `Batches.run`."""
        arguments = [*map(str, words)]
        return self._batches.run(self.folder, arguments, self._environment, signals=signals, when=when, then=then)

    def until_said(self, words: str) -> None:
        """Come back when the batch under way has said so on its screen."""
        until(lambda: words in (self.folder / "err.txt").read_text())

    def on(self, database: str) -> None:
        """Use another database than SQLite in the data folder."""
        self._environment["MEDIMAGE_DATABASE_URL"] = database

    def ask(self, query: str) -> int:
        """A number from the records; 0 before there are any."""
        try:
            with sqlite3.connect(f"file:{self.data / 'medimage.sqlite'}?mode=ro", uri=True, timeout=10) as rows:
                return int(rows.execute(query).fetchone()[0])
        except sqlite3.OperationalError:
            return 0

    def table(self, name: str = "results.csv") -> list[dict[str, str]]:
        """Rows of a table."""
        with (self.folder / name).open(newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def batches() -> Iterator[Batches]:
    zygote = Batches()
    yield zygote
    zygote.close()


@pytest.fixture(scope="module")
def behaviour() -> Behaviour:
    return Behaviour({"liver": disc(0.45, 0.4, 0.2, "liver")}, (128, 128))


@pytest.fixture(scope="module")
def endpoint(behaviour: Behaviour) -> Iterator[str]:
    with endpoint_server(behaviour) as url:
        yield url


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return studies(tmp_path_factory.mktemp("images") / "in", COUNT)


@pytest.fixture
def world(batches: Batches, tmp_path: Path, endpoint: str, behaviour: Behaviour) -> World:
    behaviour.requests.clear()
    return World(batches, tmp_path, endpoint)


@pytest.fixture(scope="module")
def undisturbed(
    batches: Batches, tmp_path_factory: pytest.TempPathFactory, endpoint: str, images: Path
) -> tuple[World, Done]:
    """A batch that nothing happens to."""
    world = World(batches, tmp_path_factory.mktemp("undisturbed"), endpoint)
    out = world.folder / "results.csv"
    return world, world.batch(images, "--indication", QUESTION, "--workers", "3", "--out", out)


@contextmanager
def held_after(behaviour: Behaviour, answers: int) -> Iterator[Gate]:
    """The endpoint answers so often, and no more until the gate is opened."""
    shapes = behaviour.shapes
    behaviour.shapes = gate = Gate(shapes, answers)
    try:
        yield gate
    finally:
        gate.open()
        behaviour.shapes = shapes


def same(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Rows without what differs from run to run."""
    return [{name: value for name, value in row.items() if name not in OF_A_RUN} for row in rows]


def test_each_measurement_of_each_study_is_a_row(undisturbed: tuple[World, Done]) -> None:
    world, done = undisturbed
    assert done.status == EXIT_REVIEW, done.err
    rows = world.table()
    assert list(dict.fromkeys(row["study_uid"] for row in rows)) == [f"{ROOT}.{n}" for n in range(1, COUNT + 1)]
    areas = [row for row in rows if row["quantity"] == "area"]
    assert len(areas) == COUNT
    for row in areas:
        assert (row["target"], row["unit"], row["model"], row["model_version"]) == (
            "liver", "mm2", "MedImageParse", "7",
        )  # fmt: skip
        assert float(row["value"]) == pytest.approx(899.58, rel=0.02)
        assert (row["status"], row["needs_review"], row["quality"], row["error"]) == ("draft", "true", "review", "")
        assert row["series_uid"] == f"{row['study_uid']}.1"
        assert float(row["seconds"]) > 0
    assert len({row["patient"] for row in rows}) == COUNT // 2 + 1
    assert [row["quantity"] for row in rows if row["kind"] == "finding"] == ["finding"] * COUNT
    assert len({row["analysis_id"] for row in rows}) == COUNT


def test_what_cannot_be_used_is_listed_by_name_and_stops_nothing(undisturbed: tuple[World, Done]) -> None:
    world, done = undisturbed
    failures = world.table("results.failures.csv")
    assert [row["file"] for row in failures] == ["case 001/cut.dcm", "case 002/notes.txt", "case 003/empty"]
    assert all(row["reason"] and row["remedy"] and row["status"] == "not used" for row in failures)
    assert "30 done (30 need review), 0 failed, 3 files not used" in done.out


def test_no_identity_is_on_the_screen_or_in_the_tables(undisturbed: tuple[World, Done]) -> None:
    world, done = undisturbed
    tables = "".join((world.folder / name).read_text() for name in ("results.csv", "results.failures.csv"))
    for secret in (NAME, "PID-"):
        assert secret not in done.out + done.err + tables
    assert "case 001" not in done.out + done.err, "a file's name may be a patient's"
    assert "\x1b" not in done.err, "lines where there is no terminal"
    assert "30/30 studies" in done.err


def test_killed_in_the_middle_it_goes_on_and_repeats_nothing(
    world: World, undisturbed: tuple[World, Done], images: Path, behaviour: Behaviour
) -> None:
    words = (images, "--indication", QUESTION, "--workers", "3", "--out", world.folder / "results.csv")
    finished = "SELECT count(*) FROM jobs WHERE state = 'done'"
    with held_after(behaviour, 10):
        killed = world.batch(*words, signals=[signal.SIGKILL], when=lambda: world.ask(finished) >= 8)
    assert killed.status == -signal.SIGKILL
    assert 8 <= world.ask(finished) < COUNT, "killed in the middle"
    assert not (world.folder / "results.csv").exists(), "a table is whole or not there"
    resumed = world.batch(*words, "--resume")
    assert resumed.status == EXIT_REVIEW, resumed.err
    assert world.ask("SELECT count(*) FROM jobs") == COUNT
    assert world.ask("SELECT count(*) FROM analyses") == COUNT
    assert world.ask("SELECT count(*) FROM studies") == COUNT
    assert world.ask("SELECT sum(attempt) FROM jobs") <= COUNT + 3, "only what was under way is begun once more"
    assert COUNT <= len(behaviour.requests) <= COUNT + 3
    assert same(world.table()) == same(undisturbed[0].table())
    assert world.table("results.failures.csv") == undisturbed[0].table("results.failures.csv")
    table = (world.folder / "results.csv").read_bytes()
    asked = len(behaviour.requests)
    again = world.batch(*words)
    assert (again.status, len(behaviour.requests)) == (EXIT_REVIEW, asked), "the same command once more repeats nothing"
    assert (world.folder / "results.csv").read_bytes() == table


def test_stopped_it_says_how_to_go_on(world: World, images: Path, behaviour: Behaviour) -> None:
    words = (images, "--indication", QUESTION, "--workers", "2", "--limit", "12", "--batch", "morning")
    out = ("--out", world.folder / "results.csv")
    started = "SELECT count(*) FROM jobs WHERE attempt > 0"
    with held_after(behaviour, 1) as gate:

        def go_on() -> None:
            world.until_said("Stopping")
            gate.open()

        stopped = world.batch(*words, *out, signals=[signal.SIGINT], when=lambda: world.ask(started) >= 3, then=go_on)
    assert stopped.status == 128 + signal.SIGINT, stopped.err
    assert "app.py batch --batch morning --resume" in stopped.err
    assert "Traceback" not in stopped.err
    assert world.ask("SELECT count(*) FROM jobs WHERE state = 'running'") == 0
    assert world.ask("SELECT count(*) FROM jobs WHERE state = 'done'") == 3, "what ran may end, nothing more begins"
    resumed = world.batch("--batch", "morning", "--resume", "--limit", "12", "--json")
    assert resumed.status == EXIT_REVIEW, resumed.err
    summary = json.loads(resumed.out)
    assert (summary["done"], summary["failed"], summary["complete"]) == (12, 0, True)
    assert resumed.err == ""
    assert len({row["study_uid"] for row in world.table()}) == 12


def test_studies_that_fail_are_told_by_status_and_table(world: World, images: Path) -> None:
    folder = world.folder / "in"
    shutil.copytree(images / "case 001", folder / "good")
    broken = (images / "case 002" / "IM0001").read_bytes()
    (folder / "pixels.dcm").write_bytes(broken[:-20_000])
    out = world.folder / "results.csv"
    done = world.batch(folder, "--indication", QUESTION, "--out", out, "--deidentify")
    assert done.status == EXIT_SOME, done.err
    failed = [row for row in world.table("results.failures.csv") if row["status"] == "failed"]
    assert len(failed) == 1
    assert failed[0]["reason"]
    assert failed[0]["remedy"]
    rows = world.table()
    assert {row["status"] for row in rows} == {"draft", "failed"}
    everything = out.read_text() + (world.folder / "results.failures.csv").read_text()
    assert ROOT not in everything, "UIDs are pseudonyms"
    assert "pixels.dcm" not in everything
    (folder / "pixels.dcm").write_bytes(broken)
    again = world.batch(folder, "--indication", QUESTION, "--out", out, "--retry-failed")
    assert again.status == EXIT_REVIEW, again.err
    assert {row["status"] for row in world.table()} == {"draft"}
    assert {row["status"] for row in world.table("results.failures.csv")} == {"not used"}
    assert len(world.table("results.failures.csv")) == 1


def test_what_an_outage_left_is_listed_with_its_reason_and_repeated(
    world: World, images: Path, behaviour: Behaviour
) -> None:
    out = world.folder / "results.csv"
    words = (images, "--indication", QUESTION, "--limit", "4", "--out", out, "--batch", "night")
    behaviour.faults[:] = ["403", "403"]
    first = world.batch(*words, "--workers", "1")
    assert first.status == EXIT_REVIEW, first.err
    assert "2 studies are partial, because a model gave no answer:" in first.err
    assert "--retry-failed" in first.err
    left = [row for row in world.table("results.failures.csv") if row["status"] == "partial"]
    assert len(left) == 2
    assert all(row["reason"] and "--retry-failed" in row["remedy"] for row in left)
    gone_on = json.loads(world.batch(*words, "--resume", "--json").out)
    assert (gone_on["done"], gone_on["partial"]) == (4, 2)
    assert [gap["studies"] for gap in gone_on["gaps"]] == [2]
    asked = len(behaviour.requests)
    again = json.loads(world.batch("--batch", "night", "--retry-failed", "--limit", "4", "--json").out)
    assert (again["done"], again["partial"], again["gaps"]) == (4, 0, [])
    assert len(behaviour.requests) == asked + 2, "only what the outage left"
    assert {row["status"] for row in world.table()} == {"draft"}


def test_studies_on_record_are_asked_another_question(world: World, images: Path) -> None:
    out = world.folder / "results.csv"
    first = world.batch(images, "--indication", QUESTION, "--out", out, "--limit", "6")
    assert first.status == EXIT_REVIEW, first.err
    query = ("query", "modality=CT", "since=2025-03-01", "until=2025-05-31")
    done = world.batch(*query, "--indication", "Measure the liver.", "--out", world.folder / "q.csv")
    assert done.status == EXIT_REVIEW, done.err
    assert {row["study_uid"] for row in world.table("q.csv")} == {f"{ROOT}.{n}" for n in (2, 3, 4)}
    nothing = world.batch("query", "modality=MR", "--out", world.folder / "none.csv")
    assert nothing.status == EXIT_UNUSABLE
    assert world.table("none.csv") == []


def test_a_manifest_gives_each_row_its_own_question(world: World, images: Path) -> None:
    manifest = world.folder / "list.csv"
    manifest.write_text(
        "path,indication,priority\n"
        f"{images / 'case 001'},How large is the liver?,STAT\n"
        f"{images / 'case 001'},Measure the spleen.,\n"
        f"{images / 'case 002'},,\n"
        "nowhere,,\n"
        f"{images / 'case 003'},,SOON\n"
    )
    out = world.folder / "results.csv"
    done = world.batch(manifest, "--indication", QUESTION, "--out", out)
    assert done.status == EXIT_REVIEW, done.err
    assert world.ask("SELECT count(*) FROM jobs") == 3
    assert world.ask("SELECT count(*) FROM jobs WHERE priority = 'STAT'") == 1
    failures = {row["file"] for row in world.table("results.failures.csv")}
    assert {"nowhere", "list.csv, line 6"} <= failures


def test_one_name_is_one_batch(world: World, images: Path) -> None:
    out = ("--out", world.folder / "results.csv", "--batch", "one", "--limit", "1")
    assert world.batch(images, "--indication", QUESTION, *out).status == EXIT_REVIEW
    other = world.batch(images, "--indication", "Measure the spleen.", *out)
    assert other.status == EXIT_USAGE
    assert "another" in other.err
    assert world.batch("--batch", "two", "--resume").status == EXIT_USAGE


@pytest.mark.peer("postgresql")
def test_on_postgresql_it_goes_on_as_well(world: World, images: Path, behaviour: Behaviour, postgres_url: str) -> None:
    world.on(postgres_url)
    words = (images, "--indication", QUESTION, "--limit", "8", "--out", world.folder / "results.csv")
    killed = world.batch(*words, signals=[signal.SIGKILL], when=lambda: len(behaviour.requests) >= 3)
    assert killed.status == -signal.SIGKILL
    resumed = world.batch(*words)
    assert resumed.status == EXIT_REVIEW, resumed.err
    rows = world.table()
    assert [row["study_uid"] for row in rows if row["quantity"] == "area"] == [f"{ROOT}.{n}" for n in range(1, 9)]
    assert len(behaviour.requests) <= 8 + 2


@pytest.mark.parametrize("folder", ["bad_input", "transfer_syntaxes"])
def test_real_files_of_every_kind_end_one_way_or_the_other(world: World, data: Path, folder: str) -> None:
    out = world.folder / "results.csv"
    done = world.batch(data / folder, "--indication", QUESTION, "--workers", "3", "--out", out)
    assert done.status in {EXIT_REVIEW, EXIT_SOME}, done.err
    failures = world.table("results.failures.csv")
    numbers = {row["number"] for row in world.table()}
    assert numbers
    assert all(row["reason"] and row["remedy"] for row in failures)
    assert "Traceback" not in done.err
