"""The models of this set-up."""
