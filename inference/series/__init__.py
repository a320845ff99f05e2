"""A series through models that see single images."""
