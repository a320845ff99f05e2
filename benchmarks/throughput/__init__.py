"""What the orchestration costs, and how many studies an hour it takes through, beside models without latency."""
