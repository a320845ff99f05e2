"""A day of a hospital on a virtual clock: the product's own scheduling rule under a day's load, and what it needs.

    python -m benchmarks.hospital [--studies N] [--workers N] [--sites N] [--seed N] [--outage …] [--policy …] [--json]
    python -m benchmarks.hospital --plan 1000000

What is real: the scheduling rule (`jobs.scheduling.policy.choose`), how orders become priorities
(`jobs.scheduling.priority.urgency`), limits, circuit breakers and retries of endpoints (`inference.transport`), and
how long a job waits for what is down (`jobs.workers.attempt.Patience`). What is modelled says where its figures come
from: `curves`, `casemix`, `models`.
"""
