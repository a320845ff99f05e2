"""The page's own unit tests, run by vitest with the Node that builds the page."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

BUILD = Path(__file__).resolve().parents[2] / "web" / "build.py"


def test_units_of_the_page(dist: Path) -> None:
    assert dist.is_dir()  # node_modules are there
    spec = importlib.util.spec_from_file_location("web_build", BUILD)
    assert spec is not None
    assert spec.loader is not None
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    command, environment = build.npm()
    done = subprocess.run(
        [*command, "run", "test"], cwd=BUILD.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
