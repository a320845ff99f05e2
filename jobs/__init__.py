"""The run of an analysis, and queues for it."""
