"""Planner, specialists and the built-in planner model."""
