"""The command line as its users meet it: exit status, files, JSON, messages."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import highdicom
import httpx
import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file

import app
from jobs.command_line import EXIT_DONE, EXIT_FAILED, EXIT_REVIEW, EXIT_UNUSABLE, EXIT_USAGE
from tests.agents import openai_server
from tests.inference.endpoint_server import Behaviour, disc, endpoint_server

ROOT = Path(app.__file__).parent
CT = Path(str(get_testdata_file("CT_small.dcm", download=False)))
"""pydicom's own CT slice: 128 × 128 pixels of 0.661468 mm."""


@pytest.fixture
def behaviour() -> Behaviour:
    """An endpoint that knows where the liver is."""
    return Behaviour({"liver": disc(0.45, 0.4, 0.2, "liver")}, (128, 128))


@pytest.fixture
def endpoint(behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Behaviour]:
    """The product configured for that endpoint, in a data folder of its own."""
    with endpoint_server(behaviour) as url:
        row = [{"url": url, "key": "k", "version": "7"}]
        monkeypatch.setenv("MEDIMAGE_MODELS__MEDIMAGEPARSE__ENDPOINTS", json.dumps(row))
        monkeypatch.setenv("MEDIMAGE_MODELS__MEDIMAGEPARSE__ATTEMPTS", "1")
        monkeypatch.setenv("MEDIMAGE_DATA_DIR", str(tmp_path / "data"))
        yield behaviour


def analyze(*arguments: str | Path) -> int:
    return app.main(["analyze", *map(str, arguments)])


