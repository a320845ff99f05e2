"""Provenance names every input, prompt, step, model and file, by content."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tests.tools.outputs_builders import WHEN, analysis_of, box, mask_on, volume_of, write_phantom
from tools.provenance_document import digest_of, provenance_document


def test_inputs_prompts_steps_and_artifacts(tmp_path: Path) -> None:
    paths = write_phantom(tmp_path)
    volume = volume_of(paths)
    analysis = analysis_of([volume], [mask_on(volume, "liver", box(volume.geometry))])
    artifact = tmp_path / "report.md"
    artifact.write_text("hello")
    document = provenance_document(
        analysis,
        when=WHEN,
        software_version="0.1.0",
        prompt_hashes={"planner.md": "ab"},
        inputs={path: digest_of(path) for path in paths},
        artifacts={"report.md": digest_of(artifact)},
    )
    again = json.loads(json.dumps(document, allow_nan=False))
    assert [i["sop_instance_uid"] for i in again["inputs"]] == ["1.2.3.4.1", "1.2.3.4.2", "1.2.3.4.3"]
    assert again["inputs"][0]["sha256"] == hashlib.sha256(paths[0].read_bytes()).hexdigest()
    assert again["agents"]["software"] == {"name": "MedImage Orchestrator", "version": "0.1.0"}
    assert again["agents"]["models"] == [{"name": "MedImageParse", "version": "3"}]
    assert again["prompts"][0]["window"] == "liver"
    assert again["prompts"][0]["reason"] == "asked"
    assert again["prompt_files"] == {"planner.md": "ab"}
    assert [a["id"] for a in again["activities"]] == ["s1", "s2", "s9"]
    assert again["activities"][0]["inputs"] == {"target": "liver"}
    assert again["masks"][0]["was_generated_by"] == "s1"
    assert again["artifacts"] == [
        {"name": "report.md", "sha256": hashlib.sha256(b"hello").hexdigest(), "size_bytes": 5}
    ]
    assert str(tmp_path) not in json.dumps(again)


def test_inputs_without_a_digest_say_so(tmp_path: Path) -> None:
    analysis = analysis_of([volume_of(write_phantom(tmp_path))], [])
    document = provenance_document(analysis, when=WHEN, software_version="0", prompt_hashes={}, inputs={}, artifacts={})
    assert document["inputs"][0]["sha256"] is None
