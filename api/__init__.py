"""HTTP: a folder a feature."""
