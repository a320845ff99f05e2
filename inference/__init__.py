"""One module a wire contract; catalogue and transport."""
