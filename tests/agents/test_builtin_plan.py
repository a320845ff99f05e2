"""What the built-in planner does next, from what is needed and what the tools said."""

from __future__ import annotations

from typing import Any

from agents.builtin.plan import Result, Task, plan_next
from agents.needs import needs_of
from agents.routing.request import Intent, Request, Routed

SERIES: dict[str, Any] = {"name": "series-1", "modality": "CT", "slices": 3, "rows": 4, "columns": 5}
DESCRIBED: Result = ("study-describe", {"series": [SERIES], "priors": [], "masks": []})
CRAFTED: Result = ("prompts-craft", {"series": "series-1", "prompts": [{"target": "liver"}]})
OUTLINED: Result = ("segmentation-segment", {"masks": [{"id": "m1"}]})
EVERYTHING = frozenset({"study", "prompts", "segmentation", "quality", "measurement", "report", "comparison"})


def task(*requests: Request, found: tuple[str, ...] = ()) -> Task:
    return Task("the question", needs_of(Routed(requests), found=found, films=()), EVERYTHING)


def tools(said: object) -> list[str]:
    assert isinstance(said, list)
    return [name for name, _ in said]


FIND = Request(Intent.FIND, "size of the liver", targets=("liver",))


def test_it_describes_first_and_then_goes_stage_by_stage() -> None:
    asked = task(FIND)
    assert plan_next(asked, []) == [("study-describe", {})]
    assert plan_next(asked, [DESCRIBED]) == [("prompts-craft", {"series": "series-1", "targets": ["liver"]})]
    assert tools(plan_next(asked, [DESCRIBED, CRAFTED])) == ["segmentation-segment"]
    assert tools(plan_next(asked, [DESCRIBED, CRAFTED, OUTLINED])) == ["quality-assess"]


def test_a_poor_outline_is_refined_before_it_is_measured() -> None:
    results = [DESCRIBED, CRAFTED, OUTLINED, ("quality-assess", {"masks": [{"id": "m1", "refine": True}]})]
    assert plan_next(task(FIND), results) == [("segmentation-refine", {"mask": "m1"})]
    results[-1] = ("quality-assess", {"masks": [{"id": "m1", "refine": False}]})
    assert tools(plan_next(task(FIND), results)) == ["measurement-measure"]


def test_without_an_outline_there_is_nothing_to_judge_or_measure() -> None:
    results = [DESCRIBED, ("prompts-craft", {"series": "series-1", "prompts": []})]
    assert tools(plan_next(task(FIND), results)) == ["report-compose"]


def test_lookups_run_beside_the_first_stage() -> None:
    history = Request(Intent.HISTORY, "was there surgery", kinds=("procedure",))
    assert tools(plan_next(task(FIND, history), [DESCRIBED])) == ["history-search", "prompts-craft"]


def test_a_follow_up_recalls_and_draws_no_new_draft() -> None:
    recall = Request(Intent.RECALL, "how sure are you", topic="quality")
    asked = task(recall, found=("liver",))
    assert plan_next(asked, [DESCRIBED]) == [("results-recall", {"topic": "quality"})]
    said = plan_next(asked, [DESCRIBED, ("results-recall", {"text": "The liver passed [m1]."})])
    assert said == "The liver passed [m1]."


def test_a_comparison_comes_after_the_measurement() -> None:
    compare = Request(Intent.COMPARE, "compare with last year", targets=("liver",), prior="prior-2")
    results = [DESCRIBED, CRAFTED, OUTLINED, ("quality-assess", {"masks": []}), ("measurement-measure", {})]
    expected = [("comparison-compare", {"prior": "prior-2", "targets": ["liver"]})]
    assert plan_next(task(compare), results) == expected


def test_what_is_refused_calls_nothing_else() -> None:
    refuse = Request(Intent.REFUSE, "what should I prescribe", about="treatment")
    (call,) = plan_next(task(refuse), [DESCRIBED])
    assert call[0] == "dialogue-refuse"
    assert call[1]["reason_kind"] == "treatment"
    assert "treatment" in call[1]["text"]


