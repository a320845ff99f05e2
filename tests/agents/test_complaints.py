"""A conversation in which an outline is complained of: the planner, the real tools, an endpoint over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agents.chat_models import ChatConfiguration
from agents.planner import Planner, PlannerAnswer
from agents.routing.router import Router
from domain.access import AccessContext
from domain.mask import Mask
from domain.study import Ingest, Order
from inference.catalogue import Catalogue
from inference.medimageparse import MedImageParse
from inference.transport.retry import RetryPolicy
from inference.transport.transport import Endpoint, EndpointTransport, open_client
from jobs.analyse import Analyser, assemble
from jobs.compute import ThreadCompute
from jobs.steps import SystemClock
from memory.embedder import NgramEmbedder
from plugins.workspace import Said, Workspace
from tests.agents.openai_server import Say, serve
from tests.inference.endpoint_server import Behaviour, disc, endpoint_server

SOURCE = (128, 128)


@pytest.fixture
def behaviour() -> Behaviour:
    """A gallbladder that one wording finds larger than the other, and a spleen."""
    shapes = {
        "gallbladder": disc(0.4, 0.35, 0.06, "other organ"),
        "gall bladder": disc(0.4, 0.35, 0.05, "other organ"),
        "spleen": disc(0.5, 0.7, 0.08, "other organ"),
    }
    return Behaviour(shapes, SOURCE)


@pytest.fixture
def endpoint(behaviour: Behaviour) -> Iterator[str]:
    with endpoint_server(behaviour) as url:
        yield url


class Conversation:
    """Turns about one study."""

    def __init__(self, planner: Planner, workspace: Workspace) -> None:
        self.planner = planner
        self.workspace = workspace

    async def say(self, text: str) -> str:
        workspace = self.workspace
        workspace.ask(text)
        answer = (await self.planner.run(workspace)).text
        workspace.earlier = (*workspace.earlier, Said(text, answer))
        if workspace.summary:
            workspace.analyses.append(f"analysis-{len(workspace.analyses) + 1}")
        return answer

    def mask(self, target: str) -> Mask:
        return next(m for m in self.workspace.masks.values() if m.target == target)

    @property
    def tools(self) -> list[str]:
        return [c.tool for c in self.workspace.calls]


@asynccontextmanager
async def conversation(ct: Ingest, endpoint: str, chat: ChatConfiguration | None = None) -> AsyncIterator[Conversation]:
    async with open_client(read_s=10) as client:
        policy = RetryPolicy(tries=1, base_s=0.001)
        model = MedImageParse(EndpointTransport(Endpoint(endpoint), client, policy=policy))
        planner = Planner(chat or ChatConfiguration(), router=Router(NgramEmbedder()))
        analyser = Analyser(
            planner, Catalogue([model]), compute=ThreadCompute(), clock=SystemClock(), software_version="test"
        )
        (study,) = ct.studies
        access = AccessContext("tester", study.study.patient.key)
        yield Conversation(planner, await analyser.open(study, Order(), access))
        await planner.close()


def asked(behaviour: Behaviour) -> list[str]:
    return [str(r["body"]["input_data"]["data"][0][1]) for r in behaviour.requests]


async def test_a_leak_is_answered_by_another_outline_in_the_next_turn(
    ct: Ingest, endpoint: str, behaviour: Behaviour
) -> None:
    async with conversation(ct, endpoint) as talk:
        await talk.say("Outline the gallbladder and the spleen.")
        await talk.say("And the spleen, how large is it?")
        spleen = talk.mask("spleen")
        sent = len(behaviour.requests)
        answer = await talk.say("The gallbladder outline leaks into the duodenum, try again.")
        assert [t for t in talk.tools if t != "study-describe"] == [
            "segmentation-refine",
            "measurement-measure",
            "report-compose",
        ]
        assert asked(behaviour)[sent:] == ["gall bladder"]
        assert talk.mask("spleen") is spleen
        assert answer.startswith("Gallbladder: area")
        assert "both are kept" in answer
        assert 'Say "take the other outline"' in answer


async def test_the_trail_is_in_the_provenance_of_the_turn(ct: Ingest, endpoint: str) -> None:
    async with conversation(ct, endpoint) as talk:
        await talk.say("Outline the gallbladder.")
        await talk.say("The outline is too large, tighten it.")
        reply = PlannerAnswer("", "built-in planner")
        analysis = assemble(talk.workspace, reply, analysis_id="a1", created=SystemClock().now(), refused=())
        (tried,) = (r for r in analysis.refinements if r.complaint)
        (other,) = talk.workspace.beside.values()
        assert (tried.complaint, tried.kept, tried.beside) == ("too_large", False, other.mask_id)
        assert {*tried.steps} <= {s.step_id for s in analysis.steps}
        assert analysis.needs_review


async def test_the_reader_takes_the_other_outline_and_it_is_measured(ct: Ingest, endpoint: str) -> None:
    async with conversation(ct, endpoint) as talk:
        await talk.say("Outline the gallbladder.")
        large = talk.mask("gallbladder").voxel_count
        await talk.say("The outline is too large, tighten it.")
        answer = await talk.say("Take the other outline.")
        assert talk.mask("gallbladder").voxel_count < large
        assert talk.workspace.unmeasured == []
        assert "stands now" in answer


async def test_without_an_outline_it_asks_back_and_calls_no_model(
    ct: Ingest, endpoint: str, behaviour: Behaviour
) -> None:
    async with conversation(ct, endpoint) as talk:
        answer = await talk.say("The outline leaks, try again.")
        assert [t for t in talk.tools if t != "study-describe"] == ["dialogue-ask"]
        assert "no outline in this conversation" in answer
        assert not behaviour.requests


async def test_used_up_it_says_so_and_what_to_do(ct: Ingest, endpoint: str, behaviour: Behaviour) -> None:
    async with conversation(ct, endpoint) as talk:
        talk.workspace.requested_tries = 0
        await talk.say("Outline the gallbladder.")
        sent = len(behaviour.requests)
        answer = await talk.say("The outline leaks, try again.")
        assert "This could not be done: 0 further tries" in answer
        assert "by hand in the viewer" in answer
        assert len(behaviour.requests) == sent


async def test_a_chat_model_that_forgets_it_is_completed(ct: Ingest, endpoint: str) -> None:
    def talks(_messages: list[dict[str, Any]], _tools: list[dict[str, Any]]) -> Say:
        return Say("I would rather talk.")

    with serve(talks) as server:
        chat = ChatConfiguration("openai", f"{server.url}/v1", "secret-key", "scripted", max_retries=0, timeout_s=10)
        async with conversation(ct, endpoint, chat) as talk:
            await talk.say("Outline the gallbladder.")
            await talk.say("The outline leaks, try again.")
            assert "segmentation-refine" in talk.tools
            assert any("left out another outline of gallbladder" in w for w in talk.workspace.warnings)
