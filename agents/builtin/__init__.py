"""The built-in planner model: what it does next, what it says, and its chat interface."""
