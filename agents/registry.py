"""The specialists: a row each, with the tools that it brings, its prompt file, and when it is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from plugins.chest_report import ChestReportPlugin
from plugins.comparison import ComparisonPlugin
from plugins.delivery import DeliveryPlugin
from plugins.dialogue import DialoguePlugin
from plugins.evidence import EvidencePlugin
from plugins.features import FeaturesPlugin
from plugins.history import HistoryPlugin
from plugins.measurement import MeasurementPlugin
from plugins.prompts import PromptsPlugin
from plugins.quality import QualityPlugin
from plugins.recall import RecallPlugin
from plugins.report import ReportPlugin
from plugins.segmentation import SegmentationPlugin
from plugins.study import StudyPlugin
from plugins.workspace import Workspace
from prompts.library import load


def _always(_workspace: Workspace) -> bool:
    return True


@dataclass(frozen=True)
class Specialist:
    """A row of the registry.

    Attributes:
        name: prefix of its tools: "study" brings "study-describe".
        plugin: makes its tools, bound to the workspace of a run.
        prompt: file of prompts/specialists that says what it is for.
        offered: whether a run has what it needs.
    """

    name: str
    plugin: Callable[[Workspace], object]
    prompt: str
    offered: Callable[[Workspace], bool] = _always

    def tools(self, workspace: Workspace) -> dict[str, Callable[..., object]]:
        """Its tools for a run, by the names of their methods.

        Told to Semantic Kernel one by one: it would look through a whole object three times, and take some twice.
        """
        plugin = self.plugin(workspace)
        return {name: getattr(plugin, name) for name in _tool_names(type(plugin))}  # type: ignore[arg-type]  # classes are hashable

    @property
    def instructions(self) -> str:
        """What a planner is told of it."""
        return load(f"specialists/{self.prompt}").text


@cache
def _tool_names(plugin: type) -> tuple[str, ...]:
    """Methods that are marked as tools, in the alphabet's order."""
    return tuple(name for name in dir(plugin) if hasattr(getattr(plugin, name), "__kernel_function__"))


SPECIALISTS: dict[str, Specialist] = {
    row.name: row
    for row in (
        Specialist("study", StudyPlugin, "study"),
        Specialist("prompts", PromptsPlugin, "prompt_crafting"),
        Specialist("segmentation", SegmentationPlugin, "segmentation"),
        Specialist("chest", ChestReportPlugin, "chest_report", lambda w: w.around.chest_report is not None),
        Specialist("features", FeaturesPlugin, "features"),
        Specialist("quality", QualityPlugin, "quality"),
        Specialist("measurement", MeasurementPlugin, "measurement"),
        Specialist("comparison", ComparisonPlugin, "comparison", lambda w: w.around.priors is not None),
        Specialist("history", HistoryPlugin, "history", lambda w: w.around.history is not None),
        Specialist("evidence", EvidencePlugin, "evidence", lambda w: w.around.evidence is not None),
        Specialist("results", RecallPlugin, "recall"),
        Specialist("report", ReportPlugin, "report"),
        Specialist("delivery", DeliveryPlugin, "delivery", lambda w: w.around.approvals is not None),
        Specialist("dialogue", DialoguePlugin, "dialogue"),
    )
}
"""In the order in which a planner is told of them."""


def offered(workspace: Workspace, specialists: Mapping[str, Specialist] = SPECIALISTS) -> tuple[Specialist, ...]:
    """The specialists that this run has."""
    return tuple(s for s in specialists.values() if s.offered(workspace))
