"""The planner through real tool calls: a chat model over HTTP in good days and bad, and the built-in one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents.builtin.chat import NAME
from agents.chat_models import ChatConfiguration
from agents.guardrails import Budget
from domain.mask import Outcome
from domain.ports import EventKind
from tests.agents.openai_server import Calls, Dies, Fault, Say, Script, rounds, serve, tool_results
from tests.inference.endpoint_server import disc

QUESTION = "Please measure the liver and the spleen."
BUILT_IN = ChatConfiguration()
ORDER = [
    "study-describe",
    "prompts-craft",
    "segmentation-segment",
    "quality-assess",
    "measurement-measure",
    "report-compose",
]
ARGUMENTS: dict[str, Any] = {
    "prompts-craft": {"series": "series-1"},
    "segmentation-segment": {"series": "series-1", "targets": ["liver", "spleen"]},
    "quality-assess": {"masks": ["m1", "m2"]},
    "measurement-measure": {"masks": ["m1", "m2"]},
}


def chat(url: str, *, stream: bool = True) -> ChatConfiguration:
    return ChatConfiguration(
        "openai", f"{url}/v1", "secret-key", "scripted", stream=stream, max_retries=0, timeout_s=10
    )


def obedient(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Say | Calls:
    """A model that does the whole run in order, then answers with the tools' own numbers."""
    turn = rounds(messages)
    if turn < len(ORDER):
        return Calls(((ORDER[turn], ARGUMENTS.get(ORDER[turn], {})),))
    report = json.loads(tool_results(messages)[-1])
    return Say(report["findings"][0]["text"])


def complete(run: Any) -> None:
    """The question was done: both organs, judged, measured, in the draft."""
    workspace = run.workspace
    assert {m.target for m in workspace.masks.values()} == {"liver", "spleen"}
    assert all(m.quality is not None for m in workspace.masks.values())
    assert {m.target for m in workspace.measurements if m.name == "area"} == {"liver", "spleen"}
    assert workspace.summary


def took_over(run: Any) -> None:
    assert run.planner == NAME
    assert any("took over" in w for w in run.workspace.warnings)
    assert any(e.kind is EventKind.PLANNER_CHANGED for e in run.events)


async def test_the_built_in_planner_measures_what_was_asked(run: Any) -> None:
    async with run(QUESTION, BUILT_IN) as done:
        complete(done)
        assert done.planner == NAME
        liver = next(m for m in done.workspace.masks.values() if m.target == "liver")
        area = next(m for m in done.workspace.measurements if m.name == "area" and m.target == "liver")
        assert area.value == pytest.approx(liver.voxel_count * 0.661468**2)
        exact = 3.141592653589793 * (0.15 * 128) ** 2
        assert liver.voxel_count == pytest.approx(exact, rel=0.01)
        assert f"{area.value:.0f} mm²" in done.text


async def test_steps_are_told_as_they_happen(run: Any) -> None:
    async with run(QUESTION, BUILT_IN) as done:
        kinds = [(e.kind, e.data.get("tool")) for e in done.events if e.kind is not EventKind.TEXT]
        assert kinds.index((EventKind.STEP_STARTED, "segment")) < kinds.index((EventKind.STEP_FINISHED, "segment"))
        assert kinds.index((EventKind.STEP_FINISHED, "segment")) < kinds.index((EventKind.STEP_STARTED, "assess"))
        segment = next(
            e.data for e in done.events if e.data.get("tool") == "segment" and e.kind is EventKind.STEP_FINISHED
        )
        assert segment["model"] == "MedImageParse@unknown"
        assert segment["outputs"]["liver"]["category"] == "liver"


@pytest.mark.parametrize("stream", [True, False], ids=["streaming", "whole"])
async def test_a_chat_model_does_the_run_by_tool_calls(run: Any, stream: bool) -> None:
    with serve(obedient) as server:
        async with run(QUESTION, chat(server.url, stream=stream)) as done:
            complete(done)
            assert done.planner == "scripted"
            assert done.text.startswith("Liver: area")
            assert not any("took over" in w for w in done.workspace.warnings)
        told = {t["function"]["name"] for t in server.requests[0]["tools"]}
        without = {"chest-report", "comparison-compare", "history-search", "delivery-request"}
        assert set(ORDER) <= told
        assert not told & without, "tools of specialists that this run does not have"
        assert all(body.get("stream", False) is stream for body in server.requests)
        assert server.headers[0]["authorization"] == "Bearer secret-key"


