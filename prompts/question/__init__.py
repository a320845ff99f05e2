"""What a clinician's words ask of an examination."""
