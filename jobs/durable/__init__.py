"""Analyses that survive the process: each tool call is a step that DBOS checkpoints, and is not done twice."""
