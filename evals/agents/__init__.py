"""Evaluation of the planner: clinical questions with what a careful colleague expects it to do."""