def report(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return document


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import app, sys\n"
        "try: app.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'pydicom', 'semantic_kernel', 'pydantic', 'fastapi', 'httpx'} & set(sys.modules)\n"
        "sys.exit(len(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "analyze" in done.stdout


def test_a_question_is_answered_with_files_that_agree(endpoint: Behaviour, tmp_path: Path) -> None:
    out = tmp_path / "out"
    status = analyze(CT, "--indication", "How large is the liver?", "--out", out)
    document = report(out)
    assert status == (EXIT_REVIEW if document["needs_review"] else EXIT_DONE)
    (mask,) = document["masks"]
    truth = endpoint.shapes["liver"].in_source(128, 128)
    assert mask["target"] == "liver"
    assert mask["category"] == "liver"
    assert mask["voxel_count"] == pytest.approx(int(truth.sum()), rel=0.01)
    assert mask["area_mm2"] == pytest.approx(mask["voxel_count"] * 0.661468**2)
    assert document["model_versions"] == {"MedImageParse": "7"}
    assert document["status"] == "draft"
    assert "draft" in document["disclaimer"]
    area = next(m for m in document["measurements"] if m["name"] == "area")
    assert (area["value"], area["unit"]) == (mask["area_mm2"], "mm2")
    assert {"report.md", "report.pdf", "fhir-bundle.json", "provenance.json"} <= {p.name for p in out.iterdir()}
    (seg_path,) = out.glob("*.seg.dcm")
    segmentation = highdicom.seg.segread(seg_path)
    pixels = np.squeeze(segmentation.get_volume(combine_segments=False).array)
    assert int(pixels.sum()) == mask["voxel_count"]
    assert abs(float(np.argwhere(pixels)[:, 0].mean()) - float(np.argwhere(truth)[:, 0].mean())) < 0.5
    assert abs(float(np.argwhere(pixels)[:, 1].mean()) - float(np.argwhere(truth)[:, 1].mean())) < 0.5
    (sr_path,) = out.glob("*.sr.dcm")
    assert pydicom.dcmread(sr_path).SOPClassUID.name == "Comprehensive 3D SR Storage"
    assert next(out.glob("*.overlay.png")).stat().st_size > 0


def test_findings_stand_on_steps(endpoint: Behaviour, tmp_path: Path) -> None:
    analyze(CT, "--indication", "liver", "--out", tmp_path)
    document = report(tmp_path)
    steps = {s["id"] for s in document["steps"]}
    assert document["findings"]
    assert all(f["evidence"] and set(f["evidence"]) <= steps for f in document["findings"])
    assert all(s["ok"] and s["error"] == "" for s in document["steps"])


def test_json_is_all_that_stdout_has(endpoint: Behaviour, capsys: pytest.CaptureFixture[str]) -> None:
    analyze(CT, "--indication", "liver", "--json")
    out, err = capsys.readouterr()
    assert json.loads(out)["masks"][0]["target"] == "liver"
    assert err == ""


def test_an_endpoint_that_fails_leaves_a_partial_analysis(endpoint: Behaviour, tmp_path: Path) -> None:
    endpoint.faults = ["500"] * 9
    assert analyze(CT, "--indication", "liver", "--out", tmp_path) == EXIT_REVIEW
    document = report(tmp_path)
    assert document["status"] == "partial"
    assert document["masks"] == []
    assert any("liver" in u for u in document["unanswered"])
    assert any(not s["ok"] for s in document["steps"])


def test_what_no_model_here_knows_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MEDIMAGE_MODELS__MEDIMAGEPARSE__ENDPOINTS", raising=False)
    assert analyze(CT, "--indication", "liver", "--out", tmp_path) == EXIT_REVIEW
    document = report(tmp_path)
    assert document["masks"] == []
    assert any("not available on this machine; configure an endpoint" in u for u in document["unanswered"])


def test_a_file_that_cannot_be_used_does_not_stop_the_others(endpoint: Behaviour, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(CT, folder / "good.dcm")
    (folder / "broken.dcm").write_bytes(CT.read_bytes()[:3000])
    (folder / "notes.txt").write_text("not an image")
    analyze(folder, "--indication", "liver", "--out", tmp_path / "out")
    document = report(tmp_path / "out")
    assert {r["file"] for r in document["refused"]} == {"broken.dcm", "notes.txt"}
    assert all(r["reason"] for r in document["refused"])
    assert document["masks"]


@pytest.mark.parametrize("content", [b"", b"hello", b"\x00" * 2000], ids=["empty", "text", "zeros"])
def test_nothing_usable_is_two_and_still_a_report(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.dcm").write_bytes(content)
    assert analyze(tmp_path / "x.dcm", "--indication", "liver", "--out", tmp_path / "out") == EXIT_UNUSABLE
    document = report(tmp_path / "out")
    assert [r["file"] for r in document["refused"]] == ["x.dcm"]
    assert document["findings"] == []


def test_a_path_that_is_not_there_is_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert analyze(tmp_path / "nowhere", "--json") == EXIT_UNUSABLE
    assert json.loads(capsys.readouterr().out)["refused"][0]["file"] == "nowhere"


def test_two_patients_never_share_a_report(endpoint: Behaviour, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for patient in ("A", "B"):
        dataset = pydicom.dcmread(CT)
        dataset.PatientID = patient
        dataset.SOPInstanceUID = f"1.2.3.{ord(patient)}"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(folder / f"{patient}.dcm")
    analyze(folder, "--indication", "liver", "--out", tmp_path / "out")
    documents = [report(p) for p in (tmp_path / "out").iterdir() if p.is_dir()]
    assert {d["patient_id"] for d in documents} == {"A", "B"}
    assert len({d["study_uid"] for d in documents}) == 2


@pytest.mark.parametrize("arguments", [["analyze"], ["operate"], ["analyze", "x", "--priority", "SOON"], ["models"]])
def test_wrong_usage_is_sixty_four(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app.main(arguments)
    assert ended.value.code == EXIT_USAGE


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MEDIMAGE_MODELS__MEDIMAGEPARSE__ENDPOINTS", "nonsense"),
        ("MEDIMAGE_MODELS__MEDIMAGEPARSE__ENDPOINTS", '[{"url": "ftp://x"}]'),
        ("MEDIMAGE_CHAT__PROVIDER", "oracle"),
        ("MEDIMAGE_SERVER__PORT", "99999"),
    ],
)
def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert analyze(CT) == EXIT_FAILED
    err = capsys.readouterr().err
    assert variable.split("__")[1] in err.upper()
    assert "Traceback" not in err


def test_a_chat_model_plans_through_the_command_line(
    endpoint: Behaviour, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuses(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> openai_server.Say:
        return openai_server.Say("")

    with openai_server.serve(refuses) as server:
        monkeypatch.setenv("MEDIMAGE_CHAT__PROVIDER", "openai")
        monkeypatch.setenv("MEDIMAGE_CHAT__BASE_URL", f"{server.url}/v1")
        monkeypatch.setenv("MEDIMAGE_CHAT__MODEL", "scripted")
        analyze(CT, "--indication", "liver", "--out", tmp_path)
    document = report(tmp_path)
    assert document["planner"] == "built-in planner"
    assert any("took over" in w for w in document["warnings"])
    assert document["masks"]


@pytest.mark.parametrize(
    ("expected", "state", "status"), [("k", "  ok", 0), ("another", "FAIL", 1)], ids=["good", "bad"]
)
def test_doctor_tells_a_good_key_from_a_bad_one(
    endpoint: Behaviour, capsys: pytest.CaptureFixture[str], expected: str, state: str, status: int
) -> None:
    endpoint.key = expected
    assert app.main(["doctor"]) == status
    lines = capsys.readouterr().out.splitlines()
    for part in ("data folder", "database", "decoders", "models", "chat model"):
        assert any(line.startswith(f"[  ok] {part}: ") for line in lines)
    (scoring,) = [line for line in lines if "MedImageParse endpoint 1 scoring" in line]
    assert scoring.startswith(f"[{state}]")
    assert ("MEDIMAGE_MODELS__MEDIMAGEPARSE__ENDPOINTS" in scoring) is (state == "FAIL")
    assert not endpoint.requests, "a check scores nothing"


def test_doctor_names_a_dead_endpoint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("MEDIMAGE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MEDIMAGE_MODELS__MEDIMAGEPARSE__ENDPOINTS", '[{"url": "http://127.0.0.1:9/score"}]')
    assert app.main(["doctor"]) == EXIT_FAILED
    line = next(x for x in capsys.readouterr().out.splitlines() if x.startswith("[FAIL]"))
    assert "MedImageParse endpoint 1" in line
    assert "MEDIMAGE_MODELS__MEDIMAGEPARSE__ENDPOINTS" in line


def test_identity_stays_out_of_names_and_streams(
    endpoint: Behaviour, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    patient = pydicom.dcmread(CT, stop_before_pixels=True)
    analyze(CT, "--indication", "liver", "--out", tmp_path)
    out, err = capfd.readouterr()
    for secret in (str(patient.PatientID), str(patient.PatientName)):
        assert secret not in out + err
        assert not [p for p in tmp_path.iterdir() if secret in p.name]


def test_no_traceback_reaches_a_user(endpoint: Behaviour, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    done = subprocess.run(
        [sys.executable, str(ROOT / "app.py"), "analyze", str(CT), "--out", str(blocked)],
        env=os.environ.copy(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == EXIT_FAILED
    assert "Traceback" not in done.stderr
    assert "file" in done.stderr


@pytest.mark.parametrize(("stop", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 0)], ids=["terminated", "Ctrl+C"])
def test_a_stopped_server_leaves_no_process_behind(tmp_path: Path, stop: signal.Signals, status: int) -> None:
    environment = {**os.environ, "MEDIMAGE_DATA_DIR": str(tmp_path), "MEDIMAGE_SERVER__PORT": "0"}
    served = subprocess.Popen(
        [sys.executable, str(ROOT / "app.py"), "serve"],
        env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert served.stderr is not None
    try:
        address = next(word for word in served.stderr.readline().split() if word.startswith("http://"))
        with httpx.Client(base_url=address, timeout=60) as http:
            assert "MedImage Orchestrator" in http.get("/").text
            # An upload starts the processes that decode.
            sent = http.post("/api/v1/studies", files=[("files", ("a.dcm", CT.read_bytes(), "application/dicom"))])
            assert sent.status_code == 201
        served.send_signal(stop)
        assert served.wait(timeout=30) == status
        for _ in range(100):
            if not _alive(served.pid):
                break
            time.sleep(0.1)
        assert not _alive(served.pid)
    finally:
        served.stderr.close()
        if served.poll() is None:
            served.kill()
            served.wait()


def _alive(session: int) -> bool:
    """Whether any process of the session is left."""
    try:
        os.killpg(session, 0)
    except ProcessLookupError:
        return False
    return True
