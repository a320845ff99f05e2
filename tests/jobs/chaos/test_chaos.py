"""Workers are killed at random moments: what is left is what a run leaves that nothing happens to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks.chaos.place import Post
from benchmarks.chaos.run import whole
from benchmarks.chaos.verdict import compare
from benchmarks.chaos.worker import Crew

STUDIES = 12
KILLS = 6


async def test_killed_again_and_again(fresh: str, endpoint: str, crew: Crew, tmp_path: Path) -> None:
    workers = 1 if fresh.startswith("sqlite") else 3
    disturbed = Post(fresh, str(tmp_path / "disturbed"), endpoint)
    plain = replace(disturbed, folder=str(tmp_path / "plain"), database=f"sqlite:///{tmp_path}/plain/records.db")
    how = {"jobs": STUDIES, "studies": STUDIES, "seed": 7, "deadline_s": 200}
    _, undisturbed = await whole(plain, crew, workers=1, kills=0, **how)
    told, left = await whole(disturbed, crew, workers=workers, kills=KILLS, **how)
    assert len(told.killed) == KILLS
    found = compare(undisturbed, left, jobs=STUDIES, kills=KILLS, struck=len(told.killed))
    assert not [finding for finding in found if not finding.kept]
