"""Workers are killed at random moments, again and again; what they leave must be what an undisturbed run leaves."""
