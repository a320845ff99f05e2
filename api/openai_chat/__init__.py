"""The planner as an OpenAI-compatible chat model."""
