"""A patient's history: notes, reports and results beside the images."""
