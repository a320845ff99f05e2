"""Chat: AG-UI over SSE."""
