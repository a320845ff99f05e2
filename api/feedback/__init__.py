"""Feedback: what reviewers say about targets of an analysis."""
