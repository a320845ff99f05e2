"""Approvals: requests for effects, and a person's decisions."""
