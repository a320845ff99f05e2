"""Whether a disturbed run kept the promise: the same as an undisturbed one, nothing lost, nothing twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from benchmarks.chaos.left import STORED, Left

CUT_SHORT = ("job.orphan", "job.wait", "job.hand_back")
"""What ends an attempt without ending its job."""
CALLS_OF_A_STEP = 4
"""Requests that one step in flight may have made: one a target."""


@dataclass(frozen=True)
class Finding:
    """One check: what was found beside what must be."""

    what: str
    found: str
    wanted: str
    kept: bool


def compare(undisturbed: Left, disturbed: Left, *, jobs: int, kills: int, struck: int) -> list[Finding]:
    """All checks.

    Args:
        kills: that were meant. struck: processes that were killed.
    """
    cut = sum(disturbed.audited_as(action) for action in CUT_SHORT)
    differing = [job for job, files in undisturbed.files.items() if disturbed.files.get(job) != files]
    rows = {name for name, count in undisturbed.rows.items() if disturbed.rows.get(name) != count}
    doubled = [uid for uid, count in Counter(disturbed.segmentations).items() if count > 1]
    ends = disturbed.ends()
    done = sum(state == "done" for state in disturbed.states.values())
    artifacts = sum(len(files) for files in disturbed.files.values())
    bound = undisturbed.calls + cut * CALLS_OF_A_STEP
    return [
        _equal("workers killed by SIGKILL", struck, kills),
        _equal("jobs done", done, jobs),
        _equal("jobs done in the undisturbed run", sum(s == "done" for s in undisturbed.states.values()), jobs),
        Finding("attempts cut short", str(cut), "> 0", cut > 0 or not kills),
        Finding(f"jobs whose artifacts differ ({artifacts} files)", _some(differing), "0", not differing),
        Finding(
            "analyses on record that differ",
            _some(sorted(n for n, facts in undisturbed.analyses.items() if disturbed.analyses.get(n) != facts)),
            "0",
            disturbed.analyses == undisturbed.analyses,
        ),
        Finding("tables with more or fewer rows", _some(sorted(rows)), "0", not rows),
        _equal("analyses on record", disturbed.rows["analyses"], jobs),
        Finding(f"SEG series twice (of {len(disturbed.segmentations)})", _some(doubled), "0", not doubled),
        Finding(
            "model calls",
            f"{disturbed.calls}",
            f"{undisturbed.calls} undisturbed, ≤ {bound}",
            undisturbed.calls <= disturbed.calls <= bound,
        ),
        _equal("jobs with one end in the audit", sum(count == 1 for count in ends.values()), jobs),
        Finding(
            "analyses stored (events)",
            str(disturbed.audited_as(STORED)),
            f"{jobs} to {jobs + cut}",
            jobs <= disturbed.audited_as(STORED) <= jobs + cut,
        ),
        Finding("left of runs on disk", _some(list(disturbed.litter)), "0", not disturbed.litter),
        _equal("left of runs in DBOS", disturbed.dbos, 0),
    ]


def table(findings: list[Finding]) -> str:
    """One line a check."""
    wide = max(len(finding.what) for finding in findings)
    lines = [f"{f.what:<{wide}}  {f.found:>12}  {f.wanted:<28}{'kept' if f.kept else 'BROKEN'}" for f in findings]
    return "\n".join(lines)


def _equal(what: str, found: int, wanted: int) -> Finding:
    return Finding(what, str(found), str(wanted), found == wanted)


def _some(names: list[str]) -> str:
    return f"{len(names)}" + (f": {', '.join(names[:3])}" if names else "")
