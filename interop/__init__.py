"""The protocols by which hospitals speak: one module a protocol. It serves no screen and knows no model."""
