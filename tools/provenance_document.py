"""provenance.json: what went in, what was sent, which models and programs worked, what came out.

In the terms of W3C PROV: inputs and artifacts are entities, steps are activities, software and models are agents.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from domain.analysis import Analysis
from domain.study import Instance, Series
from tools.report_document import Document, plain

SCHEMA_VERSION = "1.0"
SOFTWARE = "MedImage Orchestrator"


@dataclass(frozen=True)
class Digest:
    """A file by its content."""

    sha256: str
    size_bytes: int


def digest_of(path: Path) -> Digest:
    """Digest of a file's content."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Digest(sha256, path.stat().st_size)


def provenance_document(
    analysis: Analysis,
    *,
    when: datetime,
    software_version: str,
    prompt_hashes: Mapping[str, str],
    inputs: Mapping[Path, Digest],
    artifacts: Mapping[str, Digest],
) -> Document:
    """Provenance of an analysis.

    Args:
        prompt_hashes: prompt file → SHA-256.
        inputs: digests of the files of the study's instances; files that are not in it have no digest.
        artifacts: digests of the files written, by name.
    """
    document = {
        "schema_version": SCHEMA_VERSION,
        "analysis_id": analysis.analysis_id,
        "study_uid": analysis.study.study_uid,
        "written": when,
        "agents": _agents(analysis, software_version),
        "inputs": [_input(s, i, inputs.get(i.path)) for s in analysis.study.series for i in s.instances],
        "refused_inputs": [{"file": r.file, "reason": r.reason} for r in analysis.refused],
        "prompts": [vars(p) for p in analysis.prompts],
        "refinements": [vars(r) for r in analysis.refinements],
        "usage": dict(analysis.usage),
        "prompt_files": dict(prompt_hashes),
        "activities": [_activity(analysis, index) for index in range(len(analysis.steps))],
        "masks": _derivations(analysis),
        "artifacts": [{"name": name, **vars(digest)} for name, digest in artifacts.items()],
    }
    return {key: plain(value) for key, value in document.items()}


def _agents(analysis: Analysis, software_version: str) -> Document:
    return {
        "software": {"name": SOFTWARE, "version": software_version},
        "planner": analysis.planner,
        "models": [{"name": name, "version": version} for name, version in analysis.model_versions.items()],
    }


def _input(series: Series, instance: Instance, digest: Digest | None) -> Document:
    return {
        "series_uid": series.series_uid,
        "sop_instance_uid": instance.sop_instance_uid,
        "sop_class_uid": instance.sop_class_uid,
        "frames": list(instance.frame_numbers),
        "format": series.source_format,
        "sha256": digest.sha256 if digest else None,
        "size_bytes": digest.size_bytes if digest else None,
    }


def _activity(analysis: Analysis, index: int) -> Document:
    step = analysis.steps[index]
    return {
        "id": step.step_id,
        "agent": step.agent,
        "tool": step.tool,
        "model": step.model,
        "started": step.started,
        "seconds": step.seconds,
        "ok": step.ok,
        "error": step.error,
        "inputs": step.inputs,
        "outputs": step.outputs,
    }


def _derivations(analysis: Analysis) -> Sequence[Document]:
    """Which step and model made each mask, out of which series."""
    return [
        {
            "id": mask.mask_id,
            "target": mask.target,
            "was_derived_from": mask.series_uid,
            "was_generated_by": mask.step_id,
            "was_attributed_to": mask.model,
        }
        for mask in analysis.masks
    ]
