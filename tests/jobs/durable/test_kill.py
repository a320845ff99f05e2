"""kill -9 at any point: the next attempt leaves what an undisturbed run leaves, and does again only what was in flight.

The clock stands still in these processes, so that no byte may differ. Against a real clock the times of steps differ
and what follows from them: `started`, `seconds` and the latencies of steps, and the instant `created` with the objects
that carry it, for what ran after the kill.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.agents.openai_server import ChatServer, serve
from tests.agents.test_planner import obedient
from tests.inference.endpoint_server import Behaviour
from tests.jobs.durable.conftest import QUESTION
from tests.jobs.durable.process import Ended, Errand, Zygote

World = Callable[..., Errand]
ASKED = 2
"""Requests to the model in a run that nothing happens to: one a target."""


def files(errand: Errand) -> dict[str, bytes]:
    """The artifacts, by name."""
    return {p.name: p.read_bytes() for p in (Path(errand.folder) / "analyses" / errand.job).glob("*") if p.is_file()}


def undisturbed(zygote: Zygote, errand: Errand) -> dict[str, bytes]:
    """What the run in memory leaves."""
    ended = zygote.run(replace(errand, attempt=0))
    assert (ended.signal, ended.said["steps"]) == (0, 6)
    return files(errand)


@pytest.fixture(scope="module")
def plain(zygote: Zygote, template: Path, endpoint: str, behaviour: Behaviour) -> dict[str, bytes]:
    """What the run in memory leaves with the built-in planner."""
    errand = Errand(f"sqlite:///{template}/medimage.sqlite", str(template), endpoint, QUESTION)
    behaviour.requests.clear()
    left = undisturbed(zygote, errand)
    assert len(behaviour.requests) == ASKED
    shutil.rmtree(template / "analyses" / errand.job)
    return left


@pytest.fixture(autouse=True)
def nothing_asked_yet(plain: dict[str, bytes], behaviour: Behaviour) -> None:
    """Each test counts its own requests. The plain run comes first: it leaves a record in the template."""
    del plain
    behaviour.requests.clear()


def inside_each(zygote: Zygote, errand: Errand) -> tuple[int, Ended]:
    """Attempts of which the n-th is killed inside step n; the one that ends, and its number."""
    for attempt in range(1, 30):
        ended = zygote.run(replace(errand, attempt=attempt, kill="inside", skip=min(attempt - 1, 1)))
        if not ended.signal:
            return attempt, ended
        assert ended.signal == 9
    raise AssertionError("no end")


def test_a_run_that_nothing_happens_to_leaves_what_a_plain_one_leaves(
    zygote: Zygote, world: World, plain: dict[str, bytes]
) -> None:
    durable = world("durable")
    ended = zygote.run(durable)
    assert ended.said["steps"] == 6
    assert files(durable) == plain
    assert {"report.json", "fhir-bundle.json", "provenance.json"} < plain.keys()
    assert {name.rpartition(".seg")[0] for name in plain if ".seg" in name}
    told = [(kind, data.get("id")) for kind, data in ended.said["events"] if kind.startswith("step")]
    assert told == [(kind, f"s{n}") for n in range(1, 7) for kind in ("step_started", "step_finished")]
    assert not any(data.get("replayed") for _, data in ended.said["events"])


def test_killed_inside_each_step_in_turn(
    zygote: Zygote, world: World, behaviour: Behaviour, plain: dict[str, bytes]
) -> None:
    chain = world("chain")
    attempts, ended = inside_each(zygote, chain)
    assert attempts == 8  # six tools, and the artifacts with the record
    assert files(chain) == plain
    assert len(behaviour.requests) == 2 * ASKED  # once for nothing, and once in the attempt after
    assert ended.said["steps"] == 6
    told = [data for kind, data in ended.said["events"] if kind == "step_finished"]
    assert [data["id"] for data in told] == [f"s{n}" for n in range(1, 7)]
    assert all(data["replayed"] for data in told)


def test_killed_after_any_step_nothing_is_done_twice(
    zygote: Zygote, world: World, behaviour: Behaviour, plain: dict[str, bytes]
) -> None:
    twice = world("twice")
    for attempt, skip in ((1, 2), (2, 2), (3, 0)):
        assert zygote.run(replace(twice, attempt=attempt, kill="after", skip=skip)).signal == 9
    ended = zygote.run(replace(twice, attempt=4))
    assert files(twice) == plain
    assert len(behaviour.requests) == ASKED
    assert (ended.signal, ended.said["steps"]) == (0, 6)


@pytest.fixture
def chat() -> Iterator[ChatServer]:
    """A chat model that does the whole run, a tool a turn."""
    with serve(obedient) as server:
        yield server


def test_a_chat_model_is_asked_each_thing_once(
    zygote: Zygote, world: World, behaviour: Behaviour, chat: ChatServer
) -> None:
    plain = undisturbed(zygote, world("plain", chat=chat.url))
    turns = len(chat.requests)
    assert json.loads(plain["report.json"])["planner"] == "scripted"
    chat.requests.clear()
    behaviour.requests.clear()
    chain = world("chain", chat=chat.url)
    for attempt, skip in ((1, 1), (2, 3), (3, 2), (4, 3)):
        assert zygote.run(replace(chain, attempt=attempt, kill="after", skip=skip)).signal == 9
    assert zygote.run(replace(chain, attempt=5)).said["steps"] == 6
    assert files(chain) == plain
    assert len(chat.requests) == turns
    assert len(behaviour.requests) == ASKED


@pytest.mark.parametrize("where", ["results", "artifacts"])
def test_a_full_disk_is_said_and_corrupts_nothing(
    zygote: Zygote, world: World, plain: dict[str, bytes], where: str
) -> None:
    full = world("full")
    ended = zygote.run(replace(full, full=where))
    assert ended.said["error"] == "ProgressNotKept"
    assert "disk" in ended.said["text"]
    assert "/secret" not in ended.said["text"]
    assert files(full) == {}
    assert zygote.run(replace(full, attempt=2)).signal == 0
    assert files(full) == plain


def test_postgresql_keeps_the_same_promise(
    zygote: Zygote, world: World, behaviour: Behaviour, plain: dict[str, bytes], postgres_database: str
) -> None:
    chain = world("chain", database=postgres_database)
    for attempt, kill, skip in ((1, "inside", 2), (2, "after", 1), (3, "inside", 2)):
        assert zygote.run(replace(chain, attempt=attempt, kill=kill, skip=skip)).signal == 9
    ended = zygote.run(replace(chain, attempt=4))
    assert (ended.signal, ended.said["steps"]) == (0, 6)
    assert files(chain) == plain
    assert len(behaviour.requests) == 2 * ASKED  # the first kill was inside the step that asks