def test_a_delivery_goes_where_the_words_say() -> None:
    to_pacs = Request(Intent.DELIVER, "please send it to PACS.", action="deliver")
    anywhere = Request(Intent.DELIVER, "send it", action="deliver")
    assert plan_next(task(to_pacs), [DESCRIBED]) == [("delivery-request", {"action": "deliver", "destination": "pacs"})]
    assert plan_next(task(anywhere), [DESCRIBED]) == [("delivery-request", {"action": "deliver"})]


def test_a_tool_that_failed_does_not_stop_the_rest() -> None:
    broken: Result = ("measurement-measure", {"error": {"reason": "down", "remedy": "later"}})
    results = [DESCRIBED, CRAFTED, OUTLINED, ("quality-assess", {"masks": []}), broken]
    assert tools(plan_next(task(FIND), results)) == ["report-compose"]


MASKS: list[dict[str, Any]] = [
    {"id": "m1", "target": "liver", "series": "series-1", "assessed": True, "measured": True},
    {"id": "m2", "target": "spleen", "series": "series-1", "assessed": True, "measured": True},
]
FOUND: Result = ("study-describe", {"series": [SERIES], "priors": [], "masks": MASKS})
LEAKS = Request(Intent.REFINE, "it leaks", targets=("liver",), complaint="too_large", change="window", to="lung")


def test_an_outline_that_leaks_is_made_again_measured_and_drafted() -> None:
    asked = task(LEAKS, found=("liver", "spleen"))
    wanted = {"mask": "m1", "complaint": "too_large", "change": "window", "to": "lung"}
    assert plan_next(asked, [FOUND]) == [("segmentation-refine", wanted)]
    made: Result = ("segmentation-refine", {"mask": "m3", "text": "Liver was outlined again [m3, s7]."})
    assert tools(plan_next(asked, [FOUND, made])) == ["measurement-measure"]
    results = [FOUND, made, ("measurement-measure", {"measurements": []})]
    assert tools(plan_next(asked, results)) == ["report-compose"]
    said = plan_next(asked, [*results, ("report-compose", {"answer": "Liver: volume 1 mL."})])
    assert said == "Liver: volume 1 mL.\n\nLiver was outlined again [m3, s7]."


def test_an_outline_that_was_not_judged_is_judged_before_it_is_made_again() -> None:
    unjudged: Result = ("study-describe", {"series": [SERIES], "masks": [{**MASKS[0], "assessed": False}]})
    asked = task(LEAKS, found=("liver",))
    assert tools(plan_next(asked, [unjudged])) == ["quality-assess"]
    judged: Result = ("quality-assess", {"masks": [{"id": "m1", "refine": True}]})
    assert tools(plan_next(asked, [unjudged, judged])) == ["segmentation-refine"]


def test_why_an_outline_was_not_made_again_is_told() -> None:
    used_up: Result = ("segmentation-refine", {"error": {"reason": "12 tries were made.", "remedy": "Use the brush."}})
    results = [FOUND, used_up, ("measurement-measure", {}), ("report-compose", {"answer": "Liver: volume 1 mL."})]
    said = plan_next(task(LEAKS, found=("liver",)), results)
    assert said == "Liver: volume 1 mL.\n\nThis could not be done: 12 tries were made. Use the brush."


def test_all_outlines_that_are_meant_are_made_again_at_once() -> None:
    both = Request(Intent.REFINE, "redo them", targets=("liver", "spleen"), complaint="poor")
    calls = plan_next(task(both, found=("liver", "spleen")), [FOUND])
    assert isinstance(calls, list)
    assert [arguments["mask"] for _, arguments in calls] == ["m1", "m2"]


def test_which_outline_is_asked_back_with_those_that_there_are() -> None:
    unclear = Request(Intent.ASK, "it leaks", about="target", complaint="too_large")
    ((_, arguments),) = plan_next(task(unclear, found=("liver", "spleen")), [FOUND])
    assert arguments == {"missing": "target", "question": "Which outline do you mean? There is liver, spleen."}
    ((_, arguments),) = plan_next(task(unclear), [DESCRIBED])
    assert "no outline in this conversation" in arguments["question"]
