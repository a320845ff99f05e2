"""Bytes to endpoints: balanced, limited, retried, cached, counted."""
