"""Comparison of two studies of one patient: registration, matching of lesions, changes of measurements, sentences."""