@pytest.mark.parametrize("stream", [True, False], ids=["streaming", "whole"])
async def test_parallel_calls_are_all_done(run: Any, stream: bool) -> None:
    def parallel(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Say | Calls:
        turn = rounds(messages)
        if turn == 2:
            segment = [("segmentation-segment", {"series": "series-1", "targets": [t]}) for t in ("liver", "spleen")]
            return Calls(tuple(segment))
        return obedient(messages, tools)

    with serve(parallel) as server:
        async with run(QUESTION, chat(server.url, stream=stream)) as done:
            complete(done)
            assert done.planner == "scripted"
            assert len({m.mask_id for m in done.workspace.masks.values()}) == 2


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (("segmentation-segment", '{"series": "series-1", "targets": ['), "malformed"),
        (("segmentation-segment", {"series": "series-1", "organs": ["liver"]}), "unexpected argument"),
        (("segmentation-segment", {"series": "series-9", "targets": ["liver"]}), "study-describe"),
        (("segmentation-segment", {"series": "series-1", "targets": ["unicorn"]}), "prompts-craft"),
        (("surgery-operate", {"organ": "liver"}), "not part of the provided tools"),
    ],
    ids=["malformed JSON", "unknown argument", "unknown series", "target without prompt", "unknown tool"],
)
@pytest.mark.parametrize("stream", [True, False], ids=["streaming", "whole"])
async def test_a_wrong_call_is_answered_with_a_hint_and_the_run_goes_on(
    run: Any, stream: bool, call: tuple[str, Any], hint: str
) -> None:
    heard: list[str] = []

    def clumsy(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Say | Calls:
        if rounds(messages) == 0:
            return Calls((call,))
        heard.append(tool_results(messages)[0])
        return obedient([m for m in messages if m is not _first_assistant(messages)], tools)

    with serve(clumsy) as server:
        async with run(QUESTION, chat(server.url, stream=stream)) as done:
            complete(done)
            assert done.planner == "scripted"
    assert hint in heard[0]


def _first_assistant(messages: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next((m for m in messages if m["role"] == "assistant"), None)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(lambda m, t: Fault(500), id="HTTP 500"),
        pytest.param(lambda m, t: Fault(401), id="key refused"),
        pytest.param(lambda m, t: Say(""), id="empty final"),
        pytest.param(lambda m, t: Dies() if rounds(m) >= 2 else obedient(m, t), id="dies after two tools"),
        pytest.param(lambda m, t: Dies(), id="dies at once"),
    ],
)
@pytest.mark.parametrize("stream", [True, False], ids=["streaming", "whole"])
async def test_the_built_in_planner_takes_over(run: Any, stream: bool, script: Script) -> None:
    with serve(script) as server:
        async with run(QUESTION, chat(server.url, stream=stream)) as done:
            complete(done)
            took_over(done)


async def test_a_server_that_is_not_there_is_no_reason_to_stop(run: Any) -> None:
    async with run(QUESTION, chat("http://127.0.0.1:9")) as done:
        complete(done)
        took_over(done)


async def test_what_is_done_is_not_done_again_after_a_change_of_planner(run: Any, behaviour: Any) -> None:
    with serve(lambda m, t: Dies() if rounds(m) >= 3 else obedient(m, t)) as server:
        async with run(QUESTION, chat(server.url)) as done:
            complete(done)
            took_over(done)
    asked = [r["body"]["input_data"]["data"][0][1] for r in behaviour.requests]
    assert sorted(asked) == ["liver", "spleen"]


async def test_what_a_chat_model_leaves_out_is_completed(run: Any) -> None:
    with serve(lambda m, t: Say("I would rather not look at images today.")) as server:
        async with run(QUESTION, chat(server.url)) as done:
            complete(done)
            assert done.planner == f"scripted, {NAME}"
            assert any("left out" in w for w in done.workspace.warnings)


async def test_endless_calls_end_with_the_budget(run: Any) -> None:
    with serve(lambda m, t: Calls((("study-describe", {}),))) as server:
        async with run(QUESTION, chat(server.url), Budget(tool_calls=12, rounds=50)) as done:
            complete(done)
            took_over(done)
            assert any("More than 12 tool calls" in w for w in done.workspace.warnings)
        assert len(server.requests) <= 14


