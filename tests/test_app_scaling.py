"""`app.py scale`: what it asks for, what it says, and its exit status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import app
from jobs import scaling_command
from jobs.command_line import EXIT_DONE, EXIT_FAILED, EXIT_USAGE
from jobs.scaling import Decision
from tests.test_settings import ARM


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """Arguments of the one call; no Azure is asked."""
    found: dict[str, Any] = {"decisions": (Decision("parse (x)", "blue", 2, 4, "40 jobs wait"),)}

    async def scale(database: str, folder: Path, endpoints: Any, **more: Any) -> tuple[Decision, ...]:
        found.update(database=database, folder=folder, endpoints=endpoints, **more)
        return tuple(found["decisions"])

    monkeypatch.setattr(scaling_command, "scale", scale)
    monkeypatch.setenv("MEDIMAGE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MEDIMAGE_JOBS__ZONE", "Europe/Berlin")
    endpoint = {"url": ARM, "min_instances": 2, "max_instances": 6}
    monkeypatch.setenv("MEDIMAGE_MODELS__MEDIMAGEPARSE__ENDPOINTS", json.dumps([endpoint]))
    return found


def test_nothing_is_changed_unless_it_is_asked_for(
    asked: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main(["scale"]) == EXIT_DONE
    assert capsys.readouterr().out == "parse (x), blue: 2 → 4 instances (not changed: 40 jobs wait)\n"
    (endpoint,) = asked["endpoints"]
    assert (endpoint.setting.url, endpoint.least, endpoint.most) == (ARM, 2, 6)
    assert (asked["apply"], asked["target_s"], asked["zone"]) == (False, 900, "Europe/Berlin")
    assert asked["folder"] == tmp_path
    assert app.main(["scale", "--apply", "--target-min", "5"]) == EXIT_DONE
    assert (asked["apply"], asked["target_s"]) == (True, 300)


def test_an_endpoint_that_cannot_be_changed_is_a_failure(asked: dict[str, Any]) -> None:
    asked["decisions"] = (*asked["decisions"], Decision("other", "blue", 0, 0, "", error="no such endpoint"))
    assert app.main(["scale"]) == EXIT_FAILED


def test_without_an_endpoint_that_may_be_scaled_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MEDIMAGE_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("MEDIMAGE_MODELS__MEDIMAGEPARSE__ENDPOINTS", raising=False)
    assert app.main(["scale"]) == EXIT_FAILED
    assert "max_instances" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    with pytest.raises(SystemExit) as ended:
        app.main(["scale", "--target-min", "0"])
    assert ended.value.code == EXIT_USAGE
