"""What a day of studies asks of database, network and storage.

Statements are counted by `python -m benchmarks.hospital.measure` on the product's own records and DBOS; a study has
8 steps (`app.py analyze` of one CT slice: describe, craft, segment, assess, measure, report and what they ask), and
keeps 3 values besides. What a worker asks besides its jobs (heartbeat, reaper, watch, polls) is an assumption.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from benchmarks.hospital.arrivals import Study

ENQUEUE, CLAIM, REPORT, FINISH = 3.0, 11.0, 4.9, 6.0
WORKFLOW, STEP = 4.0, 4.0
STEPS, KEPT = 8, 3
A_WORKER_S = 8.0
"""Statements a second of a worker besides its jobs."""
ROW_BYTES = 3_000
"""Rows of a job with 8 steps that stay. Those of DBOS (6.4 kB) go when the job has ended."""


@dataclass(frozen=True)
class Needs:
    """Of a day; a second is one of the busiest hour."""

    statements_a_study: float
    statements_per_s: float
    transactions_per_s: float
    pixels_in_bytes: float
    pixels_in_per_s: float
    models_bytes: float
    models_per_s: float
    artifacts_bytes: float
    rows_bytes: float

    def as_json(self) -> dict[str, float]:
        """JSON-able."""
        return asdict(self)


def needs(studies: Sequence[Study], peak_per_s: float, workers: int, a_day: int) -> Needs:
    """What a day of `a_day` studies needs, of which `studies` are typical ones.

    Args:
        peak_per_s: studies a second in the busiest hour.
    """
    kinds = Counter(study.kind for study in studies)
    count = len(studies) or 1
    pixels = sum(kind.dicom_bytes * number for kind, number in kinds.items()) / count
    models = sum(sum(c.up + c.down for c in kind.calls) * number for kind, number in kinds.items()) / count
    artifacts = sum(kind.output_bytes * number for kind, number in kinds.items()) / count
    a_study = ENQUEUE + CLAIM + REPORT * STEPS + FINISH + WORKFLOW + STEP * (STEPS + KEPT)
    transactions = 3 + STEPS + (2 + STEPS + KEPT)
    return Needs(
        a_study,
        a_study * peak_per_s + A_WORKER_S * workers,
        transactions * peak_per_s + A_WORKER_S * workers / 2,
        pixels * a_day,
        pixels * peak_per_s,
        models * a_day,
        models * peak_per_s,
        artifacts * a_day,
        float(ROW_BYTES * a_day),
    )
