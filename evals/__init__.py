"""Quality of models and agents against known answers."""