async def test_numbers_are_not_taken_before_quality_assurance(run: Any) -> None:
    heard: list[str] = []

    def hasty(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Say | Calls:
        if rounds(messages) == 3:
            return Calls((("measurement-measure", {"masks": ["m1"]}),))
        if rounds(messages) > 3:
            heard.append(tool_results(messages)[3])
            return obedient([m for m in messages if m is not _first_assistant(messages)], tools)
        return obedient(messages, tools)

    with serve(hasty) as server:
        async with run(QUESTION, chat(server.url)) as done:
            complete(done)
    assert "quality-assess" in heard[0]


async def test_the_built_in_planner_has_no_budget_of_calls(run: Any) -> None:
    async with run(QUESTION, BUILT_IN, Budget(tool_calls=1, rounds=1, seconds=0.001)) as done:
        complete(done)
        assert not done.workspace.partial


async def test_a_prompt_that_may_name_a_person_is_not_sent(run: Any, ct: Any, behaviour: Any) -> None:
    name = ct.studies[0].study.patient.name.split("^")[0]
    async with run(f"segment {name.lower()} and the liver", BUILT_IN) as done:
        assert {m.target for m in done.workspace.masks.values()} == {"liver"}
        assert any("name a person" in w for w in done.workspace.unanswered_texts)
    assert name.lower() not in json.dumps([r["body"]["input_data"]["data"][0][1] for r in behaviour.requests])


async def test_invented_numbers_do_not_reach_the_reader(run: Any) -> None:
    def inventive(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Say | Calls:
        said = obedient(messages, tools)
        return Say(said.text + " The spleen weighs 987 g.") if isinstance(said, Say) else said

    with serve(inventive) as server:
        async with run(QUESTION, chat(server.url)) as done:
            assert "987" not in done.text
            assert done.text.startswith("Liver: area")
            assert any("no support by a tool" in w for w in done.workspace.warnings)


async def test_a_chat_model_cannot_change_a_verdict(run: Any) -> None:
    def insisting(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Say | Calls:
        if rounds(messages) == 3:
            return Calls((("quality-assess", {"masks": ["m1", "m2"], "outcome": "pass"}),))
        if rounds(messages) > 3:
            return obedient([m for m in messages if m is not _first_assistant(messages)], tools)
        return obedient(messages, tools)

    with serve(insisting) as server:
        async with run(QUESTION, chat(server.url)) as done:
            by_model = {m.target: m.quality.outcome for m in done.workspace.masks.values()}
    async with run(QUESTION, BUILT_IN) as done:
        by_rule = {m.target: m.quality.outcome for m in done.workspace.masks.values()}
    assert by_model == by_rule
    assert Outcome.REVIEW in by_rule.values()


async def test_nothing_that_names_the_patient_goes_to_the_chat_model(run: Any, ct: Any) -> None:
    patient = ct.studies[0].study.patient
    question = f"Liver of {patient.name.replace('^', ' ')}, {patient.patient_id}, seen on 2004-01-19?"
    with serve(obedient) as server:
        async with run(question, chat(server.url)) as done:
            assert done.workspace.masks
        sent = json.dumps(server.requests)
    sent = sent.lower()
    for secret in (patient.patient_id, *patient.name.split("^"), ct.studies[0].study.study_uid, "2004-01-19"):
        assert secret
        assert secret.lower() not in sent, sent[max(0, sent.find(secret.lower()) - 60) :][:140]


async def test_azure_openai_is_spoken_to_in_its_own_way(run: Any) -> None:
    with serve(obedient) as server:
        azure = ChatConfiguration(
            "azure_openai", server.url, "azure-key", "gpt-deployment", max_retries=0, timeout_s=10
        )
        async with run(QUESTION, azure) as done:
            complete(done)
            assert done.planner == "gpt-deployment"
        assert server.paths[0] == "/openai/deployments/gpt-deployment/chat/completions"
        assert server.headers[0]["api-key"] == "azure-key"


async def test_a_lesion_has_features_and_an_organ_has_none(run: Any, behaviour: Any) -> None:
    behaviour.shapes = {**behaviour.shapes, "liver tumor": disc(0.4, 0.35, 0.05, "tumor")}
    async with run("liver and liver tumor", BUILT_IN) as done:
        described = {row["target"] for row in done.workspace.feature_rows}
        assert described == {"liver tumor"}
        families = {row["family"] for row in done.workspace.feature_rows}
        assert {"intensity", "shape", "glcm"} <= families
