"""Studies: upload, list, look."""
