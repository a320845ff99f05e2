"""Which job is next, and how urgent a job is."""
