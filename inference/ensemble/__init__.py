"""Several answers to one question, compared and fused."""
